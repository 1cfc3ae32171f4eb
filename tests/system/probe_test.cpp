// SPDX-License-Identifier: MIT
// `handoff-bridge probe` and `health` as programs of their own against the other two.
#include <gmock/gmock.h>
#include <signal.h>

#include <boost/json/parse.hpp>
#include <thread>

#include "rig.hpp"

namespace bridge::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string url_of(const Rig& rig) {
  return "http://127.0.0.1:" + std::to_string(rig.bridge_port());
}

class Finished {
 public:
  int code = -1;
  std::string output;
};

Finished probe(std::vector<std::string> words) {
  words.insert(words.begin(), "probe");
  ChildProcess program(BRIDGE_BINARY, words);
  Finished finished;
  finished.code = program.wait(std::chrono::seconds(60));
  finished.output = program.output();
  return finished;
}

/// The state that the only interaction of the instance comes to have.
std::string state_in_the_end(Rig& rig, const std::string& wanted) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string state;
  do {
    const json::value rows = rig.look("/sandbox/interactions");
    const json::array& list =
        rows.is_array() ? rows.as_array() : rows.at("interactions").as_array();
    EXPECT_EQ(list.size(), 1u);
    state = list.empty() ? "" : text_of(list[0].as_object(), "state");
    if (state.starts_with(wanted)) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  } while (std::chrono::steady_clock::now() < deadline);
  return state;
}

TEST(Probe, PassesAWholeHandoffAndEndsIt) {
  RigOptions options;
  options.sandbox_arguments = {"--auto-accept", "alex.rep"};
  Rig rig(options);
  const Finished done = probe({"--url", url_of(rig) + "/", "--expect-agent"});
  EXPECT_EQ(done.code, 0) << done.output;
  for (const char* step : {"readyz", "init-session", "escalate", "queued", "live", "user-message",
                           "reply", "read-all", "end", "closed"})
    EXPECT_THAT("\n" + done.output, HasSubstr("\n" + std::string(step)));
  EXPECT_THAT(done.output, HasSubstr("probe: passed, IMS"));
  EXPECT_THAT(done.output, Not(HasSubstr("clean-up")));
  EXPECT_THAT(state_in_the_end(rig, "closed"), HasSubstr("closed"));
}

TEST(Probe, TellsTheSameAsOneJsonObject) {
  Rig rig;
  const Finished done = probe({"--url=" + url_of(rig), "--json", "--timeout=20s"});
  EXPECT_EQ(done.code, 0) << done.output;
  const json::object report = json::parse(done.output).as_object();
  EXPECT_TRUE(report.at("passed").as_bool());
  EXPECT_EQ(report.at("steps").as_array().size(), 8u);
  EXPECT_THAT(text_of(report, "interaction_number"), testing::StartsWith("IMS"));
  for (const json::value& step : report.at("steps").as_array()) {
    EXPECT_TRUE(step.at("ok").as_bool());
    EXPECT_GE(step.at("ms").as_int64(), 0);
  }
}

TEST(Probe, SaysWhichStepFailsWhenServiceNowIsDownAndCleansUp) {
  Rig rig;
  rig.kill_sandbox();
  const Finished done = probe({"--url", url_of(rig), "--json"});
  EXPECT_EQ(done.code, 1) << done.output;
  const json::object report = json::parse(done.output).as_object();
  EXPECT_FALSE(report.at("passed").as_bool());
  EXPECT_EQ(text_of(report, "failed_step"), "escalate");
  const json::array& steps = report.at("steps").as_array();
  ASSERT_EQ(steps.size(), 4u);
  EXPECT_THAT(text_of(steps[2].as_object(), "detail"), HasSubstr("502 servicenow_create_failed: "));
  EXPECT_THAT(text_of(steps[2].as_object(), "detail"), HasSubstr("unreachable"));
  EXPECT_EQ(text_of(steps[3].as_object(), "step"), "clean-up");
  EXPECT_TRUE(steps[3].at("ok").as_bool());
}

TEST(Probe, EndsTheChatThatNobodyAccepted) {
  Rig rig;
  const Finished done = probe({"--url", url_of(rig), "--expect-agent", "--timeout", "2s"});
  EXPECT_EQ(done.code, 1) << done.output;
  EXPECT_THAT(done.output, HasSubstr("nobody accepted the chat; it is queued"));
  EXPECT_THAT(done.output, HasSubstr("clean-up"));
  EXPECT_THAT(done.output, HasSubstr("probe: FAILED, IMS"));
  EXPECT_THAT(state_in_the_end(rig, "closed"), HasSubstr("closed"));
}

TEST(Probe, EndsTheChatWhenItIsInterrupted) {
  Rig rig;
  ChildProcess program(BRIDGE_BINARY,
                       {"probe", "--url", url_of(rig), "--expect-agent", "--timeout", "60s"});
  (void)program.wait_for("queued ");
  program.signal(SIGINT);
  EXPECT_EQ(program.wait(), 128 + SIGINT) << program.output();
  EXPECT_THAT(program.output(), HasSubstr("interrupted"));
  EXPECT_THAT(program.output(), HasSubstr("clean-up"));
  EXPECT_THAT(state_in_the_end(rig, "closed"), HasSubstr("closed"));
}

TEST(Probe, DoesNotTakeAnotherProgramForABridge) {
  Rig rig;
  const Finished done =
      probe({"--url", "http://127.0.0.1:" + std::to_string(rig.sandbox_port()), "--timeout=5s"});
  EXPECT_EQ(done.code, 1) << done.output;
  EXPECT_THAT(done.output, HasSubstr("is there a bridge at this address?"));
}

TEST(Probe, RefusesAWrongCommandLine) {
  EXPECT_EQ(probe({}).code, 64);
  const Finished plain = probe({"--url", "http://chat.example.com"});
  EXPECT_EQ(plain.code, 64);
  EXPECT_THAT(plain.output, HasSubstr("--allow-http"));
}

TEST(Health, AsksTheBridgeOnThisMachine) {
  Rig rig;
  const auto ask = [](std::uint16_t port) {
    ChildProcess program(BRIDGE_BINARY, {"health"}, {{"PORT", std::to_string(port)}});
    return program.wait();
  };
  EXPECT_EQ(ask(rig.bridge_port()), 0);
  const std::uint16_t gone = rig.bridge_port();
  rig.bridge().signal(SIGTERM);
  EXPECT_EQ(rig.bridge().wait(std::chrono::seconds(40)), 0);
  EXPECT_EQ(ask(gone), 1);
  EXPECT_EQ(ask(0), 1);
}

}  // namespace
}  // namespace bridge::test
