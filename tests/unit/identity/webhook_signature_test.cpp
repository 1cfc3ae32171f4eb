// SPDX-License-Identifier: MIT
#include "bridge/identity/webhook_signature.hpp"

#include <gtest/gtest.h>

#include <cctype>

namespace bridge::identity {
namespace {

using std::chrono::seconds;

const Time kNow{Millis(1'700'000'000'000)};
const std::string kBody = R"({"text":"hi"})";

Secret secret(std::string text) { return Secret(std::move(text)); }
const Secret kSecret = secret("a-webhook-secret");
const Secret kNext = secret("the-next-webhook-secret");

std::string hex(const Mac& mac) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : mac) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

Errc code(const Result<Mac>& result) { return result ? Errc::internal : result.error().errc(); }

std::string value_of(const std::string& header) { return header.substr(header.find(",v1=") + 4); }

TEST(HmacTest, AgreesWithThePublishedVectors) {
  // RFC 4231, 4.2 and 4.3.
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256("", "")),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(WebhookSignatureTest, IsWhatAnyOtherToolMakes) {
  // printf '1700000000.{"text":"hi"}' | openssl dgst -sha256 -hmac a-webhook-secret
  EXPECT_EQ(sign_webhook(kSecret, kBody, kNow),
            "t=1700000000,v1=258e561400bd405d00763d007b708254062ad2e4f4e3ee7973df51aef137ef22");
}

TEST(WebhookSignatureTest, OfOneOfTheSecretsIsAccepted) {
  WebhookSignatures signatures({kSecret, kNext});
  EXPECT_TRUE(signatures.accept(sign_webhook(kSecret, kBody, kNow), kBody, kNow));
  EXPECT_TRUE(signatures.accept(sign_webhook(kNext, "{}", kNow), "{}", kNow));
  EXPECT_TRUE(signatures.accept(sign_webhook(kNext, "", kNow), "", kNow)) << "no body at all";
}

TEST(WebhookSignatureTest, SeveralValuesNeedOneThatFits) {
  WebhookSignatures signatures({kNext});
  const std::string old = value_of(sign_webhook(kSecret, kBody, kNow));
  const std::string fits = value_of(sign_webhook(kNext, kBody, kNow));
  EXPECT_TRUE(signatures.accept("t=1700000000,v1=" + old + ",v1=" + fits, kBody, kNow));
}

TEST(WebhookSignatureTest, FormMayVary) {
  const std::string value = value_of(sign_webhook(kSecret, kBody, kNow));
  std::string upper = value;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const std::string& header :
       {"t=1700000000, v1=" + value, "v1=" + value + ",t=1700000000", "t=1700000000,v1=" + upper,
        "t=1700000000,v0=old,v1=" + value + ",v2=", " t=1700000000 ,\tv1=" + value}) {
    WebhookSignatures signatures({kSecret});
    EXPECT_TRUE(signatures.accept(header, kBody, kNow)) << header;
  }
}

TEST(WebhookSignatureTest, OfSomethingElseIsForbidden) {
  WebhookSignatures signatures({kSecret});
  const std::string good = sign_webhook(kSecret, kBody, kNow);
  EXPECT_EQ(code(signatures.accept(good, kBody + " ", kNow)), Errc::forbidden);
  EXPECT_EQ(code(signatures.accept(good, "", kNow)), Errc::forbidden);
  EXPECT_EQ(code(signatures.accept(sign_webhook(kNext, kBody, kNow), kBody, kNow)),
            Errc::forbidden);
  std::string other_time = good;
  other_time[other_time.find(',') - 1] = '1';
  EXPECT_EQ(code(signatures.accept(other_time, kBody, kNow)), Errc::forbidden);
  for (std::size_t i = good.size() - 64; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] = flipped[i] == '0' ? '1' : '0';
    EXPECT_EQ(code(signatures.accept(flipped, kBody, kNow)), Errc::forbidden) << i;
  }
  EXPECT_EQ(signatures.remembered(), 0u);
  EXPECT_TRUE(signatures.accept(good, kBody, kNow)) << "none of that used it up";
}

TEST(WebhookSignatureTest, NothingIsAcceptedWithoutASecret) {
  WebhookSignatures none({});
  WebhookSignatures empty({Secret("")});
  for (const Secret& key : {Secret(""), kSecret}) {
    EXPECT_EQ(code(none.accept(sign_webhook(key, kBody, kNow), kBody, kNow)), Errc::forbidden);
    EXPECT_EQ(code(empty.accept(sign_webhook(key, kBody, kNow), kBody, kNow)), Errc::forbidden);
  }
}

TEST(WebhookSignatureTest, AnythingElseIsMalformed) {
  WebhookSignatures signatures({kSecret});
  const std::string v1 = ",v1=" + value_of(sign_webhook(kSecret, kBody, kNow));
  for (const std::string& header :
       std::vector<std::string>{"",
                                ",",
                                "=",
                                "t=1700000000",
                                v1,
                                v1.substr(1),
                                "t=" + v1,
                                "t=abc" + v1,
                                "t=-5" + v1,
                                "t=1.7e9" + v1,
                                "t= 1700000000" + v1,
                                "t=1700000000,t=1700000000" + v1,
                                "t=17000000000000" + v1,
                                "t=1700000000,v1=",
                                "t=1700000000,v1=abcd",
                                "t=1700000000" + v1 + "0",
                                "t=1700000000,v1=" + std::string(64, 'g'),
                                "t=1700000000,garbage" + v1,
                                "t=1700000000" + v1 + v1 + v1 + v1 + v1,
                                std::string(2'000, 't')})
    EXPECT_EQ(code(signatures.accept(header, kBody, kNow)), Errc::malformed) << header;
}

TEST(WebhookSignatureTest, LivesForFiveMinutesInBothDirections) {
  for (const auto& [apart, good] : {std::pair{seconds(0), true},
                                    {seconds(300), true},
                                    {seconds(-300), true},
                                    {seconds(301), false},
                                    {seconds(-301), false},
                                    {seconds(1'000'000), false}}) {
    WebhookSignatures signatures({kSecret});
    const auto result = signatures.accept(sign_webhook(kSecret, kBody, kNow), kBody, kNow + apart);
    EXPECT_EQ(result.has_value(), good) << apart.count();
    if (!good) {
      EXPECT_EQ(code(result), Errc::timed_out);
    }
  }
}

TEST(WebhookSignatureTest, IsGoodOnce) {
  WebhookSignatures signatures({kSecret, kNext});
  const std::string header = sign_webhook(kSecret, kBody, kNow);
  EXPECT_TRUE(signatures.accept(header, kBody, kNow));
  EXPECT_EQ(code(signatures.accept(header, kBody, kNow)), Errc::conflict);
  EXPECT_EQ(code(signatures.accept(header, kBody, kNow + seconds(299))), Errc::conflict);
  EXPECT_EQ(code(signatures.accept(header, kBody, kNow + seconds(301))), Errc::timed_out);
  EXPECT_TRUE(signatures.accept(sign_webhook(kSecret, kBody, kNow + seconds(1)), kBody, kNow))
      << "the same body a second later is another call";
}

TEST(WebhookSignatureTest, ARepeatUnderTheOtherSecretIsTheSameCall) {
  WebhookSignatures signatures({kSecret, kNext});
  const std::string old = value_of(sign_webhook(kSecret, kBody, kNow));
  const std::string fresh = value_of(sign_webhook(kNext, kBody, kNow));
  EXPECT_TRUE(signatures.accept("t=1700000000,v1=" + old + ",v1=" + fresh, kBody, kNow));
  EXPECT_EQ(code(signatures.accept("t=1700000000,v1=" + old, kBody, kNow)), Errc::conflict);
  EXPECT_EQ(code(signatures.accept("t=1700000000,v1=" + fresh, kBody, kNow)), Errc::conflict);
}

TEST(WebhookSignatureTest, ACallThatWasNotTakenMayComeAgain) {
  WebhookSignatures signatures({kSecret});
  const std::string header = sign_webhook(kSecret, kBody, kNow);
  const auto first = signatures.accept(header, kBody, kNow);
  ASSERT_TRUE(first);
  signatures.forget(*first);
  EXPECT_TRUE(signatures.accept(header, kBody, kNow));
  EXPECT_EQ(code(signatures.accept(header, kBody, kNow)), Errc::conflict);
}

TEST(WebhookSignatureTest, RemembersNoLongerThanNeeded) {
  WebhookSignatures signatures({kSecret});
  for (int i = 0; i < 10; ++i) {
    const std::string body = std::to_string(i);
    EXPECT_TRUE(signatures.accept(sign_webhook(kSecret, body, kNow), body, kNow));
  }
  EXPECT_EQ(signatures.remembered(), 10u);
  const Time later = kNow + seconds(301);
  EXPECT_TRUE(signatures.accept(sign_webhook(kSecret, kBody, later), kBody, later));
  EXPECT_EQ(signatures.remembered(), 1u);
}

TEST(WebhookSignatureTest, WhatIsRememberedIsBounded) {
  WebhookSignatures signatures({kSecret}, 8);
  const auto call = [&](int i) {
    const std::string body = std::to_string(i);
    return code(signatures.accept(sign_webhook(kSecret, body, kNow), body, kNow));
  };
  for (int i = 0; i < 100; ++i) EXPECT_EQ(call(i), Errc::internal);
  EXPECT_LE(signatures.remembered(), 8u);
  EXPECT_EQ(call(99), Errc::conflict) << "the newest are known";
}

}  // namespace
}  // namespace bridge::identity
