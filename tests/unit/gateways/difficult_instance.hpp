// SPDX-License-Identifier: MIT
#pragma once

#include "servicenow_fixture.hpp"
#include "support/fakes.hpp"

namespace bridge::gateways {

/// A gateway that makes calls again as it does in earnest, in front of an instance that fails.
class ResilienceTest : public testing::Test {
 protected:
  ResilienceTest() {
    options.instance = "https://dev1.example";
    options.api_base = "/api/1/bridge";
    options.user = "intranet.bridge";
    options.password = Secret("password");
    options.client_id = "client";
    options.client_secret = Secret("client-secret");
    options.retry.first_pause = Millis(4);
    options.breaker.failures = 5;
  }

  ServiceNow& gateway() {
    if (!made) made = make_servicenow(http, options, logger, metrics);
    return *made;
  }
  handoff::SendRequest message() {
    handoff::SendRequest request;
    request.chat.api = api;
    request.chat.conversation_sys_id = kConversation;
    request.text = "hello";
    request.client_message_id = "m1";
    return request;
  }
  /// "ok" or the id of the error.
  std::string send(std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      auto request = message();
      const auto sent = co_await gateway().live_chat().send(std::move(request), in(limit));
      if (!sent) error = sent.error();
      outcome = sent ? "ok" : std::string(id_of(sent.error().errc()));
    });
    return outcome;
  }
  std::string name() {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      const auto found =
          co_await gateway().live_chat().name_of(kAgent, in(std::chrono::seconds(5)));
      if (!found) error = found.error();
      outcome = found ? *found : std::string(id_of(found.error().errc()));
    });
    return outcome;
  }
  void answer_sent() {
    http.answer(200, std::string(R"({"result":{"api":2,"message_sys_id":")") + kMessage + R"("}})");
  }
  void answer_token(const std::string& token) {
    http.answer(200, R"({"access_token":")" + token + R"(","expires_in":1799})");
  }
  void answer_busy(unsigned status, const std::string& wait) {
    auto response = net::text_response(status, "<html>LEAK</html>", "text/html");
    if (!wait.empty()) response.headers.set("Retry-After", wait);
    http.answers.emplace_back(std::move(response));
  }
  std::string authorization(std::size_t index) {
    return std::string(http.requests.at(index).headers.get("Authorization"));
  }
  std::uint64_t retries(const std::string& reason) {
    return metrics.counters["upstream_retries." + reason].value();
  }

  test::FakeHttpClient http;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
  ServiceNowOptions options;
  std::unique_ptr<ServiceNow> made;
  Error error;
  int api = 2;  ///< of the chat
};

}  // namespace bridge::gateways
