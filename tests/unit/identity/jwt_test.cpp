// SPDX-License-Identifier: MIT
#include "bridge/identity/jwt.hpp"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <random>

#include "support/token_maker.hpp"

namespace bridge::identity {
namespace {

using test::base64url;
using test::key_one;

std::string joined(const std::string& header, const std::string& claims,
                   const std::string& signature = "sig") {
  return base64url(header) + "." + base64url(claims) + "." + base64url(signature);
}

const std::string kHeader = R"({"typ":"JWT","alg":"RS256","kid":"k1"})";

TEST(Base64UrlTest, DecodesWhatItEncodesAndOneSpellingOnly) {
  for (const std::string bytes : {"", "f", "fo", "foo", "foob", "\xff\xfe\xfb", "\xfb\xff"})
    EXPECT_EQ(base64url_decode(base64url(bytes)), bytes);
  for (const std::string_view text : {"Zg==", "Zg=", "Zm9vYg==", "A", "AAAAA", "+/+/", "Zm 9v",
                                      "Zm9v\n", "Zh", "Zm9=", ".", "\xc3\xa4"})
    EXPECT_FALSE(base64url_decode(text)) << text;
  EXPECT_EQ(base64url_decode("Zg"), "f");
  EXPECT_EQ(base64url_decode("-_8"), "\xfb\xff");
}

TEST(JwtTest, TakesATokenApart) {
  const auto jwt = parse_jwt(joined(kHeader, R"({"aud":"a","exp":12})", "bytes"));
  ASSERT_TRUE(jwt) << jwt.error().to_string();
  EXPECT_EQ(jwt->key_id, "k1");
  EXPECT_EQ(jwt->claims.at("aud"), "a");
  EXPECT_EQ(jwt->signature, "bytes");
  EXPECT_EQ(jwt->signed_text, base64url(kHeader) + "." + base64url(R"({"aud":"a","exp":12})"));
}

struct BadToken {
  std::string name;
  std::string token;
};

std::vector<BadToken> bad_tokens() {
  const std::string claims = R"({"aud":"a"})";
  const auto with_header = [&](const std::string& header) { return joined(header, claims); };
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "[";
  std::string deep_end(40, ']');
  const std::string good = with_header(kHeader);
  return {
      {"nothing", ""},
      {"dots", ".."},
      {"no_dot", "abc"},
      {"two_parts", base64url(kHeader) + "." + base64url(claims)},
      {"empty_signature", base64url(kHeader) + "." + base64url(claims) + "."},
      {"empty_claims", base64url(kHeader) + ".." + base64url("sig")},
      {"empty_header", "." + base64url(claims) + "." + base64url("sig")},
      {"four_parts", good + ".x"},
      {"five_parts_as_an_encrypted_one", good + ".x.y"},
      {"padding", base64url(kHeader) + "." + base64url("{\"a\":1}") + "=." + base64url("sig")},
      {"plain_base64", "eyJh+/==." + base64url(claims) + "." + base64url("sig")},
      {"line_end", good + "\n"},
      {"blank_inside", base64url(kHeader) + " ." + base64url(claims) + "." + base64url("sig")},
      {"bits_left_over", good.substr(0, good.size() - 1) + "B" + "h"},
      {"header_is_no_json", with_header("{alg:RS256}")},
      {"header_is_a_list", with_header("[\"RS256\"]")},
      {"header_is_cut", with_header(R"({"alg":"RS256","kid":"k1")")},
      {"header_has_more_behind_it", with_header(kHeader + "{}")},
      {"header_is_blank", with_header("  ")},
      {"header_is_not_utf8", with_header("{\"alg\":\"RS256\",\"kid\":\"\xff\"}")},
      {"header_is_deep", with_header(R"({"alg":"RS256","kid":"k1","x":)" + deep + deep_end + "}")},
      {"claims_are_no_json", joined(kHeader, "aud=a")},
      {"claims_are_a_text", joined(kHeader, "\"a\"")},
      {"claims_are_deep", joined(kHeader, R"({"a":)" + deep + deep_end + "}")},
      {"alg_none", with_header(R"({"alg":"none","kid":"k1"})")},
      {"alg_None", with_header(R"({"alg":"None","kid":"k1"})")},
      {"alg_missing", with_header(R"({"kid":"k1"})")},
      {"alg_null", with_header(R"({"alg":null,"kid":"k1"})")},
      {"alg_number", with_header(R"({"alg":256,"kid":"k1"})")},
      {"alg_list", with_header(R"({"alg":["RS256"],"kid":"k1"})")},
      {"alg_in_lower_case", with_header(R"({"alg":"rs256","kid":"k1"})")},
      {"alg_with_a_blank", with_header(R"({"alg":"RS256 ","kid":"k1"})")},
      {"alg_HS256", with_header(R"({"alg":"HS256","kid":"k1"})")},
      {"alg_PS256", with_header(R"({"alg":"PS256","kid":"k1"})")},
      {"alg_RS512", with_header(R"({"alg":"RS512","kid":"k1"})")},
      {"alg_ES256", with_header(R"({"alg":"ES256","kid":"k1"})")},
      {"alg_twice", with_header(R"({"alg":"RS256","kid":"k1","alg":"none"})")},
      {"no_kid", with_header(R"({"alg":"RS256"})")},
      {"empty_kid", with_header(R"({"alg":"RS256","kid":""})")},
      {"kid_number", with_header(R"({"alg":"RS256","kid":1})")},
      {"long_kid", with_header(R"({"alg":"RS256","kid":")" + std::string(257, 'k') + "\"}")},
      {"crit", with_header(R"({"alg":"RS256","kid":"k1","crit":["exp"]})")},
      {"empty_crit", with_header(R"({"alg":"RS256","kid":"k1","crit":[]})")},
      {"unencoded_payload",
       with_header(R"({"alg":"RS256","kid":"k1","b64":false,"crit":["b64"]})")},
      {"too_long", joined(kHeader, R"({"a":")" + std::string(kMaxJwt, 'x') + "\"}")},
  };
}

class BadTokenTest : public testing::TestWithParam<BadToken> {};

TEST_P(BadTokenTest, IsRefusedWithoutSayingWhatStoodInIt) {
  const auto jwt = parse_jwt(GetParam().token);
  ASSERT_FALSE(jwt);
  EXPECT_TRUE(jwt.error().is(Errc::unauthorized));
  EXPECT_FALSE(jwt.error().context().empty());
  EXPECT_FALSE(jwt.error().hint().empty());
  if (GetParam().token.size() > 8) {
    EXPECT_EQ(jwt.error().to_string().find(GetParam().token.substr(0, 8)), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(All, BadTokenTest, testing::ValuesIn(bad_tokens()),
                         [](const auto& each) { return each.param.name; });

TEST(JwtTest, NoCutOrChangedTokenIsTakenForTheSameOne) {
  const std::string good = key_one().token({{"alg", "RS256"}, {"kid", "k1"}},
                                           {{"aud", "bridge"}, {"exp", 4'000'000'000}});
  const json::object jwk = key_one().jwk("k1");
  const auto key = RsaKey::from_jwk(jwk.at("n").as_string(), jwk.at("e").as_string());
  ASSERT_TRUE(key);
  const auto accepted = [&](const std::string& token) {
    const auto jwt = parse_jwt(token);
    return jwt && key->signed_this(jwt->signed_text, jwt->signature);
  };
  EXPECT_TRUE(accepted(good));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(accepted(good.substr(0, size))) << size;
  std::mt19937 random(7);  // the same changes in every run
  for (int i = 0; i < 2'000; ++i) {
    std::string changed = good;
    const std::size_t at = random() % changed.size();
    const char was = changed[at];
    changed[at] = static_cast<char>(random());
    if (changed[at] != was) {
      EXPECT_FALSE(accepted(changed)) << "at " << at;
    }
  }
}

TEST(RsaKeyTest, TellsWhoSigned) {
  const json::object jwk = key_one().jwk("k1");
  const auto key = RsaKey::from_jwk(jwk.at("n").as_string(), jwk.at("e").as_string());
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->signed_this("text", key_one().sign("text")));
  EXPECT_FALSE(key->signed_this("text.", key_one().sign("text")));
  EXPECT_FALSE(key->signed_this("text", test::key_two().sign("text")));
  EXPECT_FALSE(key->signed_this("text", ""));
  EXPECT_FALSE(key->signed_this("text", key_one().sign("text") + "x"));
  EXPECT_FALSE(key->signed_this("text", std::string(256, '\0')));
  EXPECT_FALSE(key->signed_this("text", "\x01" + std::string(255, '\0')));
}

TEST(RsaKeyTest, RefusesWhatIsNoKeyOrAWeakOne) {
  const json::object strong = key_one().jwk("k1");
  const json::object weak = test::weak_key().jwk("k1");
  const std::string n(strong.at("n").as_string());
  const auto made = [](std::string_view modulus, std::string_view exponent) {
    return RsaKey::from_jwk(modulus, exponent).has_value();
  };
  EXPECT_TRUE(made(n, "AQAB"));
  EXPECT_FALSE(made(weak.at("n").as_string(), "AQAB"));
  EXPECT_FALSE(made(n, "AQ")) << "with an exponent of 1 everything is its own signature";
  EXPECT_FALSE(made(n, "AA"));
  EXPECT_FALSE(made(n, "Ag"));
  EXPECT_FALSE(made(n, ""));
  EXPECT_FALSE(made("", "AQAB"));
  EXPECT_FALSE(made(n + "=", "AQAB"));
  EXPECT_FALSE(made(n, base64url(std::string(64, '\x01'))));
  EXPECT_FALSE(made(base64url(std::string(4096, '\x7f')), "AQAB"));
}

}  // namespace
}  // namespace bridge::identity
