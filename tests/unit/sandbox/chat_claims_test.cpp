// SPDX-License-Identifier: MIT
// send_message says a message once, whatever happens to its calls: they overlap, come late, after a
// withdraw, or are cut off between saying it and noting that they did.
#include <thread>

#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::IsEmpty;

constexpr unsigned kClaimSeeds = 6;
constexpr const char* kClaimed = "IMS0000001";

class ClaimsTest : public ServiceNowTest {
 protected:
  void start_chat() {
    start();
    chat = open_chat("s1");
  }
  static std::string error_of(const net::Response& response) {
    const json::value body = parse(response.body);
    const auto* result = body.as_object().if_contains("result");
    return result && result->is_object() ? text(result->get_object(), "error") : "";
  }
  json::object body_of(const std::string& words, const std::string& id) {
    return {{"conversation_sys_id", chat.at("conversation_sys_id")},
            {"user_sys_id", std::string(kGuestId)},
            {"text", words},
            {"client_message_id", id}};
  }
  net::Response try_send(const std::string& words, const std::string& id) {
    return post("send_message", json::serialize(body_of(words, id)));
  }
  net::Response try_withdraw(const std::string& words, const std::string& id) {
    json::object body = body_of(words, id);
    body.erase("text");
    body["withdraw"] = true;
    body["sent_text"] = words;
    return post("send_message", json::serialize(body));
  }
  static json::object result_of(const net::Response& response) {
    EXPECT_EQ(response.status, 200U) << response.body;
    return parse(response.body).at("result").as_object();
  }
  static bool flag(const json::object& object, std::string_view name) {
    const json::value* value = object.if_contains(name);
    return value && value->is_bool() && value->get_bool();
  }
  /// As a caller does who is told that another call is at work.
  json::object send_patiently(const std::string& words, const std::string& id) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      const net::Response response = try_send(words, id);
      if (response.status == 200) return result_of(response);
      EXPECT_EQ(error_of(response), "in_progress") << response.body;
      if (HasFailure()) break;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "not sent";
    return {};
  }
  /// Runs them at once: none starts before all stand in line for the instance.
  void at_once(const std::vector<std::function<void()>>& calls) {
    std::vector<std::thread> callers;
    {
      const std::lock_guard guard(sn->instance().lock());
      for (const auto& call : calls) callers.emplace_back(call);
      EXPECT_TRUE(eventually([&] { return sn->instance().lock().waiting() >= calls.size(); }));
    }
    for (std::thread& caller : callers) caller.join();
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!holds() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return holds();
  }
  /// What the agent's pane shows of the user: time that passes brings reminders, too.
  std::vector<std::string> said() {
    std::vector<std::string> lines;
    for (const std::string& line : pane(kClaimed))
      if (line.starts_with("user: ")) lines.push_back(line.substr(6));
    return lines;
  }
  void let_pass(int seconds) {
    (void)desk("/clock", "{\"advance_s\":" + std::to_string(seconds) + "}");
  }
  std::vector<std::string> claims() {
    std::vector<std::string> values;
    for (const Record& claim :
         sn->instance().find("sys_journal_field", "element=u_bridge_claim^ORDERBYsys_created_on"))
      values.push_back(claim.text("value"));
    return values;
  }
  /// The claim that a call under this id leaves when it is killed.
  void leave_claim(const std::string& id) {
    (void)js(
        "var c = new GlideRecord('sys_journal_field'); c.initialize();"
        "c.setNewGuidValue(new GlideDigest().getSHA256Hex('" +
        text(chat, "conversation_sys_id") + ":" + id +
        ":0').substring(0, 32)); c.setValue('name', 'interaction');"
        "c.setValue('element', 'u_bridge_claim'); c.setValue('value', 'sending');"
        "c.setValue('element_id', '" +
        text(chat, "interaction_sys_id") + "'); c.insert()");
    ASSERT_EQ(claims().size(), 1U);
  }
  void unmark(const std::string& row) {
    (void)js("var g = new GlideRecord('sys_cs_message'); g.get('" + row +
             "'); g.setValue('u_bridge_message_id', ''); g.setWorkflow(false); g.update()");
  }
  /// A call that said it and was killed before it could mark the row; answers with that row.
  std::string killed_before_marking(const std::string& words, const std::string& id) {
    const std::string row = text(send_message(chat, words, id), "message_sys_id");
    leave_claim(id);
    // The claim came first, in truth.
    (void)js(
        "var c = new GlideRecord('sys_journal_field'); c.get('element', 'u_bridge_claim');"
        "var g = new GlideRecord('sys_cs_message'); g.get('" +
        row +
        "'); g.setValue('u_bridge_message_id', '');"
        "g.setValue('sys_created_on', c.getValue('sys_created_on'));"
        "g.setWorkflow(false); g.autoSysFields(false); g.update()");
    return row;
  }
  /// The call sits in send() until faults are removed.
  std::thread stalled_send(net::Response& response, const std::string& words,
                           const std::string& id) {
    (void)desk("/faults", R"({"target":"send_message","mode":"stall","value":600,"count":1})");
    std::thread caller([this, &response, words, id] { response = try_send(words, id); });
    EXPECT_TRUE(eventually([&] { return !claims().empty(); }));
    return caller;
  }
  void end_stall() { EXPECT_EQ(control("DELETE", "/faults").status, 200U); }

  json::object chat;
};

TEST_F(ClaimsTest, CallsThatOverlapSayItOnce) {
  for (unsigned seed = 1; seed <= kClaimSeeds; ++seed) {
    SCOPED_TRACE(seed);
    options.instance.interleave = true;
    options.instance.random_seed = seed;
    start_chat();
    std::vector<json::object> answers(3);
    std::vector<std::function<void()>> calls;
    for (json::object& each : answers)
      calls.emplace_back([&] { each = send_patiently("hello", "m1"); });
    at_once(calls);
    EXPECT_THAT(said(), ElementsAre("hello"));
    for (const json::object& each : answers)
      EXPECT_EQ(text(each, "message_sys_id"), text(answers[0], "message_sys_id"));
    EXPECT_THAT(claims(), IsEmpty()) << "nothing stays where nothing was cut off";
    if (HasFailure()) break;
  }
}

TEST_F(ClaimsTest, ARepeatOfACallThatHangsInsideIsToldToAskAgain) {
  start_chat();
  net::Response first;
  std::thread caller = stalled_send(first, "hello", "m1");
  EXPECT_EQ(error_of(try_send("hello", "m1")), "in_progress");
  EXPECT_EQ(error_of(try_withdraw("hello", "m1")), "in_progress");
  (void)send_message(chat, "meanwhile", "m2");
  end_stall();
  caller.join();
  const json::object sent = result_of(first);
  const json::object again = result_of(try_send("hello", "m1"));
  EXPECT_TRUE(flag(again, "repeated"));
  EXPECT_EQ(text(again, "message_sys_id"), text(sent, "message_sys_id"));
  EXPECT_THAT(said(), ElementsAre("meanwhile", "hello"));
}

TEST_F(ClaimsTest, ACallThatArrivesAfterItWasWithdrawnSaysNothing) {
  start_chat();
  (void)desk("/faults", R"({"target":"send_message","mode":"late","count":1})");
  const Reply gone = sn->handle(request("POST", "/api/1833944/intranet_bridge/send_message",
                                        json::serialize(body_of("hello", "m1"))));
  EXPECT_EQ(gone.response.cut_after_bytes, 0U);
  ASSERT_TRUE(gone.later);
  const json::object withdrawn = result_of(try_withdraw("hello", "m1"));
  EXPECT_TRUE(flag(withdrawn, "withdrawn"));
  EXPECT_TRUE(withdrawn.at("message_sys_ids").as_array().empty());
  gone.later();
  EXPECT_THAT(said(), IsEmpty());
  (void)send_message(chat, "hello", "m1~2");  // as the bridge says it anew
  for (const int seconds : {0, 301, 100'000}) {
    let_pass(seconds);
    EXPECT_EQ(error_of(try_send("hello", "m1")), "withdrawn");
    EXPECT_TRUE(flag(result_of(try_withdraw("hello", "m1")), "withdrawn"));
  }
  EXPECT_THAT(said(), ElementsAre("hello"));
}

TEST_F(ClaimsTest, WhatWasSaidCannotBeWithdrawn) {
  start_chat();
  const json::object sent = send_message(chat, "hello", "m1");
  const json::object told = result_of(try_withdraw("hello", "m1"));
  EXPECT_TRUE(flag(told, "repeated"));
  EXPECT_FALSE(flag(told, "withdrawn"));
  EXPECT_EQ(text(told, "message_sys_id"), text(sent, "message_sys_id"));
  EXPECT_EQ(told.at("sequence"), sent.at("sequence"));
  EXPECT_THAT(claims(), IsEmpty());
}

TEST_F(ClaimsTest, ACallThatWasKilledAfterSayingItIsFoundOutAfterFiveMinutes) {
  for (const bool withdraw : {false, true}) {
    start_chat();
    const auto ask = [&] {
      return withdraw ? try_withdraw("hello", "m1") : try_send("hello", "m1");
    };
    const std::string row = killed_before_marking("hello", "m1");
    EXPECT_EQ(error_of(ask()), "in_progress") << "it may still be at work";
    let_pass(301);
    const json::object told = result_of(ask());
    EXPECT_TRUE(flag(told, "repeated"));
    EXPECT_EQ(text(told, "message_sys_id"), row);
    EXPECT_EQ(sn->instance().get("sys_cs_message", row)->text("u_bridge_message_id"), "m1");
    EXPECT_EQ(text(result_of(try_send("hello", "m1")), "message_sys_id"), row);
    EXPECT_THAT(said(), ElementsAre("hello"));
  }
}

TEST_F(ClaimsTest, ACallThatWasKilledBeforeSayingItIsMadeUpForOnce) {
  start_chat();
  leave_claim("m1");
  EXPECT_EQ(error_of(try_send("hello", "m1")), "in_progress");
  let_pass(301);
  EXPECT_FALSE(flag(result_of(try_send("hello", "m1")), "repeated"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(flag(result_of(try_send("hello", "m1")), "repeated"));
    let_pass(301);
  }
  EXPECT_THAT(said(), ElementsAre("hello"));
}

TEST_F(ClaimsTest, OfManyWhoFindAStaleClaimOneTakesItOver) {
  for (unsigned seed = 1; seed <= kClaimSeeds; ++seed) {
    SCOPED_TRACE(seed);
    options.instance.interleave = true;
    options.instance.random_seed = seed;
    start_chat();
    leave_claim("m1");
    let_pass(301);
    at_once({[&] { (void)send_patiently("hello", "m1"); },
             [&] { (void)send_patiently("hello", "m1"); },
             [&] { (void)send_patiently("hello", "m1"); }});
    EXPECT_THAT(said(), ElementsAre("hello"));
    if (HasFailure()) break;
  }
}

TEST_F(ClaimsTest, AWithdrawAndASendAtOnceAgree) {
  bool once_said = false;
  bool once_not = false;
  for (unsigned seed = 1; seed <= 4 * kClaimSeeds; ++seed) {
    SCOPED_TRACE(seed);
    options.instance.interleave = true;
    options.instance.random_seed = seed;
    start_chat();
    const bool stale = seed % 2 == 0;
    if (stale) {
      leave_claim("m1");
      let_pass(301);
    }
    net::Response sent;
    net::Response withdrawn;
    at_once({[&] { sent = try_send("hello", "m1"); },
             [&] { withdrawn = try_withdraw("hello", "m1"); }});
    const bool shown = said().size() == 1;
    (shown ? once_said : once_not) = true;
    if (sent.status == 200) {
      EXPECT_TRUE(shown);
    } else {
      EXPECT_THAT(error_of(sent), AnyOf(Eq("in_progress"), Eq("withdrawn")));
    }
    if (withdrawn.status == 200) {
      EXPECT_EQ(flag(result_of(withdrawn), "withdrawn"), !shown);
    } else {
      EXPECT_EQ(error_of(withdrawn), "in_progress");
    }
    EXPECT_EQ(flag(result_of(try_withdraw("hello", "m1")), "withdrawn"), !shown);
    if (HasFailure()) break;
  }
  EXPECT_TRUE(once_said && once_not) << "both orders have to be seen";
}

TEST_F(ClaimsTest, AWithdrawThatTookOverStays) {
  start_chat();
  leave_claim("m1");
  let_pass(301);
  EXPECT_TRUE(flag(result_of(try_withdraw("hello", "m1")), "withdrawn"));
  let_pass(100'000);
  EXPECT_EQ(error_of(try_send("hello", "m1")), "withdrawn");
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(ClaimsTest, TheSameWordsUnderAnotherIdAreAnotherMessage) {
  start_chat();
  const std::string row = killed_before_marking("yes", "m1");
  const std::string other = text(send_message(chat, "yes", "m2"), "message_sys_id");
  EXPECT_NE(other, row);
  let_pass(301);
  unmark(other);  // as if it were between saying and marking just now, or had been cut off there
  EXPECT_EQ(text(result_of(try_send("yes", "m1")), "message_sys_id"), row);
  EXPECT_THAT(said(), ElementsAre("yes", "yes"));
}

TEST_F(ClaimsTest, ARowFromAnotherTimeIsNotTheOneThatWasLeftBehind) {
  start_chat();
  const std::string row = text(send_message(chat, "yes", "m0"), "message_sys_id");
  unmark(row);
  let_pass(10);
  leave_claim("m1");
  let_pass(301);
  EXPECT_NE(text(result_of(try_send("yes", "m1")), "message_sys_id"), row);
}

TEST_F(ClaimsTest, AnAgentsWordsAreNotTheOnesThatWereLeftBehind) {
  start_chat();
  (void)desk("/interactions/IMS0000001/accept", R"({"agent":"alex.rep"})");
  leave_claim("m1");
  (void)desk("/interactions/IMS0000001/message", R"({"agent":"alex.rep","text":"yes"})");
  let_pass(301);
  EXPECT_FALSE(flag(result_of(try_send("yes", "m1")), "repeated"));
}

TEST_F(ClaimsTest, AChatThatIsOverStillTellsWhatBecameOfAMessage) {
  start_chat();
  const json::object sent = send_message(chat, "hello", "m1");
  const json::object end = {{"conversation_sys_id", chat.at("conversation_sys_id")},
                            {"interaction_sys_id", chat.at("interaction_sys_id")},
                            {"reason", "user_ended"}};
  (void)result("end_chat", end);
  EXPECT_EQ(error_of(try_send("more", "m2")), "chat_ended");
  EXPECT_THAT(claims(), IsEmpty());
  EXPECT_EQ(text(result_of(try_send("hello", "m1")), "message_sys_id"),
            text(sent, "message_sys_id"));
  EXPECT_TRUE(flag(result_of(try_withdraw("hello", "m1")), "repeated"));
  EXPECT_TRUE(flag(result_of(try_withdraw("more", "m2")), "withdrawn"));
}

TEST_F(ClaimsTest, WithoutAClaimNothingIsSaid) {
  start_chat();
  Column one;
  one.name = "element";
  one.unique = true;
  ASSERT_TRUE(sn->instance().add_column("sys_journal_field", one));
  leave_claim("another");
  const net::Response refused = try_send("hello", "m1");
  EXPECT_EQ(refused.status, 500U);
  EXPECT_EQ(error_of(refused), "claim_failed");
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(ClaimsTest, AMessageWhoseRowCannotBeToldIsNotSaidAgain) {
  options.chat.send_result = SendResult::empty;
  start_chat();
  BusinessRule masks;
  masks.name = "masks";
  masks.table = "sys_cs_message";
  masks.when = BusinessRule::When::before;
  masks.on_insert = true;
  masks.script =
      "if (current.getValue('payload') === 'hello') {"
      "current.setValue('payload', '***'); current.setValue('sender', 'somebody'); }";
  ASSERT_TRUE(sn->instance().add_rule(masks));
  const json::object first = send_message(chat, "hello", "m1");
  EXPECT_EQ(text(first, "message_sys_id"), "");
  for (const int seconds : {0, 301}) {
    let_pass(seconds);
    EXPECT_TRUE(flag(result_of(try_send("hello", "m1")), "repeated"));
    EXPECT_TRUE(flag(result_of(try_withdraw("hello", "m1")), "repeated"));
  }
  EXPECT_EQ(sn->instance().find("sys_cs_message", "payload=***").size(), 1U);
}

TEST_F(ClaimsTest, AWithdrawHasNoTextThatAnOlderScriptCouldSay) {
  start_chat();
  json::object body = body_of("hello", "m1");
  body["withdraw"] = true;
  EXPECT_EQ(error_of(post("send_message", json::serialize(body))), "invalid_field");
  body["sent_text"] = "hello";
  body["client_message_id"] = "";
  EXPECT_EQ(error_of(post("send_message", json::serialize(body))), "invalid_field");
  body["withdraw"] = "perhaps";
  EXPECT_EQ(error_of(post("send_message", json::serialize(body))), "invalid_field");
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(ClaimsTest, ClaimsAreInTheDataFile) {
  const auto folder = std::filesystem::temp_directory_path() / "claims-test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  options.data_file = folder / "data.db";
  start_chat();
  EXPECT_TRUE(flag(result_of(try_withdraw("hello", "m1")), "withdrawn"));
  sn.reset();
  start();
  EXPECT_EQ(error_of(try_send("hello", "m1")), "withdrawn");
  sn.reset();
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace bridge::sandbox
