// SPDX-License-Identifier: MIT
// The whole program in-process, over real sockets.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <thread>

#include "bridge/net/server.hpp"
#include "sandbox/command_line.hpp"
#include "sandbox/sandbox.hpp"
#include "servicenow_fixture.hpp"
#include "support/http_probe.hpp"

namespace bridge::sandbox {
namespace {

using test::http_probe;
using test::ProbeResponse;
using ::testing::HasSubstr;

/// Answers every POST with {"ok":true} and keeps the bodies: the bridge's place.
class Listener {
 public:
  Listener() {
    net::Route route;
    route.method = net::Method::post;
    route.pattern = "/{path...}";
    route.handler = [this](net::Request& request) { return receive(request); };
    router_.add(std::move(route));
    auto server = net::start_server(io_.get_executor(), net::ServerOptions(), router_, logger_);
    EXPECT_TRUE(server);
    server_ = std::move(*server);
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Listener() {
    asio::co_spawn(io_, server_->stop(in(std::chrono::seconds(2))), asio::use_future).wait();
    io_.stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

  /// Waits for a body that holds `text`; empty if none comes.
  std::string wait_for(const std::string& text) {
    std::unique_lock guard(mutex_);
    std::string found;
    arrived_.wait_for(guard, std::chrono::seconds(10), [&] {
      for (const std::string& body : bodies_)
        if (body.find(text) != std::string::npos) found = body;
      return !found.empty();
    });
    return found;
  }

 private:
  Task<net::Response> receive(net::Request& request) {
    const std::lock_guard guard(mutex_);
    bodies_.push_back(std::string(request.headers.get("X-Bridge-Secret")) + " " + request.body);
    arrived_.notify_all();
    co_return net::text_response(200, "{\"ok\":true}", "application/json");
  }

  NullLogger logger_;
  asio::io_context io_{1};
  net::Router router_;
  std::unique_ptr<net::Server> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::string> bodies_;
};

class SandboxServerTest : public ::testing::Test {
 protected:
  SandboxServerTest() {
    options.servicenow.scripts = std::string(BRIDGE_SOURCE_DIR) + "/servicenow";
    options.servicenow.bridge_url = bridge.url();
  }
  void start() {
    sandbox = std::make_unique<Sandbox>(options, logger);
    const auto started = sandbox->start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  ProbeResponse call(const std::string& method, const std::string& target,
                     const std::string& body = {},
                     std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
    return http_probe(
        sandbox->port(), method, target,
        {{"Authorization", "Basic " + base64_encode("intranet.bridge:sandbox-password")},
         {"Content-Type", "application/json"},
         {"Accept", "application/json"}},
        body, timeout);
  }
  ProbeResponse open(const std::string& key) {
    return call("POST", "/api/1833944/intranet_bridge/open_chat",
                R"({"user_sys_id":"5a000000000000000000000000000002",)"
                R"("queue_sys_id":"5a000000000000000000000000000011",)"
                R"("channel_sys_id":"27f675e3739713004a905ee515f6a7c3","bridge_session_id":")" +
                    key + "\"}");
  }
  Listener bridge;
  NullLogger logger;
  SandboxOptions options;
  std::unique_ptr<Sandbox> sandbox;
};

TEST_F(SandboxServerTest, AHandoffReachesTheBridgesWebhook) {
  options.servicenow.auto_accept = "alex.rep";
  start();
  const auto opened = open("s1");
  ASSERT_EQ(opened.status, 200U) << opened.body;
  EXPECT_THAT(opened.header("Set-Cookie"), HasSubstr("JSESSIONID"));
  const std::string hello = bridge.wait_for("Hello, this is Alex Rep");
  EXPECT_THAT(hello, HasSubstr("sandbox-webhook-secret "));
  EXPECT_THAT(hello, HasSubstr("\"bridge_session_id\":\"s1\""));
  EXPECT_THAT(call("GET", "/sandbox/interactions").body, HasSubstr("work_in_progress"));
}

TEST_F(SandboxServerTest, ADroppedAnswerClosesTheConnection) {
  start();
  ASSERT_EQ(call("POST", "/sandbox/faults",
                 R"({"target":"open_chat","mode":"drop_after_commit","count":1})")
                .status,
            200U);
  EXPECT_THROW(open("s1"), std::runtime_error);
  EXPECT_THAT(call("GET", "/sandbox/interactions").body, HasSubstr("\"bridge_session_id\":\"s1\""));
}

TEST_F(SandboxServerTest, ALateCallIsDoneAfterItsCallerHasGone) {
  start();
  (void)call("POST", "/sandbox/faults",
             R"({"target":"open_chat","mode":"late","value":600,"count":1})");
  EXPECT_THROW(open("s1"), std::runtime_error);
  EXPECT_EQ(call("GET", "/sandbox/interactions").body.find("s1"), std::string::npos);
  EXPECT_EQ(call("DELETE", "/sandbox/faults").status, 200U) << "then it is due";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string calls;
  while (calls.find("\"late\"") == std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    calls = call("GET", "/sandbox/calls").body;
  }
  EXPECT_THAT(calls, HasSubstr("\"fault:late\""));
  EXPECT_THAT(calls, HasSubstr("\"outcome\":\"late\""));
  EXPECT_THAT(call("GET", "/sandbox/interactions").body, HasSubstr("\"bridge_session_id\":\"s1\""));
}

TEST_F(SandboxServerTest, AHungCallHoldsOnUntilFaultsAreRemoved) {
  start();
  (void)call("POST", "/sandbox/faults", R"({"target":"open_chat","mode":"hang"})");
  auto hung = std::async(std::launch::async, [&] {
    try {
      return open("s1").status;
    } catch (const std::runtime_error&) {
      return 0U;
    }
  });
  EXPECT_EQ(hung.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  EXPECT_EQ(call("GET", "/sandbox/clock").status, 200U) << "others are served meanwhile";
  EXPECT_EQ(call("DELETE", "/sandbox/faults").status, 200U);
  EXPECT_EQ(hung.get(), 0U) << "and never answered";
}

TEST_F(SandboxServerTest, RefusingMeansThatNobodyListensForAWhile) {
  start();
  const auto port = sandbox->port();
  (void)call("POST", "/sandbox/faults", R"({"target":"*","mode":"refuse","value":0.5})");
  bool refused = false;
  bool back = false;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!back && std::chrono::steady_clock::now() < deadline) {
    try {
      back = http_probe(port, "GET", "/sandbox/clock").status == 200 && refused;
    } catch (const std::runtime_error&) {
      refused = true;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(back);
}

TEST_F(SandboxServerTest, StoppingEndsHungCallsAndScriptsThatWaitForTheBridge) {
  start();
  (void)call("POST", "/sandbox/faults", R"({"target":"webhook","mode":"hang"})");
  (void)call("POST", "/sandbox/faults", R"({"target":"send_message","mode":"hang"})");
  ASSERT_EQ(open("s1").status, 200U);
  (void)call("POST", "/sandbox/interactions/IMS0000001/accept", "{}");
  auto hung = std::async(std::launch::async, [&] {
    try {
      (void)call("POST", "/api/1833944/intranet_bridge/send_message", "{}");
    } catch (const std::runtime_error&) {
      return true;
    }
    return false;
  });
  const auto begin = std::chrono::steady_clock::now();
  while (sandbox->servicenow().faults().list().at(1).hits == 0 &&
         std::chrono::steady_clock::now() - begin < std::chrono::seconds(5))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  sandbox->stop();
  EXPECT_TRUE(hung.get());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(7));
}

TEST_F(SandboxServerTest, AFolderWithoutScriptsIsRefused) {
  options.servicenow.scripts = "/nonexistent";
  Sandbox broken(options, logger);
  EXPECT_FALSE(broken.start());
}

TEST_F(SandboxServerTest, OnlyAnAgentCanBePlayed) {
  options.servicenow.auto_accept = "guest";
  Sandbox broken(options, logger);
  const auto started = broken.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().context(), HasSubstr("guest"));
}

TEST(CommandLineTest, OptionsAreReadInBothForms) {
  const auto line = parse_command_line({"--port", "0", "--scripts=other/", "--bridge",
                                        "http://127.0.0.1:9/", "--async-delay-ms", "200-1500",
                                        "--switch", "consumer=argument", "--property=a.b=c",
                                        "--api-base", "/api/global/chat", "--data", "sandbox.db"});
  ASSERT_TRUE(line) << line.error().to_string();
  EXPECT_EQ(line->options.port, 0);
  const auto& servicenow = line->options.servicenow;
  EXPECT_EQ(servicenow.scripts, "other/");
  EXPECT_EQ(servicenow.bridge_url, "http://127.0.0.1:9");
  EXPECT_EQ(servicenow.instance.async_delay_min, std::chrono::milliseconds(200));
  EXPECT_EQ(servicenow.instance.async_delay_max, std::chrono::milliseconds(1500));
  EXPECT_EQ(servicenow.chat.consumer_of, ConsumerOf::argument);
  EXPECT_EQ(servicenow.properties.at("a.b"), "c");
  EXPECT_EQ(servicenow.data_file, "sandbox.db");
  EXPECT_TRUE(servicenow.webhook_url_given);
  EXPECT_FALSE(servicenow.webhook_secret_given);
  EXPECT_EQ(servicenow.api_namespace, "global");
  EXPECT_EQ(servicenow.api_id, "chat");
}

TEST(CommandLineTest, MistakesNameTheOption) {
  const auto problem = [](const std::vector<std::string>& arguments) {
    const auto line = parse_command_line(arguments);
    return line ? std::string() : line.error().context();
  };
  EXPECT_THAT(problem({"--port", "70000"}), HasSubstr("--port"));
  EXPECT_THAT(problem({"--nonsense", "1"}), HasSubstr("--nonsense"));
  EXPECT_THAT(problem({"--bridge", "localhost:5000"}), HasSubstr("--bridge"));
  EXPECT_THAT(problem({"--async-delay-ms", "9-1"}), HasSubstr("--async-delay-ms"));
  EXPECT_THAT(problem({"--switch", "consumer=nobody"}), HasSubstr("consumer"));
  EXPECT_THAT(problem({"--tls-cert", "a.pem"}), HasSubstr("--tls-key"));
  EXPECT_THAT(problem({"--password"}), HasSubstr("--password"));
}

TEST(CommandLineTest, HelpNamesEverySwitch) {
  EXPECT_THAT(usage(), HasSubstr("--auto-accept"));
  EXPECT_THAT(usage(), HasSubstr("send_result=objects"));
}

}  // namespace
}  // namespace bridge::sandbox
