// SPDX-License-Identifier: MIT
// The way that Copilot Studio goes: its assistant hands a conversation to the bridge as a connected
// agent, and the texts of both people travel through its signed addresses, however those behave.
#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <thread>

#include "rig.hpp"

namespace bridge::test {
namespace {

using Texts = std::vector<std::string>;
using namespace std::chrono_literals;

constexpr const char* kKey = "system-test-copilot-key-0123456789";

std::string encoded(const std::string& id) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte)) {
      out.push_back(c);
    } else {
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

RigOptions with_key() {
  RigOptions options;
  options.bridge_environment = {{"CS_AUTH", "key"},
                                {"CS_API_KEY", kKey},
                                {"CS_SERVICE_HOSTS", "127.0.0.1"},
                                {"LOG_LEVEL", "DEBUG"}};
  return options;
}

/// A house in which Copilot Studio knows the bridge.
class CopilotRig : public Rig {
 public:
  explicit CopilotRig(RigOptions options = with_key()) : Rig(std::move(options)) {
    connect({{"auth", "key"}, {"header", "X-API-Key"}, {"key", kKey}});
  }
  void connect(json::object connection) {
    connection["url"] = bridge_url() + "/api/messages";
    connection["callback_base"] = "http://127.0.0.1:" + std::to_string(sandbox_port());
    control("/sandbox/copilot/agent", connection);
  }
  std::string bridge_url() const { return "http://127.0.0.1:" + std::to_string(bridge_port()); }
};

/// A person in a conversation of Copilot Studio.
class Person {
 public:
  explicit Person(Rig& rig, json::object conversation = {}) : rig_(rig) {
    conversation["user_name"] = "Ann";
    const json::value made = rig.control("/sandbox/copilot/conversations", conversation);
    path_ = "/sandbox/copilot/conversations/" + encoded(text_of(made.as_object(), "id"));
  }
  json::object say(const std::string& text) {
    return rig_.control(path_ + "/say", {{"text", text}}).as_object();
  }
  json::object record() { return rig_.look(path_).as_object(); }
  /// What the window shows as said by the connected agent.
  Texts shown() {
    Texts texts;
    const json::object record_now = record();
    for (const json::value& entry : record_now.at("record").as_array())
      if (text_of(entry.as_object(), "from") == "agent")
        texts.push_back(text_of(entry.as_object(), "text"));
    return texts;
  }
  bool sees(const std::string& part, std::chrono::seconds limit = 30s) {
    const auto until = std::chrono::steady_clock::now() + limit;
    do {
      for (const std::string& text : shown())
        if (text.find(part) != std::string::npos) return true;
      std::this_thread::sleep_for(20ms);
    } while (std::chrono::steady_clock::now() < until);
    ADD_FAILURE() << "never shown: " << part << "\n" << json::serialize(record());
    return false;
  }
  bool is_handed_back(std::chrono::seconds limit = 30s) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (record().at("hand_backs").as_array().empty()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }
  /// The ticket that the bridge names; fails the test if it names none.
  std::string ask_for_a_person() {
    say("my VPN is broken");
    say("I want to talk to a person");
    EXPECT_TRUE(sees("IMS"));
    for (const std::string& text : shown())
      if (const auto at = text.find("IMS"); at != std::string::npos)
        return text.substr(at, text.find('*', at) - at);
    return {};
  }
  const std::string& path() const { return path_; }

 private:
  Rig& rig_;
  std::string path_;
};

Texts beginning_with(const Texts& texts, const std::string& begin) {
  Texts found;
  for (const std::string& text : texts)
    if (text.starts_with(begin)) found.push_back(text);
  return found;
}

Texts numbered(const std::string& begin, int count) {
  Texts texts;
  for (int i = 1; i <= count; ++i) texts.push_back(begin + std::to_string(i));
  return texts;
}

class CopilotConversation : public testing::TestWithParam<const char*> {};

TEST_P(CopilotConversation, HoldsEachMessageOnceAndInOrderWhateverTheAddressesDo) {
  CopilotRig rig;
  // As the real one may: every turn twice, at the same time.
  rig.control("/sandbox/copilot/faults",
              {{"rotate", "each_turn"}, {"redeliver", {{"twice", "at_once"}}}});
  Person ann(rig, {{"delivery_mode", GetParam()}, {"channel", "msteams"}});
  const std::string number = ann.ask_for_a_person();
  ASSERT_FALSE(number.empty());
  const std::string at = "/sandbox/interactions/" + number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  EXPECT_TRUE(ann.sees("joined"));

  const std::vector<json::object> troubles{
      {},
      {{"callback", {{"mode", "expire"}}}},
      {{"callback", {{"mode", "refuse"}, {"count", 1}}}},
      {{"callback", {{"mode", "hang"}, {"value", 1}, {"count", 1}}}},
      {{"old_urls", "expired"}},
      {{"callback", {{"mode", "status"}, {"value", 503}, {"count", 1}, {"retry_after_s", 1}}}},
      {{"callback", {{"mode", "expire"}}}, {"refused_status", 410}},
      {{"callback", {{"mode", "slow"}, {"value", 1}, {"count", 1}}}},
      {{"callback", {{"mode", "status"}, {"value", 429}, {"count", 1}, {"retry_after_s", 1}}}},
      {{"callback", {{"mode", "expire"}}}, {"refused_status", 404}},
  };
  for (int i = 1; i <= 10; ++i) {
    rig.control("/sandbox/copilot/faults", troubles[static_cast<std::size_t>(i - 1)]);
    rig.control(at + "/message",
                {{"agent", "alex.rep"}, {"text", "agent says " + std::to_string(i)}});
    ann.say("user says " + std::to_string(i));
  }
  EXPECT_TRUE(ann.sees("agent says 10"));
  rig.control(at + "/end", {{"agent", "alex.rep"}});
  EXPECT_TRUE(ann.sees("has ended the chat"));
  EXPECT_TRUE(ann.is_handed_back());

  EXPECT_EQ(beginning_with(ann.shown(), "agent says"), numbered("agent says ", 10));
  EXPECT_EQ(beginning_with(rig.pane(number, "user"), "user says"), numbered("user says ", 10));
  const json::object record = ann.record();
  EXPECT_EQ(json::serialize(record.at("protocol_errors")), "[]");
  for (const json::value& call : record.at("callbacks").as_array())
    EXPECT_FALSE(call.as_object().at("authorization").as_bool());
  // The assistant has the conversation back, and knows how it went.
  const json::array& back = record.at("hand_backs").as_array();
  ASSERT_EQ(back.size(), 1u);
  EXPECT_NE(json::serialize(back[0]).find(number), std::string::npos);
  EXPECT_NE(json::serialize(back[0]).find("agent_ended"), std::string::npos);
  const json::object answer = ann.say("hello again");
  EXPECT_EQ(text_of(answer, "answered_by"), "assistant") << json::serialize(answer);
  EXPECT_EQ(rig.look("/sandbox/interactions").as_array().size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(EveryDeliveryMode, CopilotConversation,
                         testing::Values("normal", "expectReplies", "stream"),
                         [](const auto& one) { return std::string(one.param); });

TEST(Copilot, AnAnswerThatGotLostIsGivenAgain) {
  CopilotRig rig;
  Person ann(rig, {{"delivery_mode", "expectReplies"}});
  const std::string number = ann.ask_for_a_person();
  const std::string at = "/sandbox/interactions/" + number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  EXPECT_TRUE(ann.sees("joined"));
  rig.control("/sandbox/copilot/faults",
              {{"callback", {{"mode", "expire"}}}, {"redeliver", {{"forget_answers", 1}}}});
  rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", "agent says 1"}});
  rig.settle();
  ann.say("user says 1");
  EXPECT_EQ(beginning_with(ann.shown(), "agent says"), Texts{"agent says 1"});
  EXPECT_EQ(beginning_with(rig.pane(number, "user"), "user says"), Texts{"user says 1"});
}

TEST(Copilot, ATurnIsAnsweredWhileServiceNowHangs) {
  CopilotRig rig;
  rig.fault("open_chat", "hang", 1, 60'000);
  Person ann(rig, {{"delivery_mode", "expectReplies"}});
  ann.say("my VPN is broken");
  const auto began = std::chrono::steady_clock::now();
  const json::object answer = ann.say("I want to talk to a person");
  EXPECT_LT(std::chrono::steady_clock::now() - began, 15s) << "not when ServiceNow gives up";
  EXPECT_EQ(answer.at("status").to_number<int>(), 200);
  EXPECT_TRUE(ann.sees("takes longer than usual"));
}

TEST(Copilot, APageOfTheSameUserWatchesTheStateAndShowsNoTextTwice) {
  CopilotRig rig;
  Client page(rig);
  auto socket = page.socket("0:0");
  std::vector<json::object> frames;
  Person ann(rig, {{"bridge_session_id", page.session}});
  const std::string number = ann.ask_for_a_person();
  EXPECT_TRUE(read_until(*socket, frames, [](const auto& f) { return has_state(f, "queued"); }));
  const std::string at = "/sandbox/interactions/" + number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  EXPECT_TRUE(read_until(*socket, frames, [](const auto& f) { return has_state(f, "live"); }));
  rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", "agent says 1"}});
  EXPECT_TRUE(ann.sees("agent says 1"));
  ann.say("user says 1");
  rig.control(at + "/end", {{"agent", "alex.rep"}});
  EXPECT_TRUE(read_until(*socket, frames, [](const auto& f) { return has_state(f, "closed"); }));
  EXPECT_TRUE(ann.sees("has ended the chat"));
  EXPECT_EQ(texts(frames, "rep"), Texts()) << "texts belong to Copilot Studio's window";
  EXPECT_EQ(texts(frames, "user"), Texts());
  EXPECT_EQ(beginning_with(ann.shown(), "agent says"), Texts{"agent says 1"});
  EXPECT_EQ(beginning_with(rig.pane(number, "user"), "user says"), Texts{"user says 1"});
}

TEST(Copilot, TheOldRelaysSecondCallSaysNothingTwice) {
  CopilotRig rig;
  Person ann(rig);
  const std::string number = ann.ask_for_a_person();
  const std::string at = "/sandbox/interactions/" + number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", "agent says 1"}});
  EXPECT_TRUE(ann.sees("agent says 1"));
  // The rule of the old, separate relay is still installed: the same row, by its own path.
  const json::object interaction = rig.interaction(number);
  const json::value rows = rig.look(at + "/pane");
  const std::string row = text_of(rows.as_array().back().as_object(), "sys_id");
  const json::object body{{"interaction_sys_id", text_of(interaction, "sys_id")},
                          {"interaction_number", number},
                          {"message_sys_id", row},
                          {"text", "agent says 1"}};
  const ProbeResponse answer =
      http_probe(rig.bridge_port(), "POST", "/api/sn-webhook",
                 {{"Content-Type", "application/json"},
                  {"X-Webhook-Secret", "system-test-webhook-secret-0123456789"}},
                 json::serialize(body));
  EXPECT_EQ(answer.status, 200u) << answer.body;
  EXPECT_NE(answer.body.find("\"matched\":true"), std::string::npos) << answer.body;
  rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", "agent says 2"}});
  EXPECT_TRUE(ann.sees("agent says 2"));
  EXPECT_EQ(beginning_with(ann.shown(), "agent says"), numbered("agent says ", 2));
}

// ---- Credentials -----------------------------------------------------------------------------

constexpr const char* kTenant = "5a000000-0000-4000-8000-0000000e17a0";
constexpr const char* kApp = "5a000000-0000-4000-8000-00000000c0de";

RigOptions with_entra() {
  RigOptions options;
  options.bridge_environment = {{"CS_AUTH", "entra"},
                                {"CS_AUTHORITY", "{sandbox}/entra"},
                                {"A2A_TENANT_ID", kTenant},  // the old bridge's names
                                {"A2A_APP_ID", kApp},
                                {"CS_SERVICE_HOSTS", "127.0.0.1"}};
  return options;
}

json::object entra_connection(const Rig& rig) {
  const std::string authority =
      "http://127.0.0.1:" + std::to_string(rig.sandbox_port()) + "/entra/";
  return {{"auth", "entra"},
          {"token_url", authority + kTenant + "/oauth2/v2.0/token"},
          {"client_id", kApp},
          {"client_secret", "sandbox-entra-secret"},
          {"scope", std::string(kApp) + "/.default"}};
}

TEST(Copilot, WithTokensOfEntraAConversationGoesOnWhileKeysRoll) {
  CopilotRig rig(with_entra());
  rig.connect(entra_connection(rig));
  Person ann(rig);
  const std::string number = ann.ask_for_a_person();
  rig.control("/sandbox/entra/roll", {{"drop_old", true}});
  ann.say("user says 1");
  EXPECT_EQ(beginning_with(rig.pane(number, "user"), "user says"), Texts{"user says 1"});
}

TEST(Copilot, ATokenThatIsNotMeantForUsOpensNothing) {
  CopilotRig rig(with_entra());
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  const std::string other = "5a000000-0000-4000-8000-0000000000ff";
  struct Row {
    const char* what;
    json::object wish;
    unsigned status;
  };
  const std::vector<Row> rows{
      {"as it should be", {}, 202},
      {"alg none", {{"header", {{"alg", "none"}}}}, 401},
      {"HS256 with the public key", {{"header", {{"alg", "HS256"}}}}, 401},
      {"another audience", {{"claims", {{"aud", other}}}}, 401},
      {"another issuer", {{"claims", {{"iss", "https://sts.windows.net/" + other + "/"}}}}, 401},
      {"another tenant", {{"tenant", other}}, 403},
      {"another caller", {{"claims", {{"azp", other}, {"appid", other}}}}, 403},
      {"expired", {{"claims", {{"exp", now - 400}}}}, 401},
      {"not yet valid", {{"claims", {{"nbf", now + 400}}}}, 401},
      {"an unknown key", {{"header", {{"kid", "nobody"}}}}, 401},
      {"no key", {{"header", {{"kid", nullptr}}}}, 401},
  };
  int id = 0;
  for (const Row& row : rows) {
    const json::value minted = rig.control("/sandbox/entra/mint", row.wish);
    const std::string token = text_of(minted.as_object(), "access_token");
    const json::object activity{
        {"type", "message"},
        {"id", std::to_string(++id)},
        {"channelId", "pva-studio"},
        {"conversation", {{"id", "c" + std::to_string(id)}}},
        {"serviceUrl", "http://127.0.0.1:" + std::to_string(rig.sandbox_port()) + "/cb"},
        {"text", "help"}};
    const ProbeResponse answer =
        http_probe(rig.bridge_port(), "POST", "/api/messages",
                   {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + token}},
                   json::serialize(activity), std::chrono::seconds(15));
    EXPECT_EQ(answer.status, row.status) << row.what << ": " << answer.body;
    EXPECT_EQ(answer.body.find(token), std::string::npos);
  }
  EXPECT_EQ(rig.look("/sandbox/interactions").as_array().size(), 1u) << "of the good one";
}

}  // namespace
}  // namespace bridge::test
