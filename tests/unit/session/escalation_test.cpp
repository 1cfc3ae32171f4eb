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

TEST(Escalation, RefusalLeavesTheBotAndTheSameKeyIsUsedAgain) {
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
  // It certainly failed, so there is nothing to look for, and the next failure is as certain.
  EXPECT_FALSE(s.effects<OpenChat>()[0].ask_first);
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
  // Whether it was ever opened is found out by its key.
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EXPECT_EQ(s.effects<EndChat>()[0].chat.key, kSid);
  EXPECT_EQ(s.effects<EndChat>()[0].chat.interaction_sys_id, "");
}

TEST(Escalation, AnEndWhoseOpenEndsUnknownLooksForTheChatUntilItIsGivenUp) {
  Script s;
  s.escalate();
  s.given(End{});
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EndAnswered nothing;
  nothing.key = kSid;
  nothing.error = Error(Errc::not_found);
  s.given(nothing);
  EXPECT_EQ(s.session.ends.size(), 1u);
  s.pass(s.policy.end_retry + Millis(1));
  s.tick(0);
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EndAnswered found;
  found.key = kSid;
  s.given(found);
  EXPECT_TRUE(s.session.ends.empty());
}

TEST(Escalation, AnOpenLeftForTheNextChatIsLookedForWhenItEndsUnknown) {
  Script s;
  s.escalate();
  s.given(End{});
  s.escalate();
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EXPECT_EQ(s.effects<EndChat>()[0].chat.key, kSid);
  EXPECT_EQ(s.session.state, State::opening);
}

TEST(Escalation, AnEndIsOwedOnceHoweverManyFindThatItIs) {
  Script s;
  s.escalate();
  OpenAnswered found = s.opened();
  s.given(End{});
  s.escalate();
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  // The process before us had asked as well, and so had the one that takes over from us.
  s.given(lost);
  s.given(found);
  EXPECT_TRUE(s.effects<EndChat>().empty()) << "somebody is at it";
  ASSERT_EQ(s.session.ends.size(), 1u);
  EXPECT_EQ(s.session.ends[0].attempts, 1);

  EndAnswered nothing;
  nothing.key = kSid;
  nothing.error = Error(Errc::not_found);
  s.given(nothing);
  s.pass(s.policy.end_retry + Millis(1));
  s.tick();
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EXPECT_EQ(s.effects<EndChat>()[0].chat.interaction_sys_id, "ix1") << "it need not be looked for";
  EndAnswered ended;
  ended.key = kSid;
  s.given(ended);
  EXPECT_TRUE(s.session.ends.empty());
}

TEST(Escalation, TheOpeningIsNotCalledDeliveredByAWebhookButByTheOpensOwnAnswer) {
  Script s;
  s.escalate("hi");
  AgentEvent row = s.row("Welcome", "m1");
  row.interaction_sys_id = "ix1";
  row.conversation_sys_id = "conv1";
  s.said(row);
  EXPECT_EQ(s.session.state, State::live);
  EXPECT_TRUE(s.receipts().empty());
  s.user_says("two", "c2");
  EXPECT_TRUE(s.effects<SendMessage>().empty());

  OpenAnswered answer = s.opened();
  answer.opening_not_sent = true;
  s.given(answer);
  EXPECT_TRUE(s.receipts().empty());
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "hi");
  s.sent(s.effects<SendMessage>()[0].send_id);
  EXPECT_EQ(s.receipts(), Texts{"open-" + kSid + " delivered"});
  EXPECT_EQ(s.effects<SendMessage>()[0].text, "two");
}

TEST(Escalation, AnEchoOfTheOpeningWithoutASenderIsNoAgent) {
  Script s;
  s.escalate("my screen is black");
  AgentEvent row = s.row("my screen is black", "m1");
  row.sender_sys_id.clear();
  row.rep_name.clear();
  row.interaction_sys_id = "ix1";
  row.conversation_sys_id = "conv1";
  s.said(row);
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_TRUE(s.shown().empty());
  s.given(s.opened(1));
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_TRUE(s.shown().empty());
  EXPECT_TRUE(s.counted("webhook_echo"));
  // One echo is owed, not two: the same words a second time are the agent's.
  row.message_sys_id = "m2";
  s.said(row);
  EXPECT_EQ(s.shown(), Texts{"my screen is black"});
}

TEST(Escalation, AKeyWhoseChatEndedUnseenIsLeftForTheNextOne) {
  Script s;
  s.escalate("help");
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);
  s.escalate("help");
  OpenAnswered over;
  over.chat_number = 1;
  over.error = Error(Errc::chat_ended);
  s.given(over);
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  EXPECT_EQ(s.effects<OpenChat>()[0].chat.key, kSid + "-2");
  EXPECT_EQ(s.session.state, State::opening);
  s.given(s.opened());
  EXPECT_EQ(s.session.state, State::queued);
  EXPECT_EQ(s.receipts(), Texts{"open-" + kSid + " delivered"});
}

TEST(Escalation, AnInstanceThatCallsEveryNewChatOverIsAskedTwiceAndNoMore) {
  Script s;
  s.escalate();
  for (const int number : {1, 2}) {
    OpenAnswered over;
    over.chat_number = number;
    over.error = Error(Errc::chat_ended);
    s.given(over);
  }
  EXPECT_TRUE(s.effects<OpenChat>().empty());
  EXPECT_EQ(s.session.state, State::bot);
}

TEST(Escalation, AnOpeningKeepsItsIdWhenItsChatHadToBeAnother) {
  Script s;
  s.escalate("help");
  for (const int number : {1, 2}) {
    OpenAnswered over;
    over.chat_number = number;
    over.error = Error(Errc::chat_ended);
    s.given(over);
  }
  ASSERT_EQ(s.session.state, State::bot);
  s.escalate("help");
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  // The log has it under this name alone, and so have the pages.
  EXPECT_EQ(s.effects<OpenChat>()[0].open.client_message_id, "open-" + kSid);
}

TEST(Escalation, WhatWasInFlightIsAskedAboutAfterARestart) {
  Script s;
  s.escalate();
  s.given(Restarted{});
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  EXPECT_TRUE(s.effects<OpenChat>()[0].ask_first);
}

TEST(Escalation, AnOpenThatWasGivenUpIsAskedForAgainAfterARestartAndSharedByWhoAsks) {
  Script s;
  s.escalate();
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);
  s.given(Restarted{});
  ASSERT_EQ(s.effects<OpenChat>().size(), 1u);
  s.escalate();
  EXPECT_EQ(s.last.verdict, Verdict::already);
  EXPECT_TRUE(s.effects<OpenChat>().empty());
}

TEST(Escalation, AChatLeftWhileOpeningIsLookedForAfterARestart) {
  Script s;
  s.escalate();
  s.given(End{});
  s.given(Restarted{});
  EXPECT_TRUE(s.effects<OpenChat>().empty());
  ASSERT_EQ(s.effects<EndChat>().size(), 1u);
  EXPECT_EQ(s.effects<EndChat>()[0].chat.key, kSid);
}

TEST(Escalation, ARefusedOneThatIsAskedForAgainSaysItsOpeningMessageOnce) {
  Script s;
  const auto refuse = [&s] {
    OpenAnswered refused;
    refused.chat_number = s.session.chat.number;
    refused.error = Error(Errc::unreachable);
    s.given(refused);
  };
  const auto said = [&s] {
    std::vector<std::string> ids;
    for (const std::string& frame : s.history)
      if (frame.find("\"from\":\"user\"") != std::string::npos)
        ids.push_back(Script::field(frame, "client_message_id"));
    return ids;
  };
  s.escalate("help");
  refuse();
  s.escalate("help");
  EXPECT_EQ(said(), Texts{"open-" + kSid});
  refuse();
  s.escalate("please help");
  EXPECT_EQ(said(), (Texts{"open-" + kSid, "open-" + kSid + "~2"}));
  s.given(s.opened());
  EXPECT_EQ(s.receipts(), (Texts{"open-" + kSid + " failed", "open-" + kSid + " failed",
                                 "open-" + kSid + "~2 delivered"}));
  s.given(End{});
  s.escalate("help");
  EXPECT_EQ(said().back(), "open-" + kSid + "-2") << "another chat, another message";
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

TEST(Traces, StayWithWhatTheirRequestSetGoing) {
  Script s;
  Escalate ask;
  ask.opening_message = "hello";
  ask.trace = Trace("r1", "");
  s.given(ask);
  EXPECT_EQ(s.effects<OpenChat>().at(0).open.trace.request_id, "r1");
  // The open is lost and asked about on behalf of whoever asks again.
  OpenAnswered lost;
  lost.chat_number = 1;
  lost.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  s.given(lost);
  ask.trace = Trace("r2", "");
  s.given(ask);
  EXPECT_EQ(s.effects<OpenChat>().at(0).open.trace.request_id, "r2");
  OpenAnswered opened = s.opened();
  opened.opening_not_sent = true;
  s.given(opened);
  EXPECT_EQ(s.effects<SendMessage>().at(0).trace.request_id, "r2") << "the opening message";

  s.given(UserMessage{"words", "c1", Trace("r3", "")});
  EXPECT_TRUE(s.effects<SendMessage>().empty());
  const std::uint64_t second = s.session.sends.back().id;
  s.sent(s.session.sends.front().id);
  EXPECT_EQ(s.effects<SendMessage>().at(0).trace.request_id, "r3");
  s.given(Restarted{});
  ASSERT_EQ(s.effects<SendMessage>().size(), 1u);
  EXPECT_EQ(s.effects<SendMessage>()[0].trace.request_id, "r3") << "after a restart too";
  s.sent(second);
  for (const Send& send : s.session.sends)
    EXPECT_EQ(send.trace.request_id, "") << "done: nothing is kept of it";

  s.given(End{CloseReason::user_ended, Trace("r4", "")});
  EXPECT_EQ(s.effects<EndChat>().at(0).trace.request_id, "r4");
  EndAnswered failed;
  failed.key = s.session.chat.key;
  failed.error = Error(Errc::timed_out);
  s.given(failed);
  s.pass(std::chrono::seconds(30));
  s.tick();
  EXPECT_EQ(s.effects<EndChat>().at(0).trace.request_id, "r4") << "and when it is tried again";
  EXPECT_TRUE(s.counted("end_retried"));
}

TEST(Counted, HasANameForEach) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kCountedKinds; ++i) {
    const auto name = to_string(static_cast<Counted>(i));
    EXPECT_NE(name, "unknown");
    EXPECT_EQ(std::count(names.begin(), names.end(), name), 0) << name;
    names.push_back(name);
  }
}

}  // namespace
}  // namespace bridge::session
