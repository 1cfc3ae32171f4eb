// SPDX-License-Identifier: MIT
#include "script.hpp"

namespace bridge::session {
namespace {

TEST(Escalation, OpensOneChatHoweverManyAsk) {
  Script s;
  s.escalate("help");
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  EXPECT_EQ(s.effects<OpenChat>()[0].chat.key, kSid);
  EXPECT_EQ(s.session.state, State::opening);
  EXPECT_EQ(shown(s.session.state), "bot");

  s.escalate("help");
  EXPECT_EQ(s.last.verdict, Verdict::already);
  EXPECT_TRUE(s.last.effects.empty());

  s.given(s.opened());
  EXPECT_EQ(s.session.state, State::queued);
  s.escalate("help");
  EXPECT_EQ(s.last.verdict, Verdict::already);
  EXPECT_FALSE(s.last.changed);
}

TEST(Escalation, LogsTheOpeningMessageItsReceiptAndTheQueue) {
  Script s;
  s.escalate("my screen is black");
  s.given(s.opened());
  ASSERT_EQ(s.history.size(), 3u);
  EXPECT_NE(s.history[0].find("my screen is black"), std::string::npos);
  EXPECT_EQ(s.receipts(), Texts{"open-" + kSid + " delivered"});
  EXPECT_EQ(
      s.history[2],
      R"({"type":"status","state":"queued","interaction_number":"IMS0001","rep_name":null,"seq":3})");
}

TEST(Escalation, RefusalLeavesTheBotAndTheSameKeyIsUsedAgainAfterALook) {
  Script s;
  s.escalate("hello");
  OpenAnswered answer;
  answer.chat_number = 1;
  answer.error = Error(Errc::upstream_credentials).with_hint("check the password");
  s.given(answer);
  EXPECT_EQ(s.session.state, State::bot);
  EXPECT_EQ(s.session.open_trouble.error_id, "upstream_credentials");
  EXPECT_EQ(s.receipts(), Texts{"open-" + kSid + " failed"});

  s.escalate("hello");
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  EXPECT_EQ(s.effects<OpenChat>()[0].chat.key, kSid);
  EXPECT_TRUE(s.effects<OpenChat>()[0].ask_first);
}

TEST(Escalation, UnknownOutcomeStaysOpeningAndTheNextOneLooksFirst) {
  Script s;
  s.escalate();
  OpenAnswered answer;
  answer.chat_number = 1;
  answer.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(answer);
  EXPECT_EQ(s.session.state, State::opening);
  EXPECT_FALSE(s.session.open->in_flight);

  s.escalate();
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  EXPECT_TRUE(s.effects<OpenChat>()[0].ask_first);
}

TEST(Escalation, AWebhookWithItsKeySettlesAnUnknownOpen) {
  Script s;
  s.escalate("hi");
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);

  AgentEvent row = s.row("Hello, this is Alex", "m1");
  row.interaction_sys_id = "ix1";
  row.conversation_sys_id = "conv1";
  row.interaction_number = "IMS0001";
  s.said(row);
  EXPECT_EQ(s.session.state, State::live);
  EXPECT_EQ(s.session.chat.interaction_sys_id, "ix1");
  EXPECT_EQ(s.shown(), Texts{"Hello, this is Alex"});
  EXPECT_TRUE(s.counted("open_settled_by_webhook"));
}

TEST(Escalation, MessagesSaidWhileOpeningGoOutInOrderBehindTheOpen) {
  Script s;
  s.escalate("one");
  EXPECT_EQ(s.user_says("two", "c2").verdict, Verdict::accepted);
  EXPECT_TRUE(s.effects<SendMessage>().empty());
  s.user_says("three", "c3");
  s.given(s.opened());
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "two");
  s.sent(s.effects<SendMessage>()[0].send_id);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "three");
}

TEST(Escalation, AnOpeningMessageThatWasNotSentIsSentFirst) {
  Script s;
  s.escalate("one");
  s.user_says("two", "c2");
  OpenAnswered answer = s.opened();
  answer.opening_not_sent = true;
  s.given(answer);
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "one");
  s.sent(s.effects<SendMessage>()[0].send_id);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "two");
  EXPECT_EQ(s.receipts(), Texts{"open-" + kSid + " delivered"});
}

TEST(Escalation, AClosedSessionOpensTheNextChatUnderItsOwnKey) {
  Script s;
  s.live();
  s.given(End{});
  EXPECT_EQ(s.session.state, State::closed);
  s.escalate();
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  EXPECT_EQ(s.effects<OpenChat>()[0].chat.key, kSid + "-2");
  s.given(s.opened());
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_EQ(s.session.chat.interaction_sys_id, "ix2");
}

TEST(Escalation, AnEndWhileOpeningEndsTheChatAsSoonAsItIsKnown) {
  Script s;
  s.escalate();
  s.given(End{});
  EXPECT_EQ(s.session.state, State::closed);
  EXPECT_TRUE(s.effects<EndChat>().empty());
  s.given(s.opened());
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EXPECT_EQ(s.effects<EndChat>()[0].chat.interaction_sys_id, "ix1");
  EXPECT_EQ(s.session.state, State::closed);
}

TEST(Escalation, AChatLeftWhileOpeningIsEndedEvenIfTheNextOneIsOpenAlready) {
  Script s;
  s.escalate();
  OpenAnswered first = s.opened();
  s.given(End{});
  s.escalate();
  s.given(s.opened());
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_EQ(s.session.chat.key, kSid + "-2");
  s.given(first);
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EXPECT_EQ(s.effects<EndChat>()[0].chat.interaction_sys_id, "ix1");
  EXPECT_EQ(s.session.state, State::queued);
}

TEST(Escalation, AnOpenThatNobodyAsksAboutIsGivenUpWithItsReaders) {
  Script s;
  s.escalate();
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);
  s.pass(s.policy.abandoned_after + Millis(1));
  s.tick(0);
  EXPECT_EQ(s.session.state, State::closed);
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  EXPECT_TRUE(s.effects<OpenChat>()[0].only_find);
}

TEST(Escalation, WhatWasInFlightIsAskedAboutAfterARestart) {
  Script s;
  s.escalate();
  BridgeSession loaded = s.session;
  const std::vector<Effect> effects = resume(loaded);
  ASSERT_EQ(effects.size(), 1u);
  EXPECT_TRUE(std::get<OpenChat>(effects[0]).ask_first);
}

TEST(ChatKey, NamesItsSession) {
  EXPECT_EQ(chat_key(kSid, 1), kSid);
  EXPECT_EQ(chat_key(kSid, 12), kSid + "-12");
  EXPECT_EQ(session_of_key(kSid), kSid);
  EXPECT_EQ(session_of_key(kSid + "-12"), kSid);
  for (const std::string bad : {"", "short", "-2"}) EXPECT_EQ(session_of_key(bad), "");
  EXPECT_EQ(session_of_key(kSid + "-"), "");
  EXPECT_EQ(session_of_key(kSid + "-x"), "");
  EXPECT_EQ(session_of_key(std::string(32, 'Z')), "");
}

TEST(ResumeTest, AnOpenInFlightIsAskedAboutAndAnUnknownOneWaitsForTheNextEscalation) {
  Script script;
  script.escalate();
  BridgeSession loaded = script.session;
  const auto resumed = resume(loaded);
  ASSERT_EQ(resumed.size(), 1u);
  EXPECT_TRUE(std::get<OpenChat>(resumed[0]).ask_first);
  EXPECT_FALSE(std::get<OpenChat>(resumed[0]).only_find);

  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::connection_lost).with_outcome(Outcome::unknown);
  script.given(lost);
  loaded = script.session;
  EXPECT_TRUE(resume(loaded).empty());
  script.escalate();
  EXPECT_EQ(script.effects<OpenChat>().size(), 1u);
}

TEST(ResumeTest, AChatThatItsUserLeftWhileItWasOpeningIsLookedForToBeEnded) {
  Script script;
  script.escalate();
  script.given(End{});
  BridgeSession loaded = script.session;
  const auto resumed = resume(loaded);
  ASSERT_EQ(resumed.size(), 1u);
  EXPECT_TRUE(std::get<OpenChat>(resumed[0]).only_find);
}

}  // namespace
}  // namespace bridge::session
