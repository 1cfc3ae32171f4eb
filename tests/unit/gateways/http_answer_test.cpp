// SPDX-License-Identifier: MIT
#include "gateways/http_answer.hpp"

#include <gtest/gtest.h>

namespace bridge::gateways {
namespace {

TEST(Base64Test, AgreesWithTheVectorsOfRfc4648) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64("\xFB\xFF\xBF"), "+/+/");
}

TEST(IsJsonTest, LooksAtTheContentTypeAlone) {
  const auto json = [](std::string_view type) {
    return is_json(net::text_response(200, "{}", type));
  };
  EXPECT_TRUE(json("application/json"));
  EXPECT_TRUE(json("Application/JSON; charset=utf-8"));
  EXPECT_TRUE(json("application/problem+json"));
  EXPECT_FALSE(json("text/json-like"));
  EXPECT_FALSE(json("text/html; x=application/json"));
  EXPECT_FALSE(is_json(net::Response(200)));
}

TEST(ContainsTest, IgnoresCase) {
  EXPECT_TRUE(contains_ignoring_case("Instance Hibernating page", "hibernat"));
  EXPECT_FALSE(contains_ignoring_case("hiber", "hibernat"));
}

}  // namespace
}  // namespace bridge::gateways
