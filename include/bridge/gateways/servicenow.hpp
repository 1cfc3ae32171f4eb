// SPDX-License-Identifier: MIT
// ServiceNow behind the ports of `handoff`: our Scripted REST resources for chats, the Table API
// for incidents and people. One object offers all three ports, because they share the account, the
// connection pool and what is remembered (names, the service account, Virtual Agent's user).
//
// A reply counts as success only if it is 2xx, JSON, complete and has `result`; everything else
// becomes one of our own codes with a hint, and never carries the upstream's words.
#pragma once

#include <memory>
#include <string>

#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/core/secret.hpp"
#include "bridge/handoff/desks.hpp"
#include "bridge/handoff/live_chat.hpp"
#include "bridge/net/circuit_breaker.hpp"
#include "bridge/net/http_client.hpp"

namespace bridge::gateways {

enum class ServiceNowAuth { basic, oauth };

/// How often and how soon a call is made again.
struct RetryLimits {
  int attempts = 8;
  Millis first_pause{250};  ///< the range of the first pause; doubles
  Millis longest_pause{5'000};
};

class ServiceNowOptions {
 public:
  ServiceNowOptions() = default;

  std::string instance;  ///< https://dev12345.service-now.com
  std::string api_base;  ///< /api/<namespace>/<api id>
  ServiceNowAuth auth = ServiceNowAuth::basic;
  std::string user;  ///< with oauth only to know ourselves; empty: the instance is asked
  Secret password;
  std::string client_id;
  Secret client_secret;
  std::string queue_sys_id;
  std::string channel_sys_id;
  Millis request_timeout{15'000};
  /// How many calls may read chats (LiveChat::messages) at a time, so that catching up leaves the
  /// connections to those who speak.
  std::size_t messages_at_once = 4;
  RetryLimits retry;
  net::CircuitBreaker::Limits breaker;
};

class ServiceNow {
 public:
  virtual ~ServiceNow() = default;
  virtual handoff::LiveChat& live_chat() = 0;
  virtual handoff::TicketDesk& ticket_desk() = 0;
  virtual handoff::UserDirectory& user_directory() = 0;
};

/// Lifetime: `http`, `logger` and `metrics` must outlive the object, and the object every call.
std::unique_ptr<ServiceNow> make_servicenow(net::HttpClient& http, ServiceNowOptions options,
                                            Logger& logger, Metrics& metrics);

}  // namespace bridge::gateways
