// SPDX-License-Identifier: MIT
// X-Bridge-Signature at the webhook: what is let in, what is refused and why, and that a refused
// repeat loses nothing. The arithmetic is tested in identity.
#include "bridge/identity/webhook_signature.hpp"

#include "front.hpp"

namespace bridge::channels {
namespace {

using std::chrono::seconds;

class SignedWebhook : public testing::TestWithParam<const char*> {
 protected:
  void start(bool required) {
    Options options = Front::usual();
    options.signature_required = required;
    front = std::make_unique<Front>(std::move(options));
    visitor = required ? front->open_queued() : front->open_live();
  }
  std::string body(const std::string& text, const std::string& id) const {
    return json::serialize(
        json::object{{"bridge_session_id", visitor.id}, {"text", text}, {"message_sys_id", id}});
  }
  std::string signature(const std::string& text, std::string_view secret = kHookSecret,
                        seconds ago = seconds(0)) const {
    return identity::sign_webhook(Secret(std::string(secret)), text, front->time.now() - ago);
  }
  Call call(const std::string& text) const { return post(GetParam(), text); }
  Call signed_call(const std::string& text) const {
    return call(text).with("X-Bridge-Signature", signature(text));
  }
  void expect_refused(Call made, std::string_view error, std::string_view detail,
                      std::string_view kind) {
    const std::string before = front->snapshot(visitor.id);
    const std::string key = "webhook_proofs." + std::string(kind);
    const auto counted = front->metrics.counters[key].value();
    const Answer answer = front->ask(std::move(made));
    EXPECT_EQ(answer.status, 403u) << answer.text;
    EXPECT_EQ(answer["error"], error) << answer.text;
    EXPECT_NE(answer["detail"].find(detail), std::string::npos) << answer.text;
    EXPECT_FALSE(answer["hint"].empty());
    EXPECT_EQ(front->snapshot(visitor.id), before);
    EXPECT_EQ(front->metrics.counters[key].value(), counted + 1);
  }
  long shown(const std::string& text) {
    long count = 0;
    const json::value page = json::parse(front->frames(visitor));
    for (const json::value& event : page.at("events").as_array()) {
      const json::value* said = event.as_object().if_contains("text");
      count += said && said->is_string() && said->get_string() == text ? 1 : 0;
    }
    return count;
  }

  std::unique_ptr<Front> front;
  Visitor visitor;
};

TEST_P(SignedWebhook, NeedsNoSecretBesides) {
  for (const bool required : {false, true}) {
    start(required);
    const std::string text = body("hello", "m1");
    EXPECT_EQ(front->ask(signed_call(text)).status, 200u);
    EXPECT_EQ(shown("hello"), 1);
    EXPECT_EQ(front->metrics.counters["webhook_proofs.signature"].value(), 1u);
    front.reset();
  }
}

TEST_P(SignedWebhook, MayBeMadeWithEitherSecretDuringARotation) {
  start(true);
  for (const std::string_view secret : {kHookSecret, kNextHookSecret}) {
    const std::string text = body("hello", std::string(secret));
    EXPECT_EQ(front->ask(call(text).with("X-Bridge-Signature", signature(text, secret))).status,
              200u);
  }
}

TEST_P(SignedWebhook, TheSecretAloneIsEnoughUnlessSignaturesAreRequired) {
  start(false);
  EXPECT_EQ(front->ask(call(body("by secret", "m1")).hook()).status, 200u);
  EXPECT_EQ(front->metrics.counters["webhook_proofs.secret"].value(), 1u + 1u) << "claimed before";
  front.reset();

  start(true);
  expect_refused(call(body("by secret", "m1")).hook(), "forbidden", "a signature is required",
                 "wrong");
}

TEST_P(SignedWebhook, AWrongOneIsRefusedEvenBesideTheRightSecret) {
  start(false);
  const std::string text = body("hello", "m1");
  for (const std::string& wrong :
       {signature(text + " "), signature(text, kAgentSecret), signature(text, "")}) {
    expect_refused(call(text).with("X-Bridge-Signature", wrong), "forbidden", "wrong", "wrong");
    expect_refused(call(text).with("X-Bridge-Signature", wrong).hook(), "forbidden", "wrong",
                   "wrong");
  }
  for (const char* garbage : {"", "garbage", "t=1,v1=2", "v1"})
    expect_refused(call(text).with("X-Bridge-Signature", garbage).hook(), "forbidden",
                   "X-Bridge-Signature", "wrong");
  Call twice = signed_call(text);
  twice.request.headers.add("X-Bridge-Signature", "t=1,v1=2");
  expect_refused(std::move(twice), "forbidden", "two signatures", "wrong");
  EXPECT_EQ(front->ask(signed_call(text)).status, 200u) << "and the right one is still good";
}

TEST_P(SignedWebhook, AClockThatIsFarOffIsNamed) {
  start(false);
  const std::string text = body("hello", "m1");
  for (const seconds ago : {seconds(301), seconds(-301)})
    expect_refused(call(text).with("X-Bridge-Signature", signature(text, kHookSecret, ago)),
                   "forbidden", "time", "expired");
  for (const seconds ago : {seconds(299), seconds(-299)})
    EXPECT_EQ(
        front->ask(call(text).with("X-Bridge-Signature", signature(text, kHookSecret, ago))).status,
        200u);
}

TEST_P(SignedWebhook, IsGoodOnceAndTheMessageIsShownOnce) {
  start(false);
  const std::string text = body("hello", "m1");
  EXPECT_EQ(front->ask(signed_call(text)).status, 200u);
  expect_refused(signed_call(text), "replayed", "", "replayed");
  expect_refused(signed_call(text).hook(), "replayed", "", "replayed");
  EXPECT_EQ(shown("hello"), 1);
  front->time.pass(seconds(1));
  EXPECT_EQ(front->ask(signed_call(text)).status, 200u) << "signed anew it is a repeat like any";
  EXPECT_EQ(shown("hello"), 1);
}

TEST_P(SignedWebhook, ThatWasNotTakenMayComeAgain) {
  start(false);
  const std::string broken = "{\"text\":";
  for (int i = 0; i < 3; ++i) {
    const Answer answer = front->ask(signed_call(broken));
    EXPECT_EQ(answer.status, 400u) << i;
    EXPECT_EQ(answer["error"], "malformed");
  }
  // A chat that is not known yet.
  const std::string early =
      json::serialize(json::object{{"bridge_session_id", std::string(32, '0')}, {"text", "hello"}});
  const unsigned status = front->ask(signed_call(early)).status;
  EXPECT_EQ(front->ask(signed_call(early)).status, status);
}

TEST_P(SignedWebhook, IsNeverToldToWait) {
  Options options = Front::usual();
  options.rate.on = true;
  options.rate.burst = 2;
  front = std::make_unique<Front>(std::move(options));
  visitor = front->open_live();
  for (int i = 0; i < 5; ++i) (void)front->ask(call("{}"));
  EXPECT_EQ(front->ask(call("{}")).status, 429u);
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(front->ask(signed_call(body("hello", "m" + std::to_string(i)))).status, 200u);
}

INSTANTIATE_TEST_SUITE_P(BothPaths, SignedWebhook,
                         testing::Values("/api/servicenow/webhook", "/api/sn-webhook"),
                         [](const auto& path) {
                           return std::string(path.index == 0 ? "Webhook" : "OlderRule");
                         });

}  // namespace
}  // namespace bridge::channels
