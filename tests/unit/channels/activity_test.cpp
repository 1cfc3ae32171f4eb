// SPDX-License-Identifier: MIT
// POST /api/messages as Copilot Studio's connector and others call it.
#include "front.hpp"

namespace bridge::channels {
namespace {

using session::State;

json::object activity(std::string_view type, std::string_view id) {
  return {{"type", type},
          {"id", id},
          {"channelId", "pva-studio"},
          {"from", {{"id", "29:user"}, {"name", "A User"}, {"role", "user"}}},
          {"recipient", {{"id", "agent-1"}, {"role", "connectoruser"}}},
          {"conversation", {{"id", "19:abc;messageid=1|2"}}},
          {"serviceUrl", "https://copilot.example/cb?e=1&s=canary-signature"},
          {"locale", "en-GB"}};
}
json::object message(std::string_view text, std::string_view id) {
  json::object one = activity("message", id);
  one["text"] = text;
  return one;
}
json::object expecting(json::object one) {
  one["deliveryMode"] = "expectReplies";
  return one;
}
Call copilot(const json::object& body) {
  return post("/api/messages", body).with("X-API-Key", kCopilotKey).as_json();
}
std::vector<std::string> texts(const Answer& answer) {
  std::vector<std::string> found;
  for (const json::value& one : answer.body.at("activities").as_array()) {
    const json::value* text = one.as_object().if_contains("text");
    found.emplace_back(text ? text->as_string().c_str() : one.at("type").as_string().c_str());
  }
  return found;
}

TEST(Messages, NormalDeliveryIsAcceptedEmptyAndAnsweredByPost) {
  Front front;
  const Answer answer = front.ask(copilot(message("my VPN is broken", "1")));
  EXPECT_EQ(answer.status, 202u) << answer.text;
  EXPECT_EQ(answer.text, "");
  ASSERT_EQ(front.delivery.posted.size(), 1u);
  EXPECT_EQ(front.delivery.urls[0], "https://copilot.example/cb?e=1&s=canary-signature");
  EXPECT_NE(front.delivery.posted[0].find("IMS0001"), std::string::npos);
}

TEST(Messages, ExpectedRepliesAreInTheAnswer) {
  Front front;
  const Answer answer = front.ask(copilot(expecting(message("help", "1"))));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/json");
  ASSERT_EQ(texts(answer).size(), 1u);
  EXPECT_NE(texts(answer)[0].find("IMS0001"), std::string::npos);
  EXPECT_TRUE(front.delivery.posted.empty());
  EXPECT_FALSE(answer.body.contains("body")) << "only an invoke has a result";
}

TEST(Messages, AStreamIsServerSentEvents) {
  Front front;
  json::object turn = message("help", "1");
  turn["deliveryMode"] = "stream";
  const Answer answer = front.ask(copilot(turn));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.get("Content-Type"), "text/event-stream");
  ASSERT_TRUE(answer.text.starts_with("event: activity\r\ndata: {")) << answer.text;
  EXPECT_TRUE(answer.text.ends_with("}\r\n\r\n"));
  const std::string data = answer.text.substr(23, answer.text.size() - 27);
  EXPECT_EQ(json::parse(data).at("type"), "message");
}

TEST(Messages, AnInvokeIsNeverLeftHanging) {
  Front front;
  EXPECT_EQ(front.ask(copilot(activity("invoke", "1"))).text, "{}");
  const Answer expected = front.ask(copilot(expecting(activity("invoke", "2"))));
  EXPECT_EQ(expected.text, R"({"activities":[],"body":{}})");
  json::object streamed = activity("invoke", "3");
  streamed["deliveryMode"] = "stream";
  EXPECT_EQ(front.ask(copilot(streamed)).text,
            "event: invokeResponse\r\ndata: {\"status\":200,\"body\":{}}\r\n\r\n");
}

TEST(Messages, EveryOtherTypeIsAcceptedAndOpensNothing) {
  Front front;
  int id = 0;
  for (const char* type : {"typing", "conversationUpdate", "endOfConversation", "event",
                           "installationUpdate", "messageReaction", "messageDelete", "trace",
                           "handoff", "command", "somethingNew", "messageUpdate"}) {
    const Answer answer = front.ask(copilot(activity(type, std::to_string(++id))));
    EXPECT_EQ(answer.status, 202u) << type << answer.text;
  }
  EXPECT_TRUE(front.chat.opens.empty());
  EXPECT_NE(front.snapshot("").find("sessions=0"), std::string::npos) << "and keeps nothing";
}

TEST(Messages, TheQuestionThatTheAssistantPassesOnOpensTheChat) {
  Front front;
  json::object turn = message("yes please", "1");
  turn["channelData"] = {{"initialQuery", "my VPN is broken"}, {"userEmail", "a@example.com"}};
  EXPECT_EQ(front.ask(copilot(turn)).status, 202u);
  ASSERT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.opens[0].opening_message, "my VPN is broken");
  EXPECT_EQ(front.chat.opens[0].user_sys_id, "default-user") << "an e-mail is a claim";
  EXPECT_NE(front.chat.opens[0].short_description.find("a@example.com"), std::string::npos);
  EXPECT_EQ(front.chat.opens[0].context, "Said then: yes please") << "no words are lost";
}

TEST(Messages, ATrustedEmailOpensTheChatAsThatUser) {
  handoff::Options inner;
  inner.trust_email = true;
  Front front(Front::usual(), inner);
  front.desks.users["a@example.com"] = "user-a";
  json::object turn = message("help", "1");
  turn["from"] = {{"id", "29:user"}, {"name", "A User"}, {"userPrincipalName", "a@example.com"}};
  EXPECT_EQ(front.ask(copilot(turn)).status, 202u);
  ASSERT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.opens[0].user_sys_id, "user-a");
}

TEST(Messages, AHandoffEventOpensWithWhatWasSaidBefore) {
  Front front;
  json::object event = activity("event", "1");
  event["name"] = "handoff.initiate";
  event["value"] = {{"va_AgentMessage", "User cannot sign in"},
                    {"va_LastTopic", "Escalate"},
                    {"va_Topics", {"Greeting", "Escalate"}},
                    {"Department", "Sales"}};
  event["attachments"] = json::array{json::object{
      {"contentType", "application/json"},
      {"name", "Transcript"},
      {"content",
       {{"activities",
         {{{"type", "message"}, {"from", {{"role", "user"}}}, {"text", "I cannot sign in"}},
          {{"type", "message"}, {"from", {{"role", "bot"}}}, {"text", "Have you tried"}}}}}}}};
  EXPECT_EQ(front.ask(copilot(event)).status, 202u);
  ASSERT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.opens[0].opening_message, "User cannot sign in");
  const std::string& context = front.chat.opens[0].context;
  for (const char* part : {"va_LastTopic: Escalate", "Department: Sales", "User: I cannot sign in",
                           "Assistant: Have you tried"})
    EXPECT_NE(context.find(part), std::string::npos) << part << " in " << context;
  EXPECT_EQ(context.find("va_AgentMessage"), std::string::npos);
}

TEST(Messages, AGreetingOpensNothingUnlessItSaysWhatIsWanted) {
  Front front;
  json::object event = activity("event", "1");
  event["name"] = "startConversation";
  EXPECT_EQ(front.ask(copilot(event)).status, 202u);
  EXPECT_TRUE(front.chat.opens.empty());
  event["id"] = "2";
  event["value"] = {{"ProblemDescription", "printer"}};
  EXPECT_EQ(front.ask(copilot(event)).status, 202u);
  ASSERT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.opens[0].opening_message, "printer");
}

TEST(Messages, WordsReachTheAgentOnceAndInOrder) {
  Front front;
  front.ask(copilot(message("help", "1")));
  for (int i = 2; i < 6; ++i)
    for (int repeat = 0; repeat < 2; ++repeat)
      EXPECT_EQ(front.ask(copilot(message("line " + std::to_string(i), std::to_string(i)))).status,
                202u);
  EXPECT_EQ(front.chat.sends, (std::vector<std::string>{"line 2", "line 3", "line 4", "line 5"}));
}

TEST(Messages, ACardThatWasSubmittedIsWords) {
  Front front;
  front.ask(copilot(message("help", "1")));
  json::object card = activity("message", "2");
  card["value"] = {{"choice", "laptop"}, {"count", 2}};
  front.ask(copilot(card));
  EXPECT_EQ(front.chat.sends, std::vector<std::string>{"choice: laptop\ncount: 2"});
}

TEST(Messages, AnEditIsSentAndItsRepeatIsNot) {
  Front front;
  front.ask(copilot(message("help", "1")));
  front.ask(copilot(message("helo", "2")));
  json::object edit = activity("messageUpdate", "2");
  edit["text"] = "hello";
  front.ask(copilot(edit));
  front.ask(copilot(edit));
  EXPECT_EQ(front.chat.sends, (std::vector<std::string>{"helo", "(edited) hello"}));
}

TEST(Messages, OwnMentionsAndHtmlDoublesAreLeftOut) {
  Front front;
  front.ask(copilot(message("help", "1")));
  json::object said = message("<at>Desk</at> hello", "2");
  said["entities"] = json::array{json::object{
      {"type", "mention"}, {"text", "<at>Desk</at>"}, {"mentioned", {{"id", "agent-1"}}}}};
  said["attachments"] =
      json::array{json::object{{"contentType", "text/html"}, {"content", "<p>hello</p>"}}};
  const Answer answer = front.ask(copilot(expecting(said)));
  EXPECT_EQ(front.chat.sends, std::vector<std::string>{"hello"});
  EXPECT_TRUE(texts(answer).empty());
}

TEST(Messages, FilesAndTooLongTextsAreSaidToBe) {
  Options options = Front::usual();
  options.max_text_characters = 20;
  Front front(options);
  front.ask(copilot(message("help", "1")));
  json::object file = message("see this", "2");
  file["attachments"] = json::array{
      json::object{{"contentType", "image/png"}, {"contentUrl", "https://x.example/i.png"}}};
  EXPECT_NE(texts(front.ask(copilot(expecting(file))))[0].find("Files"), std::string::npos);
  const Answer cut = front.ask(copilot(expecting(message(std::string(30, 'x'), "3"))));
  EXPECT_NE(texts(cut)[0].find("first 20 characters"), std::string::npos);
  EXPECT_EQ(front.chat.sends, (std::vector<std::string>{"see this", std::string(20, 'x')}));
}

TEST(Messages, APagesSessionIsJoined) {
  Front front;
  const Visitor visitor = front.open_live();
  EXPECT_EQ(
      front.ask(post("/directline/token", {{"user_id", visitor.id}}).bearer(visitor.token)).status,
      200u);
  json::object by_user = message("hello", "1");
  by_user["from"] = {{"id", "dl_" + visitor.id}};
  EXPECT_EQ(front.ask(copilot(by_user)).status, 202u);
  EXPECT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.sends, std::vector<std::string>{"hello"});
  const Visitor other = front.open();
  json::object by_data = message("hi", "1");
  by_data["conversation"] = {{"id", "another"}};
  by_data["channelData"] = {{"bridgeSessionId", other.id}};
  EXPECT_EQ(front.ask(copilot(by_data)).status, 202u);
  EXPECT_EQ(front.view(other.id)->state, State::queued);
}

TEST(Messages, WhoProvesNothingJoinsNobody) {
  Options options = Front::usual();
  options.copilot.keys = identity::SharedSecret();
  options.copilot.open = true;
  Front front(options);
  const Visitor visitor = front.open_live();
  json::object by_data = message("hi", "1");
  by_data["channelData"] = {{"bridgeSessionId", visitor.id}};
  EXPECT_EQ(front.ask(post("/api/messages", by_data)).status, 202u);
  EXPECT_FALSE(front.view(visitor.id)->surface);
}

TEST(Messages, ANameIsNoEmail) {
  handoff::Options inner;
  inner.trust_email = true;
  Front front(Front::usual(), inner);
  front.desks.users["ceo@example.com"] = "the-ceo";
  json::object turn = message("help", "1");
  turn["from"] = {{"id", "29:user"}, {"name", "ceo@example.com"}};
  EXPECT_EQ(front.ask(copilot(turn)).status, 202u);
  EXPECT_EQ(front.chat.opens[0].user_sys_id, "default-user");
}

TEST(Messages, TheSdksSpellingOfTheChannelIsUnderstood) {
  Front front;
  json::object turn = expecting(message("help", "1"));
  turn.erase("channelId");
  turn["_channelId"] = "msteams";
  const Answer answer = front.ask(copilot(turn));
  EXPECT_NE(answer.text.find(R"("channelId":"msteams")"), std::string::npos);
}

TEST(Messages, AWordEndsTheChat) {
  Front front;
  front.ask(copilot(message("help", "1")));
  const Answer answer = front.ask(copilot(expecting(message("End chat", "2"))));
  ASSERT_FALSE(texts(answer).empty()) << answer.text;
  EXPECT_EQ(texts(answer).back(), "endOfConversation");
  EXPECT_EQ(front.chat.ends, std::vector<std::string>{"ix1"});
  EXPECT_TRUE(front.chat.sends.empty());
}

TEST(Messages, TheEndOfTheConversationEndsTheChat) {
  Front front;
  front.ask(copilot(message("help", "1")));
  EXPECT_EQ(front.ask(copilot(activity("endOfConversation", "2"))).status, 202u);
  EXPECT_EQ(front.chat.ends, std::vector<std::string>{"ix1"});
}

TEST(Messages, WhereRepliesMayNotGoATurnMustCarryThem) {
  Front front;
  front.delivery.admit_error =
      Error(Errc::forbidden, "host evil.example").with_hint("Add it to CS_SERVICE_HOSTS.");
  const std::string before = front.snapshot("");
  const Answer refused = front.ask(copilot(message("help", "1")));
  EXPECT_EQ(refused.status, 403u);
  EXPECT_NE(refused["hint"].find("CS_SERVICE_HOSTS"), std::string::npos);
  EXPECT_EQ(front.snapshot(""), before);
  EXPECT_EQ(texts(front.ask(copilot(expecting(message("help", "1"))))).size(), 1u);
  front.ask(post("/api/servicenow/webhook",
                 {{"interaction_sys_id", "ix1"}, {"text", "hello"}, {"rep_name", "Alex Rep"}})
                .hook());
  EXPECT_TRUE(front.delivery.urls.empty());
  const Answer next = front.ask(copilot(expecting(message("hi", "2"))));
  EXPECT_EQ(texts(next), (std::vector<std::string>{"**Alex Rep** joined.", "hello"}));
}

TEST(Messages, BadActivitiesAreRefusedBeforeAnythingHappens) {
  Front front;
  const std::string before = front.snapshot("");
  const auto without = [](std::string_view name) {
    json::object one = message("help", "1");
    one.erase(name);
    return one;
  };
  json::object long_id = message("help", "1");
  long_id["conversation"] = {{"id", std::string(2'001, 'x')}};
  json::object odd_id = message("help", "1");
  odd_id["conversation"] = {{"id", 7}};
  json::object odd_type = message("help", "1");
  odd_type["type"] = json::array{"message"};
  json::object long_url = message("help", "1");
  long_url["serviceUrl"] = "https://copilot.example/" + std::string(9'000, 'x');
  for (const json::object& body : {without("type"), without("conversation"), without("serviceUrl"),
                                   long_id, odd_id, odd_type, long_url}) {
    const Answer answer = front.ask(copilot(body));
    EXPECT_EQ(answer.status, 400u) << json::serialize(body).substr(0, 200);
    EXPECT_EQ(answer["error"], "invalid_argument");
  }
  for (const char* body : {"[]", "{", "\"x\"", "{\"type\":", "nonsense"})
    EXPECT_EQ(
        front.ask(post("/api/messages", std::string(body)).with("X-API-Key", kCopilotKey)).status,
        400u)
        << body;
  EXPECT_EQ(front.snapshot(""), before);
}

TEST(Messages, WithoutProofNothingHappens) {
  Front front;
  const std::string before = front.snapshot("");
  EXPECT_EQ(front.ask(post("/api/messages", message("help", "1"))).status, 401u);
  EXPECT_EQ(front.ask(post("/api/messages", message("help", "1")).with("X-API-Key", "no")).status,
            401u);
  EXPECT_EQ(
      front.ask(post("/api/messages", message("help", "1")).with("X-Other", kCopilotKey)).status,
      401u)
      << "one named header, not any";
  EXPECT_EQ(front.snapshot(""), before);
  Options none = Front::usual();
  none.copilot.keys = identity::SharedSecret();
  Front bare(none);
  const Answer answer = bare.ask(copilot(message("help", "1")));
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(answer["error"], "not_configured");
}

TEST(Messages, TheSignedUrlIsInNoLog) {
  Front front;
  front.delivery.answers.push_back(handoff::DeliveryAnswer(handoff::Posted::expired, "expired"));
  front.ask(copilot(message("canary-text", "1")));
  front.ask(copilot(expecting(message("canary-text", "2"))));
  EXPECT_FALSE(front.logger.lines.empty());
  for (const char* canary : {"canary-signature", "canary-text", "canary-copilot-key"})
    EXPECT_FALSE(front.logger.contains(canary)) << canary;
}

}  // namespace
}  // namespace bridge::channels
