// SPDX-License-Identifier: MIT
#pragma once

#include <gmock/gmock.h>

#include "bridge/core/json.hpp"
#include "bridge/gateways/servicenow.hpp"
#include "fake_http_client.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::gateways {

inline constexpr const char* kConversation = "c0000000000000000000000000000001";
inline constexpr const char* kInteraction = "10000000000000000000000000000001";
inline constexpr const char* kUser = "b0000000000000000000000000000001";
inline constexpr const char* kAgent = "a0000000000000000000000000000001";
inline constexpr const char* kVirtualAgent = "f0000000000000000000000000000001";
inline constexpr const char* kMessage = "e0000000000000000000000000000001";

/// A gateway over a fake client. Upstream texts in the tests hold the word LEAK, which must be
/// found in no log line.
class ServiceNowTest : public testing::Test {
 protected:
  ServiceNowTest() {
    ServiceNowOptions options;
    options.instance = "https://dev1.example";
    options.api_base = "/api/1/bridge";
    options.user = "intranet.bridge";
    options.password = Secret("p\u00e4ss:word");
    options.queue_sys_id = "90000000000000000000000000000001";
    options.channel_sys_id = "90000000000000000000000000000002";
    options.request_timeout = Millis(15'000);
    options.retry.attempts = 1;  // servicenow_resilience_test.cpp has the others
    gateway_ = make_servicenow(http_, std::move(options), logger_, metrics_);
  }
  ~ServiceNowTest() override {
    EXPECT_FALSE(logger_.contains("LEAK"));
    EXPECT_FALSE(logger_.contains("ss:word"));
  }

  handoff::LiveChat& chats() { return gateway_->live_chat(); }
  Deadline soon() const { return in(std::chrono::seconds(20)); }
  json::object sent(std::size_t index) const {
    auto body = parse_object(http_.requests.at(index).body);
    return body ? *body : json::object();
  }

  test::FakeHttpClient http_;
  test::RecordingLogger logger_;
  NullMetrics metrics_;
  std::unique_ptr<ServiceNow> gateway_;
};

}  // namespace bridge::gateways
