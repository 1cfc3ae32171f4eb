// SPDX-License-Identifier: MIT
// The real program at LOG_LEVEL=debug, in both formats, with a canary in everything that is secret
// or said: configured secrets, tokens, cookies, texts, e-mail addresses, card numbers; through
// every endpoint, with upstreams that throw all of it back. None of it may stand in what it prints.
#include <signal.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <sstream>

#include "rig.hpp"
#include "support/fake_peer.hpp"

namespace bridge::test {
namespace {

const std::string kCard = "4111 1111 1111 1111";
const std::string kCardDigits = "5500005555555559";
const std::string kHookSecret = "canary-hook-secret-0123456789";
const std::string kAgentSecret = "canary-agent-secret-0123456789";
const std::string kCopilotKey = "canary-copilot-key-0123456789";
const std::string kMetricsToken = "canary-metrics-token-0123456789";

std::string http_answer(const std::string& status, const std::string& type,
                        const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type +
         "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nX-Canary: canary-header\r\n" +
         "Set-Cookie: JSESSIONID=canary-upstream-cookie\r\n\r\n" + body;
}

/// An upstream that says everything back, each time in another way.
void echo(PeerConnection& connection, std::atomic<int>& asked) {
  for (;;) {
    const std::string request = connection.read_request();
    if (request.empty()) return;
    const int turn = asked++;
    const std::string quoted = json::serialize(json::string(request));
    switch (turn % 6) {
      case 0:
        connection.send(http_answer("500 canary reason", "application/json",
                                    R"({"error":{"message":)" + quoted + "}}"));
        break;
      case 1:
        connection.send(http_answer("200 OK", "text/html", "<html>canary " + request + "</html>"));
        break;
      case 2:
        connection.send(http_answer("401 Unauthorized", "application/json",
                                    R"({"error":{"message":"canary","detail":)" + quoted + "}}"));
        break;
      case 3:
        connection.send(http_answer("200 OK", "application/json", R"({"result":)" + quoted + "}"));
        break;
      case 4:
        connection.send(http_answer("400 Bad Request", "text/plain", "canary " + request));
        break;
      default:
        connection.send("canary no http at all\r\n\r\n" + request);
        return;
    }
  }
}

/// A token endpoint: a token, then trouble.
void mint(PeerConnection& connection, std::atomic<int>& asked) {
  for (;;) {
    const std::string request = connection.read_request();
    if (request.empty()) return;
    connection.send(asked++ % 2 == 0
                        ? http_answer("200 OK", "application/json",
                                      R"({"token":"canary-dl-token","conversationId":"dl-1"})")
                        : http_answer("403 Forbidden", "application/json",
                                      json::serialize(json::object{{"canary", request}})));
  }
}

class Upstreams {
 public:
  std::atomic<int> calls{0};
  std::atomic<int> mints{0};
  FakePeer servicenow{[this](PeerConnection& connection) { echo(connection, calls); }};
  FakePeer tokens{[this](PeerConnection& connection) { mint(connection, mints); }};
};

class Program {
 public:
  Program(std::map<std::string, std::string> environment, bool as_json)
      : process_(BRIDGE_BINARY, {"serve"}, with_format(std::move(environment), as_json)) {
    const std::string rest =
        process_.wait_for(as_json ? R"("event":"listening","host":"127.0.0.1","port":)"
                                  : "listening host=127.0.0.1 port=");
    port_ = static_cast<std::uint16_t>(std::stoi(rest));
  }
  std::uint16_t port() const { return port_; }
  ProbeResponse ask(const std::string& method, const std::string& target,
                    const ProbeHeaders& headers = {}, const std::string& body = {}) {
    return http_probe(port_, method, target, headers, body, std::chrono::seconds(30));
  }
  ProbeResponse post(const std::string& path, const json::object& body,
                     const ProbeHeaders& headers = {}) {
    return ask("POST", path, headers, json::serialize(body));
  }
  /// Ends it; everything that it has printed.
  std::string finish() {
    process_.signal(SIGTERM);
    EXPECT_EQ(process_.wait(std::chrono::seconds(30)), 0);
    return process_.output();
  }

 private:
  static std::map<std::string, std::string> with_format(std::map<std::string, std::string> all,
                                                        bool as_json) {
    all["LOG_FORMAT"] = as_json ? "json" : "text";
    return all;
  }

  ChildProcess process_;
  std::uint16_t port_ = 0;
};

std::map<std::string, std::string> secretive(const Upstreams& upstreams) {
  const FakePeer& tokens = upstreams.tokens;
  return {{"SN_INSTANCE", "http://127.0.0.1:" + std::to_string(upstreams.servicenow.port())},
          {"SN_USER", "bridge.service"},
          {"SN_PASSWORD", "canary-password"},
          {"SN_BRIDGE_API_BASE", "/api/1/bridge"},
          {"SN_DEFAULT_USER_SYS_ID", std::string(32, '1')},
          {"SN_DEFAULT_QUEUE_SYS_ID", std::string(32, '2')},
          {"SN_DEFAULT_CHANNEL_SYS_ID", std::string(32, '3')},
          {"SN_WEBHOOK_SECRET", kHookSecret + ",canary-next-hook-secret-0123456789"},
          {"SN_TRUST_EMAIL", "1"},
          {"SN_REQUEST_TIMEOUT", "2s"},
          {"SN_TYPO", "canary-value-of-an-unknown-variable"},
          {"OPEN_DEADLINE", "3s"},
          {"SEND_DEADLINE", "3s"},
          {"AGENT_API_SECRET", kAgentSecret},
          {"METRICS_TOKEN", kMetricsToken},
          {"CS_API_KEY", kCopilotKey},
          {"CS_TENANT_ID", "5a000000-0000-4000-8000-0000000e17a0"},
          {"CS_APP_ID", "5a000000-0000-4000-8000-00000000c0de"},
          {"CS_AUTHORITY", tokens.url("/entra")},
          {"CS_SERVICE_HOSTS", "127.0.0.1"},
          {"DIRECTLINE_TOKEN_ENDPOINT", tokens.url("/token?api-key=canary-endpoint-key")},
          {"DIRECTLINE_SECRET", "canary-directline-secret"},
          {"DIRECTLINE_ENDPOINT_BASE", "http://127.0.0.1:" + std::to_string(tokens.port())},
          {"ALLOWED_ORIGINS", "https://portal.example"},
          {"BRIDGE_HOST", "127.0.0.1"},
          {"PORT", "0"},
          {"WEB_DIR", BRIDGE_SOURCE_DIR "/web"},
          {"ALLOW_INSECURE_UPSTREAM", "1"},
          {"RATE_LIMIT", "off"},
          {"LOG_LEVEL", "debug"},
          {"LOG_REPEATS", "0"}};
}

void put_through_everything(Program& bridge, const std::string& upstream,
                            std::vector<std::string>& secrets) {
  const std::string api = "/api/servicenow/";
  const ProbeHeaders hook{{"X-Bridge-Secret", kHookSecret}};
  const ProbeHeaders agent{{"X-Agent-Secret", kAgentSecret}};
  const std::string words = "canary words, card " + kCard + " and " + kCardDigits;

  const auto open = [&] {
    const ProbeResponse answer =
        bridge.post(api + "init-session",
                    {{"user_email", "canary@example.com"}, {"user_display_name", "Canary Person"}});
    EXPECT_EQ(answer.status, 200u) << answer.body;
    const json::object body = json::parse(answer.body).as_object();
    const std::string set = answer.header("Set-Cookie");
    secrets.push_back(text_of(body, "session_token"));
    secrets.push_back(set.substr(15, 64));
    return body;
  };
  for (int round = 0; round < 4; ++round) {
    const json::object session = open();
    const std::string id = text_of(session, "session_id");
    const std::string token = text_of(session, "session_token");
    const ProbeHeaders owner{{"Authorization", "Bearer " + token},
                             {"traceparent", "00-canary-canary-canary-00"},
                             {"User-Agent", "canary agent"},
                             {"Referer", "https://portal.example/?token=canary"},
                             {"Origin", "https://portal.example"}};
    const auto own = [&](const std::string& path, json::object body) {
      body["session_id"] = id;
      return bridge.post(api + path, body, owner).status;
    };
    const auto tell = [&](json::object body, const ProbeHeaders& headers) {
      body["bridge_session_id"] = id;
      body["interaction_sys_id"] = "ix" + std::to_string(round);
      return bridge.post(api + "webhook", body, headers).status;
    };
    (void)bridge.post("/directline/token", {{"user_id", id}}, owner);
    (void)bridge.post("/directline/token", {{"user_id", "canary-user"}});
    (void)own("escalate", {{"opening_message", words}, {"context", {{"card", kCardDigits}}}});
    (void)bridge.post(api + "agent/escalate", {{"session_id", id}, {"summary", words}}, agent);
    (void)tell({{"event", "claimed"}, {"rep_name", "canary rep"}}, hook);
    (void)tell({{"text", words}, {"message_sys_id", "m1"}, {"sender_sys_id", "a1"}}, hook);
    (void)own("user-message", {{"text", words}, {"client_message_id", "c1"}});
    (void)own("user-message", {{"text", words + "!"}, {"client_message_id", "c1"}});
    (void)own("typing", {});
    (void)bridge.ask("GET", api + "poll/" + id + "?after=0:0", owner);
    (void)bridge.ask("GET", api + "poll/" + id + "?after=canary&token=" + token, owner);
    {
      WsOptions options;
      options.subprotocols = {"handoff.v1", "token." + token};
      WsClient socket(bridge.port(), "/ws/intranet/" + id + "?after=0:0&canary=1", options);
      EXPECT_TRUE(socket.is_open());
      socket.send_text(words);
      options.subprotocols = {"handoff.v1", "token.canary"};
      options.headers = {{"Cookie", "bridge_session=canary"}};
      WsClient stranger(bridge.port(), "/ws/intranet/" + id, options);
      EXPECT_TRUE(stranger.wait_closed());
      options.headers = {{"Origin", "https://canary.example"}};
      WsClient foreign(bridge.port(), "/ws/intranet/" + id, options);
      EXPECT_FALSE(foreign.is_open());
      socket.send_binary(words);
      EXPECT_TRUE(socket.wait_closed());
    }
    // Replies go to where everything is thrown back; there is no chat, which is said there.
    for (const char* mode : {"normal", "expectReplies", "stream"})
      for (const ProbeHeaders& proof :
           {ProbeHeaders{{"X-API-Key", kCopilotKey}}, ProbeHeaders{{"X-API-Key", "canary-wrong"}},
            ProbeHeaders{{"Authorization", "Bearer canary.canary.canary"}}})
        (void)bridge.post("/api/messages",
                          {{"type", "message"},
                           {"id", "canary-activity"},
                           {"text", words},
                           {"deliveryMode", mode},
                           {"from", {{"id", "canary-user"}, {"name", words}}},
                           {"conversation", {{"id", "canary-conversation"}}},
                           {"channelData", {{"userEmail", "canary@example.com"}}},
                           {"serviceUrl", upstream + "/cb?sig=canary-signature"}},
                          proof);
    (void)bridge.post(api + "agent/create-ticket",
                      {{"short_description", words},
                       {"description", words},
                       {"caller_email", "canary@x.example"}},
                      agent);
    (void)tell({{"event", "closed"}, {"text", words}}, hook);
    (void)own("end", {});
    (void)own("user-message", {{"text", words}});

    // Wrong in every way.
    for (const std::string path : {"init-session", "escalate", "user-message", "typing", "end",
                                   "agent/escalate", "agent/create-ticket", "webhook",
                                   "../sn-webhook", "../messages", "../../directline/token"}) {
      const std::string target = path.starts_with("../../") ? "/directline/token"
                                 : path == "../messages"    ? "/api/messages"
                                 : path.starts_with("../")  ? "/api/sn-webhook"
                                                            : api + path;
      const ProbeHeaders wrong{{"Authorization", "Bearer canary-token"},
                               {"Cookie", "bridge_session=" + std::string(58, 'a') + "canary"},
                               {"X-Agent-Secret", "canary-wrong"},
                               {"X-Bridge-Secret", "canary-wrong"},
                               {"X-Bridge-Signature", "t=1,v1=canary"}};
      (void)bridge.post(target + "?secret=canary", {{"session_id", id}, {"text", words}}, wrong);
      ProbeHeaders right = owner;
      right.emplace_back("X-Agent-Secret", kAgentSecret);
      right.emplace_back("X-Bridge-Secret", kHookSecret);
      (void)bridge.ask("POST", target, right, "{\"text\":\"" + words);
      (void)bridge.ask("POST", target, right, words);
      (void)bridge.post(target, {{"session_id", {words}}, {"text", {words}}, {"user_id", 1}},
                        right);
      (void)bridge.post(target, {{"session_id", words}, {"text", std::string(9'000, 'x') + words}},
                        right);
      (void)bridge.ask("POST", target, right, std::string(200'000, 'c') + "canary");
      (void)bridge.ask("PUT", target, right, words);
    }
    (void)bridge.ask("GET", "/metrics", {{"Authorization", "Bearer canary-wrong"}});
    EXPECT_EQ(bridge.ask("GET", "/metrics", {{"Authorization", "Bearer " + kMetricsToken}}).status,
              200u);
    (void)bridge.ask("GET", "/?canary=1");
    for (const std::string bytes :
         {"canary nonsense\r\n\r\n", "GET /?canary HTTP/1.1\r\nHost: a\r\nHost: canary\r\n\r\n",
          "POST /api/servicenow/escalate HTTP/1.1\r\nHost: a\r\nContent-Length: canary\r\n\r\n"}) {
      RawConnection raw(bridge.port());
      raw.send(bytes);
      (void)raw.receive_all();
    }
    RawConnection raw(bridge.port());
    raw.send("GET / HTTP/1.1\r\nHost: a\r\nX-Long: " + std::string(40'000, 'c') + "canary");
    (void)raw.receive_all();
  }
}

class Secrecy : public testing::TestWithParam<bool> {};

TEST_P(Secrecy, NothingSecretOrSaidIsPrinted) {
  Upstreams upstreams;
  std::vector<std::string> secrets{"canary", "Canary", kCard, kCardDigits, "Basic ", "JSESSIONID"};
  // base64 of "bridge.service:canary-password", as the header to ServiceNow holds it.
  secrets.emplace_back("YnJpZGdlLnNlcnZpY2U6Y2FuYXJ5LXBhc3N3b3Jk");
  std::string printed;
  {
    Program bridge(secretive(upstreams), GetParam());
    put_through_everything(bridge, upstreams.servicenow.url(""), secrets);
    printed = bridge.finish();
  }
  // There must be something to look at: each upstream was met, sessions went their way.
  for (const char* event : {"session_state", "servicenow_call_failed", "open_chat_failed",
                            "request_refused", "socket_refused", "config_warning"})
    EXPECT_NE(printed.find(event), std::string::npos) << event;
  EXPECT_GE(upstreams.calls, 12) << "each way of echoing, twice";
  EXPECT_GE(upstreams.mints, 4);
  std::size_t lines = 0;
  std::istringstream all(printed);
  for (std::string line; std::getline(all, line); ++lines)
    for (const std::string& secret : secrets)
      EXPECT_EQ(line.find(secret), std::string::npos) << line;
  EXPECT_GT(lines, 400u);
}

INSTANTIATE_TEST_SUITE_P(InEachFormat, Secrecy, testing::Bool(),
                         [](const auto& one) { return one.param ? "Json" : "Text"; });

TEST(SecrecyOfCommands, NorByTheCommandsThatShowTheConfiguration) {
  Upstreams upstreams;
  auto environment = secretive(upstreams);
  // An endpoint's key stands in its URL, and a URL is shown: only what is marked secret is masked.
  environment["DIRECTLINE_TOKEN_ENDPOINT"] = upstreams.tokens.url("/token");
  for (const char* argument : {"--print-config", "check-config", "--help"}) {
    ChildProcess shown(BRIDGE_BINARY, {argument}, environment);
    EXPECT_EQ(shown.wait(), 0) << argument;
    EXPECT_EQ(shown.output().find("canary"), std::string::npos) << shown.output();
  }
  environment["AGENT_API_SECRET"] = "canary-short";
  environment["SN_WEBHOOK_SECRET"] = "canary with blanks in it";
  environment["SN_PASSWORD"] = "canary\npassword";
  ChildProcess wrong(BRIDGE_BINARY, {"check-config"}, environment);
  EXPECT_EQ(wrong.wait(), 78);
  EXPECT_NE(wrong.output().find("AGENT_API_SECRET"), std::string::npos);
  EXPECT_EQ(wrong.output().find("canary"), std::string::npos) << wrong.output();
}

}  // namespace
}  // namespace bridge::test
