// SPDX-License-Identifier: MIT
#include "tools/probe_options.hpp"

#include <gmock/gmock.h>

namespace bridge::tools {
namespace {

using testing::HasSubstr;

TEST(ProbeOptions, AreReadInBothForms) {
  const ProbeOptions options =
      parse_probe_options({"--url", "https://chat.example.com/bridge//", "--timeout=1500ms",
                           "--expect-agent", "--json", "--ca-file", "/etc/ca.pem"});
  EXPECT_EQ(options.complaint, "");
  EXPECT_EQ(options.url, "https://chat.example.com/bridge");
  EXPECT_EQ(options.timeout, std::chrono::milliseconds(1500));
  EXPECT_TRUE(options.expect_agent);
  EXPECT_TRUE(options.json);
  EXPECT_EQ(options.ca_file, "/etc/ca.pem");
  EXPECT_FALSE(options.allow_http);
}

TEST(ProbeOptions, ABareNumberMeansSeconds) {
  const auto timeout = [](std::string text) {
    return parse_probe_options({"--url=https://a.example", "--timeout", std::move(text)});
  };
  EXPECT_EQ(timeout("45").timeout, std::chrono::seconds(45));
  EXPECT_EQ(timeout("2m").timeout, std::chrono::minutes(2));
  for (const char* wrong : {"0", "-1", "1h", "s", "11m", "9999999999999999999", "1.5s"})
    EXPECT_THAT(timeout(wrong).complaint, HasSubstr("--timeout")) << wrong;
}

TEST(ProbeOptions, PlainHttpIsForThisMachine) {
  const auto complaint = [](std::string url) {
    return parse_probe_options({"--url", std::move(url)}).complaint;
  };
  for (const char* fine :
       {"http://127.0.0.1:5000", "http://127.9.9.9", "http://[::1]:5000", "http://localhost:5000/",
        "http://LOCALHOST", "http://a.localhost", "https://203.0.113.7"})
    EXPECT_EQ(complaint(fine), "") << fine;
  for (const char* wrong :
       {"http://10.0.0.1:5000", "http://chat.example.com", "http://localhost.example.com"})
    EXPECT_THAT(complaint(wrong), HasSubstr("--allow-http")) << wrong;
  // Boost.URL 1.81 takes it for 127.0.0.1 with a path; newer ones see another machine's name.
  EXPECT_NE(complaint("http://127.0.0.1.example.com"), "");
  EXPECT_EQ(parse_probe_options({"--allow-http", "--url", "http://10.0.0.1:5000"}).complaint, "");
}

TEST(ProbeOptions, SayWhatIsWrong) {
  for (const char* wrong :
       {"chat.example.com", "ftp://a.example", "https://", "https://u@a.example",
        "https://a.example/?x=1", "https://a.example/#x", ""})
    EXPECT_THAT(parse_probe_options({"--url", wrong}).complaint, HasSubstr("--url")) << wrong;
  EXPECT_THAT(parse_probe_options({}).complaint, HasSubstr("--url is needed"));
  EXPECT_THAT(parse_probe_options({"--url"}).complaint, HasSubstr("wants a value"));
  EXPECT_THAT(parse_probe_options({"--json=1"}).complaint, HasSubstr("takes no value"));
  EXPECT_THAT(parse_probe_options({"--loud"}).complaint, HasSubstr("--loud"));
  EXPECT_TRUE(parse_probe_options({"--help", "--loud"}).help);
}

}  // namespace
}  // namespace bridge::tools
