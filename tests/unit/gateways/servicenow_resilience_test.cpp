// SPDX-License-Identifier: MIT
// The gateway in front of a difficult instance: tokens, refusals, retries, the breaker, the trace.
#include <functional>
#include <thread>
#include <vector>

#include "bridge/async/task_group.hpp"
#include "servicenow_fixture.hpp"
#include "support/fakes.hpp"

namespace bridge::gateways {
namespace {

using namespace std::chrono_literals;

class ResilienceTest : public testing::Test {
 protected:
  ResilienceTest() {
    options.instance = "https://dev1.example";
    options.api_base = "/api/1/bridge";
    options.user = "intranet.bridge";
    options.password = Secret("password");
    options.client_id = "client";
    options.client_secret = Secret("client-secret");
    options.retry.first_pause = Millis(4);
    options.breaker.failures = 5;
  }

  ServiceNow& gateway() {
    if (!made) made = make_servicenow(http, options, logger, metrics);
    return *made;
  }
  handoff::SendRequest message() {
    handoff::SendRequest request;
    request.chat.api = api;
    request.chat.conversation_sys_id = kConversation;
    request.text = "hello";
    request.client_message_id = "m1";
    return request;
  }
  /// "ok" or the id of the error.
  std::string send(std::chrono::milliseconds limit = 5s) {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      auto request = message();
      const auto sent = co_await gateway().live_chat().send(std::move(request), in(limit));
      if (!sent) error = sent.error();
      outcome = sent ? "ok" : std::string(id_of(sent.error().errc()));
    });
    return outcome;
  }
  std::string name() {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      const auto found = co_await gateway().live_chat().name_of(kAgent, in(5s));
      if (!found) error = found.error();
      outcome = found ? *found : std::string(id_of(found.error().errc()));
    });
    return outcome;
  }
  void answer_sent() {
    http.answer(200, std::string(R"({"result":{"api":2,"message_sys_id":")") + kMessage + R"("}})");
  }
  void answer_token(const std::string& token) {
    http.answer(200, R"({"access_token":")" + token + R"(","expires_in":1799})");
  }
  void answer_busy(unsigned status, const std::string& wait) {
    auto response = net::text_response(status, "<html>LEAK</html>", "text/html");
    if (!wait.empty()) response.headers.set("Retry-After", wait);
    http.answers.emplace_back(std::move(response));
  }
  std::string authorization(std::size_t index) {
    return std::string(http.requests.at(index).headers.get("Authorization"));
  }
  std::uint64_t retries(const std::string& reason) {
    return metrics.counters["upstream_retries." + reason].value();
  }

  test::FakeHttpClient http;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
  ServiceNowOptions options;
  std::unique_ptr<ServiceNow> made;
  Error error;
  int api = 2;  ///< of the chat
};

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

TEST_F(ResilienceTest, AfterFiveFailuresCallsAreAnsweredAtOnceUntilAProbeSucceeds) {
  options.retry.attempts = 1;
  options.breaker.first_pause = 1s;
  int well_again = 0;
  gateway().live_chat().when_well_again([&] { ++well_again; });
  for (int i = 0; i < 5; ++i) {
    http.fail(Error(Errc::unreachable, "no address").with_hint("mend the name"));
    EXPECT_EQ(send(), "unreachable");
  }
  EXPECT_EQ(metrics.gauges["upstream_breaker"].value(), 2);
  EXPECT_EQ(well_again, 0);
  EXPECT_EQ(gateway().live_chat().degraded(), std::vector<std::string>{"servicenow_unreachable"});
  EXPECT_EQ(send(), "unreachable");
  EXPECT_EQ(http.requests.size(), 5u);
  EXPECT_EQ(error.outcome(), Outcome::failed) << "it was not tried";
  EXPECT_EQ(error.retry_after(), 1s);
  EXPECT_NE(error.hint().find("mend the name"), std::string::npos) << error.hint();
  EXPECT_TRUE(logger.contains("servicenow_breaker_open"));

  answer_sent();
  const Deadline patience = in(5s);
  while (send() != "ok" && std::chrono::steady_clock::now() < patience)
    std::this_thread::sleep_for(20ms);
  EXPECT_EQ(http.requests.size(), 6u) << "the probe";
  EXPECT_EQ(well_again, 1);
  EXPECT_EQ(metrics.gauges["upstream_breaker"].value(), 0);
  EXPECT_TRUE(gateway().live_chat().degraded().empty());
}

TEST_F(ResilienceTest, AnAmbiguousFailureThatOpensTheBreakerStaysAmbiguous) {
  options.retry.attempts = 1;
  for (int i = 0; i < 5; ++i) {
    http.fail(Error(Errc::connection_lost, "lost").with_outcome(Outcome::unknown));
    EXPECT_EQ(send(), "connection_lost");
    EXPECT_EQ(error.outcome(), Outcome::unknown);
  }
  EXPECT_EQ(send(), "unreachable");
}

TEST_F(ResilienceTest, RefusalsAndErrorsOfAScriptDoNotOpenTheBreaker) {
  options.retry.attempts = 1;
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
