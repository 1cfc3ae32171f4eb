// SPDX-License-Identifier: MIT
// The breaker in front of an instance that is not well: who is spared, and who is tried all the
// same.
#include <functional>
#include <thread>
#include <vector>

#include "bridge/async/task_group.hpp"
#include "difficult_instance.hpp"

namespace bridge::gateways {
namespace {

using namespace std::chrono_literals;

class BreakerTest : public ResilienceTest {
 protected:
  BreakerTest() {
    options.retry.attempts = 1;
    options.breaker.first_pause = 60s;  // longer than anybody here waits
    options.breaker.urgent_pause = 20ms;
  }

  void refuse() { http.fail(Error(Errc::unreachable, "no address").with_hint("mend the name")); }
  void open_breaker() {
    for (int i = 0; i < 5; ++i) {
      refuse();
      EXPECT_EQ(send(), "unreachable");
    }
    ASSERT_EQ(metrics.gauges["upstream_breaker"].value(), 2);
    ASSERT_EQ(http.requests.size(), 5u);
  }
  void answer_name() {
    http.answer(200, std::string(R"({"result":[{"sys_id":")") + kAgent + R"(","name":"Alex"}]})");
  }
  std::string withdraw() {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      auto request = message();
      const auto found = co_await gateway().live_chat().withdraw(std::move(request), in(5s));
      outcome = found ? "ok" : std::string(id_of(found.error().errc()));
    });
    return outcome;
  }
  /// One of several calls at a time.
  Task<> send_one() {
    auto request = message();
    const auto sent = co_await gateway().live_chat().send(std::move(request), in(5s));
    ++outcomes[sent ? "ok" : std::string(id_of(sent.error().errc()))];
  }
  Task<> until_asked(std::size_t times) {
    const Deadline patience = in(5s);
    while (http.requests.size() < times && std::chrono::steady_clock::now() < patience)
      co_await async::sleep_for(1ms);
    EXPECT_EQ(http.requests.size(), times);
  }

  /// Twelve at a time; `answer` is called while one of them makes the trial.
  void crowd(const std::function<void()>& answer) {
    asio::io_context context(1);
    http.hold(context.get_executor());
    test::run_coroutine(context, [&]() -> Task<> {
      async::TaskGroup group(context.get_executor(), logger);
      for (int i = 0; i < 12; ++i) group.spawn("call", send_one());
      co_await until_asked(6);
      co_await async::sleep_for(50ms);  // longer than from one trial to the next
      EXPECT_EQ(http.requests.size(), 6u) << "one at a time";
      answer();
      http.release();
      EXPECT_TRUE(co_await group.wait(in(5s)));
    });
  }

  std::map<std::string, int> outcomes;
};

TEST_F(BreakerTest, AfterFiveFailuresWhatNobodyWaitsForIsRefusedUntilAProbeSucceeds) {
  options.breaker.first_pause = 1s;
  int well_again = 0;
  gateway().live_chat().when_well_again([&] { ++well_again; });
  open_breaker();
  EXPECT_EQ(well_again, 0);
  EXPECT_EQ(gateway().live_chat().degraded(), std::vector<std::string>{"servicenow_unreachable"});
  EXPECT_EQ(name(), "unreachable");
  EXPECT_EQ(http.requests.size(), 5u);
  EXPECT_EQ(error.outcome(), Outcome::failed) << "it was not tried";
  EXPECT_EQ(error.retry_after(), 1s);
  EXPECT_NE(error.hint().find("mend the name"), std::string::npos) << error.hint();
  EXPECT_TRUE(logger.contains("servicenow_breaker_open"));

  answer_name();
  const Deadline patience = in(5s);
  while (name() != "Alex" && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(20ms);
  EXPECT_EQ(http.requests.size(), 6u) << "the probe";
  EXPECT_EQ(well_again, 1);
  EXPECT_EQ(metrics.gauges["upstream_breaker"].value(), 0);
  EXPECT_TRUE(gateway().live_chat().degraded().empty());
}

TEST_F(BreakerTest, NoneOfWhatNobodyWaitsForIsTriedWhileItIsOpen) {
  open_breaker();
  test::run_coroutine([&]() -> Task<> {
    handoff::LiveChat& chats = gateway().live_chat();
    handoff::ChatRef chat;
    chat.conversation_sys_id = kConversation;
    std::vector<handoff::ChatPosition> positions(1);
    positions[0].conversation_sys_id = kConversation;
    EXPECT_FALSE(co_await chats.touch(chat, true, in(5s)));
    EXPECT_FALSE(co_await chats.end(chat, handoff::EndReason::user_ended, in(5s)));
    EXPECT_FALSE(co_await chats.ask(kInteraction, in(5s)));
    EXPECT_FALSE(co_await chats.messages(std::move(positions), in(5s)));
    EXPECT_FALSE(co_await chats.service_account(in(5s)));
  });
  EXPECT_EQ(http.requests.size(), 5u);
}

TEST_F(BreakerTest, WhatTheUserSaysIsTriedThoughItIsOpen) {
  int well_again = 0;
  gateway().live_chat().when_well_again([&] { ++well_again; });
  open_breaker();
  answer_sent();
  EXPECT_EQ(send(), "ok") << "at once, and not after the pause of a minute";
  EXPECT_EQ(well_again, 1);
  EXPECT_TRUE(gateway().live_chat().degraded().empty());
}

TEST_F(BreakerTest, QuestionsAboutAnEarlierMessageDoNotKeepTheUserFromTryingAgain) {
  for (int i = 0; i < 5; ++i) {
    http.answer(500, "LEAK", "text/plain");
    EXPECT_EQ(withdraw(), "upstream_failed");
  }
  ASSERT_EQ(metrics.gauges["upstream_breaker"].value(), 2);
  answer_sent();
  EXPECT_EQ(send(), "ok");
}

TEST_F(BreakerTest, AQuestionBehindWhichAMessageMayWaitIsTriedToo) {
  open_breaker();
  http.answer(200, R"({"result":{"api":2,"withdrawn":true,"message_sys_ids":[]}})");
  EXPECT_EQ(withdraw(), "ok");
}

TEST_F(BreakerTest, ACallHasOneTrialAndGivesUpWhenThatFails) {
  open_breaker();
  made.reset();
  http.requests.clear();
  options.retry.attempts = 8;
  options.retry.first_pause = 1ms;
  options.breaker.failures = 1;
  refuse();
  refuse();
  EXPECT_EQ(send(), "unreachable");
  EXPECT_EQ(http.requests.size(), 2u) << "the first opened it, the second was the trial";
  EXPECT_NE(error.hint().find("mend the name"), std::string::npos) << error.hint();
}

TEST_F(BreakerTest, WhoHasNoTimeForATrialIsToldAtOnce) {
  open_breaker();
  EXPECT_EQ(send(900ms), "unreachable");
  EXPECT_EQ(http.requests.size(), 5u);
  EXPECT_EQ(error.outcome(), Outcome::failed);
}

TEST_F(BreakerTest, AllWhoWaitAreTriedWhenOneTrialSucceeds) {
  open_breaker();
  crowd([&] {
    for (int i = 0; i < 12; ++i) answer_sent();
  });
  EXPECT_EQ(outcomes["ok"], 12);
  EXPECT_EQ(http.requests.size(), 17u);
}

TEST_F(BreakerTest, AllWhoWaitAreToldWhenATrialFails) {
  open_breaker();
  crowd([&] {
    refuse();
    refuse();
  });
  EXPECT_EQ(outcomes["unreachable"], 12);
  // Who came when the first trial was being made already has a second one.
  EXPECT_LE(http.requests.size(), 7u);
}

TEST_F(BreakerTest, ATrialThatBeganEarlierDoesNotSpeakForWhoCameLater) {
  open_breaker();
  asio::io_context context(1);
  http.hold(context.get_executor());
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    group.spawn("earlier", send_one());
    co_await until_asked(6);
    group.spawn("later", send_one());
    co_await async::sleep_for(5ms);
    refuse();
    answer_sent();
    http.release();
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  EXPECT_EQ(outcomes["unreachable"], 1);
  EXPECT_EQ(outcomes["ok"], 1);
}

TEST_F(BreakerTest, ATrialWithoutVerdictLeavesItToTheNextOneWhoWaits) {
  open_breaker();
  asio::io_context context(1);
  http.hold(context.get_executor());
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    group.spawn("first", send_one());
    co_await until_asked(6);
    group.spawn("next", send_one());
    co_await async::sleep_for(5ms);
    EXPECT_EQ(http.requests.size(), 6u);
    http.fail(Error(Errc::overloaded, "no free connection"));
    answer_sent();
    http.release();
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  EXPECT_EQ(outcomes["overloaded"], 1);
  EXPECT_EQ(outcomes["ok"], 1);
}

TEST_F(BreakerTest, AnAmbiguousFailureThatOpensTheBreakerStaysAmbiguous) {
  for (int i = 0; i < 5; ++i) {
    http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown));
    EXPECT_EQ(send(), "connection_lost");
    EXPECT_EQ(error.outcome(), Outcome::unknown);
  }
  EXPECT_EQ(metrics.gauges["upstream_breaker"].value(), 2);
}

TEST_F(BreakerTest, RefusalsAndErrorsOfAScriptDoNotOpenTheBreaker) {
  answer_sent();
  EXPECT_EQ(send(), "ok");
  for (int i = 0; i < 6; ++i) {
    http.answer(500, R"({"result":{"api":2,"error":"missing_column"}})");
    EXPECT_EQ(send(), "upstream_failed");
    http.answer(403, R"({"error":{"message":"User Not Authorized"},"status":"failure"})");
    EXPECT_EQ(send(), "upstream_role");
    answer_busy(429, "");
    EXPECT_EQ(send(), "upstream_rate_limited");
    http.fail(Error(Errc::overloaded, "no free connection"));
    EXPECT_EQ(send(), "overloaded");
  }
  EXPECT_EQ(metrics.gauges["upstream_breaker"].value(), 0);
}

}  // namespace
}  // namespace bridge::gateways
