// SPDX-License-Identifier: MIT
// Every rule of DESIGN 5.2.
#include "script.hpp"

namespace bridge::session {
namespace {

AgentEvent closed(const Script& s, std::optional<std::int64_t> last_sequence) {
  AgentEvent event = s.row("");
  event.kind = AgentEvent::Kind::closed;
  event.last_sequence = last_sequence;
  return event;
}

TEST(Webhook, AnOldPayloadMakesTheChatLive) {
  Script s;
  s.queued(1);
  AgentEvent row = s.row("hello from probe", "m1");
  row.rep_name.clear();
  s.said(row);
  EXPECT_EQ(s.session.state, State::live);
  EXPECT_EQ(s.shown(), Texts{"hello from probe"});
  EXPECT_NE(s.history[1].find("\"state\":\"live\",\"rep_name\":null"), std::string::npos);
}

TEST(Webhook, ARepeatIsShownOnce) {
  Script s;
  s.live();
  s.said(s.row("yes", "m1"));
  EXPECT_EQ(s.said(s.row("yes", "m1")).verdict, Verdict::repeat);
  s.said(s.row("yes", "m2"));
  EXPECT_EQ(s.shown(), (Texts{"yes", "yes"}));
}

TEST(Webhook, TheSecondOfTwoRulesMayBringTheName) {
  Script s;
  s.queued(1);
  AgentEvent first = s.row("hello", "m1");
  first.rep_name.clear();
  s.said(first);
  s.said(s.row("hello", "m1"));
  EXPECT_EQ(s.shown(), Texts{"hello"});
  EXPECT_EQ(s.session.chat.rep_name, "Alex Rep");
  EXPECT_NE(s.history.back().find("\"state\":\"live\",\"rep_name\":\"Alex Rep\""),
            std::string::npos);
}

TEST(Webhook, WithoutAnIdThereIsNoDedupe) {
  Script s;
  s.live();
  s.said(s.row("again"));
  s.said(s.row("again"));
  EXPECT_EQ(s.shown(), (Texts{"again", "again"}));
}

TEST(Webhook, ClaimedTwiceIsOnce) {
  Script s;
  s.live();
  const std::size_t before = s.history.size();
  AgentEvent claimed = s.row("");
  claimed.kind = AgentEvent::Kind::claimed;
  s.said(claimed);
  EXPECT_EQ(s.history.size(), before);
}

TEST(Webhook, ClaimedWithoutANameIsASupportAgent) {
  Script s;
  s.queued();
  AgentEvent claimed = s.row("");
  claimed.kind = AgentEvent::Kind::claimed;
  claimed.rep_name.clear();
  s.said(claimed);
  EXPECT_EQ(s.session.chat.rep_name, "Support Agent");
}

TEST(Webhook, ATransferTellsTheNewName) {
  Script s;
  s.live();
  AgentEvent row = s.row("I take over", "m1");
  row.sender_sys_id = std::string(32, '9');
  row.rep_name = "Sam Other";
  s.said(row);
  EXPECT_NE(s.history[s.history.size() - 2].find("\"rep_name\":\"Sam Other\""), std::string::npos);
}

TEST(Webhook, AnUnknownEventWithoutTextIsCounted) {
  Script s;
  s.live();
  AgentEvent event = s.row("");
  event.kind = AgentEvent::Kind::other;
  s.said(event);
  EXPECT_TRUE(s.counted("webhook_unknown_event"));
  EXPECT_EQ(s.session.state, State::live);
}

// ---- Echo, in its four ways ------------------------------------------------------------------

TEST(Echo, ByTheIdThatASendReturned) {
  Script s;
  s.queued();
  s.sent(s.user_says("yes", "c1").send_id, {"own1"});
  AgentEvent echo = s.row("yes", "own1");
  echo.sender_sys_id.clear();
  EXPECT_EQ(s.said(echo).verdict, Verdict::echo);
  EXPECT_EQ(s.session.state, State::queued) << "our own words are no answer";
  EXPECT_TRUE(s.shown().empty());
}

TEST(Echo, ByTheIdThatTheOpenReturned) {
  Script s;
  s.escalate("help");
  OpenAnswered answer = s.opened();
  answer.first_message_sys_id = "first";
  s.given(answer);
  AgentEvent echo = s.row("help", "first");
  EXPECT_EQ(s.said(echo).verdict, Verdict::echo);
}

TEST(Echo, ByTheSenderBeingTheConsumerOrOurAccount) {
  Script s;
  s.queued();
  for (const std::string& sender : {kUser, kService}) {
    AgentEvent echo = s.row("yes", "m-" + sender);
    echo.sender_sys_id = sender;
    EXPECT_EQ(s.said(echo).verdict, Verdict::echo);
  }
  EXPECT_EQ(s.session.state, State::queued);
}

TEST(Echo, NotWhenTheAssignedAgentIsThatUser) {
  Script s;
  s.queued();
  AgentEvent claimed = s.row("");
  claimed.kind = AgentEvent::Kind::claimed;
  claimed.rep_sys_id = kService;
  s.said(claimed);
  AgentEvent row = s.row("it is me", "m1");
  row.sender_sys_id = kService;
  s.said(row);
  EXPECT_EQ(s.shown(), Texts{"it is me"});
}

TEST(Echo, WithoutASenderItIsParkedUntilTheSendEnds) {
  Script s;
  s.live(1);
  const auto send = s.user_says("yes", "c1").send_id;
  AgentEvent row = s.row("yes", "m1");
  row.sender_sys_id.clear();
  s.said(row);
  EXPECT_TRUE(s.shown().empty());
  EXPECT_EQ(s.session.parked.size(), 1u);
  s.sent(send, {"m1"});
  EXPECT_TRUE(s.shown().empty()) << "its id says that it is ours";
}

TEST(Echo, AParkedRowWithAnotherIdIsTheAgents) {
  Script s;
  s.live(1);
  const auto send = s.user_says("yes", "c1").send_id;
  AgentEvent row = s.row("yes", "m1");
  row.sender_sys_id.clear();
  s.said(row);
  s.sent(send, {"m0"});
  EXPECT_EQ(s.shown(), Texts{"yes"});
}

TEST(Echo, OfASendWithoutAnIdExactlyOneIsDropped) {
  Script s;
  s.live(1);
  s.sent(s.user_says("yes", "c1").send_id, {});
  for (const std::string id : {"m1", "m2"}) {
    AgentEvent row = s.row("yes", id);
    row.sender_sys_id.clear();
    s.said(row);
  }
  EXPECT_EQ(s.shown(), Texts{"yes"});
}

TEST(Echo, OfAFailedSendNothingIsDropped) {
  Script s;
  s.live(1);
  const auto send = s.user_says("yes", "c1").send_id;
  AgentEvent row = s.row("yes", "m1");
  row.sender_sys_id.clear();
  s.said(row);
  s.not_sent(send, Errc::unreachable, Outcome::failed);
  EXPECT_EQ(s.shown(), Texts{"yes"});
}

/// Nobody knows who the agent is, nor who we are; a send of the same text hangs.
AgentEvent said_meanwhile(Script& s, std::uint64_t& send) {
  s.queued();
  send = s.user_says("yes", "c1").send_id;
  AgentEvent row = s.sequenced("yes", "m1", 2, 1);
  s.given(AgentSaid{row, ""});
  EXPECT_EQ(s.session.parked.size(), 1u);
  s.not_sent(send, Errc::timed_out, Outcome::unknown);
  EXPECT_EQ(s.session.parked.size(), 1u) << "it is still being found out";
  return row;
}

TEST(Echo, OfAnUnknownSendIsParkedUntilThatIsSettled) {
  for (const bool sent : {false, true}) {
    Script s;
    std::uint64_t send = 0;
    AgentEvent row = said_meanwhile(s, send);
    s.not_settled(send, Errc::timed_out);
    EXPECT_EQ(s.session.parked.size(), 1u);
    AgentEvent another = row;
    another.message_sys_id = "m2";
    s.given(AgentSaid{another, ""});
    EXPECT_EQ(s.session.parked.size(), 2u) << "one that comes now is no other case";
    s.pass(std::chrono::hours(1));
    s.tick();
    ASSERT_EQ(s.effects<SettleSend>().size(), 1u);
    SendSettled settled;
    settled.send_id = send;
    settled.sent = sent;
    if (sent) settled.message_sys_ids = {"m1"};
    s.given(settled);
    s.pass(s.policy.reorder_wait);
    s.tick();
    s.pass(s.policy.reconcile_wait);
    s.tick();
    EXPECT_EQ(s.shown(), sent ? Texts{"yes"} : (Texts{"yes", "yes"}));
    EXPECT_TRUE(s.session.parked.empty());
  }
}

TEST(Echo, OfASendThatIsGivenUpOneIsDropped) {
  Script s;
  std::uint64_t send = 0;
  said_meanwhile(s, send);
  s.not_settled(send, Errc::not_found);
  EXPECT_TRUE(s.session.parked.empty());
  EXPECT_TRUE(s.shown().empty()) << "nobody will ever know";
}

TEST(Echo, AReadThatKnowsWhoWeAreTellsAParkedRowApart) {
  for (const bool ours : {false, true}) {
    Script s;
    std::uint64_t send = 0;
    AgentEvent row = said_meanwhile(s, send);
    if (ours) row.sender_sys_id = kService;
    s.given(Recheck{});
    s.given(s.read({row}));
    EXPECT_TRUE(s.session.parked.empty());
    EXPECT_EQ(s.shown(), ours ? Texts{} : Texts{"yes"});
    EXPECT_TRUE(s.session.sequences.contains(2));
  }
}

TEST(Echo, AnAgentSayingTheSameIsHeard) {
  Script s;
  s.live();
  s.sent(s.user_says("yes", "c1").send_id, {"own"});
  s.said(s.row("yes", "m1"));
  EXPECT_EQ(s.shown(), Texts{"yes"});
}

// ---- Greeting before the agent ---------------------------------------------------------------

TEST(Greeting, IsShownAndAsksWhoIsAssigned) {
  Script s;
  s.queued();
  AgentEvent greeting = s.row("Thank you for waiting", "m1");
  greeting.system = true;
  greeting.rep_name.clear();
  s.said(greeting);
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_EQ(s.shown(), Texts{"Thank you for waiting"});
  ASSERT_EQ(s.effects<AskInteraction>().size(), 1u);

  InteractionAnswered nobody;
  nobody.chat_number = 1;
  s.given(nobody);
  EXPECT_EQ(s.session.state, State::queued);

  greeting.message_sys_id = "m2";
  s.said(greeting);
  InteractionAnswered alex;
  alex.chat_number = 1;
  alex.with_agent = true;
  alex.agent_name = "Alex Rep";
  s.given(alex);
  EXPECT_EQ(s.session.state, State::live);
  EXPECT_EQ(s.session.chat.rep_name, "Alex Rep");
}

TEST(Greeting, MeansLiveWhenNobodyCanBeAsked) {
  Script s;
  s.queued(1);
  AgentEvent greeting = s.row("Hello", "m1");
  greeting.system = true;
  s.said(greeting);
  InteractionAnswered failed;
  failed.chat_number = 1;
  failed.failed = true;
  s.given(failed);
  EXPECT_EQ(s.session.state, State::live);
}

// ---- Order -----------------------------------------------------------------------------------

TEST(Order, ARowWaitsForItsPredecessor) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 4, 0));
  s.said(s.sequenced("three", "m3", 9, 7));
  EXPECT_EQ(s.shown(), Texts{"one"});
  s.said(s.sequenced("two", "m2", 7, 4));
  EXPECT_EQ(s.shown(), (Texts{"one", "two", "three"}));
}

TEST(Order, GapsInTheCountAreNormal) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 4, 0));
  s.said(s.sequenced("two", "m2", 40, 4));
  EXPECT_EQ(s.shown(), (Texts{"one", "two"}));
}

TEST(Order, OurOwnRowsCountAsKnown) {
  Script s;
  s.live();
  s.sent(s.user_says("question", "c1").send_id, {"own"}, 5);
  s.said(s.sequenced("answer", "m1", 6, 5));
  EXPECT_EQ(s.shown(), Texts{"answer"});
}

TEST(Order, WhatNeverComesIsNotWaitedForLongerThanTheReorderWait) {
  Script s;
  s.live();
  s.said(s.sequenced("late", "m3", 9, 7));
  EXPECT_EQ(next_due(s.session, {1, s.now}, s.policy, s.now), s.now + s.policy.reorder_wait);
  s.pass(s.policy.reorder_wait);
  s.tick();
  EXPECT_EQ(s.effects<Reconcile>().size(), 1u) << "first ServiceNow is asked for it";
  s.given(s.unread());
  EXPECT_EQ(s.shown(), Texts{"late"});
  EXPECT_NE(s.history.back().find("\"late\":true"), std::string::npos);
  s.said(s.sequenced("the lost one", "m2", 7, 4));
  s.pass(s.policy.reorder_wait);
  s.tick();
  s.given(s.unread());
  EXPECT_EQ(s.shown(), (Texts{"late", "the lost one"})) << "later, but not lost";
}

TEST(Order, AnOwnRowBetweenThemLetsNobodyOvertake) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 20, 0));
  const auto send = s.user_says("mine", "c1").send_id;
  s.said(s.sequenced("three", "m3", 23, 22));  // 22 is on its way
  // The rule of row 25 did not know yet that row 24 is ours.
  s.said(s.sequenced("four", "m4", 25, 24));
  s.sent(send, {"own"}, 24);
  EXPECT_EQ(s.shown(), Texts{"one"});
  s.said(s.sequenced("five", "m5", 26, 24));
  s.said(s.sequenced("two", "m2", 22, 20));
  EXPECT_EQ(s.shown(), (Texts{"one", "two", "three", "four", "five"}));
}

TEST(Order, WhatAnOwnRowLetPassTooEarlyMakesTheOtherLate) {
  Script s;
  s.live();
  const auto send = s.user_says("mine", "c1").send_id;
  s.sent(send, {"own"}, 6);
  s.said(s.sequenced("seven", "m7", 7, 6));
  s.said(s.sequenced("five", "m5", 5, 0));
  EXPECT_EQ(s.shown(), (Texts{"seven", "five"}));
  EXPECT_NE(s.history.back().find("\"late\":true"), std::string::npos);
}

TEST(Echo, OurOwnUserNeverBecomesTheAgent) {
  Script s;
  s.queued();
  s.said(s.row("hello", "m1"));
  s.session.chat.rep_name.clear();
  AgentEvent own = s.row("mine", "m2");
  own.sender_sys_id = kUser;
  own.rep_name = "Pat User";
  s.said(own);
  s.said(own);
  EXPECT_EQ(s.session.chat.rep_name, "");
  EXPECT_NE(s.session.chat.rep_sys_id, kUser);
}

// ---- Close -----------------------------------------------------------------------------------

TEST(Close, ThatOvertakesTheLastReplyWaitsForIt) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 4, 0));
  s.said(closed(s, 6));
  EXPECT_EQ(s.session.state, State::live);
  s.said(s.sequenced("goodbye", "m2", 6, 4));
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_EQ(s.shown(), (Texts{"one", "goodbye"}));
  EXPECT_NE(s.history.back().find("\"reason\":\"agent_ended\""), std::string::npos);
}

TEST(Close, IsImmediateWhenEverythingHasBeenSeen) {
  Script s;
  s.live();
  s.said(s.sequenced("one", "m1", 4, 0));
  s.said(closed(s, 4));
  EXPECT_EQ(s.session.state, State::closed);
}

TEST(Close, DoesNotWaitForEver) {
  Script s;
  s.live();
  s.said(closed(s, 99));
  s.pass(s.policy.close_wait);
  s.tick();
  EXPECT_EQ(s.session.state, State::closed);
}

TEST(Close, OfAnOldRuleLeavesTwoSecondsForWhatIsOnItsWay) {
  Script s;
  s.live(1);
  s.said(closed(s, std::nullopt));
  s.said(s.row("goodbye", "m1"));
  EXPECT_EQ(s.session.state, State::live);
  s.pass(s.policy.legacy_close_wait);
  s.tick();
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_EQ(s.shown(), Texts{"goodbye"});
}

TEST(Close, TwiceIsOnceAndAReplyAfterItIsStillShown) {
  Script s;
  s.live();
  s.said(closed(s, 0));
  s.pass(s.policy.close_wait);
  s.tick();
  const std::size_t before = s.history.size();
  EXPECT_EQ(s.said(closed(s, 0)).verdict, Verdict::already);
  EXPECT_EQ(s.history.size(), before);
  s.said(s.row("one more thing", "m9"));
  EXPECT_EQ(s.shown(), Texts{"one more thing"});
  EXPECT_EQ(s.session.state, State::closed);
}

TEST(Close, ShowsHeldRowsFirst) {
  Script s;
  s.live();
  s.said(s.sequenced("held", "m3", 9, 7));
  s.said(closed(s, 9));
  s.pass(s.policy.close_wait);
  s.tick();
  EXPECT_EQ(s.shown(), Texts{"held"});
  EXPECT_EQ(s.session.state, State::closed);
}

// ---- Other chats -----------------------------------------------------------------------------

TEST(OtherChat, AWebhookForTheFirstWhileTheSecondIsOpenChangesNoState) {
  Script s;
  s.live();
  const AgentEvent late = s.row("late word", "m7");
  AgentEvent close = closed(s, 0);
  s.given(End{});
  s.escalate();
  s.given(s.opened());
  ASSERT_EQ(s.session.state, State::queued);
  EXPECT_EQ(s.said(close).verdict, Verdict::other_chat);
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_EQ(s.said(late).verdict, Verdict::other_chat);
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_EQ(s.shown(), Texts{"late word"}) << "a person said it, so a person sees it";
  EXPECT_TRUE(s.counted("webhook_other_chat"));
}

TEST(OtherChat, TypingIsShownToThoseWhoReadNow) {
  Script s;
  s.live();
  AgentEvent typing = s.row("");
  typing.kind = AgentEvent::Kind::typing;
  s.said(typing);
  ASSERT_EQ(s.effects<ShowTyping>().size(), 1u);
  EXPECT_EQ(s.effects<ShowTyping>()[0].rep_name, "Alex Rep");
  EXPECT_FALSE(s.last.changed);
}

TEST(Order, TheSecondRuleBringsThePlaceThatTheFirstDidNotKnow) {
  Script s;
  s.live();
  s.said(s.row("one", "m6"));
  s.said(s.sequenced("one", "m6", 6, 0));
  EXPECT_EQ(s.last.verdict, Verdict::repeat);
  s.said(s.sequenced("two", "m7", 7, 6));
  EXPECT_EQ(s.shown(), (Texts{"one", "two"}));
}

TEST(Order, ARepeatOfAHeldRowDoesNotPretendThatItWasShown) {
  Script s;
  s.live();
  s.said(s.sequenced("two", "m7", 7, 6));
  s.said(s.sequenced("two", "m7", 7, 6));
  s.said(s.sequenced("three", "m8", 8, 7));
  EXPECT_TRUE(s.shown().empty());
  s.said(s.sequenced("one", "m6", 6, 0));
  EXPECT_EQ(s.shown(), (Texts{"one", "two", "three"}));
}

TEST(Order, RowsThatWaitForALostOneAreShownInTheirOrder) {
  Script s;
  s.live();
  s.said(s.sequenced("six", "m6", 6, 5));
  s.pass(Millis(1000));
  s.said(s.sequenced("five", "m5", 5, 4));
  s.pass(s.policy.reorder_wait - Millis(999));
  s.tick();
  EXPECT_TRUE(s.shown().empty()) << "it is asked for what is missing, and that takes its time";
  s.pass(s.policy.reconcile_wait);
  s.tick();
  EXPECT_EQ(s.shown(), (Texts{"five", "six"}));
  EXPECT_EQ(s.history.back().find("\"late\""), std::string::npos);
}

TEST(Close, WithoutAnyRowBeforeItIsImmediate) {
  Script s;
  s.live();
  s.said(closed(s, 0));
  EXPECT_EQ(s.session.state, State::closed);
}

TEST(Close, ThatServiceNowTellsUnaskedEndsALiveChat) {
  Script s;
  s.live();
  InteractionAnswered over;
  over.chat_number = 1;
  over.over = true;
  s.given(over);
  EXPECT_EQ(s.session.state, State::live);  // the agent's last words may be on their way
  s.said(s.row("bye", "m1"));
  s.pass(s.policy.legacy_close_wait + Millis(1));
  s.tick();
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_EQ(s.shown(), Texts{"bye"});
}

TEST(OtherChat, RowsThatWereHeldWhenTheNextOneBeganAreStillShown) {
  Script s;
  s.live();
  s.given(End{});
  s.said(s.sequenced("last words", "m9", 9, 8));
  s.escalate();
  EXPECT_EQ(s.shown(), Texts{"last words"});
  EXPECT_EQ(s.session.state, State::opening);
}

}  // namespace
}  // namespace bridge::session
