// SPDX-License-Identifier: MIT
// Routing, from the queue to an agent and out again: reference/servicenow.md 9.32 to 9.37, with
// the scripts that we ship.
#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kNumber = "IMS0000001";

class AwaRoutingTest : public ServiceNowTest {
 protected:
  std::string at(const char* field, const char* number = kNumber) {
    sn->tick();
    return text(interaction(number), field);
  }
  void act(const std::string& action, const std::string& body = "{}") {
    (void)desk("/interactions/" + std::string(kNumber) + "/" + action, body);
  }
  net::Response attempt(const std::string& action, const std::string& body = "{}") {
    return control("POST", "/interactions/" + std::string(kNumber) + "/" + action, body);
  }
  void present(const std::string& agent, bool here) {
    (void)desk("/agents/" + agent + "/presence",
               here ? R"({"state":"available"})" : R"({"state":"offline"})");
  }
  void set_queue(const char* column, const std::string& value) {
    Record change("awa_queue");
    change.set("sys_id", std::string(kQueueId)).set(column, value);
    Session system = sn->instance().system_session();
    ASSERT_TRUE(sn->instance().update(change, system));
  }
  std::optional<Record> item() {
    const std::string id = text(interaction(kNumber), "sys_id");
    return sn->awa().item_of(id);
  }
};

TEST_F(AwaRoutingTest, AChatGoesFromQueuedOverOfferedToAccepted) {
  start();
  present("alex.rep", false);
  (void)open_chat("s1", "hello");
  EXPECT_EQ(at("work_item_state"), "queued");
  present("alex.rep", true);
  EXPECT_EQ(at("work_item_state"), "pending_accept");
  EXPECT_EQ(at("offered_to"), "alex.rep");
  EXPECT_EQ(at("state"), "new");
  act("accept", R"({"agent":"alex.rep"})");
  EXPECT_EQ(at("work_item_state"), "accepted");
  EXPECT_EQ(at("state"), "work_in_progress");
  EXPECT_EQ(at("assigned_to"), "alex.rep");
}

TEST_F(AwaRoutingTest, AcceptingEmitsTheInitialResponseAsASystemRow) {
  start();
  (void)open_chat("s1");
  act("accept");
  const auto rows = sn->instance().find("sys_cs_message", "q_data_message_type=systemTextMessage");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].text("payload"), "Thank you for waiting. An agent is with you now.");
  EXPECT_EQ(rows[0].text("direction"), "outbound");
  EXPECT_EQ(rows[0].text("sender"), kAlexId);
}

TEST_F(AwaRoutingTest, TheGreetingMayBeTheVirtualAgents) {
  options.chat.greeting_by_agent = false;
  start();
  (void)open_chat("s1");
  act("accept");
  const auto rows = sn->instance().find("sys_cs_message", "q_data_message_type=systemTextMessage");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].text("sender"), kVirtualAgentId);
}

TEST_F(AwaRoutingTest, OnlyWhoIsOfferedTheChatMayAcceptIt) {
  start();
  (void)open_chat("s1");
  const auto refused = attempt("accept", R"({"agent":"bea.rep"})");
  EXPECT_EQ(refused.status, 409U);
  EXPECT_THAT(refused.body, HasSubstr("offered to Alex Rep"));
  EXPECT_EQ(attempt("accept", R"({"agent":"guest"})").status, 404U);
  act("accept");
  EXPECT_EQ(attempt("accept", R"({"agent":"alex.rep"})").status, 409U) << "already accepted";
}

TEST_F(AwaRoutingTest, ARejectedChatGoesBackAndToTheNextAgent) {
  start();
  (void)open_chat("s1");
  EXPECT_EQ(at("offered_to"), "alex.rep");
  act("reject", R"({"agent":"alex.rep"})");
  EXPECT_EQ(at("work_item_state"), "queued") << "in limbo: everybody has rejected it";
  EXPECT_TRUE(item()->flag("rejected"));
  EXPECT_FALSE(item()->get("assigned_to"));
  EXPECT_EQ(item()->number("offer_count"), 1);
  present("bea.rep", true);
  EXPECT_EQ(at("offered_to"), "bea.rep");
  EXPECT_EQ(item()->number("offer_count"), 2);
}

TEST_F(AwaRoutingTest, AnOfferNobodyAnswersTimesOut) {
  start();
  (void)open_chat("s1");
  EXPECT_EQ(at("work_item_state"), "pending_accept");
  sn->advance_clock(std::chrono::seconds(62));
  EXPECT_EQ(at("work_item_state"), "queued");
  EXPECT_TRUE(item()->flag("timed_out"));
}

TEST_F(AwaRoutingTest, WithoutAgentsItStaysQueuedWithoutAnError) {
  start();
  present("alex.rep", false);
  (void)open_chat("s1");
  sn->advance_clock(std::chrono::seconds(60));
  EXPECT_EQ(at("work_item_state"), "queued");
  EXPECT_THAT(at("waiting_because"), HasSubstr("no agent"));
  EXPECT_EQ(js("sn_awa.Queue.get('5a000000000000000000000000000011').getAvailableAgentCount();"),
            "0");
}

TEST_F(AwaRoutingTest, AFullAgentIsOfferedNothing) {
  options.awa.agent_capacity = 1;
  start();
  (void)open_chat("s1");
  act("accept");
  (void)open_chat("s2");
  EXPECT_EQ(at("work_item_state", "IMS0000002"), "queued");
  act("end");
  EXPECT_EQ(at("work_item_state", "IMS0000002"), "pending_accept") << "the end frees the place";
}

TEST_F(AwaRoutingTest, AnInactiveOrClosedQueueOffersNothing) {
  start();
  present("alex.rep", false);
  (void)open_chat("s1");
  set_queue("active", "0");
  present("alex.rep", true);
  EXPECT_EQ(at("work_item_state"), "queued");
  set_queue("active", "1");
  sn->advance_clock(std::chrono::seconds(2));
  EXPECT_EQ(at("work_item_state"), "pending_accept");
}

TEST_F(AwaRoutingTest, AnItemOlderThanTheLookBackIsNeverOffered) {
  start();
  present("alex.rep", false);
  (void)desk("/switches", R"({"idle_while_queued":"off"})");
  (void)open_chat("s1");
  sn->advance_clock(std::chrono::seconds(601));
  present("alex.rep", true);
  EXPECT_EQ(at("work_item_state"), "queued");
  EXPECT_THAT(at("waiting_because"), HasSubstr("routinglookback"));
}

TEST_F(AwaRoutingTest, QueueRouteStartsRoutingAndDoesNotAddASecondItem) {
  start();
  present("alex.rep", false);
  const auto chat = open_chat("s1");
  const std::string route =
      "sn_awa.Queue.get('5a000000000000000000000000000011').route({document_table: 'interaction', "
      "document_sys_id: '" +
      text(chat, "interaction_sys_id") + "'});";
  EXPECT_EQ(js(route), "true");
  EXPECT_EQ(js(route), "true");
  EXPECT_EQ(sn->instance().find("awa_work_item", std::string_view()).size(), 1U);
  EXPECT_EQ(js("sn_awa.Queue.get('00000000000000000000000000000000') === null;"), "true");
}

TEST_F(AwaRoutingTest, ATransferMakesANewItemThatNamesTheOldOne) {
  start();
  (void)open_chat("s1");
  act("accept");
  const std::string first = item()->sys_id();
  EXPECT_EQ(attempt("transfer", R"({"to_agent":"bea.rep"})").status, 409U) << "bea is not there";
  present("bea.rep", true);
  act("transfer", R"({"to_agent":"bea.rep"})");
  EXPECT_EQ(item()->text("previous_work_item"), first);
  EXPECT_EQ(at("offered_to"), "bea.rep");
  EXPECT_EQ(at("assigned_to"), "");
  EXPECT_EQ(attempt("message", R"({"agent":"alex.rep","text":"me again"})").status, 409U);
  act("accept", R"({"agent":"bea.rep"})");
  EXPECT_EQ(at("assigned_to"), "bea.rep");
  act("message", R"({"text":"this is bea"})");
  EXPECT_THAT(pane(kNumber), Contains("agent: this is bea"));
}

TEST_F(AwaRoutingTest, ATransferToTheQueueIsNotOfferedToWhoGaveItAway) {
  start();
  (void)open_chat("s1");
  act("accept");
  act("transfer");
  EXPECT_EQ(at("work_item_state"), "queued");
  present("bea.rep", true);
  EXPECT_EQ(at("offered_to"), "bea.rep");
}

TEST_F(AwaRoutingTest, TheQueuesMaximumWaitEndsTheChatWithItsMessage) {
  start();
  present("alex.rep", false);
  set_queue("max_wait_time", "60");
  const auto chat = open_chat("s1");
  sn->advance_clock(std::chrono::seconds(62));
  EXPECT_EQ(at("state"), "closed_abandoned");
  EXPECT_EQ(at("work_item_state"), "canceled");
  EXPECT_THAT(pane(kNumber),
              ElementsAre("system: No agent became available. Please try again later."));
  json::object body = {{"conversation_sys_id", chat.at("conversation_sys_id")},
                       {"user_sys_id", std::string(kGuestId)},
                       {"text", "hello?"}};
  EXPECT_EQ(post("send_message", json::serialize(body)).status, 409U);
}

TEST_F(AwaRoutingTest, WhatAChatIsCalledAfterItsEndIsSwitched) {
  const auto ended = [&](const char* name, bool accepted, const std::function<void()>& end) {
    start();
    present("alex.rep", accepted);
    (void)desk("/switches", std::string("{\"") + name + "\":\"faulted\"}");
    const auto chat = open_chat("s1");
    if (accepted) act("accept");
    end();
    const std::string conversation = text(chat, "conversation_sys_id");
    EXPECT_TRUE(sn->chat().is_over(conversation)) << name;
    return at("state");
  };
  const auto by_script = [&] { act("end", R"({"by":"user"})"); };
  const auto by_waiting = [&] {
    set_queue("max_wait_time", "60");
    sn->advance_clock(std::chrono::seconds(62));
  };
  const auto by_silence = [&] { sn->advance_clock(std::chrono::seconds(600)); };
  EXPECT_EQ(ended("closing_script", true, by_script), "faulted");
  EXPECT_EQ(ended("closing_unanswered", false, by_script), "faulted");
  EXPECT_EQ(ended("closing_max_wait", false, by_waiting), "faulted");
  EXPECT_EQ(ended("closing_idle", true, by_silence), "faulted");
  EXPECT_EQ(control("POST", "/switches", R"({"closing_idle":"wrap_up"})").status, 400U);
}

TEST_F(AwaRoutingTest, WrapUpIsOverForTheCustomerAndCompletesLater) {
  start();
  (void)open_chat("s1");
  act("accept");
  act("wrap-up");
  EXPECT_EQ(at("state"), "wrap_up");
  EXPECT_EQ(at("closed_at"), "");
  EXPECT_EQ(attempt("message", R"({"text":"one more thing"})").status, 409U);
  act("end");
  EXPECT_EQ(at("state"), "closed_complete");
  EXPECT_EQ(at("state_reason"), "Agent Ended");
  EXPECT_FALSE(at("closed_at").empty());
  EXPECT_EQ(attempt("end").status, 409U) << "it is over";
}

TEST_F(AwaRoutingTest, EndingBySideTellsWhoEndedIt) {
  start();
  (void)open_chat("s1");
  act("accept");
  act("end", R"({"by":"user"})");
  EXPECT_EQ(at("state"), "closed_complete");
  EXPECT_EQ(at("state_reason"), "User Ended");
}

// --- the idle job
// ----------------------------------------------------------------------------------

TEST_F(AwaRoutingTest, TheIdleJobRemindsAfter180SecondsAndCancelsAfter360) {
  start();
  (void)open_chat("s1");
  act("accept");
  const auto lines = [&] { return pane(kNumber).size(); };
  const std::size_t before = lines();
  sn->advance_clock(std::chrono::seconds(179));
  EXPECT_EQ(lines(), before);
  sn->advance_clock(std::chrono::seconds(122));  // the job looks every 120 s: 180 to 300
  EXPECT_THAT(pane(kNumber), Contains("system: Are you still there?"));
  EXPECT_EQ(sn->instance().find("sys_cs_session_binding", "sent_reminder=true").size(), 1U);
  EXPECT_EQ(at("state"), "work_in_progress");
  sn->advance_clock(std::chrono::seconds(180));  // 360 to 480
  EXPECT_EQ(at("state"), "closed_complete");
  EXPECT_EQ(at("state_reason"), "No User Response");
}

TEST_F(AwaRoutingTest, TouchingTheBindingHoldsOffTheIdleJobAndTalkingOfTheAgentDoesNot) {
  start();
  const auto chat = open_chat("s1");
  act("accept");
  const json::object touch = {{"conversation_sys_id", chat.at("conversation_sys_id")},
                              {"typing", false}};
  for (int i = 0; i < 6; ++i) {
    sn->advance_clock(std::chrono::seconds(100));
    (void)result("typing", touch);
  }
  EXPECT_EQ(at("state"), "work_in_progress");
  for (int i = 0; i < 5 && at("state") == "work_in_progress"; ++i) {
    (void)attempt("message", R"({"text":"are you there"})");
    sn->advance_clock(std::chrono::seconds(100));
  }
  EXPECT_EQ(at("state"), "closed_complete");
}

TEST_F(AwaRoutingTest, TheIdleClockMayStartOnlyAfterAnAgentsReply) {
  start();
  (void)desk("/properties", R"({"com.glide.cs.start_idle_timeout_after_agent_response":"true"})");
  (void)open_chat("s1");
  act("accept");
  sn->advance_clock(std::chrono::seconds(1000));
  EXPECT_EQ(at("state"), "work_in_progress");
  act("message", R"({"text":"hello"})");
  sn->advance_clock(std::chrono::seconds(600));
  EXPECT_EQ(at("state"), "closed_complete");
}

TEST_F(AwaRoutingTest, TheIdleJobSparesQueuedChatsWhenSwitched) {
  options.chat.idle_while_queued = false;
  start();
  present("alex.rep", false);
  (void)open_chat("s1");
  sn->advance_clock(std::chrono::seconds(1000));
  EXPECT_EQ(at("state"), "new");
}

// --- the played agent
// ------------------------------------------------------------------------------

TEST_F(AwaRoutingTest, ThePlayedAgentAcceptsGreetsAndAnswers) {
  options.auto_accept = "alex.rep";
  start();
  const auto chat = open_chat("s1", "my screen is dark");
  sn->tick();
  sn->tick();
  EXPECT_EQ(at("assigned_to"), "alex.rep");
  (void)send_message(chat, "are you there?");
  sn->tick();
  EXPECT_THAT(
      pane(kNumber),
      ElementsAre("user: my screen is dark",
                  "system: Thank you for waiting. An agent is with you now.",
                  "agent: Hello, this is Alex Rep. How can I help you?", "user: are you there?",
                  "agent: You wrote: \"are you there?\". Let me look into that."));
}

}  // namespace
}  // namespace bridge::sandbox
