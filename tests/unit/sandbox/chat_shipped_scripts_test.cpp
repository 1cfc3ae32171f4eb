// SPDX-License-Identifier: MIT
// The scripts that we ship, and those that others wrote for the same job, run unmodified: from
// open_chat to the webhook and back. What happens when calls overlap: chat_at_once_test.cpp.
#include <map>

#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ShippedScriptsTest : public ServiceNowTest {
 protected:
  /// The webhooks with that event, once all rules have run.
  std::vector<json::object> events(const std::string& event) {
    settle();
    std::vector<json::object> wanted;
    for (const OutboundRequest& out : raw_webhooks()) {
      json::object body = parse(out.body).as_object();
      if (text(body, "event") == event) wanted.push_back(std::move(body));
    }
    return wanted;
  }
  std::vector<std::string> replies() {
    std::vector<std::string> texts;
    for (const json::object& each : events("reply")) texts.push_back(text(each, "text"));
    return texts;
  }
};

TEST_F(ShippedScriptsTest, AChatIsOpenedAnsweredRelayedAndEnded) {
  start();
  const auto chat = open_chat("s1", "hello");
  EXPECT_EQ(text(chat, "interaction_number"), "IMS0000001");
  EXPECT_EQ(chat.at("api").as_int64(), 2);
  (void)desk("/interactions/IMS0000001/accept", R"({"agent":"alex.rep"})");
  const auto claimed = events("claimed");
  ASSERT_FALSE(claimed.empty());
  EXPECT_EQ(text(claimed[0], "rep_name"), "Alex Rep");
  EXPECT_EQ(text(claimed[0], "bridge_session_id"), "s1");

  (void)desk("/interactions/IMS0000001/message", R"({"agent":"alex.rep","text":"good day"})");
  (void)send_message(chat, "my pc is broken", "m1");
  EXPECT_THAT(replies(),
              ElementsAre("Thank you for waiting. An agent is with you now.", "good day"))
      << "the user's own words are not relayed";
  const auto reply = events("reply").back();
  EXPECT_EQ(text(reply, "sender_sys_id"), kAlexId);
  EXPECT_EQ(text(reply, "author"), "agent");
  EXPECT_EQ(reply.at("sequence").as_int64(), 3);
  EXPECT_EQ(reply.at("prev_sequence").as_int64(), 2);
  EXPECT_THAT(pane("IMS0000001"),
              ElementsAre("user: hello", "system: Thank you for waiting. An agent is with you now.",
                          "agent: good day", "user: my pc is broken"));

  (void)desk("/interactions/IMS0000001/end", R"({"agent":"alex.rep"})");
  const auto closed = events("closed");
  ASSERT_FALSE(closed.empty());
  EXPECT_EQ(text(closed[0], "state"), "closed_complete");
  EXPECT_EQ(closed[0].at("last_sequence").as_int64(), 3);
}

TEST_F(ShippedScriptsTest, WebhooksCarryTheSecretToTheConfiguredUrl) {
  start();
  (void)open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  (void)events("claimed");
  const auto sent = raw_webhooks();
  ASSERT_FALSE(sent.empty());
  EXPECT_EQ(sent[0].url, "http://bridge.example:5000/api/servicenow/webhook");
  EXPECT_THAT(sent[0].headers, ::testing::Contains(std::pair<std::string, std::string>(
                                   "X-Bridge-Secret", "sandbox-webhook-secret")));
}

TEST_F(ShippedScriptsTest, TheSecretArrivesAlsoWhereGetPropertyGivesCiphertext) {
  options.instance.password2_clear = false;
  start();
  (void)open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  (void)events("claimed");
  const auto sent = raw_webhooks();
  ASSERT_FALSE(sent.empty());
  EXPECT_THAT(sent[0].headers, ::testing::Contains(std::pair<std::string, std::string>(
                                   "X-Bridge-Secret", "sandbox-webhook-secret")));
}

TEST_F(ShippedScriptsTest, WebhooksAreSignedAsTheirPropertySays) {
  start();
  (void)open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  (void)events("claimed");
  const auto headers_after = [&](const std::string& how) {
    (void)desk("/properties", R"({"intranet_bridge.sign_webhooks":")" + how + "\"}");
    (void)desk("/interactions/IMS0000001/message", R"({"text":"hello"})");
    settle();
    std::map<std::string, std::string> found;
    const auto sent = raw_webhooks();
    for (const auto& [name, value] : sent.back().headers) found[name] = value;
    return found;
  };
  const auto is_signature = ::testing::MatchesRegex("t=[0-9]{10},v1=[0-9a-f]{64}");
  for (const char* how : {"", "false", "no"}) {
    const auto headers = headers_after(how);
    EXPECT_EQ(headers.count("X-Bridge-Secret"), 1U) << how;
    EXPECT_EQ(headers.count("X-Bridge-Signature"), 0U) << how;
  }
  auto both = headers_after("true");
  EXPECT_EQ(both["X-Bridge-Secret"], "sandbox-webhook-secret");
  EXPECT_THAT(both["X-Bridge-Signature"], is_signature);
  auto only = headers_after("only");
  EXPECT_EQ(only.count("X-Bridge-Secret"), 0U);
  EXPECT_THAT(only["X-Bridge-Signature"], is_signature);
  const json::object body = parse(raw_webhooks().back().body).as_object();
  EXPECT_THAT(text(body, "call_id"), ::testing::MatchesRegex("[0-9a-f]{32}"));
}

TEST_F(ShippedScriptsTest, WhispersControlsAndFilesAreNotRelayed) {
  start();
  (void)open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  (void)desk("/interactions/IMS0000001/whisper", R"({"text":"a difficult one"})");
  (void)desk("/interactions/IMS0000001/message", R"({"control":{"uiType":"Picker"}})");
  (void)desk("/interactions/IMS0000001/message", R"({"file":{"name":"x.png"}})");
  (void)desk("/interactions/IMS0000001/message", R"({"text":"seen by all"})");
  EXPECT_THAT(replies(),
              ElementsAre("Thank you for waiting. An agent is with you now.", "seen by all"));
  EXPECT_EQ(pane("IMS0000001").size(), 5U) << "the agent sees them all";
}

TEST_F(ShippedScriptsTest, OpeningTwiceWithOneKeyIsOneInteraction) {
  start();
  const auto first = open_chat("s1", "hello");
  const auto again = open_chat("s1", "hello");
  EXPECT_EQ(text(first, "interaction_sys_id"), text(again, "interaction_sys_id"));
  EXPECT_TRUE(again.at("repeated").as_bool());
  EXPECT_THAT(pane("IMS0000001"), ElementsAre("user: hello"));
  EXPECT_NE(text(first, "interaction_sys_id"), text(open_chat("s2"), "interaction_sys_id"));
}

TEST_F(ShippedScriptsTest, AMessageWithTheSameIdIsSentOnce) {
  start();
  const auto chat = open_chat("s1");
  const auto first = send_message(chat, "hello", "m1");
  const auto again = send_message(chat, "hello", "m1");
  EXPECT_EQ(text(first, "message_sys_id"), text(again, "message_sys_id"));
  (void)send_message(chat, "hello", "m2");
  EXPECT_THAT(pane("IMS0000001"), ElementsAre("user: hello", "user: hello"));
}

TEST_F(ShippedScriptsTest, TheScriptsDoNotDependOnWhatSendReturns) {
  for (const char* shape : {"objects", "ids", "empty"}) {
    start();
    (void)desk("/switches", std::string(R"({"send_result":")") + shape + "\"}");
    const auto chat = open_chat("s1", "hello");
    EXPECT_FALSE(text(chat, "first_message_sys_id").empty()) << shape;
    EXPECT_FALSE(text(send_message(chat, "more", "m1"), "message_sys_id").empty()) << shape;
    EXPECT_THAT(replies(), IsEmpty()) << shape;
  }
}

TEST_F(ShippedScriptsTest, WithoutImpersonationTheChatIsTheServiceAccounts) {
  start();
  (void)desk("/users/intranet.bridge", R"({"revoke_role":"impersonator"})");
  const auto chat = open_chat("s1");
  const auto sent = send_message(chat, "hello", "m1");
  EXPECT_FALSE(sent.at("impersonated").as_bool());
  const auto row = sn->instance().get("sys_cs_message", text(sent, "message_sys_id"));
  ASSERT_TRUE(row);
  EXPECT_EQ(row->text("sender"), kServiceAccountId);
  EXPECT_THAT(replies(), IsEmpty()) << "and is still no reply";
}

TEST_F(ShippedScriptsTest, WithoutTheRoleNoScriptRuns) {
  start();
  (void)desk("/users/intranet.bridge", R"({"revoke_role":"x_intranet_bridge_caller"})");
  const auto refused = post("open_chat", "{}");
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(message_of(refused), "User Not Authorized");
}

TEST_F(ShippedScriptsTest, EndChatEndsTheInteractionAndTheWorkItem) {
  start();
  const auto chat = open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  const json::object body = {{"conversation_sys_id", chat.at("conversation_sys_id")},
                             {"interaction_sys_id", chat.at("interaction_sys_id")},
                             {"reason", "user_ended"}};
  EXPECT_EQ(text(result("end_chat", body), "state"), "closed_complete");
  EXPECT_TRUE(result("end_chat", body).at("already_ended").as_bool());
  EXPECT_EQ(sn->instance().find("awa_work_item", "active=true").size(), 0U);
  EXPECT_EQ(events("closed").size(), 1U);
}

TEST_F(ShippedScriptsTest, TypingReachesTheDeskAndTheDesksTypingTheWebhook) {
  start();
  const auto chat = open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  const json::object body = {{"conversation_sys_id", chat.at("conversation_sys_id")},
                             {"typing", true}};
  EXPECT_TRUE(result("typing", body).at("touched").as_bool());
  EXPECT_FALSE(text(interaction("IMS0000001"), "user_typing_at").empty());
  (void)desk("/interactions/IMS0000001/typing");
  const auto typing = events("typing");
  ASSERT_EQ(typing.size(), 1U);
  EXPECT_EQ(text(typing[0], "rep_name"), "Alex Rep");
  EXPECT_EQ(text(typing[0], "bridge_session_id"), "s1");
  (void)desk("/switches", R"({"agent_typing_webhook":"off"})");
  (void)desk("/interactions/IMS0000001/typing");
  EXPECT_EQ(events("typing").size(), 1U);
}

TEST_F(ShippedScriptsTest, ABridgeThatIsAwayIsLoggedAndNotRetried) {
  start();
  answer = [](const OutboundRequest&) {
    OutboundReply reply;
    reply.failure = OutboundReply::Failure::refused;
    reply.failure_text = "Connection refused";
    return reply;
  };
  (void)open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  settle();
  const std::size_t calls = raw_webhooks().size();
  EXPECT_EQ(calls, 2U) << "claimed and the greeting, once each";
  EXPECT_TRUE(sn->instance().system_log().contains("answered HTTP 0"));
}

TEST_F(ShippedScriptsTest, AFolderThatOthersWroteWorksToo) {
  options.scripts = std::string(BRIDGE_SOURCE_DIR) + "/tests/support/legacy_scripts";
  options.webhook_path = "/api/sn-webhook";
  start();
  const auto chat = open_chat("s1", "hello");
  EXPECT_FALSE(chat.contains("api"));
  const std::string number = text(chat, "interaction_number");
  ASSERT_FALSE(number.empty());
  (void)desk("/interactions/" + number + "/accept");
  (void)desk("/interactions/" + number + "/message", R"({"text":"good day"})");
  settle();
  std::vector<std::string> texts;
  for (const OutboundRequest& out : raw_webhooks())
    texts.push_back(text(parse(out.body).as_object(), "text"));
  EXPECT_THAT(texts, ::testing::Contains("good day"));
}

}  // namespace
}  // namespace bridge::sandbox
