// SPDX-License-Identifier: MIT
// What ServiceNow's relay rules post, well formed and not. DESIGN 5.2; the meaning of each event is
// tested in session and handoff.
#include "front.hpp"

namespace bridge::channels {
namespace {

using session::State;

Call hook(const json::object& body) { return post("/api/servicenow/webhook", body).hook(); }

json::array events(Front& front, const Visitor& visitor) {
  const Answer answer =
      front.ask(get("/api/servicenow/poll/" + visitor.id + "?after=0:0").bearer(visitor.token));
  return answer.body.at("events").as_array();
}
json::object last(Front& front, const Visitor& visitor) {
  const json::array all = events(front, visitor);
  return all.empty() ? json::object() : all.back().as_object();
}
std::string text_of(const json::object& frame) {
  const json::value* text = frame.if_contains("text");
  return text ? std::string(text->as_string()) : "<none>";
}

/// Ends the chat at once: the last row that the close names has been seen.
unsigned close(Front& front, const Visitor& visitor, json::object body) {
  EXPECT_EQ(front.ask(hook({{"bridge_session_id", visitor.id}, {"text", "bye"}, {"sequence", "5"}}))
                .status,
            200u);
  body["bridge_session_id"] = visitor.id;
  body["last_sequence"] = "5";
  return front.ask(hook(body)).status;
}

TEST(WebhookSecret, GoesByEitherNameAndEitherValue) {
  Front front;
  const Visitor visitor = front.open_queued();
  const json::object body{{"bridge_session_id", visitor.id}, {"event", "typing"}};
  for (const char* path : {"/api/servicenow/webhook", "/api/sn-webhook"})
    for (const char* name : {"X-Bridge-Secret", "X-Webhook-Secret", "x-bridge-secret"}) {
      for (const std::string_view value : {kHookSecret, kNextHookSecret})
        EXPECT_EQ(front.ask(post(path, body).with(name, value)).status, 200u) << path << name;
      for (const std::string& value :
           {std::string(), std::string("x"), std::string(kHookSecret) + "x",
            std::string(kHookSecret.substr(1))})
        EXPECT_EQ(front.ask(post(path, body).with(name, value)).status, 403u) << path << name;
    }
  const Answer refused = front.ask(post("/api/servicenow/webhook", body));
  EXPECT_EQ(refused["error"], "forbidden");
  EXPECT_NE(refused["hint"].find("SN_WEBHOOK_SECRET"), std::string::npos);
}

TEST(WebhookSecret, TheQueryIsNoPlaceForIt) {
  Front front;
  const Visitor visitor = front.open_queued();
  EXPECT_EQ(front
                .ask(post("/api/servicenow/webhook?secret=" + std::string(kHookSecret),
                          {{"bridge_session_id", visitor.id}, {"event", "typing"}}))
                .status,
            403u);
}

TEST(WebhookSecret, NoneConfiguredRefusesAll) {
  Options options = Front::usual();
  options.webhook_secret = identity::SharedSecret();
  Front front(std::move(options));
  EXPECT_EQ(
      front.ask(post("/api/servicenow/webhook", json::object()).with("X-Bridge-Secret", "")).status,
      403u);
  EXPECT_EQ(front.ask(hook({})).status, 403u);
}

TEST(Webhook, AReplyOfTheOldRuleIsShown) {
  Front front;
  const Visitor visitor = front.open_queued();
  front.chat.names["agent-1"] = "Alex Rep";
  const Answer answer = front.ask(hook({{"bridge_session_id", visitor.id},
                                        {"conversation_sys_id", "conv1"},
                                        {"interaction_sys_id", "ix1"},
                                        {"interaction_number", "IMS0001"},
                                        {"message_sys_id", "m1"},
                                        {"sender_sys_id", "agent-1"},
                                        {"q_data_message_type", "consumerTextMessage"},
                                        {"text", "Hello, I am Alex"},
                                        {"send_time", "2026-04-01 12:00:00"},
                                        {"sys_created_on", "2026-04-01 12:00:01"}}));
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(answer["ok"], "true");
  EXPECT_EQ(front.view(visitor.id)->state, State::live);
  const json::object frame = last(front, visitor);
  EXPECT_EQ(text_of(frame), "Hello, I am Alex");
  EXPECT_EQ(frame.at("from").as_string(), "rep");
  EXPECT_EQ(frame.at("id").as_string(), "m1");
  EXPECT_EQ(frame.at("sent_at").as_string(), "2026-04-01 12:00:00");
  EXPECT_EQ(frame.at("rep_name").as_string(), "Alex Rep");
}

TEST(Webhook, IsMatchedByAnyOfItsIds) {
  Front front;
  const Visitor visitor = front.open_live();
  int n = 0;
  for (json::object ids : std::vector<json::object>{{{"bridge_session_id", visitor.id}},
                                                    {{"conversation_sys_id", "conv1"}},
                                                    {{"interaction_sys_id", "ix1"}}}) {
    const std::string text = "text " + std::to_string(++n);
    ids["text"] = text;
    EXPECT_EQ(front.ask(hook(ids)).status, 200u);
    EXPECT_EQ(text_of(last(front, visitor)), text);
  }
}

TEST(Webhook, ARepeatIsOkAndShownOnce) {
  Front front;
  const Visitor visitor = front.open_live();
  const std::size_t before = events(front, visitor).size();
  const json::object body{
      {"bridge_session_id", visitor.id}, {"text", "once"}, {"message_sys_id", "m1"}};
  EXPECT_EQ(front.ask(hook(body)).status, 200u);
  EXPECT_EQ(front.ask(hook(body)).status, 200u);
  EXPECT_EQ(front.ask(post("/api/sn-webhook", body).hook()).status, 200u);
  EXPECT_EQ(events(front, visitor).size(), before + 1);
}

TEST(Webhook, EventNamesAreReadWithoutCase) {
  Front front;
  const Visitor visitor = front.open_queued();
  EXPECT_EQ(front.ask(hook({{"bridge_session_id", visitor.id}, {"event", " Claimed "}})).status,
            200u);
  EXPECT_EQ(front.view(visitor.id)->state, State::live);
  EXPECT_EQ(close(front, visitor, {{"event", "CLOSED"}}), 200u);
  EXPECT_EQ(front.view(visitor.id)->state, State::closed);
}

TEST(Webhook, AnUnknownEventWithTextIsAReplyAndWithoutIsCounted) {
  Front front;
  const Visitor visitor = front.open_live();
  const std::size_t before = events(front, visitor).size();
  EXPECT_EQ(front.ask(hook({{"bridge_session_id", visitor.id}, {"event", "celebrated"}})).status,
            200u);
  EXPECT_EQ(events(front, visitor).size(), before);
  EXPECT_EQ(
      front
          .ask(hook(
              {{"bridge_session_id", visitor.id}, {"event", "celebrated"}, {"text", "hooray"}}))
          .status,
      200u);
  EXPECT_EQ(text_of(last(front, visitor)), "hooray");
}

TEST(Webhook, NumbersMayBeStringsAndNonsenseAmongThemIsLeftOut) {
  Front front;
  const Visitor visitor = front.open_live();
  const auto say = [&](std::string text, json::value sequence, json::value prev) {
    return front
        .ask(hook({{"bridge_session_id", visitor.id},
                   {"text", text},
                   {"message_sys_id", "id-" + text},
                   {"api", "2"},
                   {"sequence", std::move(sequence)},
                   {"prev_sequence", std::move(prev)}}))
        .status;
  };
  EXPECT_EQ(say("one", "10", "0"), 200u);
  EXPECT_EQ(say("two", 20, 10), 200u);
  EXPECT_EQ(text_of(last(front, visitor)), "two");
  EXPECT_EQ(say("four", "40", "30"), 200u);
  EXPECT_EQ(text_of(last(front, visitor)), "two")
      << "its predecessor is missing: strings were read as numbers";
  EXPECT_EQ(say("three", "30", "20"), 200u);
  EXPECT_EQ(text_of(last(front, visitor)), "four");
  for (const json::value& odd :
       {json::value("many"), json::value(-1), json::value(1.5), json::value(true),
        json::value(nullptr), json::value(json::array{1}), json::value("")}) {
    const std::string text = "odd " + json::serialize(odd);
    EXPECT_EQ(say(text, odd, odd), 200u) << text;
    EXPECT_EQ(text_of(last(front, visitor)), text) << "shown at once";
  }
}

TEST(Webhook, AnyTextArrivesAsItWas) {
  Front front;
  const Visitor visitor = front.open_live();
  std::string long_text;
  while (long_text.size() < 60'000) long_text += "Zeile mit Umlauten äöü und 🙂\n";
  long_text += "Ende";
  for (const std::string& text : {std::string("bell \a, escape \x1b[31m and nul \0 inside", 36),
                                  std::string("🙂👩‍👩‍👧 \u202e right to left"),
                                  std::string("\"quotes\" \\ </script>"), long_text}) {
    const Answer answer = front.ask(hook({{"bridge_session_id", visitor.id}, {"text", text}}));
    EXPECT_EQ(answer.status, 200u) << answer.text;
    EXPECT_EQ(text_of(last(front, visitor)), text);
  }
}

TEST(Webhook, NullsAreAbsent) {
  Front front;
  const Visitor visitor = front.open_live();
  const Answer answer =
      front.ask(post("/api/servicenow/webhook",
                     R"({"event":null,"text":"hi","message_sys_id":null,"sender_sys_id":null,)"
                     R"("interaction_sys_id":null,"rep_name":null,"bridge_session_id":")" +
                         visitor.id + "\"}")
                    .hook());
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(text_of(last(front, visitor)), "hi");
}

TEST(Webhook, HowTheChatEndedIsRead) {
  const std::vector<std::tuple<std::string, std::string, std::string>> endings{
      {"wrap_up", "", "agent_ended"},
      {"closed_complete", "Agent Ended", "agent_ended"},
      {"closed_complete", "User Ended", "user_ended"},
      {"closed_abandoned", "", "abandoned"},
      {"closed_complete", "No User Response", "abandoned"},
      {"faulted", "", "error"}};
  for (const auto& [state, state_reason, expected] : endings) {
    Front front;
    const Visitor visitor = front.open_live();
    EXPECT_EQ(close(front, visitor,
                    {{"event", "closed"}, {"state", state}, {"state_reason", state_reason}}),
              200u);
    const json::object frame = last(front, visitor);
    ASSERT_TRUE(frame.contains("reason")) << json::serialize(frame);
    EXPECT_EQ(frame.at("state").as_string(), "closed");
    EXPECT_EQ(frame.at("reason").as_string(), expected) << state << " " << state_reason;
  }
}

TEST(SnWebhook, SaysWhetherItMatched) {
  Front front;
  const Visitor visitor = front.open_live();
  const Answer known =
      front.ask(post("/api/sn-webhook", {{"interaction_sys_id", "ix1"}, {"text", "hi"}}).hook());
  EXPECT_EQ(known.status, 200u);
  EXPECT_EQ(known["ok"], "true");
  EXPECT_EQ(text_of(last(front, visitor)), "hi");
  for (const json::object& body :
       std::vector<json::object>{{},
                                 {{"interaction_sys_id", "other"}, {"text", "hi"}},
                                 {{"bridge_session_id", std::string(32, '0')}}}) {
    const Answer unknown = front.ask(post("/api/sn-webhook", body).hook());
    EXPECT_EQ(unknown.status, 200u);
    EXPECT_EQ(unknown["ok"], "true");
    EXPECT_EQ(unknown["matched"], "false");
  }
}

}  // namespace
}  // namespace bridge::channels
