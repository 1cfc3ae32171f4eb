// SPDX-License-Identifier: MIT
// A whole sandbox, and a connected agent that answers as the test says, both over real sockets.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "bridge/async/task.hpp"
#include "bridge/net/server.hpp"
#include "sandbox/sandbox.hpp"
#include "support/http_probe.hpp"

namespace bridge::sandbox {

inline net::Response json_answer(const json::value& body, unsigned status = 200) {
  return net::text_response(status, json::serialize(body), "application/json");
}

inline std::string text_in(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// Keeps what it is sent. Answers 200 with nothing unless told otherwise.
class FakeAgent {
 public:
  struct Received {
    net::Request request;
    json::object activity;
  };
  using Script = std::function<net::Response(const Received&)>;

  FakeAgent() {
    net::Route route;
    route.method = net::Method::post;
    route.pattern = "/{path...}";
    route.body_limit = std::size_t{1} << 20;
    route.handler = [this](net::Request& request) { return receive(request); };
    router_.add(std::move(route));
    auto server = net::start_server(io_.get_executor(), net::ServerOptions(), router_, logger_);
    EXPECT_TRUE(server);
    server_ = std::move(*server);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~FakeAgent() {
    asio::co_spawn(io_, server_->stop(in(std::chrono::seconds(2))), asio::use_future).wait();
    io_.stop();
    thread_.join();
  }

  std::string url(const std::string& path = "/api/messages") const {
    return "http://127.0.0.1:" + std::to_string(server_->port()) + path;
  }
  /// The next answers, in order; then it answers with nothing again.
  void then(Script script, std::chrono::milliseconds delay = std::chrono::milliseconds(0)) {
    const std::lock_guard guard(mutex_);
    scripts_.push_back({std::move(script), delay});
  }
  void then_status(unsigned status) {
    then([status](const Received&) { return net::Response(status); });
  }
  std::vector<Received> received(const std::string& path = "/api/messages") const {
    const std::lock_guard guard(mutex_);
    std::vector<Received> some;
    for (const Received& each : received_)
      if (each.request.path == path) some.push_back(each);
    return some;
  }

 private:
  struct Step {
    Script script;
    std::chrono::milliseconds delay;
  };

  Task<net::Response> receive(net::Request& request) {
    Received one;
    one.request = request;
    if (auto body = parse_object(request.body)) one.activity = std::move(*body);
    Step step;
    {
      const std::lock_guard guard(mutex_);
      received_.push_back(one);
      if (!scripts_.empty()) {
        step = std::move(scripts_.front());
        scripts_.pop_front();
      }
    }
    if (step.delay.count() > 0) co_await async::sleep_for(step.delay);
    net::Response response;
    if (step.script) response = step.script(one);
    co_return response;
  }

  NullLogger logger_;
  asio::io_context io_{1};
  net::Router router_;
  std::unique_ptr<net::Server> server_;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<Received> received_;
  std::deque<Step> scripts_;
};

class CopilotTest : public ::testing::Test {
 protected:
  CopilotTest() {
    options.servicenow.scripts = std::string(BRIDGE_SOURCE_DIR) + "/servicenow";
    options.copilot.url = agent.url();
  }
  void start() {
    sandbox = std::make_unique<Sandbox>(options, logger);
    const auto started = sandbox->start();
    ASSERT_TRUE(started) << started.error().to_string();
    (void)faults(R"({"redeliver":{"delay_ms":5}})");
  }

  test::ProbeResponse raw(const std::string& method, const std::string& target,
                          const std::string& body = {},
                          const test::ProbeHeaders& headers = {
                              {"Content-Type", "application/json"}}) {
    return test::http_probe(sandbox->port(), method, target, headers, body);
  }
  json::object control(const std::string& method, const std::string& path,
                       const std::string& body = {}) {
    const auto answer = raw(method, "/sandbox/copilot" + path, body);
    EXPECT_EQ(answer.status, 200U) << path << ": " << answer.body;
    boost::system::error_code failed;
    json::value value = json::parse(answer.body, failed);
    return value.is_object() ? value.get_object() : json::object();
  }
  json::object faults(const std::string& body) { return control("POST", "/faults", body); }
  unsigned status(const std::string& method, const std::string& path,
                  const std::string& body = {}) {
    return raw(method, "/sandbox/copilot" + path, body).status;
  }

  /// Opens a conversation that the other functions are about.
  void open(const std::string& wish = "{}") {
    id = text_in(control("POST", "/conversations", wish), "id");
  }
  std::string path(const std::string& rest = {}) {
    return "/conversations/" + net::percent_encode(id) + rest;
  }
  json::object say(const std::string& text, const std::string& query = {}) {
    json::object body;
    body["text"] = text;
    return control("POST", path("/say") + query, json::serialize(body));
  }
  json::object send_activity(const std::string& members) {
    return control("POST", path("/activity"), members);
  }
  json::object record() { return control("GET", path()); }
  /// "from: text" of what the window shows.
  std::vector<std::string> window() {
    std::vector<std::string> lines;
    const json::object seen = record();
    for (const json::value& entry : seen.at("record").as_array())
      lines.push_back(text_in(entry.as_object(), "from") + ": " +
                      text_in(entry.as_object(), "text"));
    return lines;
  }
  std::vector<std::string> errors() {
    std::vector<std::string> codes;
    const json::object seen = record();
    for (const json::value& error : seen.at("protocol_errors").as_array())
      codes.push_back(text_in(error.as_object(), "code"));
    return codes;
  }
  /// What the last turn's deliveries came to.
  static std::vector<std::string> attempts(const json::object& turn) {
    std::vector<std::string> outcomes;
    for (const json::value& attempt : turn.at("attempts").as_array())
      outcomes.push_back(text_in(attempt.as_object(), "outcome"));
    return outcomes;
  }

  json::object reply(const std::string& text) const {
    json::object activity;
    activity["type"] = "message";
    activity["text"] = text;
    activity["conversation"] = {{"id", id}};
    return activity;
  }
  /// Path and query of the signed address in the agent's last turn.
  std::string signed_target() const {
    const std::string url = text_in(agent.received().back().activity, "serviceUrl");
    return url.substr(url.find('/', 8));
  }
  test::ProbeResponse push(const json::object& activity, const std::string& target) {
    return raw("POST", target, json::serialize(activity));
  }
  unsigned push(const std::string& text) { return push(reply(text), signed_target()).status; }

  FakeAgent agent;
  NullLogger logger;
  SandboxOptions options;
  std::unique_ptr<Sandbox> sandbox;
  std::string id;
};

}  // namespace bridge::sandbox
