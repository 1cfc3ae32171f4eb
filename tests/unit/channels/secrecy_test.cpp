// SPDX-License-Identifier: MIT
// A whole handoff and everything that can go wrong in it, with a canary in every text and secret:
// none of them reaches the log.
#include "front.hpp"

namespace bridge::channels {
namespace {

TEST(Log, NeverHoldsSecretsTokensOrTexts) {
  Options options = Front::usual();
  options.allowed_origins = {"https://portal.example"};
  handoff::Options inner;
  inner.trust_email = true;
  Front front(std::move(options), inner);
  std::vector<std::string> secrets{std::string(kHookSecret), std::string(kNextHookSecret),
                                   std::string(kAgentSecret), "canary"};
  const auto keep = [&](const Visitor& visitor) {
    secrets.push_back(visitor.token);
    secrets.push_back(visitor.cookie);
    return visitor;
  };

  const Answer opened =
      front.ask(post("/api/servicenow/init-session", {{"user_email", "canary-mail@example.com"},
                                                      {"user_display_name", "canary name"}}));
  const Visitor visitor =
      keep(Visitor{opened["session_id"], opened["session_token"], opened.cookie()});
  ASSERT_EQ(opened.status, 200u);
  const auto post_as_owner = [&](std::string path, json::object body) {
    body["session_id"] = visitor.id;
    return front.ask(post("/api/servicenow/" + path, body).bearer(visitor.token)).status;
  };
  const auto hook = [&](json::object body) {
    body["bridge_session_id"] = visitor.id;
    return front.ask(post("/api/servicenow/webhook", body).hook()).status;
  };

  // As it should go.
  EXPECT_EQ(
      front.ask(post("/directline/token", {{"user_id", visitor.id}}).bearer(visitor.token)).status,
      200u);
  EXPECT_EQ(post_as_owner("escalate",
                          {{"opening_message", "canary opening"}, {"context", "canary context"}}),
            200u);
  EXPECT_EQ(hook({{"event", "claimed"}, {"rep_name", "canary rep"}}), 200u);
  EXPECT_EQ(hook({{"text", "canary reply"}, {"message_sys_id", "m1"}, {"sender_sys_id", "a1"}}),
            200u);
  EXPECT_EQ(post_as_owner("user-message", {{"text", "canary words"}, {"client_message_id", "c1"}}),
            200u);
  EXPECT_EQ(post_as_owner("typing", {}), 200u);
  EXPECT_EQ(
      front.ask(get("/api/servicenow/poll/" + visitor.id + "?after=0:0").bearer(visitor.token))
          .status,
      200u);
  EXPECT_EQ(front
                .ask(post("/api/servicenow/agent/create-ticket",
                          {{"short_description", "canary subject"},
                           {"description", "canary description"},
                           {"caller_email", "canary-caller@example.com"}})
                         .agent())
                .status,
            200u);

  // As it should not.
  front.chat.send_error = Error(Errc::upstream_failed, "500").with_hint("Try again.");
  EXPECT_EQ(
      post_as_owner("user-message", {{"text", "canary failed words"}, {"client_message_id", "c2"}}),
      502u);
  EXPECT_EQ(
      post_as_owner("user-message", {{"text", "canary other words"}, {"client_message_id", "c1"}}),
      409u);
  EXPECT_EQ(post_as_owner("user-message", {{"text", "canary \a bell"}}), 400u);
  EXPECT_EQ(post_as_owner("user-message", {{"text", "x"}, {"client_message_id", "canary id"}}),
            400u);
  EXPECT_EQ(post_as_owner("user-message", {{"text", "canary" + std::string(9'000, 'x')}}), 400u);
  EXPECT_EQ(hook({{"text", 1}, {"rep_name", "canary rep"}}), 400u);
  EXPECT_EQ(hook({{"message_sys_id", "canary" + std::string(300, 'x')}}), 400u);
  for (const char* path :
       {"/api/servicenow/init-session", "/api/servicenow/escalate", "/api/servicenow/user-message",
        "/api/servicenow/typing", "/api/servicenow/end", "/api/servicenow/agent/escalate",
        "/api/servicenow/agent/create-ticket", "/api/servicenow/webhook", "/api/sn-webhook",
        "/directline/token"}) {
    // Broken JSON, and a wrong credential of every kind.
    EXPECT_EQ(front.ask(post(path, std::string("{\"text\":\"canary cut")).agent().hook()).status,
              400u)
        << path;
    (void)front.ask(post(path + std::string("?secret=canary-query"),
                         {{"session_id", visitor.id}, {"text", "canary"}})
                        .bearer("canary-token")
                        .cookie("canary-cookie")
                        .with("X-Agent-Secret", "canary-wrong")
                        .with("X-Bridge-Secret", "canary-wrong")
                        .with("Origin", "https://canary.example")
                        .with("User-Agent", "canary agent"));
  }
  for (const char* mode : {"normal", "expectReplies"}) {
    front.delivery.answers.push_back(handoff::DeliveryAnswer(handoff::Posted::refused, "refused"));
    (void)front.ask(
        post("/api/messages", {{"type", "message"},
                               {"text", "canary words"},
                               {"deliveryMode", mode},
                               {"from", {{"id", "canary-user"}, {"name", "canary name"}}},
                               {"conversation", {{"id", "canary-conversation"}}},
                               {"serviceUrl", "https://copilot.example/cb?sig=canary"}})
            .with("X-API-Key", kCopilotKey));
    (void)front.ask(
        post("/api/messages", std::string("{\"text\":\"canary cut")).with("X-API-Key", "canary"));
  }
  EXPECT_EQ(
      front.ask(get("/api/servicenow/poll/" + visitor.id + "?after=canary").bearer(visitor.token))
          .status,
      400u);
  EXPECT_EQ(front.ask(get("/nowhere?token=canary")).status, 404u);
  front.desks.ticket_error = Error(Errc::upstream_rejected, "refused");
  EXPECT_EQ(front
                .ask(post("/api/servicenow/agent/create-ticket", {{"short_description", "canary"}})
                         .agent())
                .status,
            502u);
  front.desks.token_error = Error(Errc::upstream_failed, "500");
  EXPECT_EQ(front.ask(post("/directline/token", {{"user_id", "canary-user"}})).status, 502u);
  EXPECT_EQ(hook({{"event", "closed"}}), 200u);

  const Visitor second = keep(front.open());
  front.chat.open_error = Error(Errc::upstream_role, "open_chat");
  EXPECT_EQ(
      front
          .ask(post("/api/servicenow/escalate", {{"session_id", second.id},
                                                 {"opening_message", "canary"},
                                                 {"user_email", "canary-unresolved@example.com"}})
                   .bearer(second.token))
          .status,
      502u);

  EXPECT_GT(front.logger.lines.size(), 30u) << "there must be something to look at";
  for (const std::string& secret : secrets)
    for (const std::string& line : front.logger.lines)
      EXPECT_EQ(line.find(secret), std::string::npos) << line;
}

}  // namespace
}  // namespace bridge::channels
