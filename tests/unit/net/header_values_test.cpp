// SPDX-License-Identifier: MIT
#include "bridge/net/header_values.hpp"

#include <gtest/gtest.h>

namespace bridge::net {
namespace {

using std::chrono::seconds;

std::optional<seconds> wait(const std::string& value) {
  Response response;
  response.headers.set("Retry-After", value);
  // Wed, 21 Oct 2015 07:27:00 GMT
  return retry_after(response, Time(seconds(1'445'412'420)));
}

TEST(RetryAfterTest, ReadsSecondsAndEveryFormOfADate) {
  EXPECT_EQ(wait("120"), seconds(120));
  EXPECT_EQ(wait("0"), seconds(0));
  EXPECT_EQ(wait("Wed, 21 Oct 2015 07:28:00 GMT"), seconds(60));
  EXPECT_EQ(wait("Wednesday, 21-Oct-15 07:28:00 GMT"), seconds(60));
  EXPECT_EQ(wait("Wed Oct 21 07:28:00 2015"), seconds(60));
}

TEST(RetryAfterTest, IsNeverNegativeNorLongerThanADay) {
  EXPECT_EQ(wait("-5"), seconds(0));
  EXPECT_EQ(wait("Wed, 21 Oct 2015 07:20:00 GMT"), seconds(0));
  EXPECT_EQ(wait("99999999"), std::chrono::hours(24));
  EXPECT_EQ(wait("Wed, 21 Oct 2035 07:20:00 GMT"), std::chrono::hours(24));
}

TEST(RetryAfterTest, NonsenseIsNothing) {
  for (const char* text : {"", "soon", "12 s", "1.5", "Wed, 21 Oct"})
    EXPECT_FALSE(wait(text)) << text;
  EXPECT_FALSE(retry_after(Response(), Time()));
}

}  // namespace
}  // namespace bridge::net
