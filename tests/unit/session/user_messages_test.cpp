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

TEST(UserMessages, AfterAnUnknownOutcomeTheNextMayGoAndARepeatAsks) {
  Script s;
  s.live();
  const auto first = s.user_says("one", "c1").send_id;
  s.user_says("two", "c2");
  s.not_sent(first, Errc::timed_out, Outcome::unknown);
  EXPECT_EQ(s.receipts(), Texts{"c1 unknown"});
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "two");
  s.sent(s.effects<SendMessage>()[0].send_id);
  s.user_says("one", "c1");
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u) << "with our scripts a repeat is harmless";
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

TEST(UserMessageTest, ThatAnEarlierChatHasEndedDoesNotCloseTheNextOne) {
  Script script;
  script.live();
  const std::uint64_t late = script.user_says("still there?", "c1").send_id;
  script.given(End{CloseReason::user_ended});
  script.escalate("again");
  ASSERT_EQ(script.session.state, State::opening);
  script.not_sent(late, Errc::chat_ended, Outcome::failed);
  EXPECT_EQ(script.session.state, State::opening);
  script.given(script.opened());
  EXPECT_EQ(script.session.state, State::queued);
  EXPECT_EQ(script.receipts(), (Texts{"c1 failed", "open-" + kSid + "-2 delivered"}));
}

}  // namespace
}  // namespace bridge::session
