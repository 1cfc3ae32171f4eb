// SPDX-License-Identifier: MIT
#include "channels/copilot_auth.hpp"

#include <gmock/gmock.h>

#include "front.hpp"
#include "support/token_maker.hpp"
#include "unit/gateways/fake_http_client.hpp"

namespace bridge::channels {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kTenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const std::string kApp = "6731de76-14a6-49ae-97bc-6eba6914391e";
const std::string kHost = "https://login.microsoftonline.com";
const std::string kKey = "canary-copilot-key";
const std::string kNextKey = "canary-next-copilot-key";

/// The front's Guard and CopilotAuth, as the Activity channel has them.
class CopilotAuthTest : public testing::Test {
 protected:
  CopilotAuthTest() : handoff_(context_), access(options.copilot) { options.rate.on = false; }

  void take_keys(const std::string& header = "X-API-Key") {
    access.keys = identity::SharedSecret({Secret(kKey), Secret(kNextKey)});
    access.key_header = header;
  }
  void take_tokens() {
    identity::EntraOptions entra;
    entra.tenant = kTenant;
    entra.audiences = {kApp};
    entra.allowed_callers = {kApp};
    tokens_ = std::make_unique<identity::EntraTokens>(http, entra, time, logger, metrics);
    access.entra = tokens_.get();
  }
  /// What Entra answers to the next fetch of its keys.
  void publish() {
    const std::string base = kHost + "/" + kTenant;
    http.answer(200, json::serialize(json::object{{"issuer", base + "/v2.0"},
                                                  {"jwks_uri", base + "/discovery/v2.0/keys"}}));
    http.answer(200, json::serialize(json::object{
                         {"keys", json::array{json::value(test::key_one().jwk("k1"))}}}));
  }
  std::string token(const std::string& caller = kApp, const std::string& tenant = kTenant) {
    const auto now = std::chrono::floor<std::chrono::seconds>(time.now().time_since_epoch());
    return test::key_one().token({{"alg", "RS256"}, {"kid", "k1"}},
                                 {{"aud", kApp},
                                  {"iss", kHost + "/" + tenant + "/v2.0"},
                                  {"tid", tenant},
                                  {"ver", "2.0"},
                                  {"azp", caller},
                                  {"exp", now.count() + 3600}});
  }

  struct Seen {
    std::string outcome;  ///< "none", "key", "entra <app id>", or status and id of the refusal
    std::string challenge;
    std::string body;
    std::string retry_after;
  };
  Seen check(Call call) {
    if (!guard_) guard_ = std::make_unique<Guard>(handoff_.value, options, logger, metrics, time);
    if (!auth_) auth_ = std::make_unique<CopilotAuth>(*guard_, access, logger, metrics);
    Seen seen;
    test::run_coroutine(context_, [&]() -> Task<> {
      const auto caller = co_await auth_->check(call.request);
      if (caller) {
        seen.outcome = caller->proof == CopilotProof::none  ? "none"
                       : caller->proof == CopilotProof::key ? "key"
                                                            : "entra " + caller->app_id;
        co_return;
      }
      const Answer answer(auth_->refuse(call.request, caller.error()));
      seen.outcome = std::to_string(answer.status) + " " + answer["error"];
      seen.challenge = answer.headers.get("WWW-Authenticate");
      seen.retry_after = answer.headers.get("Retry-After");
      seen.body = answer.text;
      EXPECT_NE(answer["ref"], "<absent>");
      EXPECT_NE(answer["detail"], "<absent>");
    });
    return seen;
  }
  std::string outcome(Call call) { return check(std::move(call)).outcome; }
  static Call message() { return post("/api/messages", R"({"type":"message"})"); }

  asio::io_context context_{1};
  /// Only because a Guard refers to one; nothing here asks it anything.
  struct Unused {
    explicit Unused(asio::io_context& context)
        : chat(context.get_executor()),
          delivery(context.get_executor()),
          store(stores::make_memory_store()),
          value(
              context.get_executor(), {},
              handoff::Ports{*store, chat, desks, desks, desks, delivery, time, logger, metrics}) {}
    test::FakeLiveChat chat;
    test::FakeDesks desks;
    test::FakeDelivery delivery;
    test::ManualTime time;
    test::RecordingLogger logger;
    test::RecordingMetrics metrics;
    std::unique_ptr<handoff::SessionStore> store;
    handoff::Handoff value;
  } handoff_;
  test::FakeHttpClient http;
  test::ManualTime time;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
  Options options;
  CopilotAccess& access;
  std::unique_ptr<identity::EntraTokens> tokens_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<CopilotAuth> auth_;
};

TEST_F(CopilotAuthTest, WithNothingSetUpNobodyGetsInAndTheSettingsAreNamed) {
  const Seen seen = check(message().with("X-API-Key", kKey).bearer("x"));
  EXPECT_EQ(seen.outcome, "503 not_configured");
  EXPECT_THAT(seen.body, HasSubstr("CS_API_KEY"));
  EXPECT_EQ(outcome(message().agent()), "503 not_configured");
}

TEST_F(CopilotAuthTest, OpenTakesEverybody) {
  access.open = true;
  EXPECT_EQ(outcome(message()), "none");
  EXPECT_EQ(outcome(message().bearer("anything")), "none");
  EXPECT_EQ(metrics.counters["copilot_proofs.none"].value(), 2u);
}

TEST_F(CopilotAuthTest, AKeyIsTakenFromItsHeaderAndNoOther) {
  take_keys();
  EXPECT_EQ(outcome(message().with("X-API-Key", kKey)), "key");
  EXPECT_EQ(outcome(message().with("x-api-key", kNextKey)), "key");
  const Seen missing = check(message());
  EXPECT_EQ(missing.outcome, "401 unauthorized");
  EXPECT_EQ(missing.challenge, "ApiKey realm=\"bridge\"");
  EXPECT_THAT(missing.body, HasSubstr("X-API-Key"));
  EXPECT_EQ(outcome(message().with("X-API-Key", "")), "401 unauthorized");
  EXPECT_EQ(outcome(message().with("X-API-Key", kKey + "x")), "401 unauthorized");
  EXPECT_EQ(outcome(message().with("X-API-Key", "Bearer " + kKey)), "401 unauthorized");
  for (const char* other : {"Authorization", "X-Agent-Secret", "Api-Key", "X-Bridge-Secret"})
    EXPECT_EQ(outcome(message().with(other, kKey)), "401 unauthorized") << other;
  EXPECT_EQ(outcome(message().bearer(kKey)), "401 unauthorized");
  Call twice = message().with("X-API-Key", kKey);
  twice.request.headers.add("X-API-Key", kKey);
  EXPECT_EQ(outcome(std::move(twice)), "401 unauthorized");
  EXPECT_EQ(outcome(post("/api/messages?X-API-Key=" + kKey, "{}")), "401 unauthorized");
  EXPECT_EQ(metrics.counters["copilot_proofs.key"].value(), 2u);
}

TEST_F(CopilotAuthTest, AnotherHeaderCanBeNamed) {
  take_keys("Ocp-Apim-Subscription-Key");
  EXPECT_EQ(outcome(message().with("Ocp-Apim-Subscription-Key", kKey)), "key");
  EXPECT_EQ(outcome(message().with("X-API-Key", kKey)), "401 unauthorized");
}

TEST_F(CopilotAuthTest, AuthorizationMeansABearerKey) {
  take_keys("authorization");
  EXPECT_EQ(outcome(message().bearer(kKey)), "key");
  EXPECT_EQ(outcome(message().with("Authorization", kKey)), "401 unauthorized");
  EXPECT_EQ(outcome(message().with("Authorization", "Basic " + kKey)), "401 unauthorized");
  const Seen wrong = check(message().bearer("not-the-key"));
  EXPECT_EQ(wrong.outcome, "401 unauthorized");
  EXPECT_EQ(wrong.challenge, "Bearer realm=\"bridge\", error=\"invalid_token\"");
  EXPECT_EQ(check(message()).challenge, "Bearer realm=\"bridge\"");
}

TEST_F(CopilotAuthTest, ATokenSaysWhoCalls) {
  take_tokens();
  publish();
  EXPECT_EQ(outcome(message().bearer(token())), "entra " + kApp);
  EXPECT_EQ(outcome(message().bearer(token("11111111-2222-3333-4444-555555555555"))),
            "403 forbidden");
  EXPECT_EQ(outcome(message().bearer(token(kApp, "11111111-2222-3333-4444-555555555555"))),
            "403 forbidden");
  const Seen missing = check(message());
  EXPECT_EQ(missing.outcome, "401 unauthorized");
  EXPECT_EQ(missing.challenge, "Bearer realm=\"bridge\"");
  const Seen changed = check(message().bearer(token() + "AAAA"));
  EXPECT_EQ(changed.outcome, "401 unauthorized");
  EXPECT_EQ(changed.challenge, "Bearer realm=\"bridge\", error=\"invalid_token\"");
  Call twice = message().bearer(token());
  twice.request.headers.add("Authorization", "Bearer " + token());
  EXPECT_EQ(outcome(std::move(twice)), "401 unauthorized");
  EXPECT_EQ(metrics.counters["copilot_proofs.entra"].value(), 1u);
  EXPECT_EQ(metrics.counters["copilot_proofs.not_allowed"].value(), 2u);
  EXPECT_EQ(metrics.counters["copilot_proofs.wrong"].value(), 3u);
}

TEST_F(CopilotAuthTest, WhileEntraCannotBeAskedTheAnswerIsNotThatTheTokenIsWrong) {
  take_tokens();
  http.fail(Error(Errc::unreachable, "login.microsoftonline.com"));
  const Seen seen = check(message().bearer(token()));
  EXPECT_EQ(seen.outcome, "503 unreachable");
  EXPECT_EQ(seen.challenge, "");
  EXPECT_EQ(seen.retry_after, "10");
  EXPECT_EQ(metrics.counters["copilot_proofs.unknown"].value(), 1u);
}

TEST_F(CopilotAuthTest, WithBothTheKeysHeaderDecides) {
  take_keys();
  take_tokens();
  EXPECT_EQ(outcome(message().with("X-API-Key", kKey)), "key");
  EXPECT_EQ(outcome(message().with("X-API-Key", kKey).bearer("rubbish")), "key");
  EXPECT_EQ(outcome(message().with("X-API-Key", "rubbish").bearer(token())), "401 unauthorized");
  EXPECT_TRUE(http.requests.empty());
  publish();
  EXPECT_EQ(outcome(message().bearer(token())), "entra " + kApp);
}

TEST_F(CopilotAuthTest, WithBothInOneHeaderEitherIsTaken) {
  take_keys("Authorization");
  take_tokens();
  EXPECT_EQ(outcome(message().bearer(kKey)), "key");
  publish();
  EXPECT_EQ(outcome(message().bearer(token())), "entra " + kApp);
  EXPECT_EQ(outcome(message().bearer("rubbish")), "401 unauthorized");
  EXPECT_EQ(outcome(message()), "401 unauthorized");
}

TEST_F(CopilotAuthTest, WhoGuessesIsStoppedAndWhoKnowsIsNot) {
  take_keys();
  options.rate.on = true;
  options.rate.burst = 3;
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(outcome(message().with("X-API-Key", "guess")), "401 unauthorized");
  const Seen stopped = check(message().with("X-API-Key", "guess"));
  EXPECT_EQ(stopped.outcome, "429 rate_limited");
  EXPECT_NE(stopped.retry_after, "");
  EXPECT_EQ(outcome(message().with("X-API-Key", kKey)), "key");
}

TEST_F(CopilotAuthTest, NothingThatWasPresentedIsSaidOrLogged) {
  take_keys();
  take_tokens();
  publish();
  const std::string forged = token("11111111-2222-3333-4444-555555555555");
  std::string said;
  said += check(message().with("X-API-Key", "guess-canary")).body;
  said += check(message().bearer(forged)).body;
  said += check(message().bearer("guess-canary.guess-canary.guess-canary")).body;
  for (const std::string& line : logger.lines) said += line;
  EXPECT_THAT(said, Not(HasSubstr("canary")));
  EXPECT_THAT(said, Not(HasSubstr("11111111")));
  EXPECT_THAT(said, Not(HasSubstr(forged.substr(forged.find('.') + 1, 20))));
  EXPECT_TRUE(logger.contains("request_refused"));
}

}  // namespace
}  // namespace bridge::channels
