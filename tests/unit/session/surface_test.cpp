// SPDX-License-Identifier: MIT
// A session whose texts another conversation carries: rules of src/session/surface.cpp.
#include "script.hpp"

namespace bridge::session {
namespace {

using Says = ActivityTaken::Says;

class SurfaceScript : public Script {
 public:
  ActivityTaken activity(Says says, std::string text, std::string id) {
    ActivityTaken input;
    input.address.channel_id = "msteams";
    input.address.conversation_id = "19:abc";
    input.address.service_url = Secret("https://example.com/cb?sig=1");
    input.address.activity_id = id;
    input.activity_key = conversation_key(input.address) + "\n" + id;
    input.says = says;
    input.text = text;
    input.client_message_id = "act-" + id;
    input.opening.user_sys_id = kUser;
    input.opening.opening_message = text;
    return input;
  }
  Decision& says(std::string text, std::string id) {
    return given(activity(Says::message, std::move(text), std::move(id)));
  }
  /// The event that is being posted was told whole.
  Decision& posted() {
    DeliveryAnswered answer;
    answer.post = session.surface->posts;
    answer.generation = session.surface->generation;
    answer.told = session.surface->told;
    ++answer.told.seq;
    return given(answer);
  }
  Decision& not_posted(Delivered outcome, int parts = 0) {
    DeliveryAnswered answer;
    answer.outcome = outcome;
    answer.post = session.surface->posts;
    answer.generation = session.surface->generation;
    answer.told = session.surface->told;
    answer.told.parts = parts;
    return given(answer);
  }
  void tell_everything() {
    for (int i = 0; i < 50 && session.surface->posting; ++i) posted();
  }
  /// From the first words to an agent who has joined, all told.
  void connected() {
    says("my VPN is broken", "1");
    given(opened());
    AgentEvent claimed = row("");
    claimed.kind = AgentEvent::Kind::claimed;
    claimed.rep_sys_id = kAgent;
    said(claimed);
    tell_everything();
  }
  /// Whether the last input made the bridge say that.
  bool noticed(Notice notice) const {
    return std::any_of(last.events.begin(), last.events.end(), [&](const Event& event) {
      const auto* said = std::get_if<NoticeEvent>(&event.what);
      return said && said->notice == notice;
    });
  }
  const ActivitySurface& surface() const { return *session.surface; }
};

TEST(SurfaceTest, TheFirstWordsOfAConversationOpenAChatWithThem) {
  SurfaceScript script;
  script.says("my VPN is broken", "1");
  EXPECT_EQ(script.session.state, State::opening);
  ASSERT_EQ(script.effects<OpenChat>().size(), 1u);
  EXPECT_EQ(script.effects<OpenChat>()[0].open.opening_message, "my VPN is broken");
  EXPECT_TRUE(script.effects<Deliver>().empty()) << "there is nothing to tell yet";
  script.given(script.opened());
  ASSERT_EQ(script.effects<Deliver>().size(), 1u) << "the ticket is";
}

TEST(SurfaceTest, AnActivityThatComesTwiceIsTakenOnce) {
  SurfaceScript script;
  script.connected();
  script.says("hello", "2");
  const auto sends = script.session.sends.size();
  EXPECT_EQ(script.says("hello", "2").verdict, Verdict::repeat);
  EXPECT_EQ(script.session.sends.size(), sends);
  EXPECT_TRUE(script.counted("activity_repeat"));
  EXPECT_EQ(script.says("hello", "3").verdict, Verdict::accepted) << "the same words, another id";
}

TEST(SurfaceTest, TheSameIdInAnotherConversationIsAnotherActivity) {
  SurfaceScript script;
  script.connected();
  ActivityTaken other = script.activity(Says::message, "hello", "1");
  other.address.conversation_id = "19:other";
  other.activity_key = conversation_key(other.address) + "\n1";
  EXPECT_EQ(script.given(other).verdict, Verdict::accepted);
}

TEST(SurfaceTest, EventsArePostedOneAfterAnotherAndEachOnce) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("first", "m1"));
  ASSERT_EQ(script.effects<Deliver>().size(), 1u);
  const Deliver first = script.effects<Deliver>()[0];
  script.said(script.row("second", "m2"));
  EXPECT_TRUE(script.effects<Deliver>().empty()) << "the first one is on its way";
  script.posted();
  ASSERT_EQ(script.effects<Deliver>().size(), 1u);
  EXPECT_EQ(script.effects<Deliver>()[0].after.seq, first.after.seq + 1);
  script.posted();
  EXPECT_TRUE(script.effects<Deliver>().empty());
  EXPECT_EQ(script.surface().told.seq, script.session.last_seq);
}

TEST(SurfaceTest, WhatFailsIsPostedAgainAfterAPauseThatGrows) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  script.not_posted(Delivered::retry);
  EXPECT_TRUE(script.effects<Deliver>().empty());
  script.pass(std::chrono::milliseconds(999));
  script.tick(0);
  EXPECT_TRUE(script.effects<Deliver>().empty());
  script.pass(std::chrono::milliseconds(1));
  script.tick(0);
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
  script.not_posted(Delivered::retry);
  script.pass(std::chrono::milliseconds(1'999));
  EXPECT_TRUE(script.tick(0).effects.empty());
  script.pass(std::chrono::milliseconds(1));
  script.tick(0);
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
}

TEST(SurfaceTest, ThePauseThatTheOtherSideAsksForIsKept) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  DeliveryAnswered answer;
  answer.outcome = Delivered::retry;
  answer.post = script.surface().posts;
  answer.generation = script.surface().generation;
  answer.told = script.surface().told;
  answer.retry_after = std::chrono::seconds(30);
  script.given(answer);
  EXPECT_EQ(script.surface().next_try, script.now + std::chrono::seconds(30));
}

TEST(SurfaceTest, APartThatArrivedIsNotPostedAgain) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  script.not_posted(Delivered::retry, 2);
  script.pass(std::chrono::seconds(2));
  script.tick(0);
  ASSERT_EQ(script.effects<Deliver>().size(), 1u);
  EXPECT_EQ(script.effects<Deliver>()[0].after.parts, 2);
}

TEST(SurfaceTest, AnExpiredUrlMakesEventsWaitForTheNextTurn) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  script.not_posted(Delivered::expired);
  script.pass(std::chrono::hours(1));
  script.tick(0);
  EXPECT_TRUE(script.effects<Deliver>().empty());
  script.says("are you there?", "2");
  EXPECT_EQ(script.effects<Deliver>().size(), 1u) << "the turn brings a new URL";
}

TEST(SurfaceTest, ThatAnOldUrlHasExpiredSaysNothingOfTheNewOne) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  const std::uint64_t old = script.surface().generation;
  script.says("are you there?", "2");
  DeliveryAnswered answer;
  answer.outcome = Delivered::expired;
  answer.post = script.surface().posts;
  answer.generation = old;
  answer.told = script.surface().told;
  script.given(answer);
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
}

TEST(SurfaceTest, WhatIsRefusedTwiceMakesRoomForTheRestAndIsSaid) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("poison", "m1"));
  script.said(script.row("after", "m2"));
  script.not_posted(Delivered::refused);
  EXPECT_TRUE(script.effects<Deliver>().empty()) << "another URL may take it";
  script.says("hm?", "2");
  script.not_posted(Delivered::refused);
  EXPECT_TRUE(script.counted("delivery_skipped"));
  EXPECT_TRUE(script.noticed(Notice::not_shown));
  EXPECT_EQ(script.effects<Deliver>().size(), 1u) << "the next one goes on";
}

TEST(SurfaceTest, ATurnThatCarriesItsAnswerHoldsPostsBack) {
  SurfaceScript script;
  script.connected();
  ActivityTaken turn = script.activity(Says::message, "hello", "2");
  turn.turn = 7;
  script.given(turn);
  script.said(script.row("answer", "m1"));
  EXPECT_TRUE(script.effects<Deliver>().empty());
  TurnAnswered answered;
  answered.turn = 7;
  answered.tells = true;
  answered.activity_key = turn.activity_key;
  answered.from = script.surface().told;
  answered.upto = answered.from;
  answered.upto.seq = script.session.last_seq;
  EXPECT_EQ(script.given(answered).verdict, Verdict::accepted);
  EXPECT_TRUE(script.effects<Deliver>().empty()) << "all of it was in the answer";
  script.said(script.row("later", "m2"));
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
}

TEST(SurfaceTest, AnAnswerThatSomethingElseHasToldCarriesNothing) {
  SurfaceScript script;
  script.connected();
  ActivityTaken turn = script.activity(Says::nothing, "", "2");
  turn.turn = 7;
  script.given(turn);
  script.said(script.row("answer", "m1"));
  TurnAnswered answered;
  answered.turn = 7;
  answered.tells = true;
  answered.from = script.surface().told;
  answered.from.seq -= 1;
  answered.upto.seq = script.session.last_seq;
  EXPECT_EQ(script.given(answered).verdict, Verdict::already);
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
}

TEST(SurfaceTest, ATurnThatNeverEndsHoldsPostsNoLongerThanItMay) {
  SurfaceScript script;
  script.connected();
  ActivityTaken turn = script.activity(Says::nothing, "", "2");
  turn.turn = 7;
  script.given(turn);
  script.said(script.row("answer", "m1"));
  script.pass(script.policy.turn_limit);
  script.tick(0);
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
}

TEST(SurfaceTest, AfterTheEndWordsAreNotSentUnlessTheyAskForAPerson) {
  SurfaceScript script;
  script.connected();
  AgentEvent closed = script.row("");
  closed.kind = AgentEvent::Kind::closed;
  closed.last_sequence = 0;
  script.said(closed);
  script.tell_everything();
  ASSERT_EQ(script.session.state, State::closed);
  EXPECT_EQ(script.says("thanks, bye", "2").verdict, Verdict::session_closed);
  EXPECT_TRUE(script.noticed(Notice::chat_over));
  EXPECT_TRUE(script.effects<OpenChat>().empty());
  ActivityTaken again = script.activity(Says::message, "agent", "3");
  again.asks_for_person = true;
  script.given(again);
  EXPECT_EQ(script.effects<OpenChat>().size(), 1u);
  EXPECT_TRUE(script.noticed(Notice::another_chat));
  EXPECT_EQ(script.session.chat.number, 2);
}

TEST(SurfaceTest, AnotherQuestionFromTheAssistantAsksForAPerson) {
  SurfaceScript script;
  ActivityTaken first = script.activity(Says::message, "VPN", "1");
  first.query_hash = 7;
  script.given(first);
  script.given(script.opened());
  script.given(End{CloseReason::user_ended, {}});
  ActivityTaken same = script.activity(Says::message, "thanks", "2");
  same.query_hash = 7;
  EXPECT_EQ(script.given(same).verdict, Verdict::session_closed);
  ActivityTaken other = script.activity(Says::message, "printer", "3");
  other.query_hash = 8;
  script.given(other);
  EXPECT_EQ(script.session.state, State::opening);
}

TEST(SurfaceTest, AReplayedHandoffSaysNothingToAnAgentWhoIsThere) {
  SurfaceScript script;
  script.connected();
  script.given(script.activity(Says::ask, "please help", "2"));
  EXPECT_TRUE(script.effects<SendMessage>().empty());
  EXPECT_TRUE(script.effects<OpenChat>().empty());
}

TEST(SurfaceTest, ARefusedOpenIsSaidAndTheNextWordsTryAgain) {
  SurfaceScript script;
  script.says("help", "1");
  OpenAnswered refused;
  refused.chat_number = 1;
  refused.error = Error(Errc::upstream_rejected);
  script.given(refused);
  EXPECT_TRUE(script.noticed(Notice::not_connected));
  script.says("help!", "2");
  EXPECT_EQ(script.effects<OpenChat>().size(), 1u);
}

TEST(SurfaceTest, AnOpenOfUnknownOutcomeIsAskedAboutByTheNextWords) {
  SurfaceScript script;
  script.says("help", "1");
  OpenAnswered unknown;
  unknown.chat_number = 1;
  unknown.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  script.given(unknown);
  EXPECT_TRUE(script.noticed(Notice::open_unknown));
  script.says("hello?", "2");
  ASSERT_EQ(script.effects<OpenChat>().size(), 1u);
  EXPECT_TRUE(script.effects<OpenChat>()[0].ask_first);
  EXPECT_EQ(script.session.sends.size(), 1u) << "and they wait behind the open";
}

TEST(SurfaceTest, AUserWhoMayNotIsToldSo) {
  SurfaceScript script;
  ActivityTaken input = script.activity(Says::message, "help", "1");
  input.refused = "forbidden";
  script.given(input);
  EXPECT_EQ(script.session.state, State::bot);
  EXPECT_TRUE(script.noticed(Notice::not_connected));
}

TEST(SurfaceTest, AConversationThatJoinsAPageHearsWhereItStandsAndNotWhatWasSaid) {
  SurfaceScript script;
  script.live();
  script.said(script.row("before", "m1"));
  const auto before = script.session.last_seq;
  script.given(script.activity(Says::nothing, "", "1"));
  EXPECT_TRUE(script.noticed(Notice::joined_live));
  EXPECT_EQ(script.surface().told.seq, before);
  script.said(script.row("after", "m2"));
  EXPECT_TRUE(script.last.events.back().carried) << "the page is not shown it as well";
}

TEST(SurfaceTest, WhatThePageSendsItselfIsShownThere) {
  SurfaceScript script;
  script.live();
  script.given(script.activity(Says::nothing, "", "1"));
  script.user_says("from the page", "c1");
  EXPECT_FALSE(script.last.events.back().carried);
  script.says("from Copilot", "2");
  EXPECT_TRUE(script.last.events.back().carried);
}

TEST(SurfaceTest, WhoSpokeLatelyIsKeptFromTheIdleTimer) {
  SurfaceScript script;
  script.connected();
  script.pass(script.policy.touch_interval);
  script.tick(0);
  EXPECT_EQ(script.effects<TouchChat>().size(), 1u);
  script.pass(script.policy.carried_patience);
  script.tick(0);
  EXPECT_TRUE(script.effects<TouchChat>().empty()) << "then the idle rule may end it";
  script.says("still here", "2");
  script.tick(0);
  EXPECT_EQ(script.effects<TouchChat>().size(), 1u);
}

TEST(SurfaceTest, WhoWaitsInTheQueueIsKeptThere) {
  SurfaceScript script;
  script.says("help", "1");
  script.given(script.opened());
  script.pass(script.policy.carried_patience * 3);
  script.tick(0);
  EXPECT_EQ(script.session.state, State::queued);
  EXPECT_EQ(script.effects<TouchChat>().size(), 1u);
}

TEST(SurfaceTest, NobodyIsDeclaredGoneWhoReadsElsewhere) {
  SurfaceScript script;
  script.connected();
  script.pass(script.policy.abandoned_after * 3);
  script.tick(0);
  EXPECT_EQ(script.session.state, State::live);
  EXPECT_TRUE(script.effects<Reconcile>().empty()) << "the first look only sets the clock";
  script.pass(script.policy.ask_interval);
  script.tick(0);
  EXPECT_EQ(script.effects<Reconcile>().size(), 1u);
  Reconciled over = script.read({});
  over.over = true;
  script.given(over);
  EXPECT_EQ(script.session.state, State::closed);
}

TEST(SurfaceTest, AChatIsEndedByAWord) {
  SurfaceScript script;
  script.connected();
  ActivityTaken bye = script.activity(Says::message, "end chat", "2");
  bye.asks_to_leave = true;
  script.given(bye);
  EXPECT_EQ(script.session.state, State::closed);
  EXPECT_EQ(script.effects<EndChat>().size(), 1u);
  EXPECT_TRUE(script.effects<SendMessage>().empty()) << "the agent is not sent it as well";
}

TEST(SurfaceTest, WhatWasOnItsWayWhenTheProcessDiedIsPostedAgain) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  ASSERT_TRUE(script.surface().posting);
  script.given(Restarted());
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
}

TEST(SurfaceTest, TooMuchThatWaitsIsSaid) {
  SurfaceScript script;
  script.policy.max_waiting_messages = 1;
  script.says("help", "1");
  script.says("one", "2");
  EXPECT_EQ(script.says("two", "3").verdict, Verdict::too_many);
  EXPECT_TRUE(script.noticed(Notice::too_many));
}

TEST(SurfaceTest, ThatOpeningTakesLongIsSaidOnce) {
  SurfaceScript script;
  script.says("help", "1");
  script.given(TurnWaited());
  EXPECT_TRUE(script.noticed(Notice::still_connecting));
  EXPECT_TRUE(script.given(TurnWaited()).events.empty());
}

TEST(SurfaceTest, TheEndOfTheConversationEndsTheChat) {
  SurfaceScript script;
  script.connected();
  script.given(script.activity(Says::leave, "", "9"));
  EXPECT_EQ(script.session.state, State::closed);
  EXPECT_EQ(script.effects<EndChat>().size(), 1u);
}

TEST(SurfaceTest, WithoutAUrlNothingIsPosted) {
  SurfaceScript script;
  ActivityTaken input = script.activity(Says::message, "help", "1");
  input.address.service_url = Secret();
  script.given(input);
  script.given(script.opened());
  EXPECT_TRUE(script.effects<Deliver>().empty());
  EXPECT_GT(next_due(script.session, {}, script.policy, script.now), script.now);
}

TEST(SurfaceTest, AnOldActivityThatComesAgainBringsNoOldAddressBack) {
  SurfaceScript script;
  script.connected();
  ActivityTaken first = script.activity(Says::message, "one", "2");
  first.address.service_url = Secret("https://example.com/cb?sig=2");
  script.given(first);
  ActivityTaken second = script.activity(Says::message, "two", "3");
  second.address.service_url = Secret("https://example.com/cb?sig=3");
  script.given(second);
  EXPECT_EQ(script.given(first).verdict, Verdict::repeat);
  EXPECT_EQ(script.surface().address.service_url.reveal(), "https://example.com/cb?sig=3");
  EXPECT_EQ(script.surface().address.activity_id, "3");
}

TEST(SurfaceTest, TheLastActivityThatComesAgainMayBringAFreshAddress) {
  SurfaceScript script;
  script.connected();
  ActivityTaken turn = script.activity(Says::message, "one", "2");
  script.given(turn);
  turn.address.service_url = Secret("https://example.com/cb?sig=fresh");
  EXPECT_EQ(script.given(turn).verdict, Verdict::repeat);
  EXPECT_EQ(script.surface().address.service_url.reveal(), "https://example.com/cb?sig=fresh");
}

TEST(SurfaceTest, WhatAnActivityLeavesOutStaysAsItWas) {
  SurfaceScript script;
  ActivityTaken first = script.activity(Says::message, "help", "1");
  first.address.locale = "de";
  first.address.agent_id = "agent";
  script.given(first);
  script.given(script.activity(Says::typing, "", "2"));
  EXPECT_EQ(script.surface().address.locale, "de");
  EXPECT_EQ(script.surface().address.agent_id, "agent");
}

TEST(SurfaceTest, TypingPushesNoMessageOutOfMemory) {
  SurfaceScript script;
  script.connected();
  script.says("hello", "m");
  for (int i = 0; i < 200; ++i)
    script.given(script.activity(Says::typing, "", "t" + std::to_string(i)));
  EXPECT_EQ(script.says("hello", "m").verdict, Verdict::repeat);
}

TEST(SurfaceTest, APostOfWhichNothingIsHeardAgainIsMadeAgain) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  const std::uint64_t lost = script.surface().posts;
  script.pass(script.policy.post_limit);
  script.tick(0);
  ASSERT_EQ(script.effects<Deliver>().size(), 1u);
  DeliveryAnswered late;
  late.post = lost;
  late.told.seq = script.session.last_seq;
  EXPECT_FALSE(script.given(late).changed) << "what it says is of yesterday";
}

TEST(SurfaceTest, AClockThatIsSetBackHoldsNothingUp) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  script.not_posted(Delivered::retry);
  script.pass(-std::chrono::hours(1));
  script.tick(0);
  EXPECT_EQ(script.effects<Deliver>().size(), 1u);
}

TEST(SurfaceTest, NobodyCanAskForADaysSilence) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  DeliveryAnswered answer;
  answer.outcome = Delivered::retry;
  answer.post = script.surface().posts;
  answer.told = script.surface().told;
  answer.retry_after = std::chrono::hours(24);
  script.given(answer);
  EXPECT_EQ(script.surface().next_try, script.now + script.policy.max_retry_after);
}

TEST(SurfaceTest, AConversationThatTakesOverHearsWhoSpeaksAndNoAnswerOfTheOther) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("hello", "m1"));
  const std::uint64_t before = script.surface().posts;
  ActivityTaken other = script.activity(Says::nothing, "", "9");
  other.address.conversation_id = "19:other";
  script.given(other);
  ASSERT_EQ(script.effects<Deliver>().size(), 1u) << "what was on its way there comes here";
  EXPECT_EQ(script.effects<Deliver>()[0].after.voice, Voice());
  DeliveryAnswered late;
  late.post = before;
  late.told = script.surface().told;
  late.told.seq += 1;
  EXPECT_FALSE(script.given(late).changed);
}

TEST(SurfaceTest, AnEditOpensNothing) {
  SurfaceScript script;
  script.given(script.activity(Says::edit, "(edited) help", "e1"));
  EXPECT_EQ(script.session.state, State::bot);
  script.connected();
  script.given(script.activity(Says::edit, "(edited) VPN", "2"));
  EXPECT_EQ(script.effects<SendMessage>().size(), 1u) << "but an agent who is there gets it";
}

TEST(SurfaceTest, WhoeverDoesNotSayForWhomAChatIsIsAskedAgain) {
  SurfaceScript script;
  ActivityTaken input = script.activity(Says::message, "help", "1");
  input.opening.user_sys_id.clear();
  Decision& decision = script.given(input);
  EXPECT_EQ(decision.verdict, Verdict::not_prepared);
  EXPECT_FALSE(decision.changed);
}

TEST(SurfaceTest, AQuestionThatWasPassedOnInTheChatAsksForNoOther) {
  SurfaceScript script;
  script.connected();
  ActivityTaken turn = script.activity(Says::message, "and the printer", "2");
  turn.query_hash = 5;
  script.given(turn);
  script.given(End{CloseReason::user_ended, {}});
  ActivityTaken thanks = script.activity(Says::message, "thanks", "3");
  thanks.query_hash = 5;
  EXPECT_EQ(script.given(thanks).verdict, Verdict::session_closed);
}

TEST(SurfaceTest, ADayWithoutAWordEndsTheChat) {
  SurfaceScript script;
  script.live(1);  // an old installation cannot be asked whether it is still on
  script.given(script.activity(Says::nothing, "", "1"));
  script.pass(script.policy.carried_limit);
  script.tick(0);
  EXPECT_EQ(script.session.state, State::closed);
  EXPECT_EQ(script.session.close_reason, CloseReason::abandoned);
}

TEST(SurfaceTest, WhatIsDueIsKeptOverAWeekend) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("see you", "m1"));
  script.not_posted(Delivered::expired);
  script.given(End{CloseReason::user_ended, {}});
  script.given(EndAnswered{script.session.chat.key, std::nullopt});
  script.pass(std::chrono::hours(72));
  EXPECT_FALSE(script.tick(0).expired);
  script.pass(script.policy.carried_expiry);
  EXPECT_TRUE(script.tick(0).expired);
}

TEST(SurfaceTest, APageThatAsksForAPersonItselfGoesOnByItself) {
  SurfaceScript script;
  script.connected();
  script.given(End{CloseReason::user_ended, {}});
  script.tell_everything();
  script.escalate("again");
  EXPECT_FALSE(script.last.events.back().carried);
  script.given(script.opened());
  script.said(script.row("on the page", "m9"));
  EXPECT_TRUE(script.effects<Deliver>().empty());
  EXPECT_FALSE(script.last.events.back().carried);
  // A channel that tidies up takes nothing away from it, and words join again.
  script.given(script.activity(Says::leave, "", "8"));
  EXPECT_EQ(script.session.state, State::live);
  script.given(script.activity(Says::message, "here again", "9"));
  EXPECT_TRUE(script.noticed(Notice::joined_live));
  script.said(script.row("in Copilot", "m10"));
  EXPECT_TRUE(script.last.events.back().carried);
}

TEST(SurfaceTest, WhatWasDueInTheConversationIsStillToldThereWhenThePageGoesOn) {
  SurfaceScript script;
  script.connected();
  script.said(script.row("last words", "m1"));
  script.not_posted(Delivered::expired);
  script.given(End{CloseReason::user_ended, {}});
  const Told due = script.surface().told;
  script.escalate("again");
  EXPECT_EQ(script.surface().told, due);
  script.given(script.opened());
  script.given(script.activity(Says::message, "hello", "9"));
  ASSERT_EQ(script.effects<Deliver>().size(), 1u);
  EXPECT_EQ(script.effects<Deliver>()[0].after.seq, due.seq);
}

}  // namespace
}  // namespace bridge::session
