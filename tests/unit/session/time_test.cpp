// SPDX-License-Identifier: MIT
#include "script.hpp"

namespace bridge::session {
namespace {

TEST(TimePasses, AReaderKeepsTheChatAwakeOnceAMinute) {
  Script s;
  s.live();
  s.pass(s.policy.touch_interval);
  s.tick(1);
  ASSERT_EQ(s.effects<TouchChat>().size(), 1u);
  EXPECT_FALSE(s.effects<TouchChat>()[0].typing);
  s.pass(std::chrono::seconds(1));
  s.tick(1);
  EXPECT_TRUE(s.effects<TouchChat>().empty());
}

TEST(TimePasses, NobodyReadingMeansNobodyIsKeptWaiting) {
  Script s;
  s.live();
  s.last_seen = s.now;
  s.pass(std::chrono::minutes(5));
  s.tick(0);
  EXPECT_TRUE(s.effects<TouchChat>().empty());
  EXPECT_EQ(s.session.state, State::live);
  s.pass(std::chrono::minutes(5));
  s.tick(0);
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_EQ(s.session.close_reason, CloseReason::abandoned);
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
}

TEST(TimePasses, AnAttachedReaderIsNeverAbandoned) {
  Script s;
  s.live();
  s.pass(std::chrono::hours(5));
  s.tick(1);
  EXPECT_EQ(s.session.state, State::live);
}

TEST(TimePasses, IdleSessionsExpire) {
  Script bot;
  bot.pass(bot.policy.bot_expiry - Millis(1));
  EXPECT_FALSE(bot.tick(0).expired);
  bot.pass(Millis(1));
  EXPECT_TRUE(bot.tick(0).expired);
  EXPECT_FALSE(bot.tick(1).expired) << "somebody has the page open";

  Script closed;
  closed.live();
  closed.given(End{});
  closed.given(EndAnswered{kSid, {}});
  closed.last_seen = closed.now;
  closed.pass(closed.policy.closed_expiry);
  EXPECT_TRUE(closed.tick(0).expired);
}

TEST(TimePasses, AnEndThatFailsIsTriedAgainAndGivenUpInTheEnd) {
  Script s;
  s.live();
  s.given(End{});
  int tries = static_cast<int>(s.effects<EndChat>().size());
  for (int i = 0; i < 50 && !s.session.ends.empty(); ++i) {
    EndAnswered failed{kSid, Error(Errc::unreachable)};
    s.given(failed);
    s.pass(std::chrono::minutes(10));
    s.tick(1);
    tries += static_cast<int>(s.effects<EndChat>().size());
  }
  EXPECT_EQ(tries, s.policy.end_attempts);
  EXPECT_TRUE(s.session.ends.empty());
}

/// A process has just found the session, and has seen nobody yet.
Presence nobody_since(Time start) { return {0, start, true}; }

Decision& tick(Script& s, const Presence& presence) {
  Tick tick;
  tick.presence = presence;
  return s.given(tick);
}

TEST(TimePasses, RestartsDoNotBeginTheWaitForAReaderAnew) {
  Script s;
  s.live();
  s.last_seen = s.now;
  const Time left = s.now;
  s.pass(std::chrono::seconds(30));
  EXPECT_TRUE(s.tick(0).changed) << "whoever polls has been silent for too long to be there";
  EXPECT_EQ(s.session.unread_since, left);
  while (s.now + std::chrono::seconds(5) < left + s.policy.abandoned_after) {
    s.pass(std::chrono::seconds(5));
    tick(s, nobody_since(s.now - std::chrono::seconds(4)));  // each process lives for seconds only
    ASSERT_EQ(s.session.state, State::live);
  }
  s.pass(std::chrono::seconds(5));
  const Presence nobody = nobody_since(s.now);
  tick(s, nobody);
  EXPECT_EQ(s.session.state, State::live) << "pages of the last process had no time to come back";
  EXPECT_EQ(next_due(s.session, nobody, s.policy, s.now), s.now + std::chrono::seconds(3));
  s.pass(std::chrono::seconds(3));
  tick(s, nobody);
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_EQ(s.session.close_reason, CloseReason::abandoned);
}

TEST(TimePasses, WhoeverComesBackIsWaitedForAsLongAsBefore) {
  Script s;
  s.live();
  const Time left = s.now;
  s.pass(s.policy.abandoned_after - Millis(1));
  s.last_seen = left;
  s.tick(0);
  EXPECT_EQ(s.session.unread_since, left);
  s.tick(1);
  EXPECT_EQ(s.session.unread_since, Time{});
  s.last_seen = s.now;
  s.pass(s.policy.abandoned_after - Millis(1));
  s.tick(0);
  EXPECT_EQ(s.session.state, State::live);
  s.pass(Millis(1));
  s.tick(0);
  EXPECT_EQ(s.session.state, State::closed);
}

TEST(TimePasses, AProcessThatFindsNobodyWritesThatDownOncePagesHadTimeToComeBack) {
  Script s;
  s.live();
  const Time start = s.now;
  EXPECT_EQ(next_due(s.session, nobody_since(start), s.policy, s.now),
            start + std::chrono::seconds(3));
  s.pass(std::chrono::seconds(3));
  tick(s, nobody_since(start));
  EXPECT_EQ(s.session.unread_since, start);
  EXPECT_FALSE(tick(s, nobody_since(start)).changed);
}

TEST(TimePasses, NextDueNeverNamesAMomentThatATickLeavesUnchanged) {
  // Whatever is due must be done by the Tick at that time, or the timer would spin.
  Script s;
  s.live();
  s.user_says("one", "c1");
  s.user_says("two", "c2");
  s.said(s.sequenced("held", "m3", 9, 7));
  for (int step = 0; step < 200; ++step) {
    const Presence presence{step % 3 == 0 ? 1u : 0u, s.last_seen};
    const Time due = next_due(s.session, presence, s.policy, s.now);
    if (due == Time::max()) break;
    s.now = std::max(s.now, due);
    Tick tick;
    tick.presence = presence;
    const bool expired = s.given(tick).expired;
    if (expired) break;
    EXPECT_GT(next_due(s.session, presence, s.policy, s.now), s.now) << "step " << step;
  }
}

}  // namespace
}  // namespace bridge::session
