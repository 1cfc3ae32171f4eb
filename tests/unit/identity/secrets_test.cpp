// SPDX-License-Identifier: MIT
#include "bridge/identity/secrets.hpp"

#include <gtest/gtest.h>

#include "bridge/core/random.hpp"
#include "bridge/identity/tokens.hpp"

namespace bridge::identity {
namespace {

TEST(Sha256Test, AgreesWithThePublishedVectors) {
  // FIPS 180-4 examples.
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(SharedSecretTest, AcceptsNothingWhileNothingIsConfigured) {
  const SharedSecret none;
  EXPECT_FALSE(none.configured());
  EXPECT_FALSE(none.matches(""));
  EXPECT_FALSE(none.matches("anything"));
}

TEST(SharedSecretTest, AnEmptyValueIsNotASecret) {
  const SharedSecret empty({Secret(""), Secret()});
  EXPECT_FALSE(empty.configured());
  EXPECT_FALSE(empty.matches(""));
}

TEST(SharedSecretTest, AcceptsBothValuesDuringARotation) {
  const SharedSecret both({Secret("the-old-secret-value"), Secret("the-new-secret-value")});
  EXPECT_TRUE(both.configured());
  EXPECT_TRUE(both.matches("the-old-secret-value"));
  EXPECT_TRUE(both.matches("the-new-secret-value"));
  EXPECT_FALSE(both.matches("the-old-secret-valuethe-new-secret-value"));
}

TEST(SharedSecretTest, RefusesPrefixesExtensionsAndOtherCase) {
  const SharedSecret secret({Secret("0123456789abcdef")});
  EXPECT_FALSE(secret.matches("0123456789abcde"));
  EXPECT_FALSE(secret.matches("0123456789abcdef "));
  EXPECT_FALSE(secret.matches("0123456789ABCDEF"));
  EXPECT_FALSE(secret.matches(std::string_view("0123456789abcdef\0", 17)));
}

TEST(TokenTest, IsLongRandomAndNeverRepeats) {
  const std::string first = new_token();
  EXPECT_TRUE(is_hex(first, 64)) << first;
  EXPECT_NE(first, new_token());
}

TEST(TokenTest, MatchesItsHashAlone) {
  const std::string token = new_token();
  const std::string stored = token_hash(token);
  EXPECT_NE(stored, token);
  EXPECT_TRUE(token_matches(token, stored));
  EXPECT_FALSE(token_matches(new_token(), stored));
  EXPECT_FALSE(token_matches("", stored));
  // Whoever steals the store cannot present what is in it.
  EXPECT_FALSE(token_matches(stored, stored));
}

TEST(TokenTest, AnEmptyHashMatchesNothing) {
  EXPECT_FALSE(token_matches("", ""));
  EXPECT_FALSE(token_matches(new_token(), ""));
}

}  // namespace
}  // namespace bridge::identity
