// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <memory>
#include <set>

#include "bridge/core/clock.hpp"
#include "bridge/core/error.hpp"
#include "bridge/core/random.hpp"
#include "bridge/core/secret.hpp"

namespace bridge {
namespace {

// ---- Error and Result ------------------------------------------------------------------------

TEST(ErrorTest, EveryCodeHasAnIdOfItsOwn) {
  std::set<std::string_view> ids;
  for (int code = 1; code <= static_cast<int>(Errc::internal); ++code) {
    const std::string_view id = id_of(static_cast<Errc>(code));
    EXPECT_FALSE(id.empty()) << code;
    EXPECT_TRUE(ids.insert(id).second) << id;
  }
  EXPECT_EQ(id_of(Errc::invalid_argument), "invalid_argument");
  EXPECT_EQ(id_of(Errc::chat_ended), "chat_ended");
  EXPECT_EQ(id_of(Errc::upstream_asleep), "upstream_asleep");
  EXPECT_EQ(id_of(Errc::internal), "internal");
}

TEST(ErrorTest, ACodeFromOutsideTheEnumerationIsInternal) {
  EXPECT_EQ(id_of(static_cast<Errc>(-1)), "internal");
  EXPECT_EQ(id_of(static_cast<Errc>(10'000)), "internal");
}

TEST(ErrorTest, KnowsWhatItIs) {
  const Error error(Errc::not_found, "session");
  EXPECT_TRUE(error.is(Errc::not_found));
  EXPECT_FALSE(error.is(Errc::forbidden));
  EXPECT_EQ(error.errc(), Errc::not_found);
  EXPECT_EQ(error.to_string(), "not_found: session");
  EXPECT_EQ(Error(Errc::timed_out).to_string(), "timed_out");
}

TEST(ErrorTest, AForeignCodeTravelsUnchangedAndCountsAsInternal) {
  const boost::system::error_code refused = boost::asio::error::connection_refused;
  const Error error(refused, "connect");
  EXPECT_EQ(error.code(), refused);
  EXPECT_EQ(error.errc(), Errc::internal);
  EXPECT_FALSE(error.is(Errc::internal));  // it is not our code, only shown as one
  EXPECT_NE(error.to_string().find(": connect"), std::string::npos);
}

TEST(ErrorTest, CarriesHintOutcomeAndWait) {
  const Error plain(Errc::upstream_failed);
  EXPECT_TRUE(plain.hint().empty());
  EXPECT_EQ(plain.outcome(), Outcome::failed);
  EXPECT_FALSE(plain.retry_after());

  const Error full = Error(Errc::upstream_rate_limited, "open_chat")
                         .with_hint("Wait.")
                         .with_outcome(Outcome::unknown)
                         .with_retry_after(std::chrono::seconds(7));
  EXPECT_EQ(full.context(), "open_chat");
  EXPECT_EQ(full.hint(), "Wait.");
  EXPECT_EQ(full.outcome(), Outcome::unknown);
  EXPECT_EQ(full.retry_after(), std::chrono::seconds(7));
}

Result<std::string> name_or(bool fail) {
  if (fail) return Error(Errc::conflict, "name");
  return std::string("Alex");
}

TEST(ResultTest, HoldsAValueOrAnError) {
  const auto good = name_or(false);
  ASSERT_TRUE(good);
  EXPECT_EQ(*good, "Alex");
  const auto bad = name_or(true);
  ASSERT_FALSE(bad);
  EXPECT_TRUE(bad.error().is(Errc::conflict));
  EXPECT_EQ(bad.error().context(), "name");
}

TEST(ResultTest, VoidIsSuccessUnlessToldOtherwise) {
  const Result<> good;
  EXPECT_TRUE(good);
  const Result<> bad = Error(Errc::overloaded);
  EXPECT_FALSE(bad);
  EXPECT_TRUE(bad.error().is(Errc::overloaded));
}

TEST(ResultTest, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = std::move(*result);
  EXPECT_EQ(*taken, 7);
}

// ---- Time ------------------------------------------------------------------------------------

TEST(TimeTest, IsWrittenAsIso8601InUtcWithMilliseconds) {
  EXPECT_EQ(to_iso8601(Time(Millis(0))), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(Time(Millis(1'775'044'800'123))), "2026-04-01T12:00:00.123Z");
  EXPECT_EQ(to_iso8601(Time(Millis(951'782'399'999))), "2000-02-28T23:59:59.999Z");
  EXPECT_EQ(to_iso8601(Time(Millis(951'782'400'000))), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(to_iso8601(Time(Millis(-1))), "1969-12-31T23:59:59.999Z");
}

TEST(TimeTest, ADeadlineLiesAheadByTheLimit) {
  const auto before = std::chrono::steady_clock::now();
  const Deadline deadline = in(std::chrono::seconds(5));
  const auto after = std::chrono::steady_clock::now();
  EXPECT_GE(deadline, before + std::chrono::seconds(5));
  EXPECT_LE(deadline, after + std::chrono::seconds(5));
}

// ---- Random ids and secrets ------------------------------------------------------------------

TEST(RandomTest, HexHasTwoDigitsPerByteAndNeverRepeats) {
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) {
    const std::string id = random_hex(16);
    EXPECT_TRUE(is_hex(id, 32)) << id;
    EXPECT_TRUE(seen.insert(id).second);
  }
  EXPECT_EQ(random_hex(0), "");
  EXPECT_TRUE(is_hex(random_hex(1000), 2000));  // more than one read of the generator's small chunk
}

TEST(RandomTest, UsesAllDigits) {
  const std::string many = random_hex(2000);
  for (const char digit : std::string("0123456789abcdef"))
    EXPECT_NE(many.find(digit), std::string::npos) << digit;
}

TEST(RandomTest, IsHexWantsLowerCaseAndTheExactLength) {
  EXPECT_TRUE(is_hex("0123456789abcdef", 16));
  EXPECT_TRUE(is_hex("", 0));
  EXPECT_FALSE(is_hex("0123456789abcdef", 15));
  EXPECT_FALSE(is_hex("0123456789abcdef", 17));
  EXPECT_FALSE(is_hex("ABCDEF", 6));
  EXPECT_FALSE(is_hex("12345g", 6));
  EXPECT_FALSE(is_hex("12 456", 6));
  EXPECT_FALSE(is_hex(std::string("1234\0", 5), 5));
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};

TEST(SecretTest, CannotBePrinted) {
  static_assert(!Printable<Secret>);
  const Secret secret("s3cret");
  EXPECT_EQ(secret.reveal(), "s3cret");
  EXPECT_FALSE(secret.empty());
  EXPECT_TRUE(Secret().empty());
}

}  // namespace
}  // namespace bridge
