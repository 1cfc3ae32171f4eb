// SPDX-License-Identifier: MIT
// A message whose fate is unknown is asked about until it is known: DESIGN P7.
#include "unit/session/script.hpp"

namespace bridge::session {
namespace {

std::uint64_t lost(Script& s, std::string text = "one", std::string id = "c1") {
  const auto send = s.user_says(std::move(text), std::move(id)).send_id;
  s.not_sent(send, Errc::timed_out, Outcome::unknown);
  return send;
}

TEST(Settle, AnUnknownOutcomeIsAskedAboutAtOnce) {
  Script s;
  s.live();
  const auto send = lost(s);
  ASSERT_EQ(s.effects<SettleSend>().size(), 1u);
  EXPECT_EQ(s.effects<SettleSend>()[0].client_message_id, "c1");
  EXPECT_EQ(s.effects<SettleSend>()[0].text, "one");
  s.settled(send, true);
  EXPECT_EQ(s.receipts(), (Texts{"c1 unknown", "c1 delivered"}));
  EXPECT_TRUE(s.session.own_messages.contains("own-" + std::to_string(send)));
  EXPECT_FALSE(has_unfinished_work(s.session));
  EXPECT_EQ(s.user_says("one", "c1").verdict, Verdict::already) << "a repeat gets that answer";
}

TEST(Settle, WhatIsNotThereIsFailedAndMayBeSaidAnew) {
  Script s;
  s.live();
  s.settled(lost(s), false);
  EXPECT_EQ(s.receipts(), (Texts{"c1 unknown", "c1 failed"}));
  s.user_says("one", "c1");
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_NE(s.effects<SendMessage>()[0].client_message_id, "c1")
      << "an id that was withdrawn is never taken again";
}

TEST(Settle, TheNextMessageWaitsSoThatItDoesNotOvertake) {
  Script s;
  s.live();
  const auto send = lost(s);
  s.user_says("two", "c2");
  EXPECT_TRUE(s.effects<SendMessage>().empty());
  s.settled(send, true);
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "two");
}

TEST(Settle, IsTriedAgainUntilThereIsAnAnswerAndSoonerIfSomebodyWaits) {
  Script s;
  s.live();
  const auto send = lost(s);
  for (int i = 0; i < 6; ++i) {
    s.not_settled(send, Errc::unreachable);
    const Time due = s.session.sends.back().settle_at;
    ASSERT_LE(due, s.now + s.policy.longest_settle_pause);
    s.pass(due - s.now - Millis(1));
    s.tick();
    EXPECT_TRUE(s.effects<SettleSend>().empty());
    s.pass(Millis(1));
    s.tick();
    ASSERT_EQ(s.effects<SettleSend>().size(), 1u);
  }
  s.not_settled(send, Errc::unreachable);
  s.user_says("two", "c2");
  EXPECT_LE(next_due(s.session, {1, s.now}, s.policy, s.now), s.now + s.policy.settle_pause);
  s.pass(s.policy.settle_pause);
  s.tick();
  EXPECT_EQ(s.effects<SettleSend>().size(), 1u);
  s.settled(send, false);
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
}

TEST(Settle, AnAnswerThatWillNeverBeAnotherEndsTheAsking) {
  Script s;
  s.live();
  const auto send = lost(s);
  s.user_says("two", "c2");
  s.not_settled(send, Errc::upstream_path);
  EXPECT_FALSE(s.session.sends.front().settling);
  EXPECT_EQ(s.effects<SendMessage>().size(), 1u) << "nobody waits for ever behind it";
  EXPECT_EQ(s.receipts(), Texts{"c1 unknown"});
}

TEST(Settle, ARepeatWhileItIsBeingAskedIsToldThatNobodyKnowsYet) {
  Script s;
  s.live();
  const auto send = lost(s);
  EXPECT_EQ(s.user_says("one", "c1").verdict, Verdict::unknown_outcome);
  s.not_settled(send, Errc::unreachable);
  s.user_says("one", "c1");
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u)
      << "our script answers with the row if it is there";
  EXPECT_EQ(s.effects<SendMessage>()[0].client_message_id, "c1");
}

TEST(Settle, AnIdThatTurnsOutToBeWithdrawnIsReplaced) {
  Script s;
  s.live();
  const auto send = s.user_says("one", "c1").send_id;
  s.not_sent(send, Errc::conflict, Outcome::failed);
  EXPECT_EQ(s.receipts(), Texts{"c1 failed"});
  s.user_says("one", "c1");
  EXPECT_EQ(s.effects<SendMessage>().at(0).client_message_id, "c1~2");
}

TEST(Settle, WhatWasInFlightLongAgoIsAskedAboutInsteadOfSent) {
  Script s;
  s.live();
  s.user_says("one", "c1");
  s.user_says("two", "c2");
  s.pass(s.policy.send_deadline + Millis(1));
  s.given(Restarted{});
  EXPECT_TRUE(s.effects<SendMessage>().empty());
  ASSERT_EQ(s.effects<SettleSend>().size(), 1u);
  EXPECT_TRUE(s.receipts().empty()) << "nobody has been told anything yet";
  s.settled(s.effects<SettleSend>()[0].send_id, true);
  EXPECT_EQ(s.receipts(), Texts{"c1 delivered"});
}

TEST(Settle, NobodyIsToldFailedOverADoubt) {
  // The dead process's call may have come through, whatever becomes of the one that is made now.
  Script resumed;
  resumed.live();
  const auto send = resumed.user_says("one", "c1").send_id;
  resumed.given(Restarted{});
  resumed.not_sent(send, Errc::unreachable, Outcome::failed);
  EXPECT_EQ(resumed.receipts(), Texts{"c1 unknown"});
  EXPECT_EQ(resumed.effects<SettleSend>().size(), 1u);

  // A repeat of an unknown one that waits until its time is over, or its chat.
  for (const bool closed : {false, true}) {
    Script s;
    s.live();
    const auto first = lost(s);
    s.not_settled(first, Errc::unreachable);
    s.user_says("before it", "c0");
    s.user_says("one", "c1");
    if (closed) {
      s.given(End{});
    } else {
      s.pass(s.policy.send_deadline);
      s.tick();
    }
    for (const std::string& receipt : s.receipts()) EXPECT_NE(receipt, "c1 failed");
    ASSERT_EQ(s.effects<SettleSend>().size(), 1u);
    s.settled(s.session.sends.back().id, false);
    EXPECT_EQ(s.receipts().back(), "c1 failed");
  }
}

TEST(Settle, GoesOnAfterARestart) {
  Script s;
  s.live();
  lost(s);
  s.given(Restarted{});
  s.tick();
  EXPECT_EQ(s.effects<SettleSend>().size(), 1u);
}

TEST(Settle, IsOverOnceTheSendIsAnsweredByAnotherProcess) {
  Script s;
  s.live();
  const auto send = s.user_says("one", "c1").send_id;
  s.pass(s.policy.send_deadline + Millis(1));
  s.given(Restarted{});
  ASSERT_EQ(s.effects<SettleSend>().size(), 1u);
  s.sent(send);
  EXPECT_EQ(s.receipts(), Texts{"c1 delivered"});
  EXPECT_FALSE(has_unfinished_work(s.session));
  s.settled(send, true);
  EXPECT_EQ(s.receipts(), Texts{"c1 delivered"}) << "it is told once";
}

TEST(Settle, ALostMessageOfAnEarlierChatIsFoundOutThere) {
  Script s;
  s.live();
  const auto send = lost(s);
  const std::string conversation = s.session.chat.conversation_sys_id;
  s.not_settled(send, Errc::unreachable);
  s.given(End{});
  s.queued();
  s.pass(s.policy.settle_pause * 2);
  s.tick();
  ASSERT_EQ(s.effects<SettleSend>().size(), 1u);
  EXPECT_EQ(s.effects<SettleSend>()[0].chat.conversation_sys_id, conversation);
  s.user_says("in the new chat", "c9");
  EXPECT_EQ(s.effects<SendMessage>().size(), 1u) << "it stands before nothing here";
}

TEST(Settle, OldInstallationsCannotBeAsked) {
  Script s;
  s.live(1);
  lost(s);
  EXPECT_TRUE(s.effects<SettleSend>().empty());
  s.pass(std::chrono::minutes(10));
  s.tick();
  EXPECT_TRUE(s.effects<SettleSend>().empty());
}

}  // namespace
}  // namespace bridge::session
