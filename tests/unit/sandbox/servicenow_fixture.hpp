// SPDX-License-Identifier: MIT
// A stand-in ServiceNow without sockets: requests go in by function call, webhooks end in a list.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>

#include "sandbox/glide/base64.hpp"
#include "sandbox/servicenow/control.hpp"
#include "sandbox/servicenow/seed.hpp"
#include "sandbox/servicenow/servicenow.hpp"

namespace bridge::sandbox {

/// A folder of script files that lives as long as the object.
class ScriptDir {
 public:
  ScriptDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "scripts-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~ScriptDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScriptDir(const ScriptDir&) = delete;
  ScriptDir& operator=(const ScriptDir&) = delete;

  void resource(const std::string& name, const std::string& body, const std::string& role = {},
                const std::string& method = "POST") {
    std::ofstream file(path_ / (name + ".js"));
    file << "/**\n * @resource " << method << " /" << name << "\n * @requires_authentication true\n"
         << (role.empty() ? "" : " * @role " + role + "\n") << " */\n"
         << "(function process(request, response) {\n"
         << body << "\n})(request, response);\n";
  }
  void rule(const std::string& table, const std::string& notes, const std::string& body) {
    std::ofstream file(path_ / ("rule_" + table + ".js"));
    file << "/**\n * @rule " << table << "\n * @name relay " << table << "\n"
         << notes << " */\n"
         << "(function executeRule(current, previous) {\n"
         << body << "\n})(current, previous);\n";
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class ServiceNowTest : public ::testing::Test {
 protected:
  ServiceNowTest() {
    options.scripts = std::string(BRIDGE_SOURCE_DIR) + "/servicenow";
    options.bridge_url = "http://bridge.example:5000";
    // By the clock on the wall, which goes on while a machine has other things to do.
    options.instance.script_time_limit = std::chrono::minutes(2);
  }

  ServiceNow& start() {
    sn = std::make_unique<ServiceNow>(
        options, [this](const OutboundRequest& request) { return receive(request); }, logger);
    const auto installed = sn->install();
    EXPECT_TRUE(installed) << (installed ? "" : installed.error().to_string());
    return *sn;
  }
  ServiceNow& start(const ScriptDir& scripts) {
    options.scripts = scripts.path();
    return start();
  }
  ~ServiceNowTest() override { sn.reset(); }

  // --- requests --------------------------------------------------------------------------------

  static std::string basic(const std::string& user, const std::string& password) {
    return "Basic " + base64_encode(user + ":" + password);
  }
  net::Request request(const std::string& method, const std::string& target,
                       const std::string& body = {}) {
    net::Request made;
    for (const net::Method each : {net::Method::get, net::Method::post, net::Method::put,
                                   net::Method::patch, net::Method::delete_})
      if (net::to_string(each) == method) made.method = each;
    made.target = target;
    made.path = net::percent_decode(target.substr(0, target.find('?'))).value_or("");
    made.headers.set("Host", "sandbox.example");
    made.headers.set("Accept", "application/json");
    if (!body.empty()) made.headers.set("Content-Type", "application/json");
    made.headers.set("Authorization", basic(options.user, options.password));
    made.body = body;
    return made;
  }
  net::Response ask(const std::string& method, const std::string& target,
                    const std::string& body = {}) {
    return sn->handle(request(method, target, body)).response;
  }
  net::Response post(const std::string& resource, const std::string& body) {
    return ask("POST", "/api/1833944/intranet_bridge/" + resource, body);
  }
  static json::value parse(const std::string& body) {
    boost::system::error_code failed;
    json::value value = json::parse(body, failed);
    EXPECT_FALSE(failed) << body;
    return failed ? json::value(json::object()) : value;
  }
  /// `result` of a resource's answer, which must be a 200.
  json::object result(const std::string& resource, const json::object& body) {
    const net::Response response = post(resource, json::serialize(body));
    EXPECT_EQ(response.status, 200U) << response.body;
    json::value whole = parse(response.body);
    const auto* inner = whole.is_object() ? whole.get_object().if_contains("result") : nullptr;
    if (inner && inner->is_object()) return inner->get_object();
    ADD_FAILURE() << response.body;
    return {};
  }
  static std::string message_of(const net::Response& response) {
    const json::value body = parse(response.body);
    const auto* error = body.is_object() ? body.get_object().if_contains("error") : nullptr;
    return error && error->is_object() ? std::string(error->at("message").as_string()) : "";
  }
  static std::string detail_of(const net::Response& response) {
    const json::value body = parse(response.body);
    const auto& detail = body.at("error").at("detail");
    return detail.is_string() ? std::string(detail.as_string()) : "";
  }

  // --- control ---------------------------------------------------------------------------------

  net::Response control(const std::string& method, const std::string& path,
                        const std::string& body = {}) {
    Control desk(*sn);
    return desk.handle(request(method, "/sandbox" + path, body)).response;
  }
  json::value desk(const std::string& path, const std::string& body = "{}") {
    const net::Response response = control("POST", path, body);
    EXPECT_EQ(response.status, 200U) << path << ": " << response.body;
    return parse(response.body);
  }
  json::object interaction(const std::string& number) {
    return parse(control("GET", "/interactions/" + number).body).as_object();
  }
  static std::string text(const json::object& object, std::string_view name) {
    const auto* value = object.if_contains(name);
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  }
  /// "from: text" of each line of the agent's pane.
  std::vector<std::string> pane(const std::string& number) {
    std::vector<std::string> lines;
    const json::value shown = parse(control("GET", "/interactions/" + number + "/pane").body);
    for (const json::value& entry : shown.as_array()) {
      const auto& line = entry.as_object();
      lines.push_back(text(line, "from") + ": " + text(line, "text"));
    }
    return lines;
  }

  // --- a chat ----------------------------------------------------------------------------------

  json::object open_chat(const std::string& key, const std::string& first_message = {}) {
    json::object body;
    body["user_sys_id"] = kGuestId;
    body["queue_sys_id"] = kQueueId;
    body["channel_sys_id"] = kChatChannelId;
    body["bridge_session_id"] = key;
    body["short_description"] = "needs help";
    if (!first_message.empty()) body["first_message"] = first_message;
    return result("open_chat", body);
  }
  json::object send_message(const json::object& chat, const std::string& message,
                            const std::string& id = {}) {
    json::object body;
    body["conversation_sys_id"] = chat.at("conversation_sys_id");
    body["user_sys_id"] = kGuestId;
    body["text"] = message;
    if (!id.empty()) body["client_message_id"] = id;
    return result("send_message", body);
  }

  // --- scripts ---------------------------------------------------------------------------------

  /// What a background script evaluates to, as `as` (default: the service account).
  std::string js(const std::string& source, const std::string& as = {}) {
    auto session = sn->instance().session_for(as.empty() ? options.user : as);
    const auto value = sn->instance().run_script(source, *session);
    if (!value) {
      ADD_FAILURE() << value.error().context();
      return {};
    }
    return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
  }

  // --- webhooks --------------------------------------------------------------------------------

  OutboundReply receive(const OutboundRequest& out) {
    const std::lock_guard guard(mutex_);
    sent_.push_back(out);
    arrived_.notify_all();
    OutboundReply reply;
    reply.status = 200;
    reply.body = "{\"ok\":true}";
    return answer ? answer(out) : reply;
  }
  /// What has arrived once at least `count` have, in order of arrival.
  std::vector<json::object> webhooks(std::size_t count) {
    std::unique_lock guard(mutex_);
    EXPECT_TRUE(
        arrived_.wait_for(guard, std::chrono::seconds(10), [&] { return sent_.size() >= count; }))
        << "only " << sent_.size() << " of " << count << " webhooks arrived";
    std::vector<json::object> bodies;
    for (const OutboundRequest& each : sent_) bodies.push_back(parse(each.body).as_object());
    return bodies;
  }
  std::vector<OutboundRequest> raw_webhooks() {
    const std::lock_guard guard(mutex_);
    return sent_;
  }
  void settle() { EXPECT_TRUE(sn->instance().wait_for_jobs(std::chrono::seconds(20))); }

  NullLogger logger;
  ServiceNowOptions options;
  std::function<OutboundReply(const OutboundRequest&)> answer;
  std::unique_ptr<ServiceNow> sn;

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<OutboundRequest> sent_;
};

}  // namespace bridge::sandbox
