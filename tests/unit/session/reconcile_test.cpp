// SPDX-License-Identifier: MIT
// The agent's side is read where webhooks may have been lost: DESIGN P6.
#include "unit/session/script.hpp"

namespace bridge::session {
namespace {

AgentEvent closed_after(const Script& s, std::optional<std::int64_t> last) {
  AgentEvent event = s.row("");
  event.kind = AgentEvent::Kind::closed;
  event.last_sequence = last;
  return event;
}

/// A live chat in which `pause` has passed without a word, with a reader.
void fall_silent(Script& s) {
  s.live();
  s.pass(s.policy.reconcile_after * 2);
  s.tick();
}

TEST(Reconcile, IsAskedForAfterSilenceWhileSomebodyReads) {
  Script s;
  s.live();
  s.tick();
  EXPECT_TRUE(s.effects<Reconcile>().empty());
  s.pass(s.policy.reconcile_after * 2);
  s.last_seen = s.now - std::chrono::minutes(1);
  s.tick(0);
  EXPECT_TRUE(s.effects<Reconcile>().empty()) << "nobody is there to be told";
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  s.tick();
  EXPECT_TRUE(s.effects<Reconcile>().empty()) << "one at a time";
}

TEST(Reconcile, IsDueWhenTheTimerIsToldSo) {
  Script s;
  s.live();
  const Presence reader{1, s.now};
  s.pass(next_due(s.session, reader, s.policy, s.now) - s.now);
  s.tick();
  while (s.effects<Reconcile>().empty()) {
    const Time due = next_due(s.session, reader, s.policy, s.now);
    ASSERT_GT(due, s.now);
    ASSERT_LT(due, s.now + s.policy.reconcile_longest);
    s.pass(due - s.now);
    s.tick();
  }
}

TEST(Reconcile, AWebhookPutsItOff) {
  Script s;
  s.live();
  for (int i = 1; i < 10; ++i) {
    s.pass(s.policy.reconcile_after / 2);
    s.said(s.sequenced("text", "m" + std::to_string(i), i, i - 1));
    s.tick();
    EXPECT_TRUE(s.effects<Reconcile>().empty()) << i;
  }
}

TEST(Reconcile, ThePauseGrowsWhileNothingIsFoundAndShrinksWhenSomethingIs) {
  Script s;
  fall_silent(s);
  Millis last{0};
  for (int i = 0; i < 3; ++i) {
    s.given(s.read({}));
    const Millis pause = s.session.reconciling.next - s.now;
    EXPECT_GT(pause, last);
    last = pause;
    s.pass(pause);
    s.tick();
    ASSERT_EQ(s.effects<Reconcile>().size(), 1u) << i;
  }
  s.given(s.read({s.sequenced("lost", "m1", 1, 0)}));
  EXPECT_LT(s.session.reconciling.next - s.now, last);
  EXPECT_LE(s.session.reconciling.next - s.now, s.policy.reconcile_after * 9 / 8);
}

TEST(Reconcile, NeverWaitsLongerThanTheLongestPause) {
  Script s;
  fall_silent(s);
  s.session.reconciling.quiet = 1000;
  s.given(s.read({}));
  EXPECT_LE(s.session.reconciling.next - s.now, s.policy.reconcile_longest * 9 / 8);
}

TEST(Reconcile, ComesSoonAgainForSomebodyWhoWaitsForAnAnswer) {
  Script s;
  fall_silent(s);
  s.session.reconciling.quiet = 8;
  s.given(s.read({}));
  ASSERT_GT(s.session.reconciling.next - s.now, s.policy.reconcile_after * 2);
  s.user_says("are you there?", "c1");
  EXPECT_LT(s.session.reconciling.next - s.now, s.policy.reconcile_after * 2);
}

TEST(Reconcile, StaysWatchfulInAChatWhoseWebhooksGotLost) {
  Script s;
  fall_silent(s);
  s.given(s.read({s.sequenced("lost", "m1", 1, 0)}));
  for (int i = 0; i < 6; ++i) {
    s.pass(s.session.reconciling.next - s.now);
    s.tick();
    ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
    s.given(s.read({}));
    EXPECT_LT(s.session.reconciling.next - s.now, s.policy.reconcile_after * 3);
  }
}

TEST(Reconcile, WhatNoWebhookToldIsShownOnceAndInOrder) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 3, 0));
  fall_silent(s);
  s.given(s.read({s.sequenced("one", "m1", 3, 0), s.sequenced("two", "m2", 5, 3),
                  s.sequenced("three", "m3", 9, 5)}));
  EXPECT_EQ(s.shown(), (Texts{"one", "two", "three"}));
  EXPECT_TRUE(s.counted("reconcile_recovered"));
  EXPECT_TRUE(s.counted("reconcile_known"));
  s.said(s.sequenced("two", "m2", 5, 3));
  EXPECT_EQ(s.shown().size(), 3u) << "the webhook that comes after all is a repeat";
}

TEST(Reconcile, AsksAgainFromWhereItWasCompleteTheTimeBefore) {
  Script s;
  fall_silent(s);
  EXPECT_EQ(s.effects<Reconcile>().at(0).after, 0);
  s.given(s.read({s.sequenced("one", "m1", 3, 0)}));
  const auto again = [&] {
    s.pass(s.policy.reconcile_longest * 2);
    s.tick();
    return s.effects<Reconcile>().at(0).after;
  };
  EXPECT_EQ(again(), 0) << "a row may become visible late";
  s.given(s.read({s.sequenced("one", "m1", 3, 0), s.sequenced("two", "m2", 5, 3)}));
  EXPECT_EQ(again(), 3);
  s.given(s.read({s.sequenced("two", "m2", 5, 3)}));
  EXPECT_EQ(again(), 5);
  EXPECT_EQ(s.shown(), (Texts{"one", "two"}));
}

TEST(Reconcile, ReadsOnWhereOneAnswerDidNotHoldAll) {
  Script s;
  fall_silent(s);
  Reconciled page = s.read({s.sequenced("one", "m1", 3, 0)});
  page.more = true;
  s.given(page);
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  EXPECT_EQ(s.effects<Reconcile>()[0].after, 3);
  s.given(s.read({s.sequenced("two", "m2", 5, 3)}));
  EXPECT_EQ(s.shown(), (Texts{"one", "two"}));
}

TEST(Reconcile, FillsAGapBeforeWhatWaitsBehindIt) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 1, 0));
  s.said(s.sequenced("three", "m3", 3, 2));
  s.pass(s.policy.reorder_wait);
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  EXPECT_EQ(s.shown(), Texts{"one"});
  s.given(s.read({s.sequenced("one", "m1", 1, 0), s.sequenced("two", "m2", 2, 1),
                  s.sequenced("three", "m3", 3, 2)}));
  EXPECT_EQ(s.shown(), (Texts{"one", "two", "three"}));
  EXPECT_EQ(s.history.back().find("\"late\""), std::string::npos);
}

TEST(Reconcile, AGapThatIsNoneIsShownOver) {
  Script s;
  s.live();
  s.said(s.sequenced("three", "m3", 3, 2));
  s.pass(s.policy.reorder_wait);
  s.tick();
  // The row before it was removed on the instance.
  s.given(s.read({s.sequenced("three", "m3", 3, 2)}));
  EXPECT_EQ(s.shown(), Texts{"three"});
}

TEST(Reconcile, AFoundRowThatOthersHaveOvertakenIsMarkedLate) {
  Script s;
  s.live();
  s.said(s.sequenced("three", "m3", 3, 2));
  s.pass(s.policy.reorder_wait);
  s.tick();
  s.given(s.unread());
  EXPECT_EQ(s.shown(), Texts{"three"});
  s.pass(s.policy.reconcile_longest);
  s.tick();
  s.given(s.read({s.sequenced("two", "m2", 2, 0), s.sequenced("three", "m3", 3, 2)}));
  EXPECT_EQ(s.shown(), (Texts{"three", "two"})) << "later, but not lost";
  EXPECT_NE(s.history.back().find("\"late\":true"), std::string::npos);
}

TEST(Reconcile, FindsThatAnAgentHasJoinedAndThatItIsOver) {
  Script s;
  s.queued();
  s.pass(s.policy.reconcile_after * 2);
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u)
      << "the rule that tells of the agent may be lost too";
  Reconciled joined = s.read({});
  joined.with_agent = true;
  joined.agent_name = "Alex Rep";
  joined.agent_sys_id = kAgent;
  s.given(joined);
  EXPECT_EQ(s.session.state, State::live);
  EXPECT_EQ(s.session.chat.rep_name, "Alex Rep");
  s.pass(s.policy.reconcile_longest);
  s.tick();
  Reconciled over = s.read({s.sequenced("bye", "m1", 1, 0)});
  over.over = true;
  over.reason = CloseReason::abandoned;
  s.given(over);
  EXPECT_EQ(s.shown(), Texts{"bye"});
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_EQ(s.session.close_reason, CloseReason::abandoned);
  EXPECT_FALSE(has_unfinished_work(s.session)) << "it has been read to its end";
}

TEST(Reconcile, ACloseThatOvertookAReplyThatNeverComesReadsIt) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 1, 0));
  s.said(closed_after(s, 2));
  s.pass(next_due(s.session, {1, s.now}, s.policy, s.now) - s.now);
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  EXPECT_EQ(s.session.state, State::live);
  s.given(s.read({s.sequenced("one", "m1", 1, 0), s.sequenced("bye", "m2", 2, 1)}));
  EXPECT_EQ(s.shown(), (Texts{"one", "bye"}));
  EXPECT_EQ(s.session.state, State::closed);
}

TEST(Reconcile, ACloseIsNotHeldLongerThanTheCloseWait) {
  Script s;
  s.live();
  s.said(closed_after(s, 2));
  s.pass(s.policy.close_wait);
  s.tick();
  EXPECT_EQ(s.session.state, State::closed);
  s.pass(s.policy.settle_pause);
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  s.given(s.read({s.sequenced("bye", "m2", 2, 0)}));
  EXPECT_EQ(s.shown(), Texts{"bye"}) << "shown after the close, but shown";
}

TEST(Reconcile, AGapThatWasShownOverWhileAReadHungIsReadWhenTheChatIsOver) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 1, 0));
  s.said(s.sequenced("three", "m3", 3, 2));
  s.pass(s.policy.reorder_wait);
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  s.pass(s.policy.reconcile_wait);
  s.tick();
  EXPECT_EQ(s.shown(), (Texts{"one", "three"})) << "nothing is held back for ever";
  s.given(s.unread());
  s.said(closed_after(s, 3));
  EXPECT_EQ(s.session.state, State::closed) << "the last row is there";
  s.pass(s.policy.settle_pause);
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u) << "but not the second";
  s.given(s.read({s.sequenced("two", "m2", 2, 1)}));
  EXPECT_EQ(s.shown(), (Texts{"one", "three", "two"}));
}

TEST(Reconcile, ACompleteCloseAsksNothing) {
  Script s;
  s.live();
  s.said(s.sequenced("bye", "m1", 1, 0));
  s.said(closed_after(s, 1));
  EXPECT_EQ(s.session.state, State::closed);
  s.pass(std::chrono::hours(1));
  s.tick();
  EXPECT_TRUE(s.effects<Reconcile>().empty());
}

TEST(Reconcile, AChatThatTheUserEndedIsReadOnceItHasEnded) {
  Script s;
  s.live();
  s.given(End{});
  EndAnswered ended;
  ended.key = s.session.chat.key;
  s.given(ended);
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  s.given(s.read({s.sequenced("one moment", "m1", 1, 0)}));
  EXPECT_EQ(s.shown(), Texts{"one moment"});
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_FALSE(has_unfinished_work(s.session));
}

TEST(Reconcile, TheEndOfAChatIsReadAgainUntilItCouldBe) {
  Script s;
  s.live();
  InteractionAnswered over;
  over.chat_number = 1;
  over.over = true;
  s.given(over);
  int reads = 0;
  for (int i = 0; i < 200; ++i) {
    s.pass(std::chrono::seconds(60));
    s.tick(0);
    if (s.effects<Reconcile>().empty()) continue;
    ++reads;
    s.given(s.unread());
  }
  EXPECT_GE(reads, s.policy.last_reconciles);
  EXPECT_LT(reads, 20) << "and not for ever";
  EXPECT_FALSE(has_unfinished_work(s.session));
}

TEST(Reconcile, ARecheckReadsWhateverIsOpen) {
  Script s;
  s.live();
  s.given(Recheck{});
  EXPECT_EQ(s.effects<Reconcile>().size(), 1u);
  s.given(Recheck{});
  EXPECT_TRUE(s.effects<Reconcile>().empty()) << "one is on its way";
  s.given(s.read({}));
  EXPECT_EQ(s.effects<Reconcile>().size(), 1u) << "but it may have left too early for the second";
  Recheck first;
  first.once_more = false;
  s.given(first);
  s.given(s.read({}));
  EXPECT_TRUE(s.effects<Reconcile>().empty()) << "the one on its way was as good";
  s.given(first);
  EXPECT_EQ(s.effects<Reconcile>().size(), 1u);
}

TEST(Reconcile, ARestartStoresNothingForAChatThatWasQuiet) {
  Script s;
  s.live();
  EXPECT_FALSE(may_be_interrupted(s.session));
  EXPECT_FALSE(s.given(Restarted{}).changed) << "thousands are found at once";
  EXPECT_TRUE(s.last.effects.empty());
  EXPECT_TRUE(wants_recheck(s.session)) << "but it is read soon";
}

TEST(Reconcile, ARestartForgetsWhoeverWasReading) {
  Script s;
  s.live();
  s.given(Recheck{});
  s.given(Recheck{});
  EXPECT_FALSE(may_be_interrupted(s.session)) << "nobody has to wait for that";
  EXPECT_TRUE(is_being_read(s.session));
  Recheck first;
  first.once_more = false;
  EXPECT_FALSE(s.given(first).changed) << "who was reading is still there";
  first.reader_gone = true;
  s.given(first);
  EXPECT_EQ(s.effects<Reconcile>().size(), 1u);
  s.given(s.read({}));
  EXPECT_TRUE(s.effects<Reconcile>().empty()) << "who wanted it once more is gone too";
  EXPECT_FALSE(is_being_read(s.session));
}

TEST(Reconcile, AReaderThatIsGoneIsForgottenWithAChatThatIsOverToo) {
  Script s;
  s.live();
  s.given(Recheck{});
  s.session.state = State::closed;
  Recheck first;
  first.reader_gone = true;
  EXPECT_TRUE(s.given(first).changed);
  EXPECT_TRUE(s.effects<Reconcile>().empty());
  EXPECT_FALSE(is_being_read(s.session));
}

TEST(Reconcile, ARestartThatResumesForgetsWhoeverWasReading) {
  Script s;
  s.live();
  s.given(Recheck{});
  UserMessage said;
  said.text = "is anybody there";
  said.client_message_id = "c1";
  s.given(said);
  EXPECT_TRUE(may_be_interrupted(s.session));
  EXPECT_TRUE(s.given(Restarted{}).changed);
  EXPECT_TRUE(s.effects<Reconcile>().empty()) << "people are served first";
  s.given(Recheck{});
  EXPECT_EQ(s.effects<Reconcile>().size(), 1u);
}

TEST(Reconcile, TheLastWordsThatWereBeingReadAtACrashAreReadAfterIt) {
  Script s;
  s.live();
  s.given(End{});
  EndAnswered ended;
  ended.key = s.session.chat.key;
  s.given(ended);
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  EXPECT_TRUE(s.given(Restarted{}).changed);
  EXPECT_TRUE(wants_recheck(s.session));
  s.given(Recheck{});
  EXPECT_EQ(s.effects<Reconcile>().size(), 1u);
}

TEST(Reconcile, ManyWebhooksAreComparedBeforeTheirIdsAreForgotten) {
  Script s;
  s.live();
  bool asked = false;
  for (int i = 1; i <= 100 && !asked; ++i) {
    s.said(s.sequenced("text", "m" + std::to_string(i), i, i - 1));
    asked = !s.effects<Reconcile>().empty();
  }
  EXPECT_TRUE(asked);
}

TEST(Reconcile, TheLastWordsOfAnEarlierChatAreReadAlthoughTheNextHasBegun) {
  Script s;
  s.live();
  s.given(End{});
  s.escalate();
  EndAnswered ended;
  ended.key = kSid;
  s.given(ended);
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  EXPECT_EQ(s.effects<Reconcile>()[0].chat.conversation_sys_id, "conv1");
  Reconciled failed = s.unread();
  failed.chat_number = 1;
  failed.owed = true;
  s.given(failed);
  s.given(Restarted{});
  s.pass(std::chrono::minutes(1));
  s.tick();
  Reconciled last = s.read({s.sequenced("one moment", "m1", 1, 0)});
  last.chat_number = 1;
  last.owed = true;
  s.given(last);
  EXPECT_EQ(s.shown(), Texts{"one moment"});
  EXPECT_EQ(s.session.state, State::opening);
  EXPECT_TRUE(s.session.owed_reads.empty());
}

TEST(Reconcile, AReadBeforeTheEndGotThroughIsNotTheLast) {
  Script s;
  s.live();
  s.given(End{});
  EndAnswered failed;
  failed.key = kSid;
  failed.error = Error(Errc::unreachable);
  s.given(failed);
  s.pass(s.policy.settle_pause);
  s.tick();
  ASSERT_EQ(s.effects<Reconcile>().size(), 1u);
  s.given(s.read({}));
  EXPECT_EQ(s.session.owed_reads.size(), 1u) << "the agent goes on talking until the end arrives";
}

TEST(Reconcile, ARowThatIsHeldWhenTheChatIsOverIsShownWhenItsTimeIsUp) {
  Script s;
  s.live();
  s.given(End{});
  s.said(s.sequenced("last words", "m9", 9, 8));
  EXPECT_TRUE(s.shown().empty());
  s.pass(s.policy.reorder_wait);
  s.tick();
  EXPECT_EQ(s.shown(), Texts{"last words"});
  EXPECT_GT(next_due(s.session, {1, s.now}, s.policy, s.now), s.now) << "nothing is due for ever";
}

TEST(Reconcile, OldInstallationsAreNotRead) {
  Script s;
  s.live(1);
  s.pass(std::chrono::minutes(5));
  s.tick();
  EXPECT_TRUE(s.effects<Reconcile>().empty());
  s.given(Recheck{});
  EXPECT_TRUE(s.effects<Reconcile>().empty());
  s.said(closed_after(s, std::nullopt));
  s.pass(s.policy.legacy_close_wait);
  s.tick();
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_FALSE(has_unfinished_work(s.session));
}

TEST(Reconcile, OurOwnWordsInItAreEchoes) {
  Script s;
  s.live();
  const auto send = s.user_says("hello", "c1").send_id;
  s.sent(send, {"own"}, 2);
  s.pass(s.policy.reconcile_after * 2);
  s.tick();
  AgentEvent own = s.sequenced("hello", "own", 2, 0);
  own.sender_sys_id = kUser;
  s.given(s.read({own, s.sequenced("hello", "m3", 3, 2)}));
  EXPECT_EQ(s.shown(), Texts{"hello"}) << "the agent may say the same";
}

}  // namespace
}  // namespace bridge::session
