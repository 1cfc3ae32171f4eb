// SPDX-License-Identifier: MIT
// What is asked about a chat afterwards: withdrawing a message, reading what was said.
#include <gmock/gmock.h>

#include "bridge/async/task_group.hpp"
#include "servicenow_fixture.hpp"

namespace bridge::gateways {
namespace {

using namespace std::chrono_literals;
using handoff::ChatMessages;
using handoff::ChatPosition;

constexpr const char* kOther = "c0000000000000000000000000000002";
constexpr const char* kNoSuchPath =
    R"({"error":{"message":"Requested URI does not represent any resource"},"status":"failure"})";

class AfterwardsTest : public ServiceNowTest {
 protected:
  Result<std::optional<handoff::SentMessage>> withdraw(int api = 2) {
    Result<std::optional<handoff::SentMessage>> outcome = Error(Errc::internal);
    test::run_coroutine([&]() -> Task<> {
      handoff::SendRequest request;
      request.chat.api = api;
      request.chat.conversation_sys_id = kConversation;
      request.chat.user_sys_id = kUser;
      request.text = "yes LEAK";
      request.client_message_id = "m-1";
      outcome = co_await chats().withdraw(std::move(request), soon());
    });
    return outcome;
  }
  static ChatPosition position(std::string conversation, std::int64_t after) {
    ChatPosition made;
    made.conversation_sys_id = std::move(conversation);
    made.after = after;
    return made;
  }
  Result<std::vector<ChatMessages>> read(std::vector<ChatPosition> positions) {
    Result<std::vector<ChatMessages>> outcome = Error(Errc::internal);
    test::run_coroutine(
        [&]() -> Task<> { outcome = co_await chats().messages(std::move(positions), soon()); });
    return outcome;
  }
  /// Which error it was.
  template <class T>
  static std::string id(const Result<T>& result) {
    return result ? "ok" : std::string(id_of(result.error().errc()));
  }
};

TEST_F(AfterwardsTest, AMessageThatWasNotSaidIsWithdrawn) {
  http_.answer(200, R"({"result":{"api":2,"withdrawn":true,"message_sys_ids":[]}})");
  const auto outcome = withdraw();
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(*outcome);
  EXPECT_EQ(http_.requests.at(0).url, "https://dev1.example/api/1/bridge/send_message");
  const json::object body = sent(0);
  EXPECT_EQ(body.at("withdraw"), true);
  EXPECT_EQ(body.at("client_message_id"), "m-1");
  EXPECT_EQ(body.at("sent_text"), "yes LEAK");
  EXPECT_FALSE(body.contains("text")) << "a script that cannot withdraw would say it";
}

TEST_F(AfterwardsTest, AMessageThatWasSaidIsFound) {
  http_.answer(200, std::string(R"({"result":{"api":2,"repeated":true,"sequence":7,)") +
                        R"("message_sys_ids":[")" + kMessage + R"("]}})");
  const auto outcome = withdraw();
  ASSERT_TRUE(outcome && *outcome);
  EXPECT_THAT((*outcome)->message_sys_ids, testing::ElementsAre(kMessage));
  EXPECT_EQ((*outcome)->sequence, 7);
}

TEST_F(AfterwardsTest, WhatLeavesTheQuestionOpenIsAnError) {
  http_.answer(409, R"({"result":{"api":2,"error":"in_progress"}})");
  EXPECT_EQ(id(withdraw()), "upstream_failed");
  http_.answer(400, R"({"result":{"api":2,"error":"invalid_field"}})");
  EXPECT_EQ(id(withdraw()), "upstream_rejected");
  http_.answer(200, std::string(R"({"result":{"api":2,"message_sys_id":")") + kMessage + R"("}})");
  EXPECT_EQ(id(withdraw()), "upstream_garbled") << "neither withdrawn nor found";
  EXPECT_EQ(id(withdraw(1)), "not_configured");
  EXPECT_EQ(http_.requests.size(), 3u);
}

TEST_F(AfterwardsTest, RowsAreReadAsTheirWebhooksAre) {
  http_.answer(200, std::string(R"({"result":{"api":2,"chats":[{"conversation_sys_id":")") +
                        kConversation + R"(","found":true,"bridge_session_id":"s-1",)" +
                        R"("interaction_sys_id":")" + kInteraction +
                        R"(","interaction_number":"IMS0000054","state":"work_in_progress",)" +
                        R"("over":false,"assigned_to":")" + kAgent +
                        R"(","agent_name":"Alex Rep","with_agent":true,"rows":[)" +
                        R"({"message_sys_id":")" + kMessage + R"(","sender_sys_id":")" + kAgent +
                        R"(","rep_name":"Alex Rep","author":"agent",)" +
                        R"("q_data_message_type":"consumerTextMessage","text":"good day",)" +
                        R"("sequence":5,"prev_sequence":3,"send_time":"2026-01-02 03:04:05",)" +
                        R"("sys_created_on":"2026-01-02 03:04:06"},)" +
                        R"({"message_sys_id":"e2","sender_sys_id":"","rep_name":null,)" +
                        R"("author":"system","q_data_message_type":"systemTextMessage",)" +
                        R"("text":"still there?","sequence":6,"prev_sequence":5,"send_time":"",)" +
                        R"("sys_created_on":"2026-01-02 03:05:06"}],"newest":6,"more":true},)" +
                        R"({"conversation_sys_id":")" + kOther +
                        R"(","found":false,"rows":[],"newest":9,"more":false}]}})");
  const auto answer = read({position(kConversation, 3), position(kOther, 9)});
  ASSERT_TRUE(answer) << answer.error().to_string();
  ASSERT_EQ(answer->size(), 2u);
  const ChatMessages& chat = answer->at(0);
  EXPECT_TRUE(chat.found && chat.more && chat.status.with_agent && !chat.status.over);
  EXPECT_EQ(chat.status.state, "work_in_progress");
  EXPECT_EQ(chat.status.assigned_to, kAgent);
  EXPECT_EQ(chat.status.agent_name, "Alex Rep");
  EXPECT_EQ(chat.newest, 6);
  ASSERT_EQ(chat.rows.size(), 2u);
  const session::AgentEvent& row = chat.rows[0];
  EXPECT_EQ(row.kind, session::AgentEvent::Kind::reply);
  EXPECT_EQ(row.api, 2);
  EXPECT_EQ(row.key, "s-1");
  EXPECT_EQ(row.conversation_sys_id, kConversation);
  EXPECT_EQ(row.interaction_sys_id, kInteraction);
  EXPECT_EQ(row.interaction_number, "IMS0000054");
  EXPECT_EQ(row.message_sys_id, kMessage);
  EXPECT_EQ(row.sender_sys_id, kAgent);
  EXPECT_EQ(row.rep_name, "Alex Rep");
  EXPECT_EQ(row.text, "good day");
  EXPECT_EQ(row.sent_at, "2026-01-02 03:04:05");
  EXPECT_EQ(row.sequence, 5);
  EXPECT_EQ(row.prev_sequence, 3);
  EXPECT_FALSE(row.system);
  EXPECT_TRUE(chat.rows[1].system);
  EXPECT_EQ(chat.rows[1].sent_at, "2026-01-02 03:05:06");
  EXPECT_FALSE(answer->at(1).found);
  EXPECT_EQ(answer->at(1).newest, 9);
  EXPECT_EQ(http_.requests.at(0).url, "https://dev1.example/api/1/bridge/messages");
  EXPECT_EQ(sent(0).at("chats").at(0).at("after").as_int64(), 3);
  EXPECT_EQ(sent(0).at("chats").at(1).at("conversation_sys_id"), kOther);
}

TEST_F(AfterwardsTest, AnAnswerAboutOtherChatsIsNoAnswer) {
  const std::string other =
      std::string(R"({"conversation_sys_id":")") + kOther + R"(","found":false})";
  for (const std::string& wrong :
       {std::string(R"({"result":{"api":2}})"), std::string(R"({"result":{"api":2,"chats":[]}})"),
        R"({"result":{"api":2,"chats":[)" + other + "]}}",
        R"({"result":{"api":2,"chats":[)" + other + "," + other + "]}}",
        std::string(R"({"result":{"api":2,"chats":[7]}})"),
        std::string(R"({"result":{"api":2,"chats":[{"conversation_sys_id":")") + kConversation +
            R"(","found":true}]}})"}) {
    http_.answer(200, wrong);
    EXPECT_EQ(id(read({position(kConversation, 0)})), "upstream_garbled") << wrong;
  }
}

TEST_F(AfterwardsTest, AnInstanceWithoutTheResourceIsNotAskedAgainAndAgain) {
  http_.answer(400, kNoSuchPath);
  for (int i = 0; i < 3; ++i) {
    const auto answer = read({position(kConversation, 0)});
    EXPECT_EQ(id(answer), "not_configured");
    if (!answer) {
      EXPECT_NE(answer.error().hint().find("servicenow/messages.js"), std::string::npos);
    }
  }
  EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(AfterwardsTest, NobodyIsAskedAboutNothingAndNotAboutTooMuch) {
  const auto nothing = read({});
  ASSERT_TRUE(nothing);
  EXPECT_TRUE(nothing->empty());
  EXPECT_EQ(id(read(std::vector<ChatPosition>(51, position(kConversation, 0)))),
            "invalid_argument");
  EXPECT_EQ(http_.requests.size(), 0u);
}

TEST_F(AfterwardsTest, CatchingUpTakesOnlyItsShareOfTheConnections) {
  // The first call of all proves the credentials, and the others wait for that.
  http_.answer(200, R"({"result":{"api":2,"chats":[]}})");
  (void)read({position(kConversation, 0)});
  const std::size_t before = http_.requests.size();
  asio::io_context context(1);
  http_.hold(context.get_executor());
  for (int i = 0; i < 6; ++i) http_.answer(200, R"({"result":{"api":2,"chats":[]}})");
  int done = 0;
  int overloaded = 0;
  std::size_t at_first = 0;
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger_);
    auto call = [&](Deadline deadline) -> Task<> {
      std::vector<ChatPosition> asked(1, position(kConversation, 0));
      const auto answer = co_await chats().messages(std::move(asked), deadline);
      if (!answer && answer.error().is(Errc::overloaded)) {
        ++overloaded;
      } else {
        ++done;
      }
    };
    for (int i = 0; i < 6; ++i) group.spawn("call", call(soon()));
    group.spawn("impatient", call(in(20ms)));
    const Deadline patience = in(5s);
    while (overloaded == 0 && std::chrono::steady_clock::now() < patience)
      co_await async::sleep_for(5ms);
    at_first = http_.requests.size() - before;
    http_.release();
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  EXPECT_EQ(at_first, 4u);
  EXPECT_EQ(overloaded, 1);
  EXPECT_EQ(done, 6);
  EXPECT_EQ(http_.requests.size() - before, 6u);
}

}  // namespace
}  // namespace bridge::gateways
