// SPDX-License-Identifier: MIT
#include "rig.hpp"

#include <signal.h>
#include <stdlib.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>
#include <thread>

namespace bridge::test {
namespace {

constexpr const char* kSecret = "system-test-webhook-secret-0123456789";

}  // namespace

std::map<std::string, std::string> environment_of(const std::string& text) {
  std::map<std::string, std::string> found;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (const auto equals = line.find('='); equals != std::string::npos)
      found[line.substr(0, equals)] = line.substr(equals + 1);
    at = end + 1;
  }
  return found;
}

Rig::Rig(RigOptions options) : options_(std::move(options)) {
  if (options_.sandbox_keeps_data || options_.bridge_keeps_sessions) {
    std::string pattern = (std::filesystem::temp_directory_path() / "rig-XXXXXX").string();
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("cannot make " + pattern);
    data_folder_ = pattern;
  }
  start_sandbox({"--bridge", "http://127.0.0.1:1"});
  start_bridge();
  turn_webhooks_to_bridge();
}

void Rig::turn_webhooks_to_bridge() {
  const std::string base = "http://127.0.0.1:" + std::to_string(bridge_port_);
  control("/sandbox/properties",
          {{"intranet_bridge.outbound_webhook_url", base + "/api/servicenow/webhook"}});
}

Rig::~Rig() {
  bridge_.reset();
  sandbox_.reset();
  std::error_code ignored;
  if (!data_folder_.empty()) std::filesystem::remove_all(data_folder_, ignored);
}

void Rig::start_sandbox(std::vector<std::string> words) {
  words.insert(words.end(), {"--port", std::to_string(sandbox_port_), "--scripts", options_.scripts,
                             "--webhook-secret", kSecret});
  if (options_.sandbox_keeps_data)
    words.insert(words.end(), {"--data", (data_folder_ / "sandbox.db").string()});
  words.insert(words.end(), options_.sandbox_arguments.begin(), options_.sandbox_arguments.end());
  sandbox_ = std::make_unique<ChildProcess>(SANDBOX_BINARY, words);
  const std::string url = sandbox_->wait_for("handoff-sandbox listening on ");
  sandbox_port_ = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
}

void Rig::kill_sandbox() {
  sandbox_->signal(SIGKILL);
  EXPECT_EQ(sandbox_->wait(), 128 + SIGKILL);
}

void Rig::restart_sandbox() { start_sandbox(); }

void Rig::kill_bridge() {
  bridge_->signal(SIGKILL);
  EXPECT_EQ(bridge_->wait(), 128 + SIGKILL);
}

void Rig::restart_bridge() { start_bridge(); }

std::unique_ptr<ChildProcess> Rig::start_another_bridge() {
  auto first = std::move(bridge_);
  bridge_port_ = 0;
  start_bridge();
  turn_webhooks_to_bridge();
  return first;
}

std::string Rig::session_file() const { return (data_folder_ / "sessions.db").string(); }

std::map<std::string, std::string> Rig::bridge_environment() {
  ChildProcess printer(SANDBOX_BINARY, {"--print-env"});
  EXPECT_EQ(printer.wait(), 0);
  std::map<std::string, std::string> environment = environment_of(printer.output());
  environment["SN_INSTANCE"] = "http://127.0.0.1:" + std::to_string(sandbox_port_);
  environment["SN_WEBHOOK_SECRET"] = kSecret;
  environment["AGENT_API_SECRET"] = "system-test-agent-secret-0123456789";
  environment["BRIDGE_HOST"] = "127.0.0.1";
  environment["PORT"] = std::to_string(bridge_port_);
  if (options_.bridge_keeps_sessions) {
    environment["BRIDGE_STORE"] = "sqlite:" + session_file();
    environment["STORE_KEY"] = "system-test-store-key-0123456789";
  }
  environment["WEB_DIR"] = BRIDGE_SOURCE_DIR "/web";
  environment["ALLOW_INSECURE_UPSTREAM"] = "1";
  environment["RATE_LIMIT"] = "off";  // every test has the one address 127.0.0.1
  for (auto [key, value] : options_.bridge_environment) {
    if (const auto at = value.find("{sandbox}"); at != std::string::npos)
      value.replace(at, 9, environment["SN_INSTANCE"]);
    environment[key] = value;
  }
  return environment;
}

void Rig::start_bridge() {
  bridge_ = std::make_unique<ChildProcess>(BRIDGE_BINARY, std::vector<std::string>{"serve"},
                                           bridge_environment());
  bridge_port_ =
      static_cast<std::uint16_t>(std::stoi(bridge_->wait_for("listening host=127.0.0.1 port=")));
}

json::value Rig::control(const std::string& path, const json::object& body) {
  const ProbeResponse answer =
      http_probe(sandbox_port_, "POST", path, {{"Content-Type", "application/json"}},
                 json::serialize(body), std::chrono::seconds(20));
  EXPECT_EQ(answer.status / 100, 2u) << path << ": " << answer.body;
  return answer.body.empty() ? json::value() : json::parse(answer.body);
}

json::value Rig::look(const std::string& path) {
  const ProbeResponse answer = http_probe(sandbox_port_, "GET", path);
  EXPECT_EQ(answer.status, 200u) << path << ": " << answer.body;
  return json::parse(answer.body);
}

void Rig::fault(const std::string& target, const std::string& mode, int count, json::value value) {
  json::object wish{{"target", target}, {"mode", mode}};
  if (count > 0) wish["count"] = count;
  if (!value.is_null()) wish["value"] = value;
  control("/sandbox/faults", wish);
}

void Rig::heal() { (void)http_probe(sandbox_port_, "DELETE", "/sandbox/faults"); }

void Rig::settle() { control("/sandbox/settle"); }

json::object Rig::interaction(const std::string& number) {
  return look("/sandbox/interactions/" + number).as_object();
}

std::vector<std::string> Rig::pane(const std::string& number) {
  std::vector<std::string> shown;
  const json::value rows = look("/sandbox/interactions/" + number + "/pane");
  for (const json::value& row : rows.as_array()) shown.push_back(text_of(row.as_object(), "text"));
  return shown;
}

std::vector<std::string> Rig::pane(const std::string& number, const std::string& from) {
  std::vector<std::string> shown;
  const json::value rows = look("/sandbox/interactions/" + number + "/pane");
  for (const json::value& row : rows.as_array())
    if (text_of(row.as_object(), "from") == from) shown.push_back(text_of(row.as_object(), "text"));
  return shown;
}

Client::Client(Rig& rig) : rig_(rig) {
  const ProbeResponse answer =
      http_probe(rig.bridge_port(), "POST", "/api/servicenow/init-session",
                 {{"Content-Type", "application/json"}}, R"({"user_display_name":"Ann"})");
  EXPECT_EQ(answer.status, 200u) << answer.body;
  const json::object body = json::parse(answer.body).as_object();
  session = text_of(body, "session_id");
  token = text_of(body, "session_token");
  const std::string header = answer.header("Set-Cookie");
  cookie = header.substr(0, header.find(';'));
}

std::string Client::Answer::error() const { return text_of(body, "error"); }

Client::Answer Client::post(const std::string& path, json::object body) {
  body["session_id"] = session;
  const ProbeResponse raw =
      http_probe(rig_.bridge_port(), "POST", "/api/servicenow/" + path,
                 {{"Content-Type", "application/json"}, {"Authorization", "Bearer " + token}},
                 json::serialize(body), std::chrono::seconds(40));
  Answer answer;
  answer.status = raw.status;
  answer.body = json::parse(raw.body).as_object();
  return answer;
}

std::string Client::escalate(const std::string& opening) {
  const Answer answer = post("escalate", {{"opening_message", opening}});
  EXPECT_EQ(answer.status, 200u) << json::serialize(answer.body);
  return text_of(answer.body, "interaction_number");
}

Client::Answer Client::say(const std::string& text, const std::string& id) {
  json::object body{{"text", text}};
  if (!id.empty()) body["client_message_id"] = id;
  return post("user-message", body);
}

Client::Answer Client::poll(const std::string& query) {
  const ProbeResponse raw =
      http_probe(rig_.bridge_port(), "GET", "/api/servicenow/poll/" + session + query,
                 {{"Authorization", "Bearer " + token}}, {}, std::chrono::seconds(70));
  Answer answer;
  answer.status = raw.status;
  answer.body = json::parse(raw.body).as_object();
  return answer;
}

std::vector<json::object> Client::wait_until(
    const std::function<bool(const std::vector<json::object>&)>& done, std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  std::vector<json::object> frames;
  std::string cursor = "0:0";
  while (!done(frames)) {
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "waited in vain; frames: "
                    << json::serialize(json::array(frames.begin(), frames.end()));
      break;
    }
    const Answer page = poll("?wait=2&after=" + cursor);
    if (page.status != 200) {
      ADD_FAILURE() << json::serialize(page.body);
      break;
    }
    for (const json::value& frame : page.body.at("events").as_array())
      frames.push_back(frame.as_object());
    cursor = text_of(page.body, "cursor");
  }
  return frames;
}

std::string Client::wait_for_state(const std::string& state) {
  (void)wait_until([&](const auto& frames) { return has_state(frames, state); });
  return state;
}

std::unique_ptr<WsClient> Client::socket(const std::string& after) {
  WsOptions options;
  options.subprotocols = {"handoff.v1", "token." + token};
  std::string target = "/ws/intranet/" + session;
  if (!after.empty()) target += "?after=" + after;
  auto socket = std::make_unique<WsClient>(rig_.bridge_port(), target, options);
  EXPECT_TRUE(socket->is_open()) << socket->status();
  return socket;
}

bool read_until(WsClient& socket, std::vector<json::object>& frames,
                const std::function<bool(const std::vector<json::object>&)>& done,
                std::chrono::seconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done(frames) && std::chrono::steady_clock::now() < deadline)
    if (auto text = socket.receive(std::chrono::milliseconds(200)))
      frames.push_back(json::parse(*text).as_object());
  return done(frames);
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::vector<std::string> texts(const std::vector<json::object>& frames, std::string_view from) {
  std::vector<std::string> found;
  for (const json::object& frame : frames)
    if (text_of(frame, "type") == "message" && text_of(frame, "from") == from)
      found.push_back(text_of(frame, "text"));
  return found;
}

bool has_state(const std::vector<json::object>& frames, std::string_view state) {
  for (const json::object& frame : frames)
    if (text_of(frame, "type") == "status" && text_of(frame, "state") == state) return true;
  return false;
}

}  // namespace bridge::test
