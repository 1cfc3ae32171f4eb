// SPDX-License-Identifier: MIT
// Turns of the stand-in Copilot Studio: the assistant, the delegation, the three delivery modes,
// redelivery, and what the connection presents.
#include "copilot_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class CopilotTurnsTest : public CopilotTest {
 protected:
  void SetUp() override { start(); }
  static json::object end(const std::string& conversation) {
    return {{"type", "endOfConversation"},
            {"code", "completedSuccessfully"},
            {"value", {{"outcome", "agent_ended"}, {"ticket_number", "IMS0000012"}}},
            {"conversation", {{"id", conversation}}}};
  }
};

TEST_F(CopilotTurnsTest, TheAssistantAnswersItselfUntilAPersonIsAskedFor) {
  open();
  EXPECT_EQ(text_in(say("Hello!"), "answered_by"), "assistant");
  (void)say("I forgot my password");
  (void)say("what about personal matters");
  EXPECT_THAT(agent.received(), IsEmpty());
  const json::object turn = say("Can I talk to a person?");
  EXPECT_EQ(text_in(turn, "answered_by"), "agent");
  EXPECT_TRUE(turn.at("delegated").as_bool());
  EXPECT_THAT(window(),
              ElementsAre("user: Hello!", StartsWith("assistant: Hello"),
                          "user: I forgot my password", HasSubstr("new password"),
                          "user: what about personal matters", HasSubstr("did not understand"),
                          "user: Can I talk to a person?", StartsWith("assistant: One moment")));
  (void)say("hello");
  ASSERT_THAT(agent.received(), SizeIs(2)) << "from then on everything goes to the agent";
  EXPECT_EQ(text_in(agent.received()[1].activity, "text"), "hello");
}

TEST_F(CopilotTurnsTest, ATurnIsAnActivityAsTheConnectorSendsIt) {
  open(R"({"channel":"msteams","user_id":"u-1","user_name":"Ann","user_email":"ann@example.com",)"
       R"("bridge_session_id":"b-1","locale":"de-DE"})");
  (void)say("the printer burns");
  (void)say("a person please");
  (void)say("second");
  ASSERT_THAT(agent.received(), SizeIs(2));
  const auto first = agent.received()[0];
  EXPECT_EQ(first.request.headers.get("connector"), "true");
  EXPECT_EQ(first.request.headers.get("Content-Type"), "application/json");
  EXPECT_FALSE(first.request.headers.has("Authorization"));
  const json::object& activity = first.activity;
  EXPECT_EQ(text_in(activity, "type"), "message");
  EXPECT_EQ(text_in(activity, "text"), "a person please");
  EXPECT_EQ(text_in(activity, "channelId"), "msteams");
  EXPECT_EQ(text_in(activity, "locale"), "de-DE");
  EXPECT_FALSE(activity.contains("deliveryMode"));
  EXPECT_THAT(text_in(activity, "timestamp"), ::testing::EndsWith("Z"));
  const json::object& from = activity.at("from").as_object();
  EXPECT_EQ(text_in(from, "id"), "u-1");
  EXPECT_EQ(text_in(from, "name"), "Ann");
  EXPECT_EQ(text_in(from, "role"), "user");
  EXPECT_THAT(text_in(from, "aadObjectId"), SizeIs(36));
  EXPECT_EQ(text_in(activity.at("recipient").as_object(), "role"), "connectoruser");
  EXPECT_EQ(text_in(activity.at("conversation").as_object(), "id"), id);
  EXPECT_GT(id.size(), 64U);
  for (const char c : {';', '|', ':'}) EXPECT_NE(id.find(c), std::string::npos) << c;
  const json::object& data = activity.at("channelData").as_object();
  EXPECT_EQ(text_in(data, "initialQuery"), "the printer burns");
  EXPECT_EQ(text_in(data, "userEmail"), "ann@example.com");
  EXPECT_EQ(text_in(data, "bridgeSessionId"), "b-1");
  EXPECT_THAT(text_in(activity, "serviceUrl"), StartsWith(sandbox->url() + "/copilot/callback/"));
  const json::object second = agent.received()[1].activity;
  EXPECT_FALSE(second.at("channelData").as_object().contains("initialQuery"));
  EXPECT_NE(text_in(second, "id"), text_in(activity, "id"));
}

TEST_F(CopilotTurnsTest, ExpectedRepliesAreReadFromTheAnswer) {
  open(R"({"delivery_mode":"expectReplies"})");
  agent.then([&](const FakeAgent::Received& turn) {
    EXPECT_EQ(text_in(turn.activity, "deliveryMode"), "expectReplies");
    json::object one = reply("You are in the queue");
    one["replyToId"] = text_in(turn.activity, "id");
    json::object body;
    body["activities"] = json::array{one, reply("Ticket IMS1")};
    return json_answer(body);
  });
  const json::object turn = say("agent");
  EXPECT_EQ(turn.at("status").as_int64(), 200);
  EXPECT_THAT(window(), ElementsAre("user: agent", StartsWith("assistant: One"),
                                    "agent: You are in the queue", "agent: Ticket IMS1"));
  const json::array shown = turn.at("shown").as_array();
  ASSERT_THAT(shown, SizeIs(3));
  EXPECT_EQ(text_in(shown[1].as_object(), "by"), "turn");
  EXPECT_EQ(text_in(shown[1].as_object(), "reply_to"), text_in(turn, "activity_id"));
  EXPECT_THAT(errors(), IsEmpty());
  agent.then([](const FakeAgent::Received&) { return net::text_response(200, "sorry"); });
  (void)say("more");
  EXPECT_THAT(errors(), ElementsAre("not_expected_replies"));
}

TEST_F(CopilotTurnsTest, AStreamIsReadWithEitherLineEnd) {
  open(R"({"delivery_mode":"stream"})");
  const auto block = [&](const std::string& text, const std::string& end) {
    return "event: activity" + end + "data: " + json::serialize(reply(text)) + end + end;
  };
  agent.then([&](const FakeAgent::Received& turn) {
    EXPECT_EQ(turn.request.headers.get("Accept"), "text/event-stream");
    return net::text_response(200, ": alive\r\n\r\n" + block("one", "\r\n") + block("two", "\n"),
                              "text/event-stream");
  });
  (void)say("agent");
  EXPECT_THAT(errors(), IsEmpty());
  agent.then([&](const FakeAgent::Received&) {
    return net::text_response(200,
                              block("three", "\r\n") + "event: strange\ndata: {}\n\n" +
                                  "event: activity\ndata: {\n\n" + "event: activity\n",
                              "text/event-stream; charset=utf-8");
  });
  (void)say("more");
  EXPECT_THAT(window(), ElementsAre("user: agent", StartsWith("assistant: One"), "agent: one",
                                    "agent: two", "user: more", "agent: three"));
  EXPECT_THAT(errors(), ElementsAre("malformed_stream", "malformed_stream", "malformed_stream"));
  agent.then([&](const FakeAgent::Received&) {
    return json_answer(json::object{{"activities", json::array{reply("four")}}});
  });
  (void)say("again");
  EXPECT_EQ(errors().back(), "not_a_stream");
}

TEST_F(CopilotTurnsTest, RepliesInTheAnswerOfANormalTurnAreNotShown) {
  open();
  agent.then([&](const FakeAgent::Received&) {
    return json_answer(json::object{{"activities", json::array{reply("lost")}}});
  });
  (void)say("agent");
  EXPECT_THAT(window(), SizeIs(2));
  EXPECT_THAT(errors(), ElementsAre("replies_in_the_answer"));
}

TEST_F(CopilotTurnsTest, AnEndHandsTheConversationBack) {
  open(R"({"delivery_mode":"expectReplies"})");
  agent.then([&](const FakeAgent::Received&) {
    return json_answer(json::object{{"activities", json::array{reply("Bye"), end(id)}}});
  });
  const json::object turn = say("agent");
  EXPECT_FALSE(turn.at("delegated").as_bool());
  EXPECT_THAT(window().back(), testing::AllOf(StartsWith("assistant: "), HasSubstr("agent_ended"),
                                              HasSubstr("IMS0000012")));
  const json::array ended = record().at("hand_backs").as_array();
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(text_in(ended[0].as_object(), "code"), "completedSuccessfully");
  EXPECT_EQ(text_in(ended[0].as_object().at("value").as_object(), "ticket_number"), "IMS0000012");
  EXPECT_EQ(text_in(say("hello"), "answered_by"), "assistant");
  (void)say("I want a person again");
  ASSERT_THAT(agent.received(), SizeIs(2));
  EXPECT_EQ(text_in(agent.received()[1].activity.at("channelData").as_object(), "initialQuery"),
            "hello")
      << "what was said since the assistant had it";
}

TEST_F(CopilotTurnsTest, ThePlannerMayLeaveInMidChat) {
  open();
  (void)say("agent");
  (void)control("POST", path("/control"), R"({"delegated":false})");
  EXPECT_EQ(text_in(say("hello"), "answered_by"), "assistant");
  EXPECT_EQ(push("still here"), 200U) << "the agent may go on speaking";
  EXPECT_EQ(window().back(), "agent: still here");
  (void)control("POST", path("/control"), R"({"delegated":true})");
  EXPECT_EQ(text_in(say("hello"), "answered_by"), "agent");
}

TEST_F(CopilotTurnsTest, AFailedTurnIsDeliveredAgainWithTheSameId) {
  open();
  agent.then_status(500);
  agent.then([](const FakeAgent::Received&) {
    net::Response cut = net::text_response(200, "{}");
    cut.cut_after_bytes = 0;
    return cut;
  });
  const json::object turn = say("agent");
  EXPECT_THAT(attempts(turn), ElementsAre("refused", "connection_lost", "ok"));
  EXPECT_EQ(turn.at("status").as_int64(), 200);
  ASSERT_THAT(agent.received(), SizeIs(3));
  EXPECT_EQ(agent.received()[0].request.body, agent.received()[2].request.body);
  EXPECT_THAT(window(), SizeIs(2)) << "the person's words stand there once";
}

TEST_F(CopilotTurnsTest, ATurnThatGoesOnFailingIsToldToThePerson) {
  (void)faults(R"({"redeliver":{"times":1}})");
  open();
  agent.then_status(503);
  agent.then_status(404);
  const json::object turn = say("agent");
  EXPECT_TRUE(turn.at("failed").as_bool());
  EXPECT_EQ(turn.at("status").as_int64(), 404);
  EXPECT_THAT(window().back(), HasSubstr("SystemError"));
  EXPECT_EQ(text_in(say("once more"), "answered_by"), "agent");
}

TEST_F(CopilotTurnsTest, ATurnThatIsNotAnsweredInTimeHasFailed) {
  (void)faults(R"({"turn_limit_ms":150})");
  open();
  agent.then([](const FakeAgent::Received&) { return net::Response(200); },
             std::chrono::seconds(2));
  EXPECT_THAT(attempts(say("agent")), ElementsAre("timed_out", "ok"));
}

TEST_F(CopilotTurnsTest, AnAnswerMayGetLost) {
  open(R"({"delivery_mode":"expectReplies"})");
  (void)faults(R"({"redeliver":{"forget_answers":1}})");
  for (const char* text : {"lost", "kept"})
    agent.then([this, text](const FakeAgent::Received&) {
      return json_answer(json::object{{"activities", json::array{reply(text)}}});
    });
  EXPECT_THAT(attempts(say("agent")), ElementsAre("forgotten", "ok"));
  EXPECT_EQ(window().back(), "agent: kept");
  EXPECT_THAT(window(), SizeIs(3));
}

TEST_F(CopilotTurnsTest, EveryTurnMayComeTwice) {
  open(R"({"delivery_mode":"expectReplies"})");
  for (const char* how : {"after", "at_once"}) {
    (void)faults(R"({"redeliver":{"twice":")" + std::string(how) + "\"}}");
    const std::size_t before = agent.received().size();
    for (int i = 0; i < 2; ++i)
      agent.then([this](const FakeAgent::Received&) {
        return json_answer(json::object{{"activities", json::array{reply("said")}}});
      });
    EXPECT_THAT(attempts(say("agent")), ::testing::UnorderedElementsAre("ok", "copy: ok")) << how;
    ASSERT_EQ(agent.received().size(), before + 2) << how;
    EXPECT_EQ(agent.received()[before].request.body, agent.received()[before + 1].request.body);
  }
  EXPECT_THAT(window(), ElementsAre("user: agent", StartsWith("assistant"), "agent: said",
                                    "user: agent", "agent: said"))
      << "what answers a copy is ignored";
}

TEST_F(CopilotTurnsTest, TurnsOfOneConversationGoOneAfterTheOther) {
  open();
  agent.then([](const FakeAgent::Received&) { return net::Response(200); },
             std::chrono::milliseconds(300));
  const json::object first = say("agent", "?wait_ms=0");
  EXPECT_FALSE(first.at("done").as_bool());
  const json::object second = say("second");
  EXPECT_TRUE(second.at("done").as_bool());
  ASSERT_THAT(agent.received(), SizeIs(2));
  EXPECT_EQ(text_in(agent.received()[0].activity, "text"), "agent");
  EXPECT_EQ(text_in(agent.received()[1].activity, "text"), "second");
  const json::object seen = record();
  for (const json::value& turn : seen.at("turns").as_array())
    EXPECT_TRUE(turn.as_object().at("done").as_bool());
}

TEST_F(CopilotTurnsTest, RawActivitiesGoOutAsGiven) {
  open();
  const json::object turn = send_activity(
      R"({"type":"event","name":"handoff.initiate","value":{"va_LastPhrases":"help"},)"
      R"("locale":null,"attachments":[{"contentType":"application/json","name":"Transcript",)"
      R"("content":{"activities":[]}}]})");
  EXPECT_EQ(turn.at("status").as_int64(), 200);
  const json::object activity = agent.received().back().activity;
  EXPECT_EQ(text_in(activity, "name"), "handoff.initiate");
  EXPECT_FALSE(activity.contains("locale"));
  EXPECT_TRUE(activity.contains("serviceUrl"));
  EXPECT_EQ(text_in(activity.at("attachments").as_array()[0].as_object(), "name"), "Transcript");
  EXPECT_THAT(window(), IsEmpty());
  agent.then([](const FakeAgent::Received&) { return json_answer(json::object{{"fine", true}}); });
  const json::object invoked = send_activity(R"({"type":"invoke","name":"x"})");
  EXPECT_TRUE(invoked.at("invoke_answer").as_object().at("fine").as_bool());
  (void)send_activity(R"({"type":"message","id":"m-1","text":"hi"})");
  (void)send_activity(R"({"type":"message","id":"m-1","text":"hi"})");
  EXPECT_THAT(window(), ElementsAre("user: hi")) << "one id is one message";
  EXPECT_EQ(text_in(agent.received().back().activity, "id"), "m-1");
  (void)say("agent");
  (void)send_activity(R"({"type":"endOfConversation","code":"userCancelled"})");
  EXPECT_FALSE(record().at("delegated").as_bool());
}

TEST_F(CopilotTurnsTest, TheConnectionPresentsAKey) {
  (void)control("POST", "/agent", R"({"auth":"key","header":"X-Our-Key","key":"k-123"})");
  open();
  (void)say("agent");
  EXPECT_EQ(agent.received().back().request.headers.get("X-Our-Key"), "k-123");
  EXPECT_THAT(json::serialize(control("GET", "/agent")), ::testing::Not(HasSubstr("k-123")));
}

TEST_F(CopilotTurnsTest, TheConnectionPresentsATokenAndGetsANewOneAfterA401) {
  (void)control(
      "POST", "/agent",
      R"({"auth":"entra","client_id":"c-1","client_secret":"s&1","scope":"api://x/.default",)"
      R"("token_url":")" +
          agent.url("/token") + "\"}");
  open();
  const auto token = [&](const std::string& value) {
    agent.then([value](const FakeAgent::Received&) {
      return json_answer(json::object{{"access_token", value}, {"expires_in", 3599}});
    });
  };
  token("t-1");
  (void)say("agent");
  (void)say("again");
  ASSERT_THAT(agent.received("/token"), SizeIs(1)) << "it is kept";
  EXPECT_EQ(agent.received("/token")[0].request.body,
            "grant_type=client_credentials&client_id=c-1&client_secret=s%261"
            "&scope=api%3A%2F%2Fx%2F.default");
  EXPECT_EQ(agent.received().back().request.headers.get("Authorization"), "Bearer t-1");
  agent.then_status(401);
  token("t-2");
  EXPECT_THAT(attempts(say("third")), ElementsAre("refused", "ok"));
  EXPECT_EQ(agent.received().back().request.headers.get("Authorization"), "Bearer t-2");
}

TEST_F(CopilotTurnsTest, WithoutATokenNothingIsDelivered) {
  (void)control("POST", "/agent",
                R"({"auth":"entra","client_id":"c-1","token_url":")" + agent.url("/token") + "\"}");
  (void)faults(R"({"redeliver":{"times":0}})");
  open();
  agent.then_status(400);
  const json::object turn = say("agent");
  EXPECT_THAT(attempts(turn), ElementsAre("no_token: the token endpoint answered 400"));
  EXPECT_TRUE(turn.at("failed").as_bool());
  EXPECT_THAT(agent.received(), IsEmpty());
}

}  // namespace
}  // namespace bridge::sandbox
