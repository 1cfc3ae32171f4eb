// SPDX-License-Identifier: MIT
#include "script.hpp"

namespace bridge::session {
namespace {

TEST(UserMessages, BeforeAChatThereIsNobodyToSayItTo) {
  Script s;
  EXPECT_EQ(s.user_says("hello", "c1").verdict, Verdict::no_live_chat);
  EXPECT_FALSE(s.last.changed);
}

TEST(UserMessages, AfterTheChatItIsClosed) {
  Script s;
  s.live();
  s.given(End{});
  EXPECT_EQ(s.user_says("hello", "c1").verdict, Verdict::session_closed);
}

TEST(UserMessages, GoOneAtATimeInOrder) {
  Script s;
  s.live();
  s.user_says("one", "c1");
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  const auto first = s.effects<SendMessage>()[0].send_id;
  s.user_says("two", "c2");
  EXPECT_TRUE(s.effects<SendMessage>().empty());
  s.sent(first, {"m1"});
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "two");
  EXPECT_EQ(s.receipts(), Texts{"c1 delivered"});
}

TEST(UserMessages, ARepeatOfADeliveredOneIsAnsweredAndOfAPendingOneJoins) {
  Script s;
  s.live();
  const auto id = s.user_says("one", "c1").send_id;
  EXPECT_EQ(s.user_says("one", "c1").verdict, Verdict::already);
  EXPECT_EQ(s.last.send_id, id);
  s.sent(id);
  EXPECT_EQ(s.user_says("one", "c1").verdict, Verdict::already);
  EXPECT_EQ(s.last.send_id, id);
  EXPECT_FALSE(s.last.changed);
}

TEST(UserMessages, ADeliveredOneIsAnsweredEvenAfterTheEnd) {
  Script s;
  s.live();
  s.sent(s.user_says("one", "c1").send_id);
  s.given(End{});
  EXPECT_EQ(s.user_says("one", "c1").verdict, Verdict::already);
}

TEST(UserMessages, AnotherTextUnderTheSameIdIsRefused) {
  Script s;
  s.live();
  s.user_says("one", "c1");
  EXPECT_EQ(s.user_says("two", "c1").verdict, Verdict::other_text);
}

TEST(UserMessages, AFailedOneMayBeTriedAgainAndIsLoggedOnce) {
  Script s;
  s.live();
  s.not_sent(s.user_says("one", "c1").send_id, Errc::unreachable, Outcome::failed);
  EXPECT_EQ(s.receipts(), Texts{"c1 failed"});
  s.user_says("one", "c1");
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  s.sent(s.effects<SendMessage>()[0].send_id);
  EXPECT_EQ(s.receipts(), (Texts{"c1 failed", "c1 delivered"}));
  std::size_t logged = 0;
  for (const std::string& frame : s.history)
    logged += frame.find("\"from\":\"user\"") != std::string::npos;
  EXPECT_EQ(logged, 1u);
}

TEST(UserMessages, OnAnOldInstallationTheNextGoesAfterAnUnknownOutcome) {
  Script s;
  s.live(1);
  const auto first = s.user_says("one", "c1").send_id;
  s.user_says("two", "c2");
  s.not_sent(first, Errc::timed_out, Outcome::unknown);
  EXPECT_EQ(s.receipts(), Texts{"c1 unknown"});
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "two");
}

TEST(UserMessages, OnAnOldInstallationAnUnknownOutcomeStaysUnknown) {
  Script s;
  s.live(1);
  s.not_sent(s.user_says("one", "c1").send_id, Errc::timed_out, Outcome::unknown);
  EXPECT_EQ(s.user_says("one", "c1").verdict, Verdict::unknown_outcome);
  EXPECT_TRUE(s.effects<SendMessage>().empty());
}

TEST(UserMessages, WhatWasNeverHandedOverFailsAtItsDeadline) {
  Script s;
  s.live();
  s.user_says("one", "c1");
  s.user_says("two", "c2");
  EXPECT_LE(next_due(s.session, {1, s.now}, s.policy, s.now), s.now + s.policy.send_deadline);
  s.pass(s.policy.send_deadline);
  s.tick();
  EXPECT_EQ(s.receipts(), Texts{"c2 failed"});
}

TEST(UserMessages, AreBoundedWhileTheyWait) {
  Script s;
  s.live();
  for (int i = 0; i < 33; ++i)
    EXPECT_EQ(s.user_says("text", "c" + std::to_string(i)).verdict, Verdict::accepted) << i;
  EXPECT_EQ(s.user_says("text", "one more").verdict, Verdict::too_many);

  Script bytes;
  bytes.live();
  bytes.user_says("in flight", "c0");
  EXPECT_EQ(bytes.user_says(std::string(60'000, 'x'), "c1").verdict, Verdict::accepted);
  EXPECT_EQ(bytes.user_says(std::string(10'000, 'x'), "c2").verdict, Verdict::too_many);
}

TEST(UserMessages, TheEndCancelsWhatIsUnsentAndWaitsForWhatIsOnItsWay) {
  Script s;
  s.live();
  const auto first = s.user_says("one", "c1").send_id;
  s.user_says("two", "c2");
  s.given(End{});
  EXPECT_EQ(s.receipts(), Texts{"c2 failed"});
  EXPECT_TRUE(s.effects<EndChat>().empty());
  s.sent(first);
  EXPECT_EQ(s.receipts(), (Texts{"c2 failed", "c1 delivered"}));
  EXPECT_EQ(s.effects<EndChat>().size(), 1u);
}

TEST(UserMessages, ServiceNowSayingThatTheChatHasEndedClosesIt) {
  Script s;
  s.live();
  const auto first = s.user_says("one", "c1").send_id;
  s.user_says("two", "c2");
  s.not_sent(first, Errc::chat_ended, Outcome::failed);
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_EQ(s.receipts(), (Texts{"c1 failed", "c2 failed"}));
  EXPECT_TRUE(s.effects<EndChat>().empty()) << "it has ended there already";
}

TEST(UserMessages, TypingIsPassedOnInALiveChatOnly) {
  Script s;
  s.queued();
  s.given(UserTyping{});
  EXPECT_TRUE(s.effects<TouchChat>().empty());
  s.said(s.row("hello", "m1"));
  s.given(UserTyping{});
  ASSERT_EQ(s.effects<TouchChat>().size(), 1u);
  EXPECT_TRUE(s.effects<TouchChat>()[0].typing);
  EXPECT_FALSE(s.last.changed);
}

TEST(UserMessages, TheLateAnswerOfOneChatDoesNotEndTheNext) {
  Script s;
  s.live();
  s.user_says("are you there?", "c1");
  const std::uint64_t send = s.last.send_id;
  AgentEvent closed = s.row("");
  closed.kind = AgentEvent::Kind::closed;
  closed.last_sequence = 0;
  s.said(closed);
  ASSERT_EQ(s.session.state, State::closed);
  s.escalate();
  s.not_sent(send, Errc::chat_ended, Outcome::failed);
  EXPECT_EQ(s.session.state, State::opening);
  s.given(s.opened());
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_TRUE(s.effects<EndChat>().empty());
}

TEST(UserMessages, TheLateAnswerOfOneChatHasNoPlaceInTheNext) {
  Script s;
  s.live();
  s.user_says("hello?", "c1");
  const std::uint64_t send = s.last.send_id;
  s.given(End{});
  s.escalate();
  s.given(s.opened());
  s.sent(send, {"m9"}, 9);
  EXPECT_FALSE(s.session.sequences.contains(9));
}

TEST(UserMessages, AnEndInFlightAtACrashGoesAgainBehindTheMessageThatWas) {
  Script s;
  s.live();
  s.given(End{});
  s.escalate();
  s.given(s.opened());
  s.user_says("hello", "c1");
  ASSERT_EQ(s.session.ends.size(), 1u);
  EXPECT_TRUE(s.given(Restarted{}).changed);
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_TRUE(s.effects<EndChat>().empty());
  s.sent(s.effects<SendMessage>()[0].send_id);
  EXPECT_EQ(s.effects<EndChat>().size(), 1u);
}

TEST(UserMessages, WhatWasInFlightAtACrashIsSentAgainOnlyWhereThatIsHarmless) {
  Script ours;
  ours.live();
  ours.user_says("hello", "c1");
  ours.given(Restarted{});
  EXPECT_EQ(ours.effects<SendMessage>().size(), 1u);

  Script old;
  old.live(1);
  old.user_says("hello", "c1");
  old.given(Restarted{});
  EXPECT_TRUE(old.effects<SendMessage>().empty());
  EXPECT_EQ(old.receipts(), Texts{"c1 unknown"});
}

}  // namespace
}  // namespace bridge::session
