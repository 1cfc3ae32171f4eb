// SPDX-License-Identifier: MIT
// Signed addresses of the stand-in Copilot Studio: who may speak there, what may be said, and how
// they fail; then its control interface and page.
#include "copilot_fixture.hpp"
#include "sandbox/command_line.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class CopilotCallbackTest : public CopilotTest {
 protected:
  void SetUp() override {
    start();
    open();
    (void)say("agent");
  }
  unsigned push_raw(const std::string& body) { return raw("POST", signed_target(), body).status; }
  json::object last_call() { return record().at("callbacks").as_array().back().as_object(); }
};

TEST_F(CopilotCallbackTest, WhatIsPostedThereIsShownAndAnsweredWithNothing) {
  json::object activity = reply("Hello, Alex here");
  activity["replyToId"] = text_in(agent.received().back().activity, "id");
  const auto answer = push(activity, signed_target());
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(answer.count("Content-Type"), 0U);
  const json::object entry = record().at("record").as_array().back().as_object();
  EXPECT_EQ(text_in(entry, "from"), "agent");
  EXPECT_EQ(text_in(entry, "by"), "push");
  EXPECT_EQ(text_in(entry, "text"), "Hello, Alex here");
  EXPECT_EQ(text_in(entry, "reply_to"), text_in(activity, "replyToId"));
  EXPECT_THAT(errors(), IsEmpty());
  EXPECT_FALSE(last_call().at("authorization").as_bool());
}

TEST_F(CopilotCallbackTest, AnAuthorizationHeaderIsNoted) {
  EXPECT_EQ(raw("POST", signed_target(), json::serialize(reply("x")),
                {{"Content-Type", "application/json"}, {"Authorization", "Bearer t"}})
                .status,
            200U);
  EXPECT_TRUE(last_call().at("authorization").as_bool());
}

TEST_F(CopilotCallbackTest, TheAddressHoldsByteForByte) {
  const std::string target = signed_target();
  ASSERT_THAT(target, HasSubstr("%3d")) << "the padding of the signature, as .NET escapes it";
  std::string wrong = target;
  wrong[target.find("&s=") + 5] = wrong[target.find("&s=") + 5] == 'A' ? 'B' : 'A';
  std::string later = target;
  ++later[target.find("?e=") + 3];
  std::string rewritten = target;
  rewritten.replace(target.find("%3d"), 3, "%3D");
  std::string decoded = target;
  decoded.replace(target.find("%3d"), 3, "=");
  for (const std::string& each :
       {wrong, later, rewritten, decoded, target + "&x=1", target.substr(0, target.find('?'))})
    EXPECT_EQ(push(reply("x"), each).status, 401U) << each;
  EXPECT_THAT(errors(), ElementsAre("url_rewritten", "url_rewritten", "url_extended"));
  EXPECT_EQ(push(reply("x"), "/copilot/callback/nobody?e=1&n=1&s=x").status, 401U);
  EXPECT_EQ(push(reply("x"), target).status, 200U);
  EXPECT_THAT(window(), SizeIs(3));
}

TEST_F(CopilotCallbackTest, EachTurnBringsANewAddressAndTheOldOneMayGoOn) {
  const std::string first = signed_target();
  (void)say("more");
  const std::string second = signed_target();
  EXPECT_NE(first, second);
  EXPECT_EQ(push(reply("by the old one"), first).status, 200U);
  (void)faults(R"({"old_urls":"expired"})");
  (void)say("more");
  EXPECT_EQ(push(reply("x"), second).status, 401U);
  EXPECT_EQ(push(reply("x"), signed_target()).status, 200U);
}

TEST_F(CopilotCallbackTest, AnAddressThatIsKeptStaysUntilItDies) {
  (void)faults(R"({"rotate":"keep"})");
  (void)say("one");
  const std::string kept = signed_target();
  (void)say("two");
  EXPECT_EQ(signed_target(), kept);
  (void)faults(R"({"callback":{"mode":"expire"}})");
  EXPECT_EQ(push(reply("x"), kept).status, 401U);
  (void)say("three");
  EXPECT_NE(signed_target(), kept);
  EXPECT_EQ(push("again"), 200U);
}

TEST_F(CopilotCallbackTest, ADeadAddressAnswersWhatItIsTold) {
  for (const unsigned answer : {403U, 404U, 410U, 401U}) {
    (void)say("more");
    (void)faults(R"({"callback":{"mode":"expire","value":)" + std::to_string(answer) + "}}");
    EXPECT_EQ(push("x"), answer);
  }
  EXPECT_EQ(text_in(last_call(), "outcome"), "expired");
  (void)faults(R"({"refused_status":410})");
  EXPECT_EQ(push("x"), 410U);
}

TEST_F(CopilotCallbackTest, OneConversationsAddressesMayDieAlone) {
  const std::string other_target = signed_target();
  const std::string other = id;
  open();
  (void)say("agent");
  (void)faults(R"({"callback":{"mode":"expire","conversation":")" + id + "\"}}");
  EXPECT_EQ(push("x"), 401U);
  id = other;
  EXPECT_EQ(push(reply("x"), other_target).status, 200U);
}

TEST_F(CopilotCallbackTest, AnAddressExpiresByTheClock) {
  (void)faults(R"({"url_lifetime_ms":60000})");
  (void)say("more");
  EXPECT_EQ(push("x"), 200U);
  EXPECT_EQ(raw("POST", "/sandbox/clock", R"({"advance_s":61})").status, 200U);
  EXPECT_EQ(push("x"), 401U);
}

TEST_F(CopilotCallbackTest, FaultsStrikeSoManyTimes) {
  (void)faults(R"({"callback":{"mode":"status","value":429,"retry_after_s":7,"count":1}})");
  (void)faults(R"({"callback":{"mode":"refuse","count":1}})");
  (void)faults(R"({"callback":{"mode":"accept_then_drop","count":1}})");
  const auto limited = push(reply("x"), signed_target());
  EXPECT_EQ(limited.status, 429U);
  EXPECT_EQ(limited.header("Retry-After"), "7");
  EXPECT_THROW(push("not taken"), std::runtime_error);
  EXPECT_THROW(push("taken"), std::runtime_error);
  EXPECT_EQ(push("after all"), 200U);
  EXPECT_THAT(window(), ElementsAre("user: agent", HasSubstr("One moment"), "agent: taken",
                                    "agent: after all"));
}

TEST_F(CopilotCallbackTest, AHungPostIsLetGoWhenFaultsAreRemoved) {
  (void)faults(R"({"callback":{"mode":"hang","value":60}})");
  bool cut = false;
  std::thread hung([&] {
    try {
      (void)push("x");
    } catch (const std::runtime_error&) {
      cut = true;
    }
  });
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  const auto hits = [&] {
    const json::array list = control("GET", "/faults").at("callback").as_array();
    return list.empty() ? -1 : list[0].as_object().at("hits").as_int64();
  };
  while (hits() == 0 && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(hits(), 1);
  EXPECT_EQ(status("DELETE", "/faults"), 200U);
  hung.join();
  EXPECT_TRUE(cut);
  EXPECT_THAT(window(), SizeIs(2)) << "and nothing was taken";
}

TEST_F(CopilotCallbackTest, WhatTheProtocolForbidsIsWrittenDown) {
  const std::string place = R"(,"conversation":{"id":")" + id + "\"}";
  EXPECT_EQ(push_raw("nonsense"), 400U);
  EXPECT_EQ(push_raw("[]"), 400U);
  EXPECT_EQ(push_raw(R"({"text":"x"})"), 400U);
  EXPECT_EQ(push_raw(R"({"type":"invoke"})"), 400U);
  EXPECT_EQ(push_raw(R"({"type":"message","text":"x","conversation":{"id":"other"}})"), 400U);
  EXPECT_THAT(errors(),
              ElementsAre("not_an_activity", "not_an_activity", "type_missing",
                          "conversation_missing", "type_not_supported", "wrong_conversation"));
  EXPECT_THAT(window(), SizeIs(2));
  EXPECT_EQ(push_raw(R"({"type":"message","text":"x","id":"1","replyToId":"nobody",)"
                     R"("from":{"role":"user"},"recipient":{"role":"connectoruser"})" +
                     place + "}"),
            200U);
  EXPECT_EQ(push_raw(R"({"type":"message")" + place + "}"), 200U);
  EXPECT_EQ(push_raw(R"({"type":"event")" + place + "}"), 200U);
  EXPECT_EQ(push_raw(R"({"type":"endOfConversation")" + place + "}"), 200U);
  const auto after = errors();
  EXPECT_THAT(
      std::vector<std::string>(after.begin() + 6, after.end()),
      ElementsAre("set_by_agent", "from_not_swapped", "recipient_not_swapped", "reply_to_unknown",
                  "message_without_text", "event_without_name", "end_without_code"));
}

TEST_F(CopilotCallbackTest, TextsHaveALimitInUtf16AndActivitiesInBytes) {
  std::string emoji;
  for (int i = 0; i < 14'000; ++i) emoji += "\xF0\x9F\x98\x80";
  EXPECT_EQ(push(emoji), 200U);
  EXPECT_THAT(errors(), IsEmpty()) << "28,000 code units are allowed";
  EXPECT_EQ(push(emoji + "x"), 200U);
  EXPECT_THAT(errors(), ElementsAre("text_too_long"));
  EXPECT_EQ(push(std::string(256 * 1024, 'x')), 413U);
  EXPECT_THAT(errors(), Contains("too_large"));
}

TEST_F(CopilotCallbackTest, TypingAndEventsAreKeptButNotShown) {
  const std::string place = R"(,"conversation":{"id":")" + id + "\"}";
  EXPECT_EQ(push_raw(R"({"type":"typing")" + place + "}"), 200U);
  EXPECT_EQ(push_raw(R"({"type":"event","name":"handoff.status","value":{"state":"accepted"})" +
                     place + "}"),
            200U);
  const json::object seen = record();
  EXPECT_EQ(seen.at("typing_count").as_int64(), 1);
  EXPECT_EQ(text_in(seen.at("events").as_array()[0].as_object(), "name"), "handoff.status");
  EXPECT_THAT(window(), SizeIs(2));
  EXPECT_THAT(errors(), IsEmpty());
}

TEST_F(CopilotCallbackTest, AnEndByPostHandsTheConversationBack) {
  EXPECT_EQ(push_raw(R"({"type":"endOfConversation","code":"completedSuccessfully",)"
                     R"("value":{"ticket_number":"IMS7"},"conversation":{"id":")" +
                     id + "\"}}"),
            200U);
  EXPECT_FALSE(record().at("delegated").as_bool());
  EXPECT_THAT(window().back(), HasSubstr("ticket IMS7"));
}

TEST_F(CopilotCallbackTest, AnExpectedReplyThatIsPostedIsAnError) {
  open(R"({"delivery_mode":"expectReplies"})");
  agent.then([this](const FakeAgent::Received& turn) {
    json::object activity = reply("by the back door");
    activity["replyToId"] = text_in(turn.activity, "id");
    // From within the turn, on another thread than the sandbox's.
    EXPECT_EQ(push(activity, signed_target()).status, 200U);
    return json_answer(json::object{{"activities", json::array()}});
  });
  (void)say("agent");
  EXPECT_THAT(errors(), ElementsAre("push_in_expect_replies"));
}

// --- the control interface -------------------------------------------------------------------

TEST_F(CopilotCallbackTest, AWatcherIsAnsweredWhenThereIsSomethingNew) {
  const auto last = record().at("last").as_int64();
  json::object seen;
  std::thread watcher(
      [&] { seen = control("GET", path("?wait=10&after=" + std::to_string(last))); });
  EXPECT_EQ(push("news"), 200U);
  watcher.join();
  const json::array fresh = seen.at("record").as_array();
  ASSERT_THAT(fresh, SizeIs(1));
  EXPECT_EQ(text_in(fresh[0].as_object(), "text"), "news");
}

TEST_F(CopilotCallbackTest, MistakesGetClearAnswers) {
  EXPECT_EQ(status("POST", "/conversations", R"({"chanel":"webchat"})"), 400U);
  EXPECT_EQ(status("POST", "/conversations", R"({"channel":"fax"})"), 400U);
  EXPECT_EQ(status("POST", "/conversations", R"({"delivery_mode":"later"})"), 400U);
  EXPECT_EQ(status("POST", "/conversations", "nonsense"), 400U);
  EXPECT_EQ(status("POST", "/conversations/nobody/say", R"({"text":"x"})"), 404U);
  EXPECT_EQ(status("POST", path("/say"), "{}"), 400U);
  EXPECT_EQ(status("POST", path("/activity"), "{}"), 400U);
  EXPECT_EQ(status("POST", path("/dance"), "{}"), 404U);
  EXPECT_EQ(status("GET", "/nothing"), 404U);
  for (const char* wish :
       {R"({"callback":{"mode":"strange"}})", R"({"callback":{"mode":"expire","value":402}})",
        R"({"callback":{"mode":"status","value":"x"}})", R"({"rotate":"sometimes"})",
        R"({"turn_limit_ms":1})", R"({"refused_status":402})",
        R"({"redeliver":{"twice":"thrice"}})", R"({"rotation":"keep"})",
        R"({"redeliver":{"times":-1}})", R"({"callback":{"mode":"hang","rate":2}})"})
    EXPECT_EQ(status("POST", "/faults", wish), 400U) << wish;
  EXPECT_EQ(control("GET", "/faults").at("callback").as_array().size(), 0U);
  for (const char* wish : {R"({"auth":"key"})", R"({"auth":"entra"})", R"({"url":"ftp://x"})",
                           R"({"auth":"magic"})", R"({"uri":"http://x"})"})
    EXPECT_EQ(status("POST", "/agent", wish), 400U) << wish;
  EXPECT_EQ(text_in(control("GET", "/agent"), "url"), agent.url());
}

TEST_F(CopilotCallbackTest, WhatGrowsHasABound) {
  (void)faults(R"({"turn_limit_ms":60000})");
  agent.then([](const FakeAgent::Received&) { return net::Response(200); },
             std::chrono::seconds(5));
  for (int i = 0; i < 32; ++i) (void)say("waits", "?wait_ms=0");
  EXPECT_EQ(status("POST", path("/say?wait_ms=0"), R"({"text":"one too many"})"), 429U);
  const std::string busy = id;
  open();
  const std::string oldest = id;
  for (int i = 0; i < 499; ++i) open();
  EXPECT_EQ(status("GET", path()), 200U);
  id = oldest;
  EXPECT_EQ(status("GET", path()), 404U) << "the oldest that is with the assistant makes room";
  id = busy;
  EXPECT_EQ(status("GET", path()), 200U) << "one that is with the agent stays";
  for (int i = 0; i < 6; ++i) EXPECT_EQ(push(std::string(200'000, 'x')), 200U);
  EXPECT_GT(record().at("first_kept").as_int64(), 1) << "a window holds so much text";
}

TEST_F(CopilotCallbackTest, ResetForgetsConversationsFaultsAndTheConnection) {
  const std::string target = signed_target();
  (void)faults(R"({"rotate":"keep","callback":{"mode":"refuse"}})");
  (void)control("POST", "/agent", R"({"auth":"key","key":"k"})");
  EXPECT_EQ(raw("POST", "/sandbox/reset").status, 200U);
  EXPECT_EQ(status("GET", path()), 404U);
  EXPECT_EQ(push(reply("x"), target).status, 401U);
  EXPECT_EQ(text_in(control("GET", "/faults"), "rotate"), "each_turn");
  EXPECT_EQ(text_in(control("GET", "/agent"), "auth"), "none");
  EXPECT_EQ(raw("GET", "/sandbox/copilot/conversations").body, "[]\n");
}

TEST_F(CopilotCallbackTest, TheLedgerHoldsTurnsAndPostsWithoutTheSignature) {
  EXPECT_EQ(push("x"), 200U);
  const std::string calls = raw("GET", "/sandbox/calls").body;
  EXPECT_THAT(calls, HasSubstr("\"target\":\"copilot\""));
  EXPECT_THAT(calls, HasSubstr("/copilot/callback/"));
  EXPECT_THAT(calls, Not(HasSubstr("&s=")));
}

TEST_F(CopilotCallbackTest, ThePageAndItsPartsAreServed) {
  EXPECT_EQ(raw("GET", "/copilot").header("Location"), "/copilot/");
  const auto page = raw("GET", "/copilot/");
  EXPECT_EQ(page.status, 200U);
  EXPECT_THAT(page.header("Content-Type"), HasSubstr("text/html"));
  EXPECT_THAT(page.header("Content-Security-Policy"), HasSubstr("default-src 'none'"));
  for (const char* each : {"page.css", "page.mjs"}) {
    EXPECT_THAT(page.body, HasSubstr("\"" + std::string(each) + "\""));
    EXPECT_EQ(raw("GET", "/copilot/" + std::string(each)).status, 200U);
  }
  EXPECT_EQ(raw("GET", "/copilot/other").status, 404U);
  EXPECT_EQ(raw("POST", "/copilot/").status, 405U);
}

TEST_F(CopilotCallbackTest, StoppingLetsGoOfTurnsAndPostsThatHang) {
  (void)faults(R"({"callback":{"mode":"hang","value":60}})");
  agent.then([](const FakeAgent::Received&) { return net::Response(200); },
             std::chrono::seconds(1));
  (void)say("hangs", "?wait_ms=0");
  const std::string target = signed_target();
  std::thread hung([&] { EXPECT_THROW(push(reply("x"), target), std::runtime_error); });
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (control("GET", "/faults").at("callback").as_array()[0].as_object().at("hits") == 0 &&
         std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  sandbox->stop();
  hung.join();
}

TEST(CopilotCommandLineTest, TheConnectionIsReadFromOptions) {
  const auto line =
      parse_command_line({"--connected-agent", "https://agent.example/api/messages",
                          "--agent-auth=entra", "--agent-token-url", "http://127.0.0.1:1/token",
                          "--agent-client-id", "c", "--agent-client-secret", "s", "--agent-scope",
                          "x/.default", "--callback-base", "http://sandbox:5080/"});
  ASSERT_TRUE(line) << line.error().to_string();
  const copilot::Connection& agent = line->options.copilot;
  EXPECT_EQ(agent.url, "https://agent.example/api/messages");
  EXPECT_EQ(agent.auth, copilot::Auth::entra);
  EXPECT_EQ(agent.token_url, "http://127.0.0.1:1/token");
  EXPECT_EQ(agent.client_id + agent.client_secret + agent.scope, "csx/.default");
  EXPECT_EQ(agent.callback_base, "http://sandbox:5080");
  const auto problem = [](const std::vector<std::string>& arguments) {
    const auto read = parse_command_line(arguments);
    return read ? std::string() : read.error().context();
  };
  EXPECT_THAT(problem({"--agent-auth", "key"}), HasSubstr("--agent-key"));
  EXPECT_THAT(problem({"--agent-auth", "entra"}), HasSubstr("--agent-token-url"));
  EXPECT_THAT(problem({"--agent-auth", "magic"}), HasSubstr("--agent-auth"));
  EXPECT_THAT(problem({"--connected-agent", "agent"}), HasSubstr("--connected-agent"));
}

}  // namespace
}  // namespace bridge::sandbox
