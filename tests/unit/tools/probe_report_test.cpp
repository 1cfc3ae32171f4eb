// SPDX-License-Identifier: MIT
#include "tools/probe_report.hpp"

#include <gmock/gmock.h>

#include <boost/json/parse.hpp>
#include <sstream>

namespace bridge::tools {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ProbeReport, NeverShowsTheTokenNorControlCharacters) {
  for (const bool as_json : {false, true}) {
    std::ostringstream out;
    ProbeReport report(out, "https://a.example", as_json);
    report.hide("f00dfeed");
    report.begin("init-session");
    report.passed("f00dfeed and f00dfeedf00dfeed");
    report.begin("escalate");
    report.failed("\x1b[2J said\n f00dfeed");
    report.note("f00dfeed\r");
    report.finish();
    EXPECT_THAT(out.str(), Not(HasSubstr("f00dfeed")));
    EXPECT_THAT(out.str(), Not(HasSubstr("\x1b")));
    EXPECT_THAT(out.str(), HasSubstr("... and ......"));
    EXPECT_FALSE(report.all_passed());
  }
}

TEST(ProbeReport, NamesTheFirstStepThatFailed) {
  std::ostringstream out;
  ProbeReport report(out, "https://a.example", true);
  report.set_interaction("IMS0000001");
  report.begin("live");
  report.failed("nobody");
  report.begin("clean-up");
  report.failed("nothing");
  report.finish();
  const auto parsed = boost::json::parse(out.str()).as_object();
  EXPECT_EQ(parsed.at("failed_step").as_string(), "live");
  EXPECT_EQ(parsed.at("interaction_number").as_string(), "IMS0000001");
  EXPECT_EQ(parsed.at("steps").as_array().size(), 2u);
}

TEST(ProbeReport, NothingDoneIsNotPassed) {
  std::ostringstream out;
  ProbeReport report(out, "https://a.example", false);
  report.finish();
  EXPECT_FALSE(report.all_passed());
  EXPECT_THAT(out.str(), HasSubstr("FAILED"));
}

}  // namespace
}  // namespace bridge::tools
