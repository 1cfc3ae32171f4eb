// SPDX-License-Identifier: MIT
// ServiceNow in trouble: the user is told, nothing is lost or doubled, and the chat goes on.
#include <signal.h>

#include <algorithm>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "rig.hpp"

namespace bridge::test {
namespace {

RigOptions impatient() {
  RigOptions options;
  options.bridge_environment = {
      {"SN_REQUEST_TIMEOUT", "2s"}, {"SEND_DEADLINE", "4s"}, {"OPEN_DEADLINE", "4s"}};
  return options;
}

class LiveChat {
 public:
  explicit LiveChat(RigOptions options = impatient()) : rig(std::move(options)), user(rig) {
    number = user.escalate("hello");
    at = "/sandbox/interactions/" + number;
    rig.control(at + "/accept", {{"agent", "alex.rep"}});
    user.wait_for_state("live");
    rig.settle();
  }
  long shown_to_agent(const std::string& text) {
    const auto pane = rig.pane(number);
    return std::count(pane.begin(), pane.end(), text);
  }
  void expect_to_go_on() {
    EXPECT_EQ(user.say("are we back?").status, 200u);
    EXPECT_EQ(shown_to_agent("are we back?"), 1);
    rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", "yes we are"}});
    (void)user.wait_until([](const auto& f) {
      const auto said = texts(f, "rep");
      return std::count(said.begin(), said.end(), "yes we are") == 1;
    });
  }

  Rig rig;
  Client user;
  std::string number, at;
};

TEST(Trouble, NobodyListens) {
  LiveChat chat;
  chat.rig.fault("*", "refuse", 1, 12);       // longer than a message is tried for
  (void)chat.user.say("swallows the fault");  // whatever becomes of the call that brings it down
  const auto answer = chat.user.say("is anybody there?", "c1");
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(answer.error(), "forward_failed");
  EXPECT_EQ(text_of(answer.body, "outcome"), "failed");
  EXPECT_FALSE(text_of(answer.body, "hint").empty());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (chat.user.say("is anybody there?", "c1").status != 200u) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // while the breaker is open
  }
  EXPECT_EQ(chat.shown_to_agent("is anybody there?"), 1);
  chat.expect_to_go_on();
}

TEST(Trouble, TheInstanceStopsAndGoesOn) {
  LiveChat chat;
  chat.rig.sandbox().signal(SIGSTOP);
  const auto answer = chat.user.say("hello?", "c1");
  chat.rig.sandbox().signal(SIGCONT);
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(text_of(answer.body, "outcome"), "unknown");
  // It may have arrived; a repeat asks and the agent sees it once.
  EXPECT_EQ(chat.user.say("hello?", "c1").status, 200u);
  EXPECT_EQ(chat.shown_to_agent("hello?"), 1);
  chat.expect_to_go_on();
}

TEST(Trouble, ItIsKilledAndComesBack) {
  RigOptions options = impatient();
  options.sandbox_keeps_data = true;
  LiveChat chat(std::move(options));
  EXPECT_EQ(chat.user.say("before", "c0").status, 200u);
  chat.rig.kill_sandbox();
  const auto answer = chat.user.say("hello?", "c1");
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(answer.error(), "forward_failed");
  const std::string outcome = text_of(answer.body, "outcome");
  EXPECT_TRUE(outcome == "failed" || outcome == "unknown") << outcome;
  EXPECT_FALSE(text_of(answer.body, "hint").empty());

  chat.rig.restart_sandbox();
  EXPECT_EQ(chat.shown_to_agent("before"), 1);
  EXPECT_EQ(chat.user.say("before", "c0").status, 200u);
  EXPECT_EQ(chat.user.say("hello?", "c1").status, 200u);
  EXPECT_EQ(chat.shown_to_agent("before"), 1);
  EXPECT_EQ(chat.shown_to_agent("hello?"), 1);
  chat.rig.control(chat.at + "/message", {{"agent", "alex.rep"}, {"text", "I was away"}});
  (void)chat.user.wait_until([](const auto& f) {
    const auto said = texts(f, "rep");
    return std::count(said.begin(), said.end(), "I was away") == 1;
  });
  chat.expect_to_go_on();
}

TEST(Trouble, ItHangs) {
  LiveChat chat;
  chat.rig.fault("send_message", "hang");
  const auto answer = chat.user.say("hello?", "c1");
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(text_of(answer.body, "outcome"), "unknown");
  chat.rig.heal();
  EXPECT_EQ(chat.user.say("hello?", "c1").status, 200u);
  EXPECT_EQ(chat.shown_to_agent("hello?"), 1);
  chat.expect_to_go_on();
}

TEST(Trouble, ItAnswersHtml) {
  LiveChat chat;
  chat.rig.fault("send_message", "html", 1);
  const auto answer = chat.user.say("hello?", "c1");
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(text_of(answer.body, "detail"), "upstream_asleep");
  EXPECT_FALSE(text_of(answer.body, "hint").empty());
  chat.expect_to_go_on();
}

TEST(Trouble, ItCommitsAndDropsTheAnswer) {
  LiveChat chat;
  for (const std::string mode : {"drop_after_commit", "truncate", "quota", "cut"}) {
    chat.rig.fault("send_message", mode, 1);
    const auto answer = chat.user.say("once " + mode, "c-" + mode);
    // Under its key it is asked for again at once, while the user waits.
    EXPECT_EQ(answer.status, 200u) << mode;
    EXPECT_EQ(chat.user.say("once " + mode, "c-" + mode).status, 200u) << mode;
    EXPECT_EQ(chat.shown_to_agent("once " + mode), 1) << mode;
  }
  chat.expect_to_go_on();
}

TEST(Trouble, AnOpenWhoseAnswerIsLostMakesNoSecondChat) {
  Rig rig(impatient());
  Client user(rig);
  rig.fault("open_chat", "drop_after_commit", 1);
  EXPECT_EQ(user.escalate("hello"), "IMS0000001");
  EXPECT_EQ(rig.look("/sandbox/interactions").as_array().size(), 1u);
}

TEST(Trouble, WrongPasswordRoleAndRateLimitSayWhatToDo) {
  Rig rig(impatient());
  Client user(rig);
  const auto detail = [&] {
    const auto answer = user.post("escalate", json::object{});
    EXPECT_EQ(answer.status, 502u);
    EXPECT_FALSE(text_of(answer.body, "hint").empty());
    return text_of(answer.body, "detail");
  };
  rig.control("/sandbox/users/intranet.bridge", {{"locked_out", true}});
  EXPECT_EQ(detail(), "upstream_credentials");
  rig.control("/sandbox/users/intranet.bridge", {{"locked_out", false}});
  rig.fault("open_chat", "rate_limit", 1, 7);
  EXPECT_EQ(detail(), "upstream_rate_limited");
  EXPECT_FALSE(user.escalate().empty());
  EXPECT_EQ(rig.look("/sandbox/interactions").as_array().size(), 1u);
}

TEST(Trouble, AWebhookThatIsSwallowedIsMadeUpForBeforeTheNextIsShown) {
  LiveChat chat;
  chat.rig.fault("webhook", "drop", 1);
  chat.rig.control(chat.at + "/message", {{"agent", "alex.rep"}, {"text", "swallowed"}});
  chat.rig.settle();
  chat.rig.control(chat.at + "/message", {{"agent", "alex.rep"}, {"text", "heard"}});
  const auto frames = chat.user.wait_until([](const auto& f) {
    const auto said = texts(f, "rep");
    return std::count(said.begin(), said.end(), "heard") == 1;
  });
  const auto said = texts(frames, "rep");
  ASSERT_GE(said.size(), 2u);
  EXPECT_EQ(said[said.size() - 2], "swallowed");
  EXPECT_EQ(said.back(), "heard");
  EXPECT_FALSE(frames.back().contains("late"));
}

struct FailedCall {
  const char* name;
  const char* mode;
  const char* setting;
};

class FailedWebhook : public testing::TestWithParam<FailedCall> {};

TEST_P(FailedWebhook, IsLoggedByTheRuleWhicheverWayTheInstanceTellsIt) {
  RigOptions options;
  options.sandbox_arguments = {"--switch", GetParam().setting};
  LiveChat chat(options);
  chat.rig.fault("webhook", GetParam().mode, 1, 1);
  chat.rig.control(chat.at + "/message", {{"agent", "alex.rep"}, {"text", "this one is lost"}});
  chat.rig.settle();
  EXPECT_NE(json::serialize(chat.rig.look("/sandbox/log")).find("answered HTTP 0 for message"),
            std::string::npos);
  chat.expect_to_go_on();
}

INSTANTIATE_TEST_SUITE_P(
    Guesses, FailedWebhook,
    testing::Values(FailedCall{"RefusedThrows", "refuse", "refused_throws=on"},
                    FailedCall{"RefusedIsStatusZero", "refuse", "refused_throws=off"},
                    FailedCall{"TimeOutThrows", "hang", "timeout_throws=on"},
                    FailedCall{"TimeOutIsStatusZero", "hang", "timeout_throws=off"}),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST(Trouble, SecretsAndTextsReachNoLog) {
  LiveChat chat;
  chat.rig.fault("send_message", "html", 1);
  (void)chat.user.say("canary-text-4711");
  chat.rig.control(chat.at + "/message", {{"agent", "alex.rep"}, {"text", "canary-answer-4712"}});
  (void)chat.user.wait_until([](const auto& f) { return texts(f, "rep").size() >= 2; });
  const std::string log = chat.rig.bridge().output();
  for (const std::string& secret :
       {std::string("canary-"), chat.user.token, std::string("sandbox-password"),
        std::string("system-test-webhook-secret"),
        chat.user.cookie.substr(chat.user.cookie.find('=') + 1)})
    EXPECT_EQ(log.find(secret), std::string::npos) << secret;
}

}  // namespace
}  // namespace bridge::test
