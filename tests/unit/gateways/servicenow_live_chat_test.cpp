// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include "bridge/handoff/handoff.hpp"
#include "servicenow_fixture.hpp"

namespace bridge::gateways {
namespace {

using handoff::ChatRef;
using handoff::EndReason;
using handoff::OpenRequest;
using handoff::SendRequest;

using LiveChatTest = ServiceNowTest;

OpenRequest open_request() {
  OpenRequest request;
  request.key = "0123456789abcdef0123456789abcdef-2";
  request.user_sys_id = kUser;
  request.opening_message = "Hello LEAK";
  request.short_description = "Laptop";
  request.context = "Signed in as LEAK";
  return request;
}

ChatRef chat(int api) {
  ChatRef ref;
  ref.conversation_sys_id = kConversation;
  ref.interaction_sys_id = kInteraction;
  ref.user_sys_id = kUser;
  ref.api = api;
  return ref;
}

SendRequest message(int api, std::string id = "m-1") {
  SendRequest request;
  request.chat = chat(api);
  request.text = "yes LEAK";
  request.client_message_id = std::move(id);
  return request;
}

std::string opened(const std::string& more = {}) {
  return std::string(R"({"result":{"conversation_sys_id":")") + kConversation +
         R"(","interaction_sys_id":")" + kInteraction +
         R"(","interaction_number":"IMS0000054","consumer_sys_id":"d0000000000000000000000000000001","first_message_sys_id":")" +
         kMessage + "\"" + more + "}}";
}

TEST_F(LiveChatTest, OpensAChat) {
  http_.answer(200, opened(R"(,"api":2,"first_message_sequence":"1","first_message":"sent")"));
  test::run_coroutine([&]() -> Task<> {
    auto chat = co_await chats().open(open_request(), soon());
    EXPECT_TRUE(chat) << chat.error().to_string();
    if (!chat) co_return;
    EXPECT_EQ(chat->api, 2);
    EXPECT_EQ(chat->conversation_sys_id, kConversation);
    EXPECT_EQ(chat->interaction_sys_id, kInteraction);
    EXPECT_EQ(chat->interaction_number, "IMS0000054");
    EXPECT_EQ(chat->consumer_sys_id, "d0000000000000000000000000000001");
    EXPECT_EQ(chat->first_message_sys_id, kMessage);
    EXPECT_EQ(chat->first_message_sequence, 1);
  });
  const net::ClientRequest& request = http_.requests.at(0);
  EXPECT_EQ(request.method, net::Method::post);
  EXPECT_EQ(request.url, "https://dev1.example/api/1/bridge/open_chat");
  EXPECT_EQ(request.headers.get("Accept"), "application/json");
  EXPECT_EQ(request.headers.get("Content-Type"), "application/json");
  // printf 'intranet.bridge:päss:word' | base64
  EXPECT_EQ(request.headers.get("Authorization"), "Basic aW50cmFuZXQuYnJpZGdlOnDDpHNzOndvcmQ=");
  EXPECT_FALSE(request.repeatable)
      << "which scripts answer is not known yet, and old ones open twice";
  const json::object body = sent(0);
  EXPECT_EQ(body.at("bridge_session_id"), "0123456789abcdef0123456789abcdef-2");
  EXPECT_EQ(body.at("user_sys_id"), kUser);
  EXPECT_EQ(body.at("queue_sys_id"), "90000000000000000000000000000001");
  EXPECT_EQ(body.at("channel_sys_id"), "90000000000000000000000000000002");
  EXPECT_EQ(body.at("short_description"), "Laptop");
  EXPECT_EQ(body.at("first_message"), "Hello LEAK");
  EXPECT_EQ(body.at("context"), "Signed in as LEAK");
}

TEST_F(LiveChatTest, ACallEndsAtTheEarlierOfItsOwnLimitAndTheDeadline) {
  http_.answer(200, opened());
  http_.answer(200, opened());
  const Deadline early = in(std::chrono::seconds(3));
  const Deadline late = in(std::chrono::hours(1));
  test::run_coroutine([&]() -> Task<> {
    (void)co_await chats().open(open_request(), early);
    (void)co_await chats().open(open_request(), late);
  });
  EXPECT_EQ(http_.deadlines.at(0), early);
  EXPECT_LE(http_.deadlines.at(1), in(std::chrono::seconds(15)));
}

TEST_F(LiveChatTest, AChatOfOldScriptsIsApi1) {
  http_.answer(200,
               opened(R"(,"session_error":"","session_binding_error":"","work_item_error":"")"));
  test::run_coroutine([&]() -> Task<> {
    auto chat = co_await chats().open(open_request(), soon());
    EXPECT_TRUE(chat);
    if (chat) {
      EXPECT_EQ(chat->api, 1);
    }
  });
}

struct HalfOpened {
  const char* name;
  std::string body;
  const char* step;
};
class HalfOpenedTest : public ServiceNowTest, public testing::WithParamInterface<HalfOpened> {};

TEST_P(HalfOpenedTest, IsAFailureOfUnknownOutcomeThatNamesTheStep) {
  http_.answer(200, GetParam().body);
  test::run_coroutine([&]() -> Task<> {
    auto chat = co_await chats().open(open_request(), soon());
    EXPECT_FALSE(chat);
    if (chat) co_return;
    const Error error = chat.error();
    EXPECT_TRUE(error.is(Errc::upstream_failed)) << error.to_string();
    EXPECT_EQ(error.outcome(), Outcome::unknown);
    EXPECT_NE(error.hint().find(GetParam().step), std::string::npos) << error.hint();
    EXPECT_EQ((error.hint() + error.context()).find("LEAK"), std::string::npos);
  });
}

INSTANTIATE_TEST_SUITE_P(
    OldScripts, HalfOpenedTest,
    testing::Values(
        HalfOpened{"NoSession", opened(R"(,"session_error":"LEAK")"), "sys_cs_session"},
        HalfOpened{"NoBinding", opened(R"(,"session_binding_error":"LEAK")"),
                   "sys_cs_session_binding"},
        HalfOpened{"NoWorkItem", opened(R"(,"work_item_error":"LEAK")"), "awa_work_item"},
        HalfOpened{"NoInteraction",
                   std::string(R"({"result":{"conversation_sys_id":")") + kConversation +
                       R"(","interaction_sys_id":"","interaction_number":""}})",
                   "interaction"},
        HalfOpened{"NoConversation", R"({"result":{"conversation_sys_id":null}})",
                   "sys_cs_conversation"}),
    [](const testing::TestParamInfo<HalfOpened>& row) { return row.param.name; });

TEST_F(LiveChatTest, SaysThatTheOpeningMessageIsNotInTheChat) {
  http_.answer(
      200,
      opened(
          R"(,"api":2,"first_message":"failed","first_message_sys_id":"","first_message_sequence":0)"));
  test::run_coroutine([&]() -> Task<> {
    auto chat = co_await chats().open(open_request(), soon());
    EXPECT_TRUE(chat);
    if (!chat) co_return;
    EXPECT_TRUE(chat->opening_not_sent);
    EXPECT_EQ(chat->first_message_sys_id, "");
  });
  EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(LiveChatTest, AKeyWhoseChatIsOverOpensNothing) {
  http_.answer(200, opened(R"(,"api":2,"first_message":"none","state":"closed_abandoned")"));
  test::run_coroutine([&]() -> Task<> {
    auto chat = co_await chats().open(open_request(), soon());
    EXPECT_FALSE(chat);
    if (chat) co_return;
    EXPECT_TRUE(chat.error().is(Errc::chat_ended));
    EXPECT_EQ(chat.error().outcome(), Outcome::failed);
  });
}

TEST_F(LiveChatTest, SendsAMessage) {
  http_.answer(200, std::string(R"({"result":{"api":2,"message_sys_id":")") + kMessage +
                        R"(","message_sys_ids":[")" + kMessage + R"("],"sequence":"12"}})");
  http_.answer(200, R"({"result":{"message_sys_id":null,"send_result":"LEAK"}})");
  test::run_coroutine([&]() -> Task<> {
    auto sent = co_await chats().send(message(2), soon());
    EXPECT_TRUE(sent);
    if (sent) {
      EXPECT_THAT(sent->message_sys_ids, testing::ElementsAre(kMessage));
      EXPECT_EQ(sent->sequence, 12);
    }
    auto old = co_await chats().send(message(1), soon());
    EXPECT_TRUE(old) << "an old answer may leave the id out";
    if (old) {
      EXPECT_TRUE(old->message_sys_ids.empty());
    }
  });
  EXPECT_EQ(http_.requests.at(0).url, "https://dev1.example/api/1/bridge/send_message");
  const json::object body = sent(0);
  EXPECT_EQ(body.at("conversation_sys_id"), kConversation);
  EXPECT_EQ(body.at("user_sys_id"), kUser);
  EXPECT_EQ(body.at("text"), "yes LEAK");
  EXPECT_EQ(body.at("client_message_id"), "m-1");
  EXPECT_TRUE(http_.requests.at(0).repeatable) << "the id makes a repeat harmless";
  EXPECT_FALSE(http_.requests.at(1).repeatable) << "old scripts do not know the id";
}

TEST_F(LiveChatTest, AnIdThatTheScriptWouldRefuseTravelsAsItsHash) {
  for (int i = 0; i < 3; ++i) http_.answer(200, R"({"result":{"api":2}})");
  test::run_coroutine([&]() -> Task<> {
    (void)co_await chats().send(message(2, "a^b c"), soon());
    (void)co_await chats().send(message(2, "a^b c"), soon());
    (void)co_await chats().send(message(2, "a^b d"), soon());
  });
  const std::string first(sent(0).at("client_message_id").as_string());
  EXPECT_THAT(first, testing::MatchesRegex("sha256:[0-9a-f]+"));
  EXPECT_EQ(sent(1).at("client_message_id").as_string(), first);
  EXPECT_NE(sent(2).at("client_message_id").as_string(), first);
}

TEST_F(LiveChatTest, SaysThatTheChatHasEnded) {
  http_.answer(409, R"({"result":{"api":2,"error":"chat_ended"}})");
  test::run_coroutine([&]() -> Task<> {
    auto sent = co_await chats().send(message(2), soon());
    EXPECT_FALSE(sent);
    if (!sent) {
      EXPECT_TRUE(sent.error().is(Errc::chat_ended));
    }
  });
}

TEST_F(LiveChatTest, KeepsTheCertaintyOfTheConnection) {
  http_.fail(Error(Errc::unreachable, "connect dev1.example:443"));
  http_.fail(Error(Errc::timed_out, "read").with_outcome(Outcome::unknown));
  test::run_coroutine([&]() -> Task<> {
    auto refused = co_await chats().send(message(2), soon());
    EXPECT_FALSE(refused);
    if (!refused) {
      EXPECT_TRUE(refused.error().is(Errc::unreachable));
      EXPECT_EQ(refused.error().outcome(), Outcome::failed);
      EXPECT_EQ(refused.error().context(), "ServiceNow send_message: connect dev1.example:443");
      EXPECT_NE(refused.error().hint().find("SN_INSTANCE"), std::string::npos);
    }
    auto silent = co_await chats().send(message(2), soon());
    EXPECT_FALSE(silent);
    if (!silent) {
      EXPECT_TRUE(silent.error().is(Errc::timed_out));
      EXPECT_EQ(silent.error().outcome(), Outcome::unknown);
    }
  });
  EXPECT_TRUE(logger_.contains("servicenow_call_failed call=send_message error=unreachable"));
}

TEST_F(LiveChatTest, EndsTheInteraction) {
  http_.answer(200, R"({"result":{"api":2,"state":"closed_complete","already_ended":false}})");
  http_.answer(409, R"({"result":{"api":2,"error":"chat_ended"}})");
  http_.answer(500, R"({"result":{"api":2,"error":"end_failed"}})");
  test::run_coroutine([&]() -> Task<> {
    EXPECT_TRUE(co_await chats().end(chat(2), EndReason::abandoned, soon()));
    EXPECT_TRUE(co_await chats().end(chat(2), EndReason::user_ended, soon()))
        << "it was over before";
    EXPECT_FALSE(co_await chats().end(chat(2), EndReason::user_ended, soon()));
  });
  EXPECT_EQ(http_.requests.at(0).url, "https://dev1.example/api/1/bridge/end_chat");
  EXPECT_EQ(sent(0).at("conversation_sys_id"), kConversation);
  EXPECT_EQ(sent(0).at("interaction_sys_id"), kInteraction);
  EXPECT_EQ(sent(0).at("reason"), "abandoned");
  EXPECT_EQ(sent(1).at("reason"), "user_ended");
}

TEST_F(LiveChatTest, EndsAChatOfOldScriptsByTheOldLine) {
  http_.answer(200, R"({"result":{"message_sys_id":null}})");
  test::run_coroutine([&]() -> Task<> {
    EXPECT_TRUE(co_await chats().end(chat(1), EndReason::user_ended, soon()));
  });
  EXPECT_EQ(http_.requests.at(0).url, "https://dev1.example/api/1/bridge/send_message");
  EXPECT_EQ(sent(0).at("text"), "[user ended the chat]");
}

TEST_F(LiveChatTest, AnOldLineThatMayHaveArrivedIsNotSentAgain) {
  http_.fail(Error(Errc::timed_out, "send_message").with_outcome(Outcome::unknown));
  test::run_coroutine([&]() -> Task<> {
    EXPECT_TRUE(co_await chats().end(chat(1), EndReason::user_ended, soon()));
  });
  http_.fail(Error(Errc::unreachable, "send_message"));
  test::run_coroutine([&]() -> Task<> {
    EXPECT_FALSE(co_await chats().end(chat(1), EndReason::user_ended, soon()));
  });
}

TEST_F(LiveChatTest, TouchesAChatAndLearnsThatItIsOver) {
  http_.answer(200, R"({"result":{"api":2,"touched":true,"state":"work_in_progress"}})");
  http_.answer(200, R"({"result":{"api":2,"touched":false,"state":"closed_complete"}})");
  test::run_coroutine([&]() -> Task<> {
    EXPECT_TRUE(co_await chats().touch(chat(2), true, soon()));
    auto over = co_await chats().touch(chat(2), false, soon());
    EXPECT_FALSE(over);
    if (!over) {
      EXPECT_TRUE(over.error().is(Errc::chat_ended));
    }
    EXPECT_TRUE(co_await chats().touch(chat(1), true, soon())) << "old scripts have no typing";
  });
  EXPECT_EQ(http_.requests.size(), 2u);
  EXPECT_EQ(http_.requests.at(0).url, "https://dev1.example/api/1/bridge/typing");
  EXPECT_EQ(sent(0).at("typing"), true);
  EXPECT_EQ(sent(1).at("typing"), false);
}

std::string interaction_row(const std::string& key, const std::string& state = "new") {
  return std::string(R"({"sys_id":")") + kInteraction + R"(","number":"IMS0000054","state":")" +
         state + R"(","channel_metadata_document":")" + kConversation +
         R"(","u_bridge_session_id":")" + key + R"("})";
}

TEST_F(LiveChatTest, FindsTheChatOfAKeyAndAsksWhichScriptsRun) {
  http_.answer(200, "{\"result\":[" + interaction_row("s-1") + "]}");
  http_.answer(200, R"({"result":{"api":2,"touched":true,"state":"new"}})");
  http_.answer(200, "{\"result\":[" + interaction_row("s-1") + "]}");
  test::run_coroutine([&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      auto found = co_await chats().find("s-1", handoff::untraced(), soon());
      EXPECT_TRUE(found && *found);
      if (!found || !*found) co_return;
      EXPECT_EQ((*found)->interaction_sys_id, kInteraction);
      EXPECT_EQ((*found)->conversation_sys_id, kConversation);
      EXPECT_EQ((*found)->interaction_number, "IMS0000054");
      EXPECT_EQ((*found)->api, 2);
    }
  });
  EXPECT_EQ(http_.requests.at(0).method, net::Method::get);
  EXPECT_EQ(http_.requests.at(0).url,
            "https://dev1.example/api/now/table/interaction?sysparm_query=u_bridge_session_id%3Ds-1"
            "&sysparm_fields=sys_id,number,state,channel_metadata_document,u_bridge_session_id"
            "&sysparm_limit=2&sysparm_exclude_reference_link=true");
  EXPECT_EQ(http_.requests.at(0).headers.get("Accept"), "application/json");
  EXPECT_TRUE(http_.requests.at(0).repeatable);
  EXPECT_EQ(http_.requests.at(1).url, "https://dev1.example/api/1/bridge/typing");
}

TEST_F(LiveChatTest, AChatFoundOnAnOldInstallationIsApi1) {
  http_.answer(200, "{\"result\":[" + interaction_row("s-1") + "]}");
  http_.answer(
      400,
      R"({"error":{"message":"Requested URI does not represent any resource"},"status":"failure"})");
  test::run_coroutine([&]() -> Task<> {
    auto found = co_await chats().find("s-1", handoff::untraced(), soon());
    EXPECT_TRUE(found && *found);
    if (found && *found) {
      EXPECT_EQ((*found)->api, 1);
    }
  });
}

TEST_F(LiveChatTest, FindsNothingAmongRowsOfOthersOrEndedChats) {
  http_.answer(200, R"({"result":[]})");
  // The column is missing: the term was dropped, and the rows are anybody's.
  http_.answer(200, "{\"result\":[" + interaction_row("") + "," + interaction_row("other") + "]}");
  http_.answer(200, "{\"result\":[" + interaction_row("s-1", "closed_complete") + "," +
                        interaction_row("s-1", "wrap_up") + "]}");
  test::run_coroutine([&]() -> Task<> {
    for (int i = 0; i < 3; ++i) {
      auto found = co_await chats().find("s-1", handoff::untraced(), soon());
      EXPECT_TRUE(found);
      if (found) {
        EXPECT_FALSE(*found) << i;
      }
    }
    EXPECT_FALSE(co_await chats().find("s-1^ORstate=new", handoff::untraced(), soon()));
    EXPECT_FALSE(co_await chats().find("", handoff::untraced(), soon()));
  });
  EXPECT_EQ(http_.requests.size(), 3u);
}

std::string asked_row(const std::string& state, const std::string& assigned) {
  return std::string(R"({"result":[{"sys_id":")") + kInteraction + R"(","state":")" + state +
         R"(","assigned_to":")" + assigned + R"("}]})";
}
std::string property() {
  return std::string(R"({"result":[{"name":"com.glide.cs.va.sys_user","value":")") + kVirtualAgent +
         R"("}]})";
}

TEST_F(LiveChatTest, AsksWhoHasTheChat) {
  http_.answer(200, asked_row("new", ""));
  http_.answer(200, asked_row("work_in_progress", kAgent));
  http_.answer(200, property());
  http_.answer(200,
               std::string(R"({"result":[{"sys_id":")") + kAgent + R"(","name":"Alex Rep"}]})");
  http_.answer(200, asked_row("work_in_progress", kVirtualAgent));
  http_.answer(200, asked_row("closed_complete", kAgent));
  test::run_coroutine([&]() -> Task<> {
    auto queued = co_await chats().ask(kInteraction, soon());
    EXPECT_TRUE(queued);
    if (queued) {
      EXPECT_FALSE(queued->with_agent || queued->over);
    }
    auto live = co_await chats().ask(kInteraction, soon());
    EXPECT_TRUE(live);
    if (live) {
      EXPECT_TRUE(live->with_agent);
      EXPECT_FALSE(live->over);
      EXPECT_EQ(live->assigned_to, kAgent);
      EXPECT_EQ(live->agent_name, "Alex Rep");
    }
    auto bot = co_await chats().ask(kInteraction, soon());
    EXPECT_TRUE(bot);
    if (bot) {
      EXPECT_FALSE(bot->with_agent);
    }
    auto over = co_await chats().ask(kInteraction, soon());
    EXPECT_TRUE(over);
    if (over) {
      EXPECT_TRUE(over->over && over->with_agent && over->agent_name == "Alex Rep");
    }
  });
  EXPECT_EQ(http_.requests.size(), 6u) << "the property and the name are asked once";
}

TEST_F(LiveChatTest, FallsBackToTheUserNamedVirtualAgent) {
  http_.answer(200, asked_row("new", kVirtualAgent));
  http_.answer(403, R"({"error":{"message":"User Not Authorized"},"status":"failure"})");
  http_.answer(200, std::string(R"({"result":[{"sys_id":")") + kVirtualAgent +
                        R"(","user_name":"virtual.agent"}]})");
  test::run_coroutine([&]() -> Task<> {
    auto status = co_await chats().ask(kInteraction, soon());
    EXPECT_TRUE(status);
    if (status) {
      EXPECT_FALSE(status->with_agent);
    }
  });
}

TEST_F(LiveChatTest, AnInteractionThatIsNotShownIsNotFound) {
  http_.answer(200, R"({"result":[]})");
  http_.answer(200, std::string(R"({"result":[{"sys_id":")") + kAgent +
                        R"(","state":"new","assigned_to":""}]})");
  test::run_coroutine([&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      auto status = co_await chats().ask(kInteraction, soon());
      EXPECT_FALSE(status);
      if (!status) {
        EXPECT_TRUE(status.error().is(Errc::not_found));
      }
    }
    EXPECT_FALSE(co_await chats().ask("x^y", soon()));
  });
}

TEST_F(LiveChatTest, KeepsNamesAndTheServiceAccount) {
  http_.answer(200,
               std::string(R"({"result":[{"sys_id":")") + kAgent + R"(","name":"Alex Rep"}]})");
  http_.answer(200, std::string(R"({"result":[{"sys_id":")") + kUser +
                        R"(","user_name":"Intranet.Bridge"}]})");
  test::run_coroutine([&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      auto name = co_await chats().name_of(kAgent, soon());
      EXPECT_TRUE(name);
      if (name) {
        EXPECT_EQ(*name, "Alex Rep");
      }
      auto account = co_await chats().service_account(soon());
      EXPECT_TRUE(account);
      if (account) {
        EXPECT_EQ(*account, kUser);
      }
    }
  });
  EXPECT_EQ(http_.requests.size(), 2u);
}

TEST_F(LiveChatTest, AServiceAccountThatCannotBeSeenIsAskedAgain) {
  http_.answer(200, R"({"result":[]})");
  http_.answer(200, std::string(R"({"result":[{"sys_id":")") + kAgent +
                        R"(","user_name":"somebody.else"}]})");
  test::run_coroutine([&]() -> Task<> {
    for (int i = 0; i < 2; ++i) {
      auto account = co_await chats().service_account(soon());
      EXPECT_FALSE(account);
      if (!account) {
        EXPECT_TRUE(account.error().is(Errc::not_found));
      }
    }
  });
}

}  // namespace
}  // namespace bridge::gateways
