// SPDX-License-Identifier: MIT
// What the running program says of itself: /metrics, /openapi.yaml and the ids of its requests.
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <set>
#include <sstream>

#include "rig.hpp"

namespace bridge::test {
namespace {

constexpr const char* kSeenAgentSecret = "system-test-agent-secret-0123456789";
constexpr const char* kSeenHookSecret = "system-test-webhook-secret-0123456789";
constexpr const char* kSeenCopilotKey = "system-test-copilot-key-0123456789";

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "seen-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make " + pattern);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string write(const std::string& name, const std::string& text) const {
    const std::string file = (path_ / name).string();
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

 private:
  std::filesystem::path path_;
};

struct Ended {
  int code = -1;
  std::string output;
};

Ended run_command(const std::string& command) {
  Ended ended;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe) return ended;
  char buffer[4096];
  while (const std::size_t n = ::fread(buffer, 1, sizeof buffer, pipe))
    ended.output.append(buffer, n);
  const int status = ::pclose(pipe);
  if (WIFEXITED(status)) ended.code = WEXITSTATUS(status);
  return ended;
}

/// Asks, and keeps what was said.
class Witness {
 public:
  explicit Witness(Rig& rig) : rig_(rig) {}

  ProbeResponse ask(const std::string& method, const std::string& described,
                    const std::string& target, const ProbeHeaders& headers = {},
                    const std::string& body = {}) {
    ProbeResponse answer =
        http_probe(rig_.bridge_port(), method, target, headers, body, std::chrono::seconds(40));
    exchanges.push_back(json::object{{"method", method},
                                     {"path", described},
                                     {"status", answer.status},
                                     {"type", answer.header("Content-Type")},
                                     {"request_id", answer.header("X-Request-Id")},
                                     {"body", answer.body}});
    return answer;
  }
  unsigned get(const std::string& path, const ProbeHeaders& headers = {}) {
    return ask("GET", path, path, headers).status;
  }
  unsigned post(const std::string& path, const json::object& body,
                const ProbeHeaders& headers = {}) {
    return ask("POST", path, path, headers, json::serialize(body)).status;
  }
  ProbeResponse poll(const Client& user, const std::string& query) {
    return ask("GET", "/api/servicenow/poll/{sid}", "/api/servicenow/poll/" + user.session + query,
               proof(user));
  }
  void frames(WsClient& socket, const std::string& until) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      auto text = socket.receive(std::chrono::milliseconds(200));
      if (!text) continue;
      exchanges.push_back(json::object{{"frame", *text}});
      if (text->find(until) != std::string::npos) return;
    }
    ADD_FAILURE() << "no frame with " << until;
  }
  static ProbeHeaders proof(const Client& user) {
    return {{"Authorization", "Bearer " + user.token}};
  }

  json::array exchanges;

 private:
  Rig& rig_;
};

TEST(OpenApi, DescribesWhatTheProgramReallyAnswers) {
  RigOptions options;
  options.bridge_environment = {{"SN_REQUEST_TIMEOUT", "2s"},
                                {"OPEN_DEADLINE", "4s"},
                                {"RATE_LIMIT", "off"},
                                {"CS_API_KEY", kSeenCopilotKey},
                                {"CS_SERVICE_HOSTS", "127.0.0.1"}};
  Rig rig(std::move(options));
  Witness seen(rig);
  const std::string api = "/api/servicenow/";
  const ProbeHeaders agent{{"X-Agent-Secret", kSeenAgentSecret}};
  const ProbeHeaders hook{{"X-Bridge-Secret", kSeenHookSecret}};

  EXPECT_EQ(seen.get("/healthz"), 200u);
  EXPECT_EQ(seen.get("/readyz"), 200u);
  EXPECT_EQ(seen.get("/metrics"), 200u);
  const std::string description = seen.ask("GET", "/openapi.yaml", "/openapi.yaml").body;
  EXPECT_EQ(seen.get("/nowhere"), 404u);
  EXPECT_EQ(seen.ask("DELETE", "/nothing-described", "/healthz").status, 405u);
  EXPECT_EQ(seen.ask("GET", "/ws/intranet/{sid}", "/ws/intranet/0").status, 426u);

  EXPECT_EQ(seen.post(api + "init-session", {{"user_display_name", "Ann"}}), 200u);
  EXPECT_EQ(seen.post(api + "init-session", {{"user_email", 1}}), 400u);
  EXPECT_EQ(seen.ask("POST", api + "init-session", api + "init-session", {}, "{").status, 400u);

  Client user(rig);
  const ProbeHeaders mine = Witness::proof(user);
  const auto own = [&](const std::string& path, json::object body) {
    body["session_id"] = user.session;
    return seen.post(api + path, body, mine);
  };
  EXPECT_EQ(own("user-message", {{"text", "too early"}}), 409u);
  EXPECT_EQ(own("user-message", {}), 400u);
  EXPECT_EQ(seen.post(api + "typing", {}), 400u);
  EXPECT_EQ(seen.post(api + "end", {{"session_id", user.session}}), 401u);
  EXPECT_EQ(seen.post(api + "typing", {{"session_id", std::string(32, 'f')}}, mine), 404u);
  EXPECT_EQ(seen.post(api + "typing", {{"session_id", user.session}},
                      {{"Authorization", "Bearer " + std::string(64, 'a')}}),
            403u);
  rig.fault("open_chat", "status", 0, 500);
  Client unlucky(rig);
  EXPECT_EQ(seen.post(api + "escalate", {{"session_id", unlucky.session}}, Witness::proof(unlucky)),
            502u);
  rig.heal();

  EXPECT_EQ(own("escalate", {{"opening_message", "hello"}}), 200u);
  EXPECT_EQ(own("escalate", {}), 200u);
  const std::string number = text_of(user.poll("?after=0:0").body, "interaction_number");
  const std::string chat = "/sandbox/interactions/" + number;
  auto socket = user.socket("0:0");
  rig.control(chat + "/accept", {{"agent", "alex.rep"}});
  seen.frames(*socket, "\"live\"");
  rig.control(chat + "/message", {{"agent", "alex.rep"}, {"text", "Hello"}});
  seen.frames(*socket, "\"Hello\"");
  EXPECT_EQ(
      seen.post(api + "webhook", {{"bridge_session_id", user.session}, {"event", "typing"}}, hook),
      200u);
  seen.frames(*socket, "\"typing\"");
  EXPECT_EQ(own("user-message", {{"text", "words"}, {"client_message_id", "c1"}}), 200u);
  EXPECT_EQ(own("user-message", {{"text", "others"}, {"client_message_id", "c1"}}), 409u);
  EXPECT_EQ(own("typing", {}), 200u);
  seen.frames(*socket, "\"receipt\"");
  EXPECT_EQ(seen.poll(user, "?after=0:0").status, 200u);
  const ProbeResponse elsewhere = seen.poll(user, "?after=ffffffff:3");
  const json::value page = json::parse(elsewhere.body);
  for (const json::value& frame : page.at("events").as_array())
    seen.exchanges.push_back(json::object{{"frame", json::serialize(frame)}});
  EXPECT_NE(elsewhere.body.find("resync"), std::string::npos);
  EXPECT_EQ(seen.poll(user, "?after=canary").status, 400u);
  EXPECT_EQ(own("end", {}), 200u);
  EXPECT_EQ(own("user-message", {{"text", "too late"}}), 409u);
  seen.frames(*socket, "\"closed\"");
  WsClient stranger(rig.bridge_port(), "/ws/intranet/" + user.session);
  seen.frames(stranger, "session token required");

  EXPECT_EQ(seen.post(api + "agent/escalate", {}, agent), 400u);
  EXPECT_EQ(seen.post(api + "agent/escalate", {{"session_id", "nobody"}}, agent), 404u);
  EXPECT_EQ(seen.post(api + "agent/escalate", {{"session_id", user.session}}), 403u);
  EXPECT_EQ(seen.post(api + "agent/escalate", {{"session_id", user.session}}, agent), 200u);
  EXPECT_EQ(seen.post(api + "agent/create-ticket", {}, agent), 400u);
  EXPECT_EQ(seen.post(api + "agent/create-ticket", {{"short_description", "Printer"}}, agent),
            200u);
  EXPECT_EQ(seen.post(api + "webhook", {{"bridge_session_id", "x"}}), 403u);
  EXPECT_EQ(seen.post(api + "webhook", {{"bridge_session_id", "x"}}, hook), 404u);
  EXPECT_EQ(seen.post("/api/sn-webhook", {{"bridge_session_id", "x"}}, hook), 200u);
  EXPECT_EQ(seen.post("/directline/token", {{"user_id", "someone"}}), 501u);

  const ProbeHeaders copilot{{"X-API-Key", kSeenCopilotKey}};
  const auto activity = [](std::string_view type, std::string_view mode, std::string_view url) {
    json::object one{{"type", type},
                     {"id", std::string(mode) + "-1"},
                     {"text", "help"},
                     {"conversation", {{"id", std::string(mode)}}}};
    if (!mode.empty()) one["deliveryMode"] = mode;
    if (!url.empty()) one["serviceUrl"] = url;
    return one;
  };
  EXPECT_EQ(seen.post("/api/messages", activity("message", "expectReplies", "")), 401u);
  EXPECT_EQ(seen.post("/api/messages", {}, copilot), 400u);
  EXPECT_EQ(seen.post("/api/messages", activity("message", "expectReplies", ""), copilot), 200u);
  EXPECT_EQ(seen.post("/api/messages", activity("message", "stream", ""), copilot), 200u);
  EXPECT_EQ(
      seen.post("/api/messages", activity("message", "normal", "https://evil.example/"), copilot),
      403u);
  EXPECT_EQ(seen.post("/api/messages",
                      activity("conversationUpdate", "normal", "http://127.0.0.1:9/cb"), copilot),
            202u);
  Client watcher(rig);
  json::object joining = activity("message", "expectReplies", "");
  joining["conversation"] = {{"id", "joined"}};
  joining["channelData"] = {{"bridgeSessionId", watcher.session}};
  EXPECT_EQ(seen.post("/api/messages", joining, copilot), 200u);
  auto watching = watcher.socket("0:0");
  seen.frames(*watching, "carried");

  const Folder folder;
  const std::string served = folder.write("openapi.yaml", description);
  const std::string said = folder.write("exchanges.json", json::serialize(seen.exchanges));
  const Ended checked = run_command("python3 " BRIDGE_SOURCE_DIR "/tests/system/check_openapi.py " +
                                    served + " " + said + " " BRIDGE_SOURCE_DIR);
  if (checked.code == 77) GTEST_SKIP() << checked.output;
  EXPECT_EQ(checked.code, 0) << checked.output;
}

std::string metrics_of(Rig& rig) { return http_probe(rig.bridge_port(), "GET", "/metrics").body; }

double value_of(const std::string& metrics, const std::string& series) {
  const auto at = metrics.find("\n" + series + " ");
  return at == std::string::npos ? -1 : std::stod(metrics.substr(at + series.size() + 2));
}

TEST(Metrics, EverySeriesOfTheRunningProgramIsExplainedAndPromtoolAgrees) {
  Rig rig;
  Client user(rig);
  auto socket = user.socket("0:0");
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  EXPECT_EQ(user.say("words", "c1").status, 200u);
  EXPECT_EQ(user.say("words", "c1").status, 200u);
  rig.settle();

  const std::string metrics = metrics_of(rig);
  EXPECT_EQ(value_of(metrics, "bridge_sessions{state=\"live\"}"), 1);
  EXPECT_EQ(value_of(metrics, "bridge_readers{kind=\"socket\"}"), 1);
  EXPECT_EQ(value_of(metrics, "bridge_ready"), 1);
  EXPECT_EQ(value_of(metrics, "bridge_oldest_undelivered_seconds{kind=\"send\"}"), 0);
  EXPECT_EQ(value_of(metrics, "bridge_handoff_events_total{kind=\"user_message_repeat\"}"), 1);
  EXPECT_GT(value_of(metrics, "bridge_commit_seconds_count"), 3);
  EXPECT_GT(value_of(metrics, "process_resident_memory_bytes"), 1e6);
  EXPECT_NE(metrics.find("bridge_build_info{version=\""), std::string::npos);
  for (const std::string& secret : {user.token, user.session, number})
    EXPECT_EQ(metrics.find(secret), std::string::npos);

  std::set<std::string> explained, typed;
  std::istringstream lines(metrics);
  std::string line;
  std::size_t samples = 0;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string hash, what, name;
    if (line.starts_with("# ")) {
      words >> hash >> what >> name;
      (what == "HELP" ? explained : typed).insert(name);
      continue;
    }
    name = line.substr(0, line.find_first_of("{ "));
    for (const std::string part : {"_bucket", "_sum", "_count"})
      if (name.ends_with(part) && !typed.contains(name)) name.resize(name.size() - part.size());
    EXPECT_TRUE(explained.contains(name)) << "no HELP: " << line;
    EXPECT_TRUE(typed.contains(name)) << "no TYPE: " << line;
    ++samples;
  }
  EXPECT_GT(samples, 60u);

  std::string promtool = BRIDGE_SOURCE_DIR "/build/tools/promtool";
  if (::access(promtool.c_str(), X_OK) != 0) promtool = "promtool";
  if (run_command(promtool + " --version").code != 0)
    GTEST_SKIP() << "promtool is not there; scripts/bootstrap.sh brings it";
  const Folder folder;
  const Ended checked =
      run_command(promtool + " check metrics < " + folder.write("metrics.txt", metrics));
  EXPECT_EQ(checked.code, 0) << checked.output;
}

TEST(Metrics, CanBeTurnedOffOrGivenAToken) {
  RigOptions off;
  off.bridge_environment = {{"METRICS", "0"}};
  {
    Rig rig(off);
    EXPECT_EQ(http_probe(rig.bridge_port(), "GET", "/metrics").status, 404u);
  }
  RigOptions guarded;
  guarded.bridge_environment = {{"METRICS_TOKEN", "system-test-metrics-token"}};
  Rig rig(guarded);
  EXPECT_EQ(http_probe(rig.bridge_port(), "GET", "/metrics").status, 401u);
  EXPECT_EQ(http_probe(rig.bridge_port(), "GET", "/metrics",
                       {{"Authorization", "Bearer system-test-metrics-token"}})
                .status,
            200u);
}

}  // namespace
}  // namespace bridge::test
