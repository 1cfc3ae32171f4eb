// SPDX-License-Identifier: MIT
// open_chat and send_message while others are at work: with the switch `interleave` scripts that
// run at once take turns at every row, as on an instance, so that whatever is checked first and
// done later is found out. And what calls that were cut off leave behind.
#include <thread>

#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr unsigned kSeeds = 6;

class AtOnceTest : public ServiceNowTest {
 protected:
  void start_interleaved(unsigned seed) {
    options.instance.interleave = true;
    options.instance.random_seed = seed;
    start();
    offline();
  }
  /// Nobody is offered anything, so that work items stay as the scripts leave them.
  void offline() { (void)desk("/agents/alex.rep/presence", R"({"state":"offline"})"); }

  static json::object opening(const std::string& key, const std::string& first_message = {}) {
    json::object body;
    body["user_sys_id"] = kGuestId;
    body["queue_sys_id"] = kQueueId;
    body["channel_sys_id"] = kChatChannelId;
    body["bridge_session_id"] = key;
    if (!first_message.empty()) body["first_message"] = first_message;
    return body;
  }
  net::Response try_open(const std::string& key, const std::string& first_message = {}) {
    return post("open_chat", json::serialize(opening(key, first_message)));
  }
  static std::string error_of(const net::Response& response) {
    const json::value body = parse(response.body);
    const auto* result = body.as_object().if_contains("result");
    return result && result->is_object() ? text(result->get_object(), "error") : "";
  }
  /// As a caller does who is told that another call is at work.
  json::object open_patiently(const std::string& key, const std::string& first_message = {}) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      const net::Response response = try_open(key, first_message);
      if (response.status == 200) return parse(response.body).at("result").as_object();
      EXPECT_EQ(response.status, 409U) << response.body;
      EXPECT_EQ(error_of(response), "in_progress") << response.body;
      if (HasFailure()) break;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "not opened";
    return {};
  }
  /// Runs them at once: none starts before all stand in line for the instance.
  void at_once(const std::vector<std::function<void()>>& calls) {
    std::vector<std::thread> callers;
    {
      const std::lock_guard guard(sn->instance().lock());
      for (const auto& call : calls) callers.emplace_back(call);
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
      while (sn->instance().lock().waiting() < calls.size() &&
             std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
      EXPECT_GE(sn->instance().lock().waiting(), calls.size());
    }
    for (std::thread& caller : callers) caller.join();
  }
  std::vector<json::object> open_at_once(std::size_t count, const std::string& key,
                                         const std::string& first_message) {
    std::vector<json::object> chats(count);
    std::vector<std::function<void()>> calls;
    for (json::object& chat : chats)
      calls.emplace_back([&] { chat = open_patiently(key, first_message); });
    at_once(calls);
    return chats;
  }
  std::vector<std::string> states_of_items() {
    std::vector<std::string> states;
    for (const Record& item : sn->instance().find("awa_work_item", "ORDERBYsys_created_on"))
      states.push_back(item.text("state"));
    return states;
  }
  /// A chat as a call leaves it that dies before it queues the work item.
  json::object half_open(const std::string& key, const std::string& first_message = {}) {
    json::object chat = open_chat(key, first_message);
    (void)js("var g = new GlideRecord('awa_work_item'); g.get('document_id', '" +
             text(chat, "interaction_sys_id") + "'); g.setValue('state', ''); g.update()");
    return chat;
  }
  void let_pass(int seconds) {
    (void)desk("/clock", "{\"advance_s\":" + std::to_string(seconds) + "}");
  }
};

TEST_F(AtOnceTest, ScriptsReallyInterleave) {
  int lost = 0;
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    ScriptDir scripts;
    scripts.resource("add",
                     "var g = new GlideRecord('interaction'); g.get('short_description', 'sum');"
                     "g.setValue('state_reason', String(Number(g.getValue('state_reason')) + 1));"
                     "g.update(); return {};");
    options.instance.interleave = true;
    options.instance.random_seed = seed;
    start(scripts);
    (void)js(
        "var g = new GlideRecord('interaction'); g.initialize();"
        "g.setValue('short_description', 'sum'); g.setValue('state_reason', '0'); g.insert()");
    const auto add = [&] { EXPECT_EQ(post("add", "{}").status, 200U); };
    at_once({add, add, add});
    if (sn->instance().find_one("interaction", "short_description", "sum")->text("state_reason") !=
        "3")
      ++lost;
  }
  EXPECT_GT(lost, 0) << "nobody was overtaken between reading and writing";
}

TEST_F(AtOnceTest, OneKeyIsOneChatWithOneFirstMessage) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    start_interleaved(seed);
    const auto chats = open_at_once(3, "s1", "hello");
    const std::string id = text(chats[0], "interaction_sys_id");
    ASSERT_FALSE(id.empty());
    for (const json::object& chat : chats) {
      EXPECT_EQ(text(chat, "interaction_sys_id"), id);
      EXPECT_EQ(text(chat, "work_item_sys_id"), id);
      EXPECT_EQ(text(chat, "first_message"), "sent");
    }
    EXPECT_EQ(sn->instance().find("interaction", "u_bridge_session_id=s1").size(), 1U);
    EXPECT_EQ(sn->instance().find("awa_work_item", "state=queued").size(), 1U);
    EXPECT_THAT(pane(text(chats[0], "interaction_number")), ElementsAre("user: hello"));
    for (const Record& other : sn->instance().find("interaction", "sys_id!=" + id)) {
      EXPECT_THAT(other.text("state"), AnyOf(Eq("closed_abandoned"), Eq("closed_complete")));
      EXPECT_THAT(pane(other.text("number")), IsEmpty());
      EXPECT_EQ(
          sn->instance().count("awa_work_item",
                               parse_encoded_query("active=true^document_id=" + other.sys_id())),
          0U)
          << "withdrawn";
    }
    const std::string conversation = text(chats[0], "conversation_sys_id");
    EXPECT_EQ(sn->instance().find("sys_cs_session_binding", "topic=" + conversation).size(), 1U);
    if (HasFailure()) break;
  }
}

TEST_F(AtOnceTest, TwoKeysThatAreGivenOneConversationAreOneChat) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    options.chat.reuse_conversation = true;
    start_interleaved(seed);
    std::vector<net::Response> answers(2);
    at_once(
        {[&] { answers[0] = try_open("s1", "one"); }, [&] { answers[1] = try_open("s2", "two"); }});
    // Whose conversation it is must not depend on who writes last.
    const auto open = sn->instance().find("interaction", "u_bridge_session_idISNOTEMPTY");
    ASSERT_GE(open.size(), 1U);
    for (std::size_t i = 0; i < 2; ++i) {
      const std::string key = "s" + std::to_string(i + 1);
      const bool opened =
          sn->instance().find_one("interaction", "u_bridge_session_id", key).has_value();
      EXPECT_EQ(answers[i].status, opened ? 200U : 409U) << answers[i].body;
      if (!opened) {
        EXPECT_THAT(error_of(answers[i]), AnyOf(Eq("in_progress"), Eq("conversation_in_use")));
      }
    }
    for (const Record& chat : open) EXPECT_EQ(pane(chat.text("number")).size(), 1U);
    if (HasFailure()) break;
  }
}

TEST_F(AtOnceTest, WithoutTheUniqueColumnARepeatStillFindsTheChat) {
  options.instance.unique_columns = false;
  start();
  const auto first = open_chat("s1", "hello");
  const auto again = open_chat("s1", "hello");
  EXPECT_EQ(text(first, "interaction_sys_id"), text(again, "interaction_sys_id"));
  EXPECT_TRUE(again.at("repeated").as_bool());
  EXPECT_THAT(pane("IMS0000001"), ElementsAre("user: hello"));
}

TEST_F(AtOnceTest, ACallThatFindsAnotherAtWorkChangesNothing) {
  start();
  offline();
  (void)half_open("s1");
  const net::Response told = try_open("s1", "hello");
  EXPECT_EQ(told.status, 409U);
  EXPECT_EQ(error_of(told), "in_progress");
  EXPECT_THAT(pane("IMS0000001"), IsEmpty());
  EXPECT_THAT(states_of_items(), ElementsAre(""));
  EXPECT_EQ(sn->instance().find("interaction", "").size(), 1U);
}

TEST_F(AtOnceTest, WhatAnInterruptedCallLeftIsCompletedAfterAMinute) {
  start();
  offline();
  const auto begun = half_open("s1");
  let_pass(61);
  const auto chat = open_chat("s1", "hello");
  EXPECT_EQ(text(chat, "interaction_sys_id"), text(begun, "interaction_sys_id"));
  EXPECT_EQ(text(chat, "first_message"), "sent");
  EXPECT_THAT(pane("IMS0000001"), ElementsAre("user: hello"));
  EXPECT_THAT(states_of_items(), ElementsAre("canceled", "queued"));
  (void)desk("/agents/alex.rep/presence", R"({"state":"available"})");
  (void)desk("/interactions/IMS0000001/accept", R"({"agent":"alex.rep"})");
  EXPECT_EQ(text(interaction("IMS0000001"), "assigned_to"), "alex.rep");
  EXPECT_TRUE(open_chat("s1", "hello").at("repeated").as_bool());
  EXPECT_EQ(sn->instance().find("awa_work_item", "").size(), 2U);
}

TEST_F(AtOnceTest, AFirstMessageThatWasSaidIsNotSaidAgainByWhoeverCompletesTheChat) {
  for (const bool marked : {true, false}) {
    start();
    offline();
    (void)half_open("s1", "hello");
    if (!marked)
      (void)js(
          "var g = new GlideRecord('sys_cs_message'); g.query(); g.next();"
          "g.setValue('u_bridge_message_id', ''); g.setWorkflow(false); g.update()");
    let_pass(61);
    EXPECT_EQ(text(open_chat("s1", "hello"), "first_message"), "sent") << marked;
    EXPECT_THAT(pane("IMS0000001"), ElementsAre("user: hello")) << marked;
  }
}

TEST_F(AtOnceTest, OfManyWhoFindAnInterruptedCallOneCompletesIt) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    start_interleaved(seed);
    (void)half_open("s1");
    let_pass(61);
    (void)open_at_once(3, "s1", "hello");
    EXPECT_THAT(pane("IMS0000001"), ElementsAre("user: hello"));
    EXPECT_THAT(states_of_items(), ElementsAre("canceled", "queued"));
    if (HasFailure()) break;
  }
}

TEST_F(AtOnceTest, MessagesAtOnceKeepTheirOwnIds) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    // The rows have to be told apart by what is in them.
    options.chat.send_result = SendResult::empty;
    start_interleaved(seed);
    const auto chat = open_chat("s1");
    const std::vector<std::string> texts = {"one", "two", "three"};
    std::vector<json::object> answers(texts.size());
    std::vector<std::function<void()>> calls;
    for (std::size_t i = 0; i < texts.size(); ++i)
      calls.emplace_back([&, i] { answers[i] = send_message(chat, texts[i], "id-" + texts[i]); });
    at_once(calls);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto row = sn->instance().get("sys_cs_message", text(answers[i], "message_sys_id"));
      ASSERT_TRUE(row) << texts[i];
      EXPECT_EQ(row->text("payload"), texts[i]);
      EXPECT_EQ(row->text("u_bridge_message_id"), "id-" + texts[i]);
    }
    EXPECT_THAT(pane("IMS0000001"), UnorderedElementsAre("user: one", "user: two", "user: three"));
    if (HasFailure()) break;
  }
}

// --- Somebody else's chat ------------------------------------------------------------------------

TEST_F(AtOnceTest, TheUsersOtherChatIsNotTakenOver) {
  options.chat.reuse_conversation = true;
  start();
  (void)open_chat("s1");
  for (const bool accepted : {false, true}) {
    if (accepted) (void)desk("/interactions/IMS0000001/accept", R"({"agent":"alex.rep"})");
    const json::object before = interaction("IMS0000001");
    const net::Response told = try_open("s2", "hello");
    EXPECT_EQ(told.status, 409U);
    EXPECT_EQ(error_of(told), "conversation_in_use");
    EXPECT_EQ(interaction("IMS0000001"), before);
  }
}

TEST_F(AtOnceTest, AChatThatIsNotTheBridgesIsNotTakenOver) {
  // What the user began elsewhere: an agent has it, or it waits in a queue.
  const std::string begin =
      "var conversation = sn_cs.VASystemObject.createConversation('');"
      "var g = new GlideRecord('interaction'); g.get('channel_metadata_document', conversation);";
  const std::string with_agent =
      begin + "g.setValue('assigned_to', '" + std::string(kAlexId) + "'); g.update()";
  const std::string waiting = begin +
                              "var item = new GlideRecord('awa_work_item'); item.initialize();"
                              "item.setValue('document_table', 'interaction');"
                              "item.setValue('document_id', g.getUniqueValue()); item.insert()";
  for (const std::string& elsewhere : {with_agent, waiting}) {
    options.chat.reuse_conversation = true;
    start();
    offline();
    (void)js(elsewhere, "guest");
    const auto before = sn->instance().find("interaction", "").front();
    const net::Response told = try_open("s1", "hello");
    EXPECT_EQ(told.status, 409U);
    EXPECT_EQ(error_of(told), "conversation_in_use");
    const auto rows = sn->instance().find("interaction", "");
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows.front().values(), before.values());
    EXPECT_EQ(sn->instance().find("sys_cs_message", "").size(), 0U);
  }
}

TEST_F(AtOnceTest, AConversationThatAnInterruptedCallLeftIsUsedAfterAMinute) {
  options.chat.reuse_conversation = true;
  start();
  offline();
  (void)js(
      "var conversation = sn_cs.VASystemObject.createConversation('');"
      "var g = new GlideRecord('interaction'); g.get('channel_metadata_document', conversation);"
      "var item = new GlideRecord('awa_work_item'); item.initialize();"
      "item.setNewGuidValue(g.getUniqueValue()); item.setValue('document_table', 'interaction');"
      "item.setValue('document_id', g.getUniqueValue()); item.insert()",
      "guest");
  EXPECT_EQ(error_of(try_open("s1")), "in_progress");
  let_pass(61);
  EXPECT_EQ(text(open_chat("s1", "hello"), "first_message"), "sent");
  EXPECT_THAT(states_of_items(), ElementsAre("canceled", "queued"));
}

TEST_F(AtOnceTest, AUserWhoMayNotLogInGetsNoChat) {
  start();
  for (const char* change : {R"({"active":false})", R"({"active":true,"locked_out":true})"}) {
    (void)desk("/users/guest", change);
    const net::Response told = try_open("s1");
    EXPECT_EQ(told.status, 409U);
    EXPECT_EQ(error_of(told), "user_inactive");
  }
  EXPECT_EQ(sn->instance().find("interaction", "").size(), 0U);
  (void)desk("/users/guest", R"({"locked_out":false})");
  EXPECT_EQ(try_open("s1").status, 200U);
}

}  // namespace
}  // namespace bridge::sandbox
