// SPDX-License-Identifier: MIT
// messages.js: what it tells of a chat is what the relay rule told of it, row by row.
#include <algorithm>
#include <map>

#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class MessagesTest : public ServiceNowTest {
 protected:
  static json::object position(const json::value& conversation, std::int64_t after = 0) {
    return {{"conversation_sys_id", conversation}, {"after", after}};
  }
  json::array chats(json::array positions) {
    const json::object told = result("messages", {{"chats", std::move(positions)}});
    EXPECT_EQ(told.at("api").as_int64(), 2);
    return told.at("chats").as_array();
  }
  json::object chat_of(const json::object& chat, std::int64_t after = 0) {
    json::array told = chats({position(chat.at("conversation_sys_id"), after)});
    EXPECT_EQ(told.size(), 1U);
    return told.at(0).as_object();
  }
  static std::vector<std::string> texts(const json::object& told) {
    std::vector<std::string> list;
    for (const json::value& row : told.at("rows").as_array())
      list.push_back(text(row.as_object(), "text"));
    return list;
  }
  void say(const std::string& number, const std::string& words) {
    (void)desk("/interactions/" + number + "/message",
               json::serialize(json::object{{"text", words}}));
  }
  void accept(const std::string& number) { (void)desk("/interactions/" + number + "/accept"); }
  std::vector<json::object> relayed() {
    settle();
    std::vector<json::object> rows;
    for (const OutboundRequest& out : raw_webhooks()) {
      json::object body = parse(out.body).as_object();
      if (text(body, "event") == "reply") rows.push_back(std::move(body));
    }
    std::sort(rows.begin(), rows.end(), [](const json::object& a, const json::object& b) {
      return a.at("sequence").as_int64() < b.at("sequence").as_int64();
    });
    return rows;
  }
};

TEST_F(MessagesTest, RowsAreFieldByFieldWhatTheRelayRulePosts) {
  start();
  const auto chat = open_chat("s1", "hello");
  accept("IMS0000001");
  say("IMS0000001", "good day \u00e9\u20ac");
  (void)send_message(chat, "my pc is broken", "m1");
  (void)desk("/interactions/IMS0000001/whisper", R"({"text":"a difficult one"})");
  (void)desk("/interactions/IMS0000001/message", R"({"control":{"uiType":"Picker"}})");
  say("IMS0000001", "I pass you on");
  (void)desk("/agents/bea.rep/presence", R"({"state":"available"})");
  (void)desk("/interactions/IMS0000001/transfer", R"({"to_agent":"bea.rep"})");
  (void)desk("/interactions/IMS0000001/accept", R"({"agent":"bea.rep"})");
  (void)desk("/interactions/IMS0000001/message", R"({"agent":"bea.rep","text":"Bea here"})");
  (void)send_message(chat, "thank you", "m2");

  const std::vector<json::object> told_by_rule = relayed();
  const json::object told = chat_of(chat);
  const json::array& rows = told.at("rows").as_array();
  ASSERT_GE(told_by_rule.size(), 5U);
  ASSERT_EQ(rows.size(), told_by_rule.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const json::object& row = rows[i].as_object();
    EXPECT_EQ(row.size(), 10U);
    for (const auto& [name, value] : row)
      EXPECT_EQ(value, told_by_rule[i].at(name)) << "row " << i << ", " << name;
    for (const char* name :
         {"bridge_session_id", "conversation_sys_id", "interaction_sys_id", "interaction_number"})
      EXPECT_EQ(told.at(name), told_by_rule[i].at(name)) << name;
  }
  EXPECT_EQ(told.at("newest"), rows.back().as_object().at("sequence"));
  EXPECT_FALSE(told.at("more").as_bool());
}

TEST_F(MessagesTest, WhispersAndOurOwnRowsAreNeverTold) {
  for (const char* visibility : {"internal", "fulfiller"}) {
    options.chat.internal_visibility = visibility;
    start();
    const auto chat = open_chat("s1", "hello");
    accept("IMS0000001");
    (void)desk("/interactions/IMS0000001/whisper", R"({"text":"between us"})");
    (void)send_message(chat, "with an id", "m1");
    (void)send_message(chat, "without");
    say("IMS0000001", "for everybody");
    EXPECT_THAT(texts(chat_of(chat)),
                ElementsAre("Thank you for waiting. An agent is with you now.", "for everybody"));
  }
}

TEST_F(MessagesTest, OnlyWhatCameAfterTheSequenceIsTold) {
  start();
  const auto chat = open_chat("s1");
  accept("IMS0000001");
  say("IMS0000001", "one");
  (void)send_message(chat, "mine", "m1");
  say("IMS0000001", "two");
  const json::object all = chat_of(chat);
  const json::array& rows = all.at("rows").as_array();
  ASSERT_EQ(rows.size(), 3U);
  const std::int64_t second = rows[1].at("sequence").as_int64();
  const json::object rest = chat_of(chat, second);
  EXPECT_THAT(texts(rest), ElementsAre("two"));
  EXPECT_EQ(rest.at("rows").at(0).at("prev_sequence").as_int64(), second)
      << "the row before, though it is not asked for";
  const json::object nothing = chat_of(chat, 1'000);
  EXPECT_THAT(texts(nothing), IsEmpty());
  EXPECT_EQ(nothing.at("newest").as_int64(), 1'000);
}

TEST_F(MessagesTest, ALongChatIsToldInPagesWithoutAGap) {
  start();
  const auto chat = open_chat("s1");
  accept("IMS0000001");
  std::vector<std::string> said = {"Thank you for waiting. An agent is with you now."};
  for (int i = 0; i < 230; ++i) {
    said.push_back("line " + std::to_string(i));
    say("IMS0000001", said.back());
  }
  std::vector<std::string> read;
  std::int64_t after = 0;
  int pages = 0;
  for (bool more = true; more && pages < 10; ++pages) {
    const json::object page = chat_of(chat, after);
    for (const json::value& row : page.at("rows").as_array()) {
      EXPECT_EQ(row.at("prev_sequence").as_int64(), after) << text(row.as_object(), "text");
      after = row.at("sequence").as_int64();
      read.push_back(text(row.as_object(), "text"));
    }
    EXPECT_EQ(page.at("newest").as_int64(), after);
    more = page.at("more").as_bool();
  }
  EXPECT_EQ(read, said);
  EXPECT_EQ(pages, 3);
}

TEST_F(MessagesTest, AnAnswerIsBoundedAndEveryChatGetsItsTurn) {
  start();
  std::vector<json::object> open;
  for (const char* key : {"s1", "s2"}) {
    open.push_back(open_chat(key));
    const std::string number = text(open.back(), "interaction_number");
    accept(number);
    for (int i = 0; i < 5; ++i) say(number, std::string(60'000, static_cast<char>('a' + i)));
  }
  std::map<std::string, std::int64_t> after;
  std::map<std::string, std::size_t> rows;
  int calls = 0;
  for (bool more = true; more && calls < 10; ++calls) {
    json::array positions;
    for (const json::object& chat : open)
      positions.push_back(
          position(chat.at("conversation_sys_id"), after[text(chat, "conversation_sys_id")]));
    more = false;
    std::size_t size = 0;
    for (const json::value& told : chats(std::move(positions))) {
      const std::string id = text(told.as_object(), "conversation_sys_id");
      after[id] = told.at("newest").as_int64();
      rows[id] += told.at("rows").as_array().size();
      more = more || told.at("more").as_bool();
      for (const std::string& words : texts(told.as_object())) size += words.size();
    }
    EXPECT_LE(size, 400'000U);
  }
  EXPECT_EQ(calls, 2);
  for (const auto& [id, count] : rows) EXPECT_EQ(count, 6U);
}

TEST_F(MessagesTest, ForeignAndUnknownConversationsAreNotFoundAndSpoilNothing) {
  start();
  const auto chat = open_chat("s1");
  accept("IMS0000001");
  const json::value foreign(
      js("String(sn_cs.VASystemObject.createConversation(''))", "abel.tuter"));
  const json::array told = chats({position(foreign), position("00000000000000000000000000000000"),
                                  position(chat.at("conversation_sys_id")), position(foreign, 7)});
  ASSERT_EQ(told.size(), 4U);
  for (const std::size_t missing : {0U, 1U, 3U}) {
    EXPECT_FALSE(told[missing].at("found").as_bool());
    EXPECT_TRUE(told[missing].at("rows").as_array().empty());
    EXPECT_EQ(text(told[missing].as_object(), "state"), "");
  }
  EXPECT_EQ(told[3].at("newest").as_int64(), 7);
  EXPECT_EQ(told[3].at("conversation_sys_id"), foreign);
  EXPECT_TRUE(told[2].at("found").as_bool());
  EXPECT_EQ(told[2].at("rows").as_array().size(), 1U);
}

TEST_F(MessagesTest, TheStateOfTheChatIsTold) {
  start();
  (void)desk("/agents/alex.rep/presence", R"({"state":"offline"})");
  const auto chat = open_chat("s1");
  const json::object queued = chat_of(chat);
  EXPECT_EQ(text(queued, "interaction_sys_id"), text(chat, "interaction_sys_id"));
  EXPECT_FALSE(queued.at("with_agent").as_bool());
  EXPECT_EQ(text(queued, "agent_name"), "");
  EXPECT_FALSE(queued.at("over").as_bool());
  (void)js("var g = new GlideRecord('interaction'); g.get('" + text(chat, "interaction_sys_id") +
           "'); g.setValue('assigned_to', gs.getProperty('com.glide.cs.va.sys_user')); g.update()");
  EXPECT_FALSE(chat_of(chat).at("with_agent").as_bool()) << "the Virtual Agent is nobody";
  (void)js("var g = new GlideRecord('interaction'); g.get('" + text(chat, "interaction_sys_id") +
           "'); g.setValue('assigned_to', ''); g.update()");
  (void)desk("/agents/alex.rep/presence", R"({"state":"available"})");
  accept("IMS0000001");
  const json::object live = chat_of(chat);
  EXPECT_TRUE(live.at("with_agent").as_bool());
  EXPECT_EQ(text(live, "agent_name"), "Alex Rep");
  EXPECT_EQ(text(live, "assigned_to"), kAlexId);
  EXPECT_EQ(text(live, "state"), "work_in_progress");
  (void)desk("/interactions/IMS0000001/end");
  const json::object over = chat_of(chat);
  EXPECT_TRUE(over.at("over").as_bool());
  EXPECT_EQ(text(over, "state"), "closed_complete");
}

TEST_F(MessagesTest, WhatIsNotAPositionIsRefused) {
  start();
  EXPECT_TRUE(chats({}).empty()) << "asking for nothing tells that the resource is there";
  json::array many(51, position("00000000000000000000000000000000"));
  for (const json::value& wrong :
       {json::value(nullptr), json::value("x"), json::value(many), json::value(json::array{1}),
        json::value(json::array{position("x")}),
        json::value(json::array{position("00000000000000000000000000000000", -1)}),
        json::value(json::array{
            json::object{{"conversation_sys_id", "00000000000000000000000000000000"}}})}) {
    const net::Response refused = post("messages", json::serialize(json::object{{"chats", wrong}}));
    EXPECT_EQ(refused.status, 400U) << refused.body;
    EXPECT_EQ(text(parse(refused.body).at("result").as_object(), "error"), "invalid_field");
  }
  (void)desk("/users/intranet.bridge", R"({"revoke_role":"x_intranet_bridge_caller"})");
  EXPECT_EQ(post("messages", R"({"chats":[]})").status, 403U);
}

}  // namespace
}  // namespace bridge::sandbox
