// SPDX-License-Identifier: MIT
// Token buckets by themselves, with the test's own time.
#include "channels/rate_limit.hpp"

#include <gtest/gtest.h>

#include <string>

namespace bridge::channels {
namespace {

using std::chrono::seconds;

const Time kStart{Millis(1'700'000'000'000)};

TokenBuckets::Rate rate(std::uint32_t burst, Millis interval, std::size_t keys = 1'000) {
  TokenBuckets::Rate made;
  made.burst = burst;
  made.interval = interval;
  made.max_keys = keys;
  return made;
}

BucketKey key(std::uint64_t n) { return BucketKey{n, 0}; }

TEST(TokenBucketsTest, ABurstAndThenOneAtATime) {
  TokenBuckets buckets(rate(3, Millis(1'000)));
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(buckets.take(key(1), kStart)) << i;
  EXPECT_EQ(buckets.take(key(1), kStart), seconds(1));
  EXPECT_EQ(buckets.take(key(1), kStart + Millis(999)), seconds(1)) << "refusing costs nothing";
  EXPECT_FALSE(buckets.take(key(1), kStart + Millis(1'000)));
  EXPECT_TRUE(buckets.take(key(1), kStart + Millis(1'000)));
  EXPECT_FALSE(buckets.take(key(1), kStart + Millis(2'000)));
}

TEST(TokenBucketsTest, FillsUpToTheBurstAndNoFurther) {
  TokenBuckets buckets(rate(3, Millis(1'000)));
  EXPECT_FALSE(buckets.take(key(1), kStart));
  const Time later = kStart + std::chrono::hours(1);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(buckets.take(key(1), later)) << i;
  EXPECT_TRUE(buckets.take(key(1), later));
}

TEST(TokenBucketsTest, SaysHowLongToWait) {
  TokenBuckets buckets(rate(5, Millis(12'000)));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(buckets.take(key(1), kStart));
  EXPECT_EQ(buckets.take(key(1), kStart), seconds(12));
  EXPECT_EQ(buckets.take(key(1), kStart + Millis(500)), seconds(12));
  EXPECT_EQ(buckets.take(key(1), kStart + Millis(11'500)), seconds(1));
  EXPECT_FALSE(buckets.take(key(1), kStart + seconds(12)));
}

TEST(TokenBucketsTest, KeysDoNotShare) {
  TokenBuckets buckets(rate(1, Millis(1'000)));
  EXPECT_FALSE(buckets.take(key(1), kStart));
  EXPECT_TRUE(buckets.take(key(1), kStart));
  EXPECT_FALSE(buckets.take(key(2), kStart));
}

TEST(TokenBucketsTest, AskingTakesNothing) {
  TokenBuckets buckets(rate(1, Millis(1'000)));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(buckets.wait(key(1), kStart));
  EXPECT_EQ(buckets.keys(), 0u);
  EXPECT_FALSE(buckets.take(key(1), kStart));
  EXPECT_EQ(buckets.wait(key(1), kStart), seconds(1));
  EXPECT_FALSE(buckets.wait(key(1), kStart + seconds(1)));
}

TEST(TokenBucketsTest, AClockThatWasSetBackCostsOneFilling) {
  TokenBuckets buckets(rate(2, Millis(1'000)));
  EXPECT_FALSE(buckets.take(key(1), kStart));
  const Time before = kStart - std::chrono::hours(1);
  EXPECT_EQ(buckets.wait(key(1), before), seconds(1));
  EXPECT_EQ(buckets.take(key(1), before), seconds(1));
  EXPECT_FALSE(buckets.take(key(1), before + seconds(2)));
}

TEST(TokenBucketsTest, FullOnesAreForgotten) {
  TokenBuckets buckets(rate(3, Millis(1'000)));
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_FALSE(buckets.take(key(i), kStart));
  EXPECT_EQ(buckets.keys(), 100u);
  for (std::uint64_t i = 100; i < 200; ++i)
    EXPECT_FALSE(buckets.take(key(i), kStart + std::chrono::hours(1)));
  EXPECT_EQ(buckets.keys(), 100u);
}

TEST(TokenBucketsTest, TheMapIsBoundedAndTheOldestGoesFirst) {
  TokenBuckets buckets(rate(1, Millis(1'000'000), 10));
  EXPECT_FALSE(buckets.take(key(1), kStart));
  for (std::uint64_t i = 2; i <= 10; ++i) EXPECT_FALSE(buckets.take(key(i), kStart));
  EXPECT_TRUE(buckets.take(key(1), kStart)) << "used again: 2 is the oldest now";
  EXPECT_FALSE(buckets.take(key(11), kStart));
  EXPECT_EQ(buckets.keys(), 10u);
  EXPECT_TRUE(buckets.wait(key(1), kStart));
  EXPECT_FALSE(buckets.wait(key(2), kStart));
  for (std::uint64_t i = 100; i < 10'000; ++i) (void)buckets.take(key(i), kStart);
  EXPECT_EQ(buckets.keys(), 10u);
}

TEST(AddressKeyTest, AnIPv4AddressIsOneKeyHoweverWritten) {
  EXPECT_TRUE(address_key("192.0.2.7"));
  EXPECT_EQ(address_key("192.0.2.7"), address_key("::ffff:192.0.2.7"));
  EXPECT_EQ(address_key("192.0.2.7"), address_key("::FFFF:c000:207"));
  EXPECT_NE(address_key("192.0.2.7"), address_key("192.0.2.8"));
}

TEST(AddressKeyTest, AnIPv6NetworkOf64BitsIsOneKey) {
  EXPECT_EQ(address_key("2001:db8:1:2::1"), address_key("2001:db8:1:2:ffff:eeee:dddd:cccc"));
  EXPECT_NE(address_key("2001:db8:1:2::1"), address_key("2001:db8:1:3::1"));
  EXPECT_NE(address_key("2001:db8:1:2::1"), address_key("192.0.2.7"));
  EXPECT_TRUE(address_key("fe80::1%1"));
}

TEST(AddressKeyTest, GarbageIsNone) {
  for (const char* text :
       {"", " ", "unknown", "_hidden", "192.0.2", "192.0.2.256", "192.0.2.7 ", "192.0.2.7:80",
        "[::1]", "::g", "1:2:3:4:5:6:7:8:9", "localhost", "192.0.2.7\n"})
    EXPECT_FALSE(address_key(text)) << text;
  EXPECT_FALSE(address_key(std::string(10'000, ':')));
  EXPECT_FALSE(address_key(std::string_view("1\0.2.3.4", 8)));
}

TEST(SessionKeyTest, EachSessionHasItsOwn) {
  const std::string a = "0123456789abcdef0123456789abcdef";
  std::string b = a;
  b.back() = 'e';
  EXPECT_EQ(session_key(a), (BucketKey{0x0123456789abcdef, 0x0123456789abcdef}));
  EXPECT_FALSE(session_key(a) == session_key(b));
  EXPECT_EQ(session_key("short"), BucketKey());
}

}  // namespace
}  // namespace bridge::channels
