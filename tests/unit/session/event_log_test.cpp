// SPDX-License-Identifier: MIT
#include "bridge/session/event_log.hpp"

#include <gtest/gtest.h>

namespace bridge::session {
namespace {

Event message(std::uint64_t seq, Time at = {}) {
  Event event;
  event.seq = seq;
  event.at = at;
  event.what = RepMessageEvent{
      "text " + std::to_string(seq), "Alex", "m" + std::to_string(seq), "", false, false};
  return event;
}

EventLog log_of(std::uint64_t count) {
  EventLog log;
  for (std::uint64_t seq = 1; seq <= count; ++seq) log.append(message(seq));
  return log;
}

TEST(CursorText, RoundTripsAndRefusesNonsense) {
  EXPECT_EQ(parse_cursor("ab12:7"), (Cursor{"ab12", 7}));
  EXPECT_EQ(to_string(Cursor{"ab12", 7}), "ab12:7");
  for (const char* bad : {"", ":", "7", "ab:", ":7", "ab:x", "ab:7x", "ab:-1", "AB:1", "a b:1",
                          "ab:99999999999999999999999"})
    EXPECT_FALSE(parse_cursor(bad)) << bad;
}

TEST(EventLogReading, IsRepeatableAndExact) {
  const EventLog log = log_of(5);
  for (int again = 0; again < 2; ++again) {
    const auto page = log.read({"e", 3}, "e");
    EXPECT_TRUE(page.recovered);
    ASSERT_EQ(page.events.size(), 2u);
    EXPECT_EQ(page.events[0]->event.seq, 4u);
  }
  EXPECT_TRUE(log.read({"e", 5}, "e").events.empty());
  EXPECT_EQ(log.read({"0", 0}, "e").events.size(), 5u);
}

TEST(EventLogReading, SaysWhenSomethingMayBeMissing) {
  EventLog log = log_of(5);
  EXPECT_FALSE(log.read({"other", 5}, "e").recovered);
  EXPECT_EQ(log.read({"other", 5}, "e").events.size(), 5u);
  EXPECT_FALSE(log.read({"e", 6}, "e").recovered) << "a place that does not exist yet";
  log.drop_before(4);
  EXPECT_TRUE(log.read({"e", 3}, "e").recovered);
  EXPECT_FALSE(log.read({"e", 2}, "e").recovered);
  EXPECT_EQ(log.read({"e", 2}, "e").events.size(), 2u);
  EXPECT_FALSE(log.read({"0", 0}, "e").recovered);
}

TEST(EventLogTrimming, HoldsCountBytesAndAge) {
  LogLimits limits;
  limits.max_events = 3;
  EventLog by_count = log_of(5);
  by_count.trim(limits, Time{});
  EXPECT_EQ(by_count.first_seq(), 3u);

  limits = LogLimits();
  limits.max_bytes = 150;
  EventLog by_bytes = log_of(5);
  by_bytes.trim(limits, Time{});
  EXPECT_LE(by_bytes.bytes(), 150u);
  EXPECT_GE(by_bytes.size(), 1u);

  limits = LogLimits();
  limits.max_age = std::chrono::seconds(10);
  EventLog by_age;
  by_age.append(message(1, Time{}));
  by_age.append(message(2, Time{std::chrono::seconds(100)}));
  by_age.trim(limits, Time{std::chrono::seconds(105)});
  EXPECT_EQ(by_age.first_seq(), 2u);
  by_age.trim(limits, Time{std::chrono::seconds(1000)});
  EXPECT_EQ(by_age.size(), 1u) << "the newest is always kept";
}

/// What a store has read: events 3 to 6, of which those up to `bad` cannot be decoded.
class Frozen final : public ColdEvents {
 public:
  explicit Frozen(std::uint64_t bad = 0) : bad_(bad) {
    extent_.first_seq = 3;
    extent_.last_seq = 6;
    extent_.bytes = 100;
    extent_.first_at = Time(Millis(3));
  }
  bool at_hand() const override { return read; }
  const Extent& extent() const override {
    if (!read) ADD_FAILURE() << "somebody waits";
    return extent_;
  }
  std::vector<LoggedEventPtr> thaw() const override {
    ++thawed;
    std::vector<LoggedEventPtr> all;
    for (std::uint64_t seq = 3; seq <= 6; ++seq)
      if (seq > bad_)
        all.push_back(std::make_shared<const LoggedEvent>(
            message(seq, Time(Millis(static_cast<std::int64_t>(seq))))));
    return all;
  }
  mutable int thawed = 0;
  bool read = true;

 private:
  Extent extent_;
  std::uint64_t bad_;
};

TEST(ColdEventLog, TellsItsBoundsWithoutMakingAnEvent) {
  const auto frozen = std::make_shared<Frozen>();
  EventLog log(frozen, 6);
  EXPECT_EQ(log.first_seq(), 3u);
  EXPECT_EQ(log.last_seq(), 6u);
  EXPECT_EQ(log.size(), 4u);
  EXPECT_EQ(log.bytes(), 100u);
  log.append(message(7, Time(Millis(7))));
  EXPECT_EQ(log.last_seq(), 7u);
  EXPECT_EQ(log.size(), 5u);
  LogLimits roomy;
  log.trim(roomy, Time(Millis(10)));
  log.drop_before(3);
  EXPECT_EQ(frozen->thawed, 0);
}

TEST(ColdEventLog, TakesAndKeepsWhileItIsStillBeingRead) {
  const auto frozen = std::make_shared<Frozen>();
  frozen->read = false;
  EventLog log(frozen, 6);
  EXPECT_FALSE(log.at_hand());
  EXPECT_EQ(log.last_seq(), 6u);
  log.append(message(7, Time(Millis(7))));
  LogLimits tight;
  tight.max_events = 1;
  log.trim(tight, Time(Millis(10)));
  log.drop_before(0);
  frozen->read = true;
  EXPECT_TRUE(log.at_hand());
  EXPECT_EQ(log.size(), 5u) << "trimmed another time";
  log.trim(tight, Time(Millis(10)));
  EXPECT_EQ(log.first_seq(), 7u);
}

TEST(ColdEventLog, MayTurnOutToBeEmpty) {
  class Nothing final : public ColdEvents {
   public:
    bool at_hand() const override { return true; }
    const Extent& extent() const override { return extent_; }
    std::vector<LoggedEventPtr> thaw() const override { return {}; }

   private:
    Extent extent_;
  };
  EventLog log(std::make_shared<Nothing>(), 6);
  EXPECT_EQ(log.size(), 0u);
  EXPECT_EQ(log.first_seq(), 7u);
  log.append(message(7, Time(Millis(7))));
  EXPECT_EQ(log.first_seq(), 7u);
  log.trim(LogLimits(), Time(Millis(10)));
  EXPECT_FALSE(log.read({"e", 3}, "e").recovered);
  ASSERT_EQ(log.read({"e", 6}, "e").events.size(), 1u);
}

TEST(ColdEventLog, ReadsLikeAnyOther) {
  const auto frozen = std::make_shared<Frozen>();
  EventLog log(frozen, 6);
  EventLog copy = log;
  log.append(message(7));
  const auto page = log.read({"e", 4}, "e");
  EXPECT_TRUE(page.recovered);
  ASSERT_EQ(page.events.size(), 3u);
  EXPECT_EQ(page.events[0]->event.seq, 5u);
  EXPECT_EQ(page.events[2]->event.seq, 7u);
  EXPECT_FALSE(log.read({"e", 1}, "e").recovered);
  EXPECT_EQ(log.find(3)->event.seq, 3u);
  EXPECT_EQ(log.size(), 5u);
  EXPECT_EQ(frozen->thawed, 1);
  std::size_t bytes = 0;
  for (std::uint64_t seq = 3; seq <= 7; ++seq) bytes += log.find(seq)->bytes();
  EXPECT_EQ(log.bytes(), bytes);
  EXPECT_EQ(copy.last_seq(), 6u);
  EXPECT_EQ(copy.read({"e", 2}, "e").events.size(), 4u);
}

TEST(ColdEventLog, IsTrimmedLikeAnyOther) {
  EventLog by_seq(std::make_shared<Frozen>(), 6);
  by_seq.drop_before(5);
  EXPECT_EQ(by_seq.first_seq(), 5u);
  EXPECT_EQ(by_seq.size(), 2u);
  EventLog by_count(std::make_shared<Frozen>(), 6);
  LogLimits limits;
  limits.max_events = 1;
  by_count.trim(limits, Time(Millis(6)));
  EXPECT_EQ(by_count.first_seq(), 6u);
  EventLog by_age(std::make_shared<Frozen>(), 6);
  by_age.trim(LogLimits(), Time(Millis(5)) + std::chrono::hours(24));
  EXPECT_EQ(by_age.first_seq(), 5u);
}

TEST(ColdEventLog, WhatStandsBeforeAnUnreadableEventCountsAsTrimmed) {
  EventLog some(std::make_shared<Frozen>(4), 6);
  EXPECT_FALSE(some.read({"e", 3}, "e").recovered);
  EXPECT_TRUE(some.read({"e", 4}, "e").recovered);
  EXPECT_EQ(some.first_seq(), 5u);
  EXPECT_EQ(some.find(4), nullptr);
  EventLog none(std::make_shared<Frozen>(6), 6);
  EXPECT_TRUE(none.read({"0", 0}, "e").events.empty());
  EXPECT_EQ(none.last_seq(), 6u);
  EXPECT_EQ(none.size(), 0u);
  none.trim(LogLimits(), Time(Millis(9)));
  none.append(message(7));
  EXPECT_FALSE(none.read({"e", 5}, "e").recovered);
  EXPECT_EQ(none.read({"e", 6}, "e").events.size(), 1u);
}

TEST(Frames, AreThoseThatPagesKnow) {
  Event event;
  event.seq = 4;
  event.what =
      RepMessageEvent{"say \"hi\"", "Alex Rep", "abc", "2026-04-01 10:00:00", false, false};
  EXPECT_EQ(
      render(event),
      R"({"type":"message","from":"rep","rep_name":"Alex Rep","text":"say \"hi\"","id":"abc","sent_at":"2026-04-01 10:00:00","seq":4})");
  event.what = StatusEvent{State::closed, "", "", CloseReason::abandoned};
  EXPECT_EQ(render(event), R"({"type":"status","state":"closed","reason":"abandoned","seq":4})");
  event.what = ReceiptEvent{"c1", Delivery::unknown};
  EXPECT_EQ(render(event),
            R"({"type":"receipt","client_message_id":"c1","status":"unknown","seq":4})");
  EXPECT_FALSE(shown_to_plain_readers(event));
  EXPECT_EQ(render_typing("Alex Rep"), R"({"type":"typing","rep_name":"Alex Rep"})");
}

}  // namespace
}  // namespace bridge::session
