// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "bridge/net/http.hpp"

namespace bridge::net {
namespace {

TEST(HeadersTest, NamesCompareWithoutCase) {
  Headers headers;
  headers.add("X-One", "1");
  headers.add("x-one", "2");
  EXPECT_EQ(headers.get("X-ONE"), "1");
  EXPECT_EQ(headers.count("x-One"), 2u);
  headers.set("x-oNe", "3");
  EXPECT_EQ(headers.count("X-One"), 1u);
  EXPECT_EQ(headers.get("X-One"), "3");
  headers.remove("X-ONE");
  EXPECT_FALSE(headers.has("x-one"));
  EXPECT_EQ(headers.get("x-one"), "");
}

TEST(PercentTest, EverythingButUnreservedIsEncodedAndComesBack) {
  const std::string text = "a b&c=d/\xC3\xA9^+%~";
  EXPECT_EQ(percent_encode(text), "a%20b%26c%3Dd%2F%C3%A9%5E%2B%25~");
  EXPECT_EQ(percent_decode(percent_encode(text)), text);
}

TEST(PercentTest, BrokenSequencesDecodeToNothing) {
  EXPECT_EQ(percent_decode("%"), std::nullopt);
  EXPECT_EQ(percent_decode("%4"), std::nullopt);
  EXPECT_EQ(percent_decode("a%4x"), std::nullopt);
  EXPECT_EQ(percent_decode("%41"), "A");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("a+b", true), "a b");
}

TEST(RequestTest, QueryParametersAreFoundAndDecoded) {
  Request request;
  request.target = "/poll/x?after=ab%3A7&wait=20&flag&wait=30";
  EXPECT_EQ(request.query("after"), "ab:7");
  EXPECT_EQ(request.query("wait"), "20");
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_EQ(request.query("absent"), std::nullopt);
  request.target = "/poll/x";
  EXPECT_EQ(request.query("after"), std::nullopt);
}

TEST(RequestTest, ACookieIsFoundAmongOthersAndOnlyByItsWholeName) {
  Request request;
  request.headers.add("cookie", "a=1; bridge_session=abc=; xbridge_session=no");
  request.headers.add("Cookie", "late=2");
  EXPECT_EQ(request.cookie("bridge_session"), "abc=");
  EXPECT_EQ(request.cookie("late"), "2");
  EXPECT_EQ(request.cookie("session"), std::nullopt);
}

}  // namespace
}  // namespace bridge::net
