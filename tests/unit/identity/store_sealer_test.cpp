// SPDX-License-Identifier: MIT
#include "bridge/identity/store_sealer.hpp"

#include <gtest/gtest.h>

namespace bridge::identity {
namespace {

const std::string kUrl = "https://signed.example/v3?sig=abc%2B";

std::vector<Secret> keys(std::initializer_list<const char*> texts) {
  std::vector<Secret> secrets;
  for (const char* text : texts) secrets.emplace_back(std::string(text));
  return secrets;
}

TEST(StoreSealerTest, OpensWhatItSealed) {
  const auto sealer = make_sealer(keys({"0123456789abcdef"}));
  for (const std::string& text : {kUrl, std::string(), std::string("x"), std::string("xy"),
                                  std::string("\0\xFF\n", 3), std::string(5000, 'z')}) {
    const auto opened = sealer->open(sealer->seal(Secret(text)));
    ASSERT_TRUE(opened) << text.size();
    EXPECT_EQ(opened->reveal(), text);
  }
}

TEST(StoreSealerTest, TheSealedTextIsPrintableAndTellsNothing) {
  const auto sealer = make_sealer(keys({"0123456789abcdef"}));
  const std::string sealed = sealer->seal(Secret(kUrl));
  EXPECT_EQ(sealed.find("signed"), std::string::npos);
  for (const char c : sealed) EXPECT_TRUE(c > ' ' && c < 0x7F && c != '"' && c != '\\') << c;
  EXPECT_NE(sealed, sealer->seal(Secret(kUrl))) << "a nonce is never used twice";
}

TEST(StoreSealerTest, TheSameTextMakesTheSameKeyEverywhere) {
  const std::string sealed = make_sealer(keys({"0123456789abcdef"}))->seal(Secret(kUrl));
  EXPECT_EQ(make_sealer(keys({"0123456789abcdef"}))->open(sealed)->reveal(), kUrl);
}

TEST(StoreSealerTest, AnotherKeyDoesNotOpenIt) {
  const std::string sealed = make_sealer(keys({"0123456789abcdef"}))->seal(Secret(kUrl));
  const auto opened = make_sealer(keys({"0123456789abcdeF"}))->open(sealed);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(Errc::forbidden));
}

TEST(StoreSealerTest, DuringARotationTheFirstSealsAndBothOpen) {
  const auto old_one = make_sealer(keys({"the old key, long"}));
  const auto both = make_sealer(keys({"the new key, long", "the old key, long"}));
  const auto new_one = make_sealer(keys({"the new key, long"}));
  EXPECT_EQ(both->open(old_one->seal(Secret(kUrl)))->reveal(), kUrl);
  EXPECT_EQ(new_one->open(both->seal(Secret(kUrl)))->reveal(), kUrl);
  EXPECT_FALSE(old_one->open(both->seal(Secret(kUrl))));
}

TEST(StoreSealerTest, WhoeverChangesItIsNoticed) {
  const auto sealer = make_sealer(keys({"0123456789abcdef"}));
  const std::string sealed = sealer->seal(Secret(kUrl));
  for (std::size_t at = 0; at < sealed.size(); ++at) {
    std::string changed = sealed;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    const auto opened = sealer->open(changed);
    // The last base64 digit before padding has bits that say nothing.
    if (opened) {
      EXPECT_TRUE(at + 4 >= sealed.size()) << at;
    }
  }
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(sealer->open(sealed.substr(0, size))) << size;
}

}  // namespace
}  // namespace bridge::identity
