// SPDX-License-Identifier: MIT
// A conversation of Copilot Studio carried through the whole handoff, with a service URL and a
// ServiceNow that the test holds in its hand.
#include <boost/json/parse.hpp>

#include "house.hpp"

namespace bridge::handoff {
namespace {

namespace json = boost::json;
using session::AgentEvent;
using session::State;
using Says = session::ActivityTaken::Says;
using Replies = std::vector<std::string>;

ActivityTurn turn_of(Says says, std::string text, std::string id,
                     std::string conversation = "19:abc|1") {
  ActivityTurn turn;
  turn.address.channel_id = "msteams";
  turn.address.conversation_id = std::move(conversation);
  turn.address.service_url = Secret("https://example.com/cb?sig=" + id);
  turn.address.activity_id = id;
  turn.address.user_id = "29:user";
  turn.address.agent_id = "agent-1";
  turn.activity_id = std::move(id);
  turn.says = says;
  turn.text = std::move(text);
  turn.user_name = "A User";
  return turn;
}
ActivityTurn says(std::string text, std::string id) {
  return turn_of(Says::message, std::move(text), std::move(id));
}
ActivityTurn asks(std::string text, std::string id) {
  ActivityTurn turn = says(std::move(text), std::move(id));
  turn.carries_answer = true;
  return turn;
}

/// Texts of messages, and "<type>" of other activities.
Replies told(const std::vector<std::string>& activities) {
  Replies lines;
  for (const std::string& one : activities) {
    const json::object activity = json::parse(one).as_object();
    const std::string type(activity.at("type").as_string());
    lines.push_back(type == "message" ? std::string(activity.at("text").as_string())
                                      : "<" + type + ">");
  }
  return lines;
}

class ActivityHouse : public House {
 public:
  explicit ActivityHouse(Options o = {}) : House(std::move(o)) {}

  Replies posted() const { return told(delivery.posted); }
  AgentEvent reply(std::string text, std::string id) {
    AgentEvent event;
    event.api = 2;
    event.interaction_sys_id = "ix1";
    event.sender_sys_id = "agent";
    event.rep_name = "Alex Rep";
    event.text = std::move(text);
    event.message_sys_id = std::move(id);
    return event;
  }
  Task<bool> agent_says(Handoff& handoff, std::string text, std::string id) {
    auto taken = co_await handoff.agent_event(reply(std::move(text), std::move(id)));
    co_return taken.has_value();
  }
};

DeliveryAnswer failing(Posted how) { return DeliveryAnswer(how, "test"); }

Options hasty() {
  Options options;
  options.turn_deadline = std::chrono::milliseconds(200);
  return options;
}

TEST(ActivityTurns, TheTicketIsToldInTheTurnThatAsksForIt) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    auto answer = co_await handoff.activity_turn(asks("my VPN is broken", "1"));
    EXPECT_TRUE(answer);
    const Replies lines = told(*answer);
    EXPECT_EQ(lines.size(), 1u);
    EXPECT_NE(lines[0].find("**IMS0001**"), std::string::npos);
    EXPECT_TRUE(house.delivery.posted.empty());
    EXPECT_EQ(house.chat.opens.size(), 1u);
    EXPECT_EQ(house.chat.opens[0].opening_message, "my VPN is broken");
    EXPECT_NE(house.chat.opens[0].short_description.find("A User"), std::string::npos);
  });
}

TEST(ActivityTurns, WithNormalDeliveryItIsPostedBeforeTheTurnEnds) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    auto answer = co_await handoff.activity_turn(says("my VPN is broken", "1"));
    EXPECT_TRUE(answer && answer->empty());
    EXPECT_EQ(house.delivery.posted.size(), 1u);
    EXPECT_EQ(house.delivery.urls, Replies{"https://example.com/cb?sig=1"});
  });
}

TEST(ActivityTurns, WhatTheAgentSaysLaterIsPostedInOrderWithTheNewestUrl) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    (void)co_await handoff.activity_turn(says("more", "2"));
    EXPECT_EQ(house.chat.sends, Replies{"more"});
    for (int i = 0; i < 10; ++i)
      EXPECT_TRUE(
          co_await house.agent_says(handoff, "line " + std::to_string(i), "m" + std::to_string(i)));
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 12; }));
    const Replies lines = house.posted();
    EXPECT_EQ(lines[1], "**Alex Rep** joined.");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(lines[2 + i], "line " + std::to_string(i));
    EXPECT_EQ(house.delivery.urls.back(), "https://example.com/cb?sig=2");
  });
}

TEST(ActivityTurns, ARepeatedTurnGetsTheSameAnswerAndDoesNothing) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    auto first = co_await handoff.activity_turn(asks("help", "1"));
    (void)co_await house.agent_says(handoff, "hello", "m1");
    auto second = co_await handoff.activity_turn(asks("hi", "2"));
    auto again = co_await handoff.activity_turn(asks("hi", "2"));
    EXPECT_TRUE(first && second && again);
    EXPECT_EQ(told(*second), told(*again));
    EXPECT_EQ(house.chat.sends, Replies{"hi"});
    EXPECT_EQ(house.chat.opens.size(), 1u);
    auto once_more = co_await handoff.activity_turn(asks("help", "1"));
    EXPECT_EQ(told(*first), told(*once_more));
  });
}

TEST(ActivityTurns, TwoCallsOfOneActivityAtOnceAnswerAlike) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    house.chat.opening.shut();
    async::TaskGroup group(house.context.get_executor(), house.logger);
    std::vector<Replies> answers;
    const auto ask = [&]() -> Task<> {
      auto answer = co_await handoff.activity_turn(asks("help", "1"));
      if (answer) answers.push_back(told(*answer));
    };
    group.spawn("one", ask());
    group.spawn("two", ask());
    EXPECT_TRUE(co_await eventually([&] { return !house.chat.opens.empty(); }));
    house.chat.opening.open();
    EXPECT_TRUE(co_await eventually([&] { return answers.size() == 2; }));
    EXPECT_EQ(answers[0], answers[1]);
    EXPECT_EQ(answers[0].size(), 1u);
    EXPECT_EQ(house.chat.opens.size(), 1u);
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
  });
}

TEST(ActivityTurns, ATurnIsAnsweredInTimeWhateverServiceNowDoes) {
  ActivityHouse house(hasty());
  house.run([&](Handoff& handoff) -> Task<> {
    house.chat.opening.shut();
    auto answer = co_await handoff.activity_turn(asks("help", "1"));
    EXPECT_TRUE(answer);
    EXPECT_EQ(told(*answer), Replies{"Connecting you takes longer than usual. I am still trying."});
    house.chat.opening.open();
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 1; }))
        << "the ticket follows by itself";
  });
}

TEST(ActivityTurns, EventsWaitForTheNextTurnWhenTheUrlHasExpired) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    house.delivery.answers.push_back(failing(Posted::expired));
    (void)co_await house.agent_says(handoff, "one", "m1");
    (void)co_await house.agent_says(handoff, "two", "m2");
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.answers.empty(); }));
    EXPECT_EQ(house.delivery.posted.size(), 1u);
    auto answer = co_await handoff.activity_turn(asks("are you there?", "2"));
    EXPECT_EQ(told(*answer), (Replies{"**Alex Rep** joined.", "one", "two"}));
    EXPECT_EQ(house.delivery.posted.size(), 1u) << "and are not posted as well";
  });
}

TEST(ActivityTurns, APostThatFailsIsMadeAgain) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    house.delivery.answers.push_back(failing(Posted::retry));
    (void)co_await house.agent_says(handoff, "one", "m1");
    EXPECT_TRUE(co_await eventually([&] {
      house.time.pass(std::chrono::milliseconds(100));
      return house.delivery.posted.size() == 3;
    }));
    EXPECT_EQ(house.posted().back(), "one");
  });
}

TEST(ActivityTurns, ATurnWaitsForAPostThatIsUnderWayAndDoesNotTellItAgain) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    house.delivery.posting.shut();
    (void)co_await house.agent_says(handoff, "one", "m1");
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.urls.size() == 2; }));
    async::TaskGroup group(house.context.get_executor(), house.logger);
    std::optional<Replies> lines;
    const auto ask = [&]() -> Task<> {
      auto answer = co_await handoff.activity_turn(asks("hi", "2"));
      lines = told(*answer);
    };
    group.spawn("turn", ask());
    EXPECT_TRUE(co_await eventually([&] { return !house.chat.sends.empty(); }));
    EXPECT_FALSE(lines);
    house.delivery.posting.open();
    EXPECT_TRUE(co_await eventually([&] { return lines.has_value(); }));
    Replies all = house.posted();
    all.insert(all.end(), lines->begin(), lines->end());
    EXPECT_EQ(std::count(all.begin(), all.end(), "one"), 1);
    EXPECT_EQ(std::count(all.begin(), all.end(), "**Alex Rep** joined."), 1);
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
  });
}

TEST(ActivityTurns, TheEndHandsTheConversationBack) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    AgentEvent closed = house.reply("", "");
    closed.kind = AgentEvent::Kind::closed;
    closed.last_sequence = 0;
    (void)co_await handoff.agent_event(closed);
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 3; }));
    EXPECT_EQ(house.posted()[2], "<endOfConversation>");
    EXPECT_NE(house.posted()[1].find("**IMS0001**"), std::string::npos);
    const json::object end = json::parse(house.delivery.posted[2]).as_object();
    EXPECT_EQ(end.at("value").at("ticketNumber"), "IMS0001");

    auto thanks = co_await handoff.activity_turn(asks("thanks", "2"));
    EXPECT_EQ(told(*thanks).size(), 2u) << "the line, and the conversation goes back again";
    EXPECT_EQ(house.chat.opens.size(), 1u);
    ActivityTurn again = asks("agent", "3");
    again.asks_for_person = true;
    auto opened = co_await handoff.activity_turn(std::move(again));
    EXPECT_EQ(told(*opened).size(), 2u);
    EXPECT_NE(told(*opened)[1].find("IMS0002"), std::string::npos);
  });
}

TEST(ActivityTurns, AnUndeliveredMessageIsSaid) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(asks("help", "1"));
    house.chat.send_error = Error(Errc::upstream_rejected);
    auto answer = co_await handoff.activity_turn(asks("my words", "2"));
    EXPECT_EQ(told(*answer),
              Replies{"This was not delivered: \"my words\". Please send it again."});
  });
}

TEST(ActivityTurns, AConversationJoinsThePageWhoseUserItIs) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    RecordingSubscriber page;
    auto watching = co_await handoff.subscribe(id, start_of_log(), page);
    EXPECT_TRUE(watching);
    const std::size_t seen = page.frames.size();
    ActivityTurn turn = asks("hi", "1");
    turn.web_session = id;
    auto answer = co_await handoff.activity_turn(std::move(turn));
    EXPECT_EQ(told(*answer), Replies{"You are talking to **Alex Rep**, and can go on here."});
    EXPECT_EQ(house.chat.opens.size(), 1u);
    EXPECT_EQ(house.chat.sends, Replies{"hi"});
    (void)co_await house.agent_says(handoff, "hello", "m1");
    EXPECT_TRUE(co_await eventually([&] { return !house.delivery.posted.empty(); }));
    // Texts are shown by Copilot Studio; here only their places, so that none seems to be missing.
    EXPECT_GT(page.frames.size(), seen);
    for (std::size_t i = seen; i < page.frames.size(); ++i) {
      EXPECT_EQ(page.frames[i],
                "{\"type\":\"carried\",\"seq\":" + std::to_string(page.seqs[i]) + "}");
      EXPECT_EQ(page.seqs[i], page.seqs[i - 1] + 1);
    }
    auto polled = co_await handoff.poll(id, start_of_log(), std::chrono::milliseconds(0));
    EXPECT_EQ(polled->frames.size(), page.frames.size());
    RecordingSubscriber old_page;
    auto plain = co_await handoff.subscribe(id, std::nullopt, old_page);
    EXPECT_TRUE(plain);
    const std::size_t told = page.frames.size();
    for (const std::string& frame : old_page.frames)
      EXPECT_EQ(frame.find("carried"), std::string::npos) << "an old page knows nothing of it";
    AgentEvent closed = house.reply("", "");
    closed.kind = AgentEvent::Kind::closed;
    closed.last_sequence = 0;
    (void)co_await handoff.agent_event(closed);
    EXPECT_EQ(page.frames.size(), told + 1);
    EXPECT_NE(page.frames.back().find("closed"), std::string::npos)
        << "the state is shown on both sides";
  });
}

TEST(ActivityTurns, WhatNeedsNoSessionMakesNone) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    for (const Says kind : {Says::nothing, Says::typing, Says::leave}) {
      auto answer = co_await handoff.activity_turn(turn_of(kind, "", "1"));
      EXPECT_TRUE(answer && answer->empty());
    }
    EXPECT_EQ((co_await house.store->count()).value(), 0u);
  });
}

TEST(ActivityTurns, ConversationsThatBeginAlikeAreTwo) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    const std::string long_id(300, 'x');
    (void)co_await handoff.activity_turn(turn_of(Says::message, "a", "1", long_id + "1"));
    (void)co_await handoff.activity_turn(turn_of(Says::message, "b", "1", long_id + "2"));
    EXPECT_EQ(house.chat.opens.size(), 2u);
    EXPECT_EQ((co_await house.store->count()).value(), 2u);
  });
}

TEST(ActivityTurns, ACallerWhoGoesAwayHoldsNothingUp) {
  ActivityHouse house(hasty());
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(asks("help", "1"));
    {
      house.chat.sending.shut();
      async::TaskGroup group(house.context.get_executor(), house.logger);
      const auto ask = [&]() -> Task<> { (void)co_await handoff.activity_turn(asks("hi", "2")); };
      group.spawn("turn", ask());
      EXPECT_TRUE(co_await eventually([&] { return !house.chat.sends.empty(); }));
      group.cancel();
      EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
    }
    house.chat.sending.open();
    (void)co_await house.agent_says(handoff, "one", "m1");
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 2; }))
        << "it is posted";
    auto again = co_await handoff.activity_turn(asks("hi", "2"));
    EXPECT_TRUE(again);
    EXPECT_EQ(house.chat.sends, Replies{"hi"});
  });
}

TEST(ActivityTurns, TypingOfTheAgentIsPostedNowAndThen) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    (void)co_await house.agent_says(handoff, "one", "m1");
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 3; }));
    AgentEvent typing = house.reply("", "");
    typing.kind = AgentEvent::Kind::typing;
    (void)co_await handoff.agent_event(typing);
    (void)co_await handoff.agent_event(typing);
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 4; }));
    EXPECT_EQ(house.posted()[3], "<typing>");
    house.time.pass(std::chrono::seconds(3));
    (void)co_await handoff.agent_event(typing);
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 5; }));
  });
}

TEST(ActivityTurns, ARestartTellsWhatWasDue) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    house.delivery.posting.shut();
    (void)co_await house.agent_says(handoff, "one", "m1");
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.urls.size() == 2; }));
    // The process ends here, with the post under way.
    co_await handoff.stop(in(std::chrono::seconds(5)));
  });
  house.delivery.posting.open();
  house.delivery.posted.clear();
  house.run([&](Handoff&) -> Task<> {
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.posted.size() == 2; }));
    EXPECT_EQ(house.posted(), (Replies{"**Alex Rep** joined.", "one"}));
  });
}

TEST(ActivityTurns, AnOpeningThatGotLostIsSaidThoughTheChatIsOpen) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    house.chat.opening_not_sent = true;
    house.chat.send_error = Error(Errc::upstream_rejected);
    auto answer = co_await handoff.activity_turn(asks("my VPN is broken", "1"));
    Replies lines = told(*answer);
    // It is sent behind the turn's end at the latest; whoever tells it, it is told.
    EXPECT_TRUE(co_await eventually([&] {
      Replies all = lines;
      for (const std::string& line : house.posted()) all.push_back(line);
      return std::any_of(all.begin(), all.end(), [](const std::string& line) {
        return line.find("not delivered: \"my VPN is broken\"") != std::string::npos;
      });
    }));
  });
}

TEST(ActivityTurns, ThatSomethingIsNoLongerKeptIsSaidOnceAndNothingElseIsLost) {
  Options options;
  options.log.max_events = 4;
  ActivityHouse house(std::move(options));
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await handoff.activity_turn(says("help", "1"));
    DeliveryAnswer taken;
    taken.what = Posted::delivered;
    house.delivery.answers.push_back(taken);  // "joined"
    house.delivery.answers.push_back(failing(Posted::expired));
    for (int i = 0; i < 9; ++i)
      (void)co_await house.agent_says(handoff, "line " + std::to_string(i),
                                      "m" + std::to_string(i));
    EXPECT_TRUE(co_await eventually([&] { return house.delivery.answers.empty(); }));
    auto answer = co_await handoff.activity_turn(asks("?", "2"));
    const Replies lines = told(*answer);
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                            [](const auto& line) { return line.starts_with("Earlier messages"); }),
              1);
    EXPECT_EQ(lines.back(), "line 8");
    EXPECT_EQ(lines.front().find("Earlier messages"), 0u);
  });
}

TEST(ActivityTurns, OnlyWordsJoinAPage) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    for (const Says kind : {Says::nothing, Says::typing, Says::leave, Says::edit}) {
      ActivityTurn turn = turn_of(kind, "x", "1");
      turn.web_session = id;
      (void)co_await handoff.activity_turn(std::move(turn));
    }
    const auto view = co_await handoff.view(id);
    EXPECT_EQ(view.value()->state, State::live);
    EXPECT_FALSE(view.value()->surface);
  });
}

TEST(ActivityTurns, AChatThatAnotherConversationCarriesIsNotTakenOver) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    ActivityTurn first = turn_of(Says::message, "mine", "1", "first");
    first.web_session = id;
    (void)co_await handoff.activity_turn(std::move(first));
    ActivityTurn second = turn_of(Says::message, "also mine?", "1", "second");
    second.web_session = id;
    (void)co_await handoff.activity_turn(std::move(second));
    EXPECT_EQ((co_await handoff.view(id)).value()->surface->address.conversation_id, "first");
    EXPECT_EQ(house.chat.opens.size(), 2u) << "the other one has a chat of its own";
    EXPECT_TRUE(house.logger.contains("activity_join_refused"));
  });
}

TEST(ActivityTurns, AUsersNameJoinsOnlyIfATokenWasMadeForIt) {
  ActivityHouse house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    ActivityTurn stranger = turn_of(Says::message, "let me in", "1", "first");
    stranger.web_user = id;
    (void)co_await handoff.activity_turn(std::move(stranger));
    EXPECT_FALSE((co_await handoff.view(id)).value()->surface);
    auto token = co_await handoff.mint_token("dl_" + id, id);
    EXPECT_TRUE(token);
    ActivityTurn user = turn_of(Says::message, "it is me", "1", "second");
    user.web_user = id;
    (void)co_await handoff.activity_turn(std::move(user));
    EXPECT_TRUE((co_await handoff.view(id)).value()->surface);
  });
}

TEST(ActivityTurns, ASessionThatOwesAnAnswerIsNotGivenUpForAnother) {
  Options options;
  options.max_sessions = 1;
  ActivityHouse house(std::move(options));
  house.run([&](Handoff& handoff) -> Task<> {
    house.chat.open_error = Error(Errc::upstream_rejected);
    house.delivery.answers.push_back(failing(Posted::expired));
    (void)co_await handoff.activity_turn(says("help", "1"));
    NewSession request;
    auto other = co_await handoff.open_session(std::move(request));
    EXPECT_FALSE(other);
    auto answer = co_await handoff.activity_turn(asks("hello?", "2"));
    EXPECT_TRUE(answer);
    EXPECT_NE(told(*answer)[0].find("No live agent"), std::string::npos);
  });
}

}  // namespace
}  // namespace bridge::handoff
