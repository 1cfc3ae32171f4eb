// SPDX-License-Identifier: MIT
// The control interface: errors, ledger, clock, reset and the faults
// (reference/servicenow.md 9.12).
#include "servicenow_fixture.hpp"

#include <chrono>

namespace bridge::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ControlFaultsTest : public ServiceNowTest {
 protected:
  void fault(const std::string& body) {
    const auto response = control("POST", "/faults", body);
    EXPECT_EQ(response.status, 200U) << response.body;
  }
  Reply open_raw(const std::string& key) {
    const json::object body = {{"user_sys_id", std::string(kGuestId)},
                               {"queue_sys_id", std::string(kQueueId)},
                               {"channel_sys_id", std::string(kChatChannelId)},
                               {"bridge_session_id", key}};
    return sn->handle(
        request("POST", "/api/1833944/intranet_bridge/open_chat", json::serialize(body)));
  }
  std::size_t interactions() {
    return sn->instance().find("interaction", std::string_view()).size();
  }
  std::vector<std::string> outcomes(const std::string& target) {
    std::vector<std::string> list;
    for (const Call& call : sn->ledger().calls())
      if (call.target == target) list.push_back(call.outcome);
    return list;
  }
  std::vector<std::string> replies() {
    settle();
    std::vector<std::string> texts;
    for (const OutboundRequest& out : raw_webhooks()) {
      const json::object body = parse(out.body).as_object();
      if (text(body, "event") == "reply") texts.push_back(text(body, "text"));
    }
    return texts;
  }
};

TEST_F(ControlFaultsTest, MistakesGetClearAnswers) {
  start();
  const auto status = [&](const char* method, const char* path, const char* body) {
    return control(method, path, body).status;
  };
  EXPECT_EQ(status("GET", "/nothing", ""), 404U);
  EXPECT_EQ(status("POST", "/interactions/IMS9999999/accept", "{}"), 404U);
  EXPECT_EQ(status("POST", "/agents/nobody/presence", R"({"state":"available"})"), 404U);
  EXPECT_EQ(status("POST", "/agents/alex.rep/presence", R"({"state":"asleep"})"), 400U);
  EXPECT_EQ(status("POST", "/faults", "not json"), 400U);
  EXPECT_EQ(status("POST", "/faults", R"({"target":"open_chat","mode":"strange"})"), 400U);
  EXPECT_EQ(status("POST", "/faults", R"({"target":"open_chat","mode":"status","value":"x"})"),
            400U);
  EXPECT_EQ(status("POST", "/faults", R"({"target":"open_chat","mode":"hang","rate":2})"), 400U);
  EXPECT_EQ(status("POST", "/faults", R"({"target":"open_chat","mode":"refuse"})"), 400U);
  EXPECT_EQ(status("POST", "/clock", R"({"advance_s":-1})"), 400U);
  EXPECT_EQ(status("POST", "/switches", R"({"consumer":"whoever"})"), 400U);
  EXPECT_EQ(status("POST", "/switches", R"({"no_such":"on"})"), 404U);
  EXPECT_EQ(status("PUT", "/clock", "{}"), 405U);
  (void)open_chat("s1");
  EXPECT_EQ(
      status("POST", "/interactions/IMS0000001/message", R"({"agent":"alex.rep","text":"x"})"),
      409U);
  EXPECT_EQ(status("POST", "/interactions/IMS0000001/dance", R"({"agent":"alex.rep"})"), 404U);
  const auto explained =
      control("POST", "/interactions/IMS0000001/message", "{\"agent\":\"alex.rep\"}");
  EXPECT_EQ(explained.status, 400U);
  EXPECT_THAT(explained.body, HasSubstr("text is required"));
}

TEST_F(ControlFaultsTest, TheLedgerHoldsCallsInAndOutWithoutCredentials) {
  start();
  (void)open_chat("s1");
  (void)desk("/interactions/IMS0000001/accept");
  settle();
  const std::string calls = control("GET", "/calls").body;
  const json::array list = parse(calls).as_array();
  ASSERT_GE(list.size(), 3U);
  const json::object& first = list[0].as_object();
  EXPECT_EQ(text(first, "direction"), "in");
  EXPECT_EQ(text(first, "target"), "open_chat");
  EXPECT_EQ(text(first, "user"), "intranet.bridge");
  EXPECT_EQ(first.at("status").to_number<int>(), 200);
  EXPECT_EQ(text(list[1].as_object(), "direction"), "out");
  EXPECT_THAT(calls, ::testing::Not(HasSubstr(options.password)));
  EXPECT_THAT(calls, ::testing::Not(HasSubstr(options.webhook_secret)));
  const auto later = parse(control("GET", "/calls?after=1").body).as_array();
  EXPECT_EQ(later.size(), list.size() - 1);
}

TEST_F(ControlFaultsTest, ResetIsAFreshInstance) {
  start();
  (void)open_chat("s1");
  fault(R"({"target":"open_chat","mode":"status","value":500})");
  (void)desk("/users/intranet.bridge", R"({"locked_out":true})");
  sn->advance_clock(std::chrono::seconds(5000));
  (void)desk("/reset");
  EXPECT_EQ(interactions(), 0U);
  EXPECT_THAT(parse(control("GET", "/calls").body).as_array(), IsEmpty());
  EXPECT_EQ(text(open_chat("s1"), "interaction_number"), "IMS0000001");
  (void)desk("/interactions/IMS0000001/accept");
  settle();
  EXPECT_FALSE(raw_webhooks().empty()) << "the properties are back as well";
  const auto drift = sn->instance().clock().now() - SystemTime().now();
  EXPECT_LT(std::chrono::abs(drift), std::chrono::seconds(5));
}

TEST_F(ControlFaultsTest, TheClockMovesTheInstance) {
  start();
  const Time before = sn->instance().clock().now();
  (void)desk("/clock", R"({"advance_s":180})");
  EXPECT_GE(sn->instance().clock().now() - before, std::chrono::seconds(180));
}

TEST_F(ControlFaultsTest, TheEnvironmentNamesWhatABridgeNeeds) {
  start();
  sn->set_url("http://127.0.0.1:5080");
  const std::string env = control("GET", "/env").body;
  EXPECT_THAT(env, HasSubstr("SN_INSTANCE=http://127.0.0.1:5080\n"));
  EXPECT_THAT(env, HasSubstr("SN_BRIDGE_API_BASE=/api/1833944/intranet_bridge\n"));
  EXPECT_THAT(env, HasSubstr("SN_DEFAULT_QUEUE_SYS_ID=" + std::string(kQueueId) + "\n"));
}

// --- inbound
// ---------------------------------------------------------------------------------------

TEST_F(ControlFaultsTest, AStatusFaultStrikesSoManyTimesAndCommitsNothing) {
  start();
  fault(R"({"target":"open_chat","mode":"status","value":500,"count":2})");
  EXPECT_EQ(open_raw("s1").response.status, 500U);
  EXPECT_EQ(open_raw("s1").response.status, 500U);
  EXPECT_EQ(interactions(), 0U);
  EXPECT_EQ(open_raw("s1").response.status, 200U);
  EXPECT_THAT(outcomes("open_chat"), ElementsAre("fault:status", "fault:status", "ok"));
}

TEST_F(ControlFaultsTest, ACallDroppedAfterTheCommitHasHappened) {
  start();
  fault(R"({"target":"open_chat","mode":"drop_after_commit","count":1})");
  const Reply lost = open_raw("s1");
  EXPECT_EQ(lost.response.cut_after_bytes, std::optional<std::size_t>(0));
  EXPECT_EQ(interactions(), 1U);
  EXPECT_EQ(open_raw("s1").response.status, 200U);
  EXPECT_EQ(interactions(), 1U);
}

TEST_F(ControlFaultsTest, AQuotaCancelIs500ThoughCommitted) {
  start();
  fault(R"({"target":"open_chat","mode":"quota","count":1})");
  const Reply cancelled = open_raw("s1");
  EXPECT_EQ(cancelled.response.status, 500U);
  EXPECT_THAT(message_of(cancelled.response), HasSubstr("maximum execution time exceeded"));
  EXPECT_EQ(interactions(), 1U);
}

TEST_F(ControlFaultsTest, ATruncated200IsNotJson) {
  start();
  fault(R"({"target":"open_chat","mode":"truncate","count":1})");
  const Reply broken = open_raw("s1");
  EXPECT_EQ(broken.response.status, 200U);
  boost::system::error_code failed;
  (void)json::parse(broken.response.body, failed);
  EXPECT_TRUE(failed);
  EXPECT_THAT(broken.response.body, HasSubstr("Transaction cancelled"));
  EXPECT_EQ(interactions(), 1U);
}

TEST_F(ControlFaultsTest, AHibernatingInstanceAnswers200WithAPage) {
  start();
  fault(R"({"target":"*","mode":"html"})");
  const Reply asleep = open_raw("s1");
  EXPECT_EQ(asleep.response.status, 200U);
  EXPECT_THAT(std::string(asleep.response.headers.get("Content-Type")), HasSubstr("text/html"));
  EXPECT_THAT(asleep.response.body, HasSubstr("Instance Hibernating page"));
  EXPECT_THAT(ask("GET", "/api/now/table/incident").body, HasSubstr("Hibernating"));
  EXPECT_EQ(control("DELETE", "/faults").status, 200U);
  EXPECT_EQ(ask("GET", "/api/now/table/incident").status, 200U);
}

TEST_F(ControlFaultsTest, RateLimitsComeWithAndWithoutRetryAfter) {
  start();
  fault(R"({"target":"send_message","mode":"rate_limit","value":7,"count":1})");
  fault(R"({"target":"send_message","mode":"rate_limit","count":1})");
  const auto ruled = post("send_message", "{}");
  EXPECT_EQ(ruled.status, 429U);
  EXPECT_EQ(ruled.headers.get("Retry-After"), "7");
  EXPECT_FALSE(ruled.headers.get("X-RateLimit-Rule").empty());
  const auto full = post("send_message", "{}");
  EXPECT_EQ(full.status, 429U);
  EXPECT_FALSE(full.headers.has("Retry-After"));
}

TEST_F(ControlFaultsTest, HangingAndSlownessAreTheServersToPlay) {
  start();
  fault(R"({"target":"open_chat","mode":"hang","value":2,"count":1})");
  fault(R"({"target":"open_chat","mode":"slow","value":0.5,"count":1})");
  const Reply hung = open_raw("s1");
  EXPECT_EQ(hung.hang, std::optional(std::chrono::milliseconds(2000)));
  EXPECT_EQ(interactions(), 0U);
  EXPECT_EQ(open_raw("s1").delay, std::chrono::milliseconds(500));
  EXPECT_EQ(interactions(), 1U);
}

TEST_F(ControlFaultsTest, ARateStrikesSomeCallsAndNoneClearsATarget) {
  start();
  fault(R"({"target":"table","mode":"status","value":500,"rate":0.5})");
  int struck = 0;
  for (int i = 0; i < 60; ++i)
    struck += ask("GET", "/api/now/table/incident").status == 500 ? 1 : 0;
  EXPECT_GT(struck, 10);
  EXPECT_LT(struck, 50);
  fault(R"({"target":"oauth","mode":"status","value":500})");
  fault(R"({"target":"table","mode":"none"})");
  EXPECT_EQ(ask("GET", "/api/now/table/incident").status, 200U);
  EXPECT_EQ(ask("POST", "/oauth_token.do", "x").status, 500U);
}

// --- webhooks
// --------------------------------------------------------------------------------------

class WebhookFaultsTest : public ControlFaultsTest {
 protected:
  WebhookFaultsTest() {
    options.instance.async_reorder = false;
    start();
    (void)open_chat("s1");
    (void)desk("/interactions/IMS0000001/accept");
    settle();
  }
  void say(const std::string& what) {
    (void)desk("/interactions/IMS0000001/message", R"({"text":")" + what + "\"}");
  }
  static constexpr const char* kGreeting = "Thank you for waiting. An agent is with you now.";
};

TEST_F(WebhookFaultsTest, ADroppedWebhookNeverArrivesAndNobodyKnows) {
  fault(R"({"target":"webhook","mode":"drop","count":1})");
  say("lost");
  settle();
  say("kept");
  EXPECT_THAT(replies(), ElementsAre(kGreeting, "kept"));
  EXPECT_FALSE(sn->instance().system_log().contains("answered HTTP"));
}

TEST_F(WebhookFaultsTest, ADoubledWebhookArrivesTwice) {
  fault(R"({"target":"webhook","mode":"double","count":1})");
  say("twice");
  EXPECT_THAT(replies(), ElementsAre(kGreeting, "twice", "twice"));
}

TEST_F(WebhookFaultsTest, AReorderedWebhookIsOvertakenByTheNext) {
  fault(R"({"target":"webhook","mode":"reorder","value":10,"count":1})");
  say("one");
  say("two");
  EXPECT_THAT(replies(), ElementsAre(kGreeting, "two", "one"));
}

TEST_F(WebhookFaultsTest, ADelayedWebhookComesLater) {
  fault(R"({"target":"webhook","mode":"delay","value":0.3,"count":1})");
  const auto start_time = std::chrono::steady_clock::now();
  say("late");
  EXPECT_THAT(replies(), ElementsAre(kGreeting, "late"));
  EXPECT_GE(std::chrono::steady_clock::now() - start_time, std::chrono::milliseconds(300));
}

TEST_F(WebhookFaultsTest, ARefusedWebhookIsAFailureInTheLog) {
  fault(R"({"target":"webhook","mode":"refuse","count":1})");
  fault(R"({"target":"webhook","mode":"status","value":503,"count":1})");
  say("one");
  settle();
  say("two");
  EXPECT_THAT(replies(), ElementsAre(kGreeting));
  EXPECT_TRUE(sn->instance().system_log().contains("answered HTTP 0"));
  EXPECT_TRUE(sn->instance().system_log().contains("answered HTTP 503"));
  const auto seen = outcomes("webhook");
  EXPECT_THAT(seen, ::testing::Contains("fault:refuse"));
  EXPECT_THAT(seen, ::testing::Contains("fault:status"));
}

}  // namespace
}  // namespace bridge::sandbox
