// SPDX-License-Identifier: MIT
// The gateway in front of a difficult instance: tokens, refusals, retries, the trace. The breaker:
// servicenow_breaker_test.cpp.
#include <functional>
#include <vector>

#include "bridge/async/task_group.hpp"
#include "difficult_instance.hpp"

namespace bridge::gateways {
namespace {

using namespace std::chrono_literals;

class OauthTest : public ResilienceTest {
 protected:
  OauthTest() {
    options.auth = ServiceNowAuth::oauth;
    options.user.clear();
    options.password = Secret();
  }
};

TEST_F(OauthTest, CallsCarryATokenThatIsAskedForOnce) {
  answer_token("t1");
  answer_sent();
  answer_sent();
  EXPECT_EQ(send(), "ok");
  EXPECT_EQ(send(), "ok");
  ASSERT_EQ(http.requests.size(), 3u);
  EXPECT_EQ(http.requests[0].url, "https://dev1.example/oauth_token.do");
  EXPECT_EQ(authorization(0), "");
  EXPECT_EQ(authorization(1), "Bearer t1");
  EXPECT_EQ(authorization(2), "Bearer t1");
}

TEST_F(OauthTest, AfterA401ANewTokenIsTriedOnce) {
  answer_token("t1");
  http.answer(401, R"({"error":{"message":"User Not Authenticated"},"status":"failure"})");
  answer_token("t2");
  answer_sent();
  EXPECT_EQ(send(), "ok");
  EXPECT_EQ(authorization(3), "Bearer t2");
  EXPECT_EQ(retries("credentials"), 1u);
}

TEST_F(OauthTest, ATokenThatIsNeverAcceptedEndsTheTrying) {
  for (int i = 0; i < 2; ++i) {
    answer_token("t");
    http.answer(401, "{}");
    answer_token("t");
    http.answer(401, "{}");
    EXPECT_EQ(send(), "upstream_credentials");
    EXPECT_NE(error.hint().find("OAuth Application User"), std::string::npos) << error.hint();
  }
  const std::size_t asked = http.requests.size();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(), "upstream_credentials");
  EXPECT_EQ(http.requests.size(), asked) << "nobody knocked any more";
  EXPECT_TRUE(error.retry_after());
}

TEST_F(OauthTest, ARefusedClientIsSaidWithItsCausesAndNotAskedAboutAgain) {
  http.answer(401, R"({"error":"server_error","error_description":"access_denied"})");
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(send(), "upstream_credentials");
    EXPECT_NE(error.hint().find("SN_CLIENT_SECRET"), std::string::npos) << error.hint();
    EXPECT_EQ(error.outcome(), Outcome::failed);
  }
  EXPECT_EQ(http.requests.size(), 1u);
  EXPECT_EQ(gateway().live_chat().degraded(), std::vector<std::string>{"servicenow_credentials"});
}

TEST_F(OauthTest, ASleepingInstanceIsRecognisedAtTheTokenEndpoint) {
  http.answer(200, "<html><title>Instance Hibernating page</title>", "text/html");
  EXPECT_EQ(send(), "upstream_asleep");
  EXPECT_NE(error.hint().find("Wake it"), std::string::npos);
}

TEST_F(OauthTest, ATransientFailureToGetATokenIsTriedAgain) {
  http.fail(Error(Errc::connection_lost, "dev1.example").with_outcome(Outcome::unknown));
  answer_token("t1");
  answer_sent();
  // The message itself was never sent, so nothing is ambiguous about it.
  EXPECT_EQ(send(), "ok");
  EXPECT_EQ(retries("connection_lost"), 1u);
}

TEST_F(OauthTest, WithoutANameTheInstanceIsAskedWhoWeAre) {
  const auto ask = [&] {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      const auto id = co_await gateway().live_chat().service_account(in(5s));
      if (!id) error = id.error();
      outcome = id ? *id : std::string(id_of(id.error().errc()));
    });
    return outcome;
  };
  const std::string row = std::string(R"({"sys_id":")") + kUser + "\"}";
  answer_token("t1");
  http.answer(200, "{\"result\":[" + row + "," + row + "]}");
  EXPECT_EQ(ask(), "not_found") << "the term was dropped";
  EXPECT_NE(error.hint().find("SN_USER"), std::string::npos);
  http.answer(200, "{\"result\":[" + row + "]}");
  EXPECT_EQ(ask(), kUser);
  EXPECT_NE(http.requests.back().url.find("sys_id%3Djavascript%3Ags.getUserID%28%29"),
            std::string::npos);
  EXPECT_EQ(ask(), kUser);
  EXPECT_EQ(http.requests.size(), 3u);
}

TEST_F(ResilienceTest, AWrongPasswordIsTriedTwiceAndThenNotForAWhile) {
  http.answer(401, "{}");
  http.answer(401, "{}");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send(), "upstream_credentials");
  EXPECT_EQ(http.requests.size(), 2u);
  EXPECT_NE(error.context().find("locked"), std::string::npos) << error.context();
  EXPECT_NE(error.hint().find("SN_PASSWORD"), std::string::npos) << error.hint();
  ASSERT_TRUE(error.retry_after());
  EXPECT_GT(*error.retry_after(), 20s);
  EXPECT_EQ(gateway().live_chat().degraded(), std::vector<std::string>{"servicenow_credentials"});
}

TEST_F(ResilienceTest, NewCredentialsAreProvenByOneCallWhileTheOthersWait) {
  asio::io_context context(1);
  http.hold(context.get_executor());
  for (int i = 0; i < 2; ++i) http.answer(401, "{}");
  std::map<std::string, int> outcomes;
  std::size_t at_first = 0;
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    auto call = [&]() -> Task<> {
      auto request = message();
      const auto sent = co_await gateway().live_chat().send(std::move(request), in(5s));
      ++outcomes[sent ? "ok" : std::string(id_of(sent.error().errc()))];
    };
    for (int i = 0; i < 12; ++i) group.spawn("call", call());
    co_await async::sleep_for(20ms);
    at_first = http.requests.size();
    http.release();
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  EXPECT_EQ(at_first, 1u);
  EXPECT_EQ(http.requests.size(), 2u) << "twelve wrong sign-ins would have locked the account";
  EXPECT_EQ(outcomes["upstream_credentials"], 12);
}

TEST_F(ResilienceTest, WhatNeverLeftIsSentAgainWithinTheDeadline) {
  http.fail(Error(Errc::unreachable, "refused"));
  http.fail(Error(Errc::timed_out, "connecting"));
  http.fail(Error(Errc::overloaded, "no free connection"));
  answer_sent();
  EXPECT_EQ(send(), "ok");
  EXPECT_EQ(http.requests.size(), 4u);
  EXPECT_EQ(retries("unreachable"), 1u);
  EXPECT_EQ(retries("no_connection"), 1u);
  EXPECT_EQ(metrics.counters["servicenow_calls.send_message.ok"].value(), 1u);
  EXPECT_EQ(metrics.counters["servicenow_calls.send_message.unreachable"].value(), 1u);
  EXPECT_EQ(metrics.histograms["servicenow_seconds.send_message"].count(), 4u);
}

TEST_F(ResilienceTest, OldScriptsAreNeverSentAgainWhatMayHaveArrived) {
  api = 1;
  http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown));
  EXPECT_EQ(send(), "connection_lost");
  EXPECT_EQ(error.outcome(), Outcome::unknown);
  http.fail(Error(Errc::timed_out, "waiting").with_outcome(Outcome::unknown));
  EXPECT_EQ(send(), "timed_out");
  answer_busy(502, "");
  EXPECT_EQ(send(), "upstream_failed");
  EXPECT_EQ(error.outcome(), Outcome::unknown);
  EXPECT_EQ(http.requests.size(), 3u);
}

TEST_F(ResilienceTest, AnAnswerThatWasLostIsAskedForAgainUnderItsKey) {
  http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown));
  http.fail(Error(Errc::timed_out, "waiting").with_outcome(Outcome::unknown));
  answer_busy(502, "");
  http.answer(200, R"({"result":{"api":2,"message_s)");
  http.answer(500, R"({"error":{"message":"maximum execution time exceeded"},"status":"failure"})");
  http.answer(409, R"({"result":{"api":2,"error":"in_progress"}})");
  answer_sent();
  EXPECT_EQ(send(), "ok");
  EXPECT_EQ(http.requests.size(), 7u);
  for (const net::ClientRequest& request : http.requests)
    EXPECT_EQ(request.body, http.requests.front().body);
  for (const char* reason :
       {"connection_lost", "timed_out", "failed", "garbled", "quota", "in_progress"})
    EXPECT_EQ(retries(reason), 1u) << reason;
}

TEST_F(ResilienceTest, WhatWasInDoubtStaysSoWhateverFailsNext) {
  const std::vector<std::function<void()>> later = {
      [&] { http.fail(Error(Errc::unreachable, "refused").with_retry_after(60s)); },
      [&] { answer_busy(429, "60"); },
      [&] { http.answer(403, R"({"error":{"message":"User Not Authorized"}})"); },
      [&] { http.answer(500, R"({"result":{"api":2,"error":"missing_column"}})"); },
      [&] { http.answer(500, R"({"result":{"api":2,"error":"send_failed"}})"); },
      [&] { http.answer(200, "<html>Instance Hibernating page</html>", "text/html"); },
  };
  for (std::size_t i = 0; i < later.size(); ++i) {
    http.fail(Error(Errc::timed_out, "waiting").with_outcome(Outcome::unknown));
    later[i]();
    EXPECT_NE(send(), "ok");
    EXPECT_EQ(error.outcome(), Outcome::unknown) << i;
    EXPECT_TRUE(http.answers.empty()) << i;
  }
}

TEST_F(ResilienceTest, AScriptThatHasLookedEndsTheDoubt) {
  http.fail(Error(Errc::timed_out, "waiting").with_outcome(Outcome::unknown));
  http.answer(409, R"({"result":{"api":2,"error":"chat_ended"}})");
  EXPECT_EQ(send(), "chat_ended");
  EXPECT_EQ(error.outcome(), Outcome::failed);
  http.fail(Error(Errc::timed_out, "waiting").with_outcome(Outcome::unknown));
  http.answer(409, R"({"result":{"api":2,"error":"withdrawn"}})");
  EXPECT_EQ(send(), "conflict");
  EXPECT_EQ(error.outcome(), Outcome::failed);
}

TEST_F(ResilienceTest, TheDoubtOutlivesTheDeadlineAndTheBreaker) {
  options.retry.attempts = 2;
  options.breaker.failures = 1;
  options.breaker.urgent_pause = 60s;
  http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown));
  EXPECT_EQ(send(), "unreachable") << "the breaker refused the second attempt";
  EXPECT_EQ(error.outcome(), Outcome::unknown);
  made.reset();
  options.breaker.failures = 10;
  http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown));
  EXPECT_EQ(send(100ms), "connection_lost") << "no time for another";
  EXPECT_EQ(error.outcome(), Outcome::unknown);
}

class OpenInDoubtTest : public ResilienceTest {
 protected:
  std::string open() {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      handoff::OpenRequest request;
      request.key = "s1";
      const auto opened = co_await gateway().live_chat().open(std::move(request), in(5s));
      if (!opened) error = opened.error();
      outcome = opened ? "ok" : std::string(id_of(opened.error().errc()));
    });
    return outcome;
  }
  void answer_opened() {
    http.answer(200, std::string(R"({"result":{"api":2,"conversation_sys_id":")") + kConversation +
                         R"(","interaction_sys_id":")" + kInteraction + R"("}})");
  }
  void lose() { http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown)); }
  std::string path(std::size_t index) {
    const std::string& url = http.requests.at(index).url;
    return url.substr(url.rfind('/') + 1);
  }
};

TEST_F(OpenInDoubtTest, TheFirstOpenIsAskedAgainOnceItIsKnownThatOurScriptsRun) {
  lose();
  http.answer(200, R"({"result":{"api":2,"chats":[]}})");
  answer_opened();
  EXPECT_EQ(open(), "ok");
  ASSERT_EQ(http.requests.size(), 3u);
  EXPECT_EQ(path(1), "messages");
  EXPECT_EQ(http.requests[1].body, R"({"chats":[]})");
  EXPECT_EQ(http.requests[2].body, http.requests[0].body);
  lose();
  answer_opened();
  EXPECT_EQ(open(), "ok") << "it is known by now";
  EXPECT_EQ(path(4), "open_chat");
}

TEST_F(OpenInDoubtTest, AnOldInstallationIsNotAskedTwice) {
  lose();
  http.answer(400, R"({"error":{"message":"Requested URI does not represent any resource"}})");
  EXPECT_EQ(open(), "connection_lost");
  EXPECT_EQ(error.outcome(), Outcome::unknown);
  EXPECT_EQ(http.requests.size(), 2u);
}

TEST_F(OpenInDoubtTest, WhatTheSecondOpenIsRefusedWithDoesNotEndTheDoubt) {
  lose();
  http.answer(200, R"({"result":{"api":2,"chats":[]}})");
  http.answer(409, R"({"result":{"api":2,"error":"user_inactive"}})");
  EXPECT_EQ(open(), "upstream_rejected");
  EXPECT_EQ(error.outcome(), Outcome::unknown);
}

TEST_F(ResilienceTest, ALimitThatIsOverInTimeIsWaitedForAndALongerOneIsTold) {
  answer_busy(429, "0");
  answer_busy(503, "0");
  answer_sent();
  EXPECT_EQ(send(), "ok");
  EXPECT_EQ(retries("rate_limited"), 1u);
  EXPECT_EQ(retries("unavailable"), 1u);
  answer_busy(429, "30");
  EXPECT_EQ(send(), "upstream_rate_limited");
  EXPECT_EQ(error.retry_after(), 30s);
  answer_busy(503, "Wed, 21 Oct 2099 07:28:00 GMT");
  EXPECT_EQ(send(), "upstream_failed");
  EXPECT_EQ(error.outcome(), Outcome::failed) << "the front end passed nothing on";
  EXPECT_EQ(http.requests.size(), 5u);
}

TEST_F(ResilienceTest, AReadIsMadeAgainAfterAnyTrouble) {
  http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown));
  http.answer(502, "<html>LEAK</html>", "text/html");
  http.answer(200, std::string(R"({"result":[{"sys_id":")") + kAgent + R"(","name":"Alex Rep"}]})");
  EXPECT_EQ(name(), "Alex Rep");
}

TEST_F(ResilienceTest, TheEndOfAChatIsTriedOnceBecauseTheSessionComesBack) {
  http.fail(Error(Errc::unreachable, "refused"));
  test::run_coroutine([&]() -> Task<> {
    handoff::ChatRef chat;
    chat.conversation_sys_id = kConversation;
    const auto ended =
        co_await gateway().live_chat().end(std::move(chat), handoff::EndReason::user_ended, in(5s));
    EXPECT_FALSE(ended);
  });
  EXPECT_EQ(http.requests.size(), 1u);
}

TEST_F(ResilienceTest, TheTraceLeavesWithEveryCallAndASpanOfOurOwn) {
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  answer_sent();
  test::run_coroutine([&]() -> Task<> {
    auto request = message();
    request.trace = Trace("ref123", parent);
    const auto sent = co_await gateway().live_chat().send(std::move(request), in(5s));
    EXPECT_TRUE(sent);
  });
  const net::Headers& headers = http.requests.at(0).headers;
  EXPECT_EQ(headers.get("X-Request-Id"), "ref123");
  const std::string child(headers.get("traceparent"));
  ASSERT_EQ(child.size(), parent.size());
  EXPECT_EQ(child.substr(0, 36), parent.substr(0, 36)) << "version and trace";
  EXPECT_NE(child.substr(36, 16), parent.substr(36, 16)) << "a span of our own";
  EXPECT_EQ(child.substr(52), "-01");

  answer_sent();
  EXPECT_EQ(send(), "ok");
  EXPECT_FALSE(http.requests.at(1).headers.has("X-Request-Id"));
  EXPECT_FALSE(http.requests.at(1).headers.has("traceparent"));
}

}  // namespace
}  // namespace bridge::gateways
