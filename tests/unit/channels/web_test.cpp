// SPDX-License-Identifier: MIT
// The browser's endpoints, from init-session to the end of a chat. DESIGN 4.1, 4.3, 4.4.
#include "bridge/core/random.hpp"
#include "front.hpp"

namespace bridge::channels {
namespace {

using session::State;

Call escalate(const Visitor& visitor, json::object body = {}) {
  body["session_id"] = visitor.id;
  return post("/api/servicenow/escalate", body).bearer(visitor.token);
}
Call say(const Visitor& visitor, std::string_view text, std::string_view message_id = {}) {
  json::object body{{"session_id", visitor.id}, {"text", text}};
  if (!message_id.empty()) body["client_message_id"] = message_id;
  return post("/api/servicenow/user-message", body).bearer(visitor.token);
}
Call poll(const Visitor& visitor, std::string_view query = {}) {
  return get("/api/servicenow/poll/" + visitor.id + std::string(query)).bearer(visitor.token);
}

// ---- init-session ----------------------------------------------------------------------------

TEST(InitSession, OpensASessionWithTheAssistant) {
  Front front;
  const Answer answer =
      front.ask(post("/api/servicenow/init-session",
                     {{"user_email", " jo@example.com "}, {"user_display_name", "Jo Ö"}}));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer["state"], "bot");
  const auto state = front.view(answer["session_id"]);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->user_email, "jo@example.com");
  EXPECT_EQ(state->user_display_name, "Jo Ö");
  EXPECT_TRUE(front.chat.opens.empty());
}

TEST(InitSession, TakesAnAbsentBodyAndAnyContentType) {
  Front front;
  EXPECT_EQ(front.ask(post("/api/servicenow/init-session")).status, 200u);
  EXPECT_EQ(front.ask(post("/api/servicenow/init-session", std::string(" \n"))).status, 200u);
  const Answer form =
      front.ask(post("/api/servicenow/init-session", {{"user_email", "jo@example.com"}})
                    .with("Content-Type", "application/x-www-form-urlencoded"));
  EXPECT_EQ(form.status, 200u) << "curl -d";
  EXPECT_EQ(front.view(form["session_id"])->user_email, "jo@example.com");
  const Answer nulls =
      front.ask(post("/api/servicenow/init-session",
                     std::string(R"({"user_email":null,"user_display_name":null,"more":[1]})")));
  EXPECT_EQ(nulls.status, 200u) << "null is absent, and what is not known is ignored";
}

TEST(InitSession, IsRefusedWhenEverySessionIsInAChat) {
  handoff::Options inner;
  inner.max_sessions = 1;
  Front front(Front::usual(), inner);
  (void)front.open_queued();
  const Answer answer = front.ask(post("/api/servicenow/init-session"));
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(answer["error"], "overloaded");
  EXPECT_FALSE(answer.headers.has("Set-Cookie"));
}

// ---- escalate --------------------------------------------------------------------------------

TEST(Escalate, OpensAChatWithWhatThePageKnows) {
  Front front;
  const Visitor visitor = front.open();
  const Answer answer = front.ask(escalate(visitor, {{"opening_message", "my laptop 🔥"},
                                                     {"user_email", "jo@example.com"},
                                                     {"user_display_name", "Jo"},
                                                     {"context", {{"page", "vpn"}}}}));
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(answer["session_id"], visitor.id);
  EXPECT_EQ(answer["state"], "queued");
  EXPECT_EQ(answer["interaction_number"], "IMS0001");
  EXPECT_EQ(answer["interaction_sys_id"], "ix1");
  EXPECT_EQ(answer["already_escalated"], "<absent>");
  EXPECT_EQ(answer["session_token"], "<absent>") << "it was told once";
  EXPECT_FALSE(answer.headers.has("Set-Cookie"));
  ASSERT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.opens[0].key, visitor.id);
  EXPECT_EQ(front.chat.opens[0].opening_message, "my laptop 🔥");
  EXPECT_EQ(front.chat.opens[0].user_sys_id, "default-user");
  EXPECT_EQ(front.chat.opens[0].context, R"({"page":"vpn"})");
  EXPECT_NE(front.chat.opens[0].short_description.find("Jo <jo@example.com>"), std::string::npos);
}

TEST(Escalate, ASecondTimeSaysSo) {
  Front front;
  const Visitor visitor = front.open_queued();
  const Answer again = front.ask(escalate(visitor));
  EXPECT_EQ(again.status, 200u);
  EXPECT_EQ(again["already_escalated"], "true");
  EXPECT_EQ(again["interaction_number"], "IMS0001");
  EXPECT_EQ(front.chat.opens.size(), 1u);
}

TEST(Escalate, WithoutAKnownSessionMakesOneWithTokenAndCookie) {
  Front front;
  for (const char* body : {"", "{}", R"({"session_id":null})", R"({"session_id":"abc"})",
                           R"({"session_id":"00000000000000000000000000000000"})"}) {
    const Answer answer = front.ask(post("/api/servicenow/escalate", std::string(body)));
    ASSERT_EQ(answer.status, 200u) << body << answer.text;
    EXPECT_EQ(answer["state"], "queued");
    const Visitor made{answer["session_id"], answer["session_token"], answer.cookie()};
    EXPECT_TRUE(is_hex(made.id, 32));
    EXPECT_NE(made.id, std::string(32, '0'));
    EXPECT_EQ(front.ask(poll(made)).status, 200u) << "the token is good";
    EXPECT_EQ(front.ask(get("/api/servicenow/poll/" + made.id).cookie(made.cookie)).status, 200u);
  }
  EXPECT_EQ(front.chat.opens.size(), 5u);
}

TEST(Escalate, AClosedSessionOpensItsNextChat) {
  Front front;
  const Visitor visitor = front.open_closed();
  const Answer answer = front.ask(escalate(visitor));
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(answer["interaction_number"], "IMS0002");
  EXPECT_EQ(answer["already_escalated"], "<absent>");
  EXPECT_EQ(front.chat.opens.back().key, visitor.id + "-2");
}

TEST(Escalate, TellsWhatServiceNowSaidAndWhatToDo) {
  Front front;
  const Visitor visitor = front.open();
  front.chat.open_error =
      Error(Errc::upstream_asleep, "canary upstream").with_hint("Wake the instance.");
  const Answer refused = front.ask(escalate(visitor));
  EXPECT_EQ(refused.status, 502u);
  EXPECT_EQ(refused["error"], "servicenow_create_failed");
  EXPECT_EQ(refused["detail"], "upstream_asleep");
  EXPECT_EQ(refused["hint"], "Wake the instance.");
  EXPECT_EQ(refused["outcome"], "failed");
  EXPECT_EQ(front.view(visitor.id)->state, State::bot);

  front.chat.open_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  const Answer unknown = front.ask(escalate(visitor));
  EXPECT_EQ(unknown.status, 502u);
  EXPECT_EQ(unknown["outcome"], "unknown");
  EXPECT_EQ(front.view(visitor.id)->state, State::opening);
}

TEST(Escalate, AnUnresolvedUserMayBeRefused) {
  handoff::Options inner;
  inner.trust_email = true;
  inner.refuse_unresolved = true;
  Front front(Front::usual(), inner);
  const Visitor visitor = front.open();
  const Answer answer = front.ask(escalate(visitor, {{"user_email", "nobody@example.com"}}));
  EXPECT_EQ(answer.status, 403u);
  EXPECT_EQ(answer["error"], "forbidden");
  EXPECT_TRUE(front.chat.opens.empty());
}

// ---- user-message ----------------------------------------------------------------------------

TEST(UserMessage, IsOkOnceServiceNowTookIt) {
  Front front;
  const Visitor visitor = front.open_live();
  const Answer answer = front.ask(say(visitor, "  hello 🙂\nsecond line ", "m-1"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer["ok"], "true");
  EXPECT_EQ(front.chat.sends, std::vector<std::string>{"hello 🙂\nsecond line"});
  const std::string frames = front.frames(visitor);
  EXPECT_NE(frames.find(R"("client_message_id":"m-1")"), std::string::npos) << frames;
  EXPECT_NE(frames.find(R"("status":"delivered")"), std::string::npos) << frames;
}

TEST(UserMessage, ARepeatIsSentOnce) {
  Front front;
  const Visitor visitor = front.open_live();
  EXPECT_EQ(front.ask(say(visitor, "hello", "m-1")).status, 200u);
  EXPECT_EQ(front.ask(say(visitor, "hello", "m-1")).status, 200u);
  EXPECT_EQ(front.chat.sends.size(), 1u);
  const Answer other = front.ask(say(visitor, "another text", "m-1"));
  EXPECT_EQ(other.status, 409u);
  EXPECT_EQ(other["error"], "conflict");
  EXPECT_EQ(front.chat.sends.size(), 1u);
}

TEST(UserMessage, WhatServiceNowRefusesIsForwardFailed) {
  Front front;
  const Visitor visitor = front.open_live();
  front.chat.send_error = Error(Errc::upstream_role, "canary").with_hint("Grant the role.");
  const Answer failed = front.ask(say(visitor, "hello", "m-1"));
  EXPECT_EQ(failed.status, 502u);
  EXPECT_EQ(failed["error"], "forward_failed");
  EXPECT_EQ(failed["detail"], "upstream_role");
  EXPECT_EQ(failed["hint"], "Grant the role.");
  EXPECT_EQ(failed["outcome"], "failed");
}

TEST(UserMessage, AChatThatEndedThereIsClosed) {
  Front front;
  const Visitor visitor = front.open_live();
  front.chat.send_error = Error(Errc::chat_ended);
  const Answer ended = front.ask(say(visitor, "hello"));
  EXPECT_EQ(ended.status, 409u);
  EXPECT_EQ(ended["error"], "session closed");
  EXPECT_EQ(front.view(visitor.id)->state, State::closed);
}

TEST(UserMessage, TheOldTextForEndingEnds) {
  Front front;
  const Visitor visitor = front.open_live();
  const Answer answer = front.ask(say(visitor, " [user ended the chat] "));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(front.view(visitor.id)->state, State::closed);
  EXPECT_EQ(front.view(visitor.id)->close_reason, session::CloseReason::user_ended);
  EXPECT_EQ(front.chat.ends, std::vector<std::string>{"ix1"});
  EXPECT_TRUE(front.chat.sends.empty());
}

TEST(UserMessage, ATooLongQueueIsToldToWait) {
  handoff::Options inner;
  inner.policy.max_waiting_bytes = 5;
  Front front(Front::usual(), inner);
  const Visitor visitor = front.open_live();
  const Answer answer = front.ask(say(visitor, "more than five bytes"));
  EXPECT_EQ(answer.status, 429u) << answer.text;
  EXPECT_EQ(answer["error"], "rate_limited");
  EXPECT_EQ(answer.headers.get("Retry-After"), "5");
  EXPECT_TRUE(front.chat.sends.empty());
}

// ---- typing and end --------------------------------------------------------------------------

TEST(Typing, IsShownInALiveChatOnly) {
  Front front;
  const Visitor live = front.open_live();
  const std::size_t before = front.chat.touches.size();
  EXPECT_EQ(front.ask(post("/api/servicenow/typing", {{"session_id", live.id}}).bearer(live.token))
                .status,
            200u);
  EXPECT_EQ(front.chat.touches.size(), before + 1);
  EXPECT_TRUE(front.chat.touches.back());
  const Visitor bot = front.open();
  EXPECT_EQ(
      front.ask(post("/api/servicenow/typing", {{"session_id", bot.id}}).bearer(bot.token)).status,
      200u);
  EXPECT_EQ(front.chat.touches.size(), before + 1);
}

TEST(End, EndsTheInteractionOnce) {
  Front front;
  const Visitor visitor = front.open_live();
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(
        front.ask(post("/api/servicenow/end", {{"session_id", visitor.id}}).bearer(visitor.token))
            .status,
        200u);
  EXPECT_EQ(front.chat.ends, std::vector<std::string>{"ix1"});
  EXPECT_EQ(front.view(visitor.id)->state, State::closed);
  EXPECT_NE(front.frames(visitor).find(R"("reason":"user_ended")"), std::string::npos);
}

// ---- poll ------------------------------------------------------------------------------------

TEST(Poll, AFreshSessionHasNothingToSay) {
  Front front;
  const Visitor visitor = front.open();
  const Answer answer = front.ask(poll(visitor));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer["state"], "bot");
  EXPECT_EQ(answer["rep_name"], "null");
  EXPECT_EQ(answer["interaction_number"], "null");
  EXPECT_EQ(answer["events"], "[]");
  EXPECT_EQ(answer["recovered"], "true");
  EXPECT_TRUE(answer["cursor"].ends_with(":0")) << answer.text;
}

TEST(Poll, ByCursorReadsAsOftenAsItLikes) {
  Front front;
  const Visitor visitor = front.open_live();
  const Answer first = front.ask(poll(visitor, "?after=0:0"));
  const Answer second = front.ask(poll(visitor, "?after=0:0"));
  EXPECT_EQ(first.text, second.text);
  EXPECT_EQ(first["state"], "live");
  EXPECT_EQ(first["rep_name"], "Alex Rep");
  EXPECT_EQ(first["interaction_number"], "IMS0001");
  ASSERT_EQ(first.body.at("events").as_array().size(), 2u);
  EXPECT_EQ(first.body.at("events").at(0).at("state").as_string(), "queued");
  EXPECT_EQ(first.body.at("events").at(1).at("state").as_string(), "live");
  const Answer rest = front.ask(poll(visitor, "?after=" + first["cursor"]));
  EXPECT_EQ(rest["events"], "[]");
  EXPECT_EQ(rest["recovered"], "true");
  const Answer strange = front.ask(poll(visitor, "?after=ffffffff:1"));
  EXPECT_EQ(strange["recovered"], "false");
  EXPECT_EQ(strange.body.at("events").at(0).at("type").as_string(), "resync");
}

TEST(Poll, WithoutACursorHandsOutOnce) {
  Front front;
  const Visitor visitor = front.open_live();
  EXPECT_EQ(front.ask(poll(visitor)).body.at("events").as_array().size(), 2u);
  EXPECT_EQ(front.ask(poll(visitor))["events"], "[]");
}

TEST(Poll, AnswersAtOnceWhenThereIsSomethingHoweverLongItMayWait) {
  Front front;
  const Visitor visitor = front.open_live();
  for (const char* wait : {"0", "1", "60", "61", "100000", "99999999999999999999"}) {
    const auto start = std::chrono::steady_clock::now();
    const Answer answer = front.ask(poll(visitor, std::string("?after=0:0&wait=") + wait));
    EXPECT_EQ(answer.status, 200u) << wait;
    EXPECT_EQ(answer.body.at("events").as_array().size(), 2u);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(900));
  }
}

TEST(Poll, WaitsForAsLongAsItWasTold) {
  Front front;
  const Visitor visitor = front.open();
  const auto start = std::chrono::steady_clock::now();
  const Answer answer = front.ask(poll(visitor, "?wait=1"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer["events"], "[]");
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(990));
}

TEST(Poll, AWaitingOneIsWokenByWhatHappens) {
  Front front;
  const Visitor visitor = front.open_live();
  const std::string cursor = front.ask(poll(visitor, "?after=0:0"))["cursor"];
  Call waiting = poll(visitor, "?wait=60&after=" + cursor);
  net::Response response;
  bool answered = false;
  const auto wait = [&]() -> Task<> {
    response = co_await front.router.handle(waiting.request, &front.logger);
    answered = true;
  };
  asio::co_spawn(front.context, wait(), [](std::exception_ptr) {});
  front.settle();
  EXPECT_FALSE(answered);
  EXPECT_EQ(
      front
          .ask(post("/api/servicenow/webhook", {{"bridge_session_id", visitor.id}, {"text", "hi"}})
                   .hook())
          .status,
      200u);
  const Deadline deadline = in(std::chrono::seconds(5));
  while (!answered && std::chrono::steady_clock::now() < deadline)
    front.context.run_one_until(deadline);
  ASSERT_TRUE(answered);
  EXPECT_EQ(Answer(std::move(response)).body.at("events").as_array().size(), 1u);
}

TEST(Poll, SurvivesAnyNameAndText) {
  Front front;
  const Visitor visitor = front.open_queued();
  const std::string odd = "A \"quoted\" \\ <b>\u2028 🙂";
  EXPECT_EQ(
      front
          .ask(post("/api/servicenow/webhook",
                    {{"event", "claimed"}, {"bridge_session_id", visitor.id}, {"rep_name", odd}})
                   .hook())
          .status,
      200u);
  EXPECT_EQ(front.ask(poll(visitor))["rep_name"], odd);
}

}  // namespace
}  // namespace bridge::channels
