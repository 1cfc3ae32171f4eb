// SPDX-License-Identifier: MIT
// The HTTP tools of a Copilot Studio agent. DESIGN 4.1.
#include "front.hpp"

namespace bridge::channels {
namespace {

using session::State;

Call hand_over(const json::object& body) {
  return post("/api/servicenow/agent/escalate", body).agent();
}
Call ticket(const json::object& body) {
  return post("/api/servicenow/agent/create-ticket", body).agent();
}

TEST(AgentEscalate, HandsTheUserOver) {
  Front front;
  const Visitor visitor = front.open();
  const Answer answer =
      front.ask(hand_over({{"session_id", visitor.id}, {"opening_message", "needs a person"}}));
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(answer["ticket_number"], "IMS0001");
  EXPECT_EQ(answer["ticket_sys_id"], "ix1");
  EXPECT_EQ(answer["state"], "queued");
  ASSERT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.opens[0].opening_message, "needs a person");
  EXPECT_EQ(front.view(visitor.id)->state, State::queued);
}

TEST(AgentEscalate, TheSummaryStandsInForTheOpeningMessage) {
  Front front;
  const Visitor first = front.open();
  EXPECT_EQ(front.ask(hand_over({{"session_id", first.id}, {"summary", "the summary"}})).status,
            200u);
  EXPECT_EQ(front.chat.opens.back().opening_message, "the summary");
  const Visitor second = front.open();
  EXPECT_EQ(
      front.ask(hand_over({{"session_id", second.id}, {"summary", "s"}, {"opening_message", "o"}}))
          .status,
      200u);
  EXPECT_EQ(front.chat.opens.back().opening_message, "o");
}

TEST(AgentEscalate, IsIdempotentWhileQueuedOrLive) {
  Front front;
  const Visitor queued = front.open_queued();
  const Visitor live = front.open_live();
  const std::size_t opens = front.chat.opens.size();
  for (int i = 0; i < 2; ++i) {
    const Answer one = front.ask(hand_over({{"session_id", queued.id}}));
    EXPECT_EQ(one.status, 200u);
    EXPECT_EQ(one["ticket_number"], "IMS0001");
    EXPECT_EQ(one["state"], "queued");
    const Answer two = front.ask(hand_over({{"session_id", live.id}}));
    EXPECT_EQ(two["ticket_number"], "IMS0002");
    EXPECT_EQ(two["state"], "live");
  }
  EXPECT_EQ(front.chat.opens.size(), opens);
}

TEST(AgentEscalate, FindsTheSessionByEveryNameThatCopilotStudioKnows) {
  Front front;
  const Visitor visitor = front.open();
  EXPECT_EQ(
      front.ask(post("/directline/token", {{"user_id", visitor.id}}).bearer(visitor.token)).status,
      200u);
  for (const json::object& body : std::vector<json::object>{
           {{"session_id", visitor.id}},
           {{"session_id", "dl_" + visitor.id}},
           {{"user_id", visitor.id}},
           {{"user_id", "dl_" + visitor.id}},
           {{"user_id", "dlc1"}},  // the Direct Line conversation
           {{"session_id", "dlc1"}},
           {{"session_id", "not-a-session"}, {"user_id", visitor.id}},
           {{"session_id", std::string(32, '0')}, {"user_id", "dl_" + visitor.id}}}) {
    const Answer answer = front.ask(hand_over(body));
    EXPECT_EQ(answer.status, 200u) << json::serialize(body) << answer.text;
    EXPECT_EQ(answer["ticket_sys_id"], "ix1");
  }
  EXPECT_EQ(front.chat.opens.size(), 1u);
}

TEST(AgentEscalate, WhatServiceNowRefusesIsEscalateFailed) {
  Front front;
  const Visitor visitor = front.open();
  front.chat.open_error = Error(Errc::upstream_credentials).with_hint("Check SN_PASSWORD.");
  const Answer answer = front.ask(hand_over({{"session_id", visitor.id}}));
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(answer["error"], "escalate_failed");
  EXPECT_EQ(answer["detail"], "upstream_credentials");
  EXPECT_EQ(answer["hint"], "Check SN_PASSWORD.");
}

TEST(AgentEndpoints, AreNotConfiguredWithoutASecret) {
  Options options = Front::usual();
  options.agent_secret = identity::SharedSecret();
  Front front(std::move(options));
  const Visitor visitor = front.open();
  for (Call call : {hand_over({{"session_id", visitor.id}}), ticket({{"short_description", "a"}}),
                    post("/api/servicenow/agent/escalate").with("X-Agent-Secret", "")}) {
    const Answer answer = front.ask(std::move(call));
    EXPECT_EQ(answer.status, 503u);
    EXPECT_EQ(answer["error"], "not_configured");
    EXPECT_NE(answer["hint"].find("AGENT_API_SECRET"), std::string::npos);
  }
  EXPECT_TRUE(front.chat.opens.empty());
  EXPECT_TRUE(front.desks.tickets.empty());
}

TEST(AgentEndpoints, TakeTwoSecretsDuringARotation) {
  Options options = Front::usual();
  options.agent_secret = identity::SharedSecret({Secret("new"), Secret("old")});
  Front front(std::move(options));
  for (const char* secret : {"new", "old"})
    EXPECT_EQ(front
                  .ask(post("/api/servicenow/agent/create-ticket", {{"short_description", "a"}})
                           .with("X-Agent-Secret", secret))
                  .status,
              200u);
  EXPECT_EQ(front
                .ask(post("/api/servicenow/agent/create-ticket", {{"short_description", "a"}})
                         .with("X-Agent-Secret", "newold"))
                .status,
            403u);
}

// ---- create-ticket ---------------------------------------------------------------------------

TEST(CreateTicket, FilesAnIncidentForAKnownCaller) {
  Front front;
  front.desks.users["jo@example.com"] = "user-jo";
  const Answer answer = front.ask(ticket({{"short_description", "Printer"},
                                          {"description", "It is on fire.\nReally."},
                                          {"caller_email", "jo@example.com"},
                                          {"request_id", "r-1"}}));
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(answer["ticket_number"], "INC0001");
  EXPECT_EQ(answer["ticket_sys_id"], "inc1");
  ASSERT_EQ(front.desks.tickets.size(), 1u);
  EXPECT_EQ(front.desks.tickets[0].short_description, "Printer");
  EXPECT_EQ(front.desks.tickets[0].description, "It is on fire.\nReally.");
  EXPECT_EQ(front.desks.tickets[0].caller_sys_id, "user-jo");
  EXPECT_EQ(front.desks.tickets[0].request_id, "r-1");
}

TEST(CreateTicket, AnUnknownCallerIsAClaimNotAReference) {
  Front front;
  EXPECT_EQ(
      front.ask(ticket({{"short_description", "a"}, {"caller_email", "x@example.com"}})).status,
      200u);
  EXPECT_EQ(front.desks.tickets.back().caller_sys_id, "");
  EXPECT_EQ(front.desks.tickets.back().caller_claim, "x@example.com");
}

TEST(CreateTicket, ACallerThatCouldAlterTheQueryIsRefused) {
  Front front;
  front.desks.resolve_error = Error(Errc::invalid_argument, "caller_email");
  const Answer answer =
      front.ask(ticket({{"short_description", "a"}, {"caller_email", "a^ORactive=true"}}));
  EXPECT_EQ(answer.status, 400u);
  EXPECT_EQ(answer["error"], "invalid_argument");
  EXPECT_TRUE(front.desks.tickets.empty());
}

TEST(CreateTicket, WhatServiceNowRefusesIsCreateFailed) {
  Front front;
  front.desks.ticket_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
  const Answer answer = front.ask(ticket({{"short_description", "a"}}));
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(answer["error"], "create_failed");
  EXPECT_EQ(answer["outcome"], "unknown");
}

}  // namespace
}  // namespace bridge::channels
