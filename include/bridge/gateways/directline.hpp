// SPDX-License-Identifier: MIT
// Direct Line tokens for the page: from Copilot Studio's token endpoint, or from the channel secret
// when there is no endpoint or it fails. A token belongs to one conversation: it is never kept.
#pragma once

#include <memory>
#include <string>

#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/core/secret.hpp"
#include "bridge/handoff/desks.hpp"
#include "bridge/net/http_client.hpp"

namespace bridge::gateways {

class DirectLineOptions {
 public:
  DirectLineOptions() = default;

  std::string token_endpoint;  ///< may carry a query; empty: none
  Secret secret;               ///< empty: none
  std::string endpoint_base = "https://directline.botframework.com";
  Millis request_timeout{15'000};
};

/// Lifetime: `http`, `logger` and `metrics` must outlive the object, and the object every call.
std::unique_ptr<handoff::TokenBroker> make_directline(net::HttpClient& http,
                                                      DirectLineOptions options, Logger& logger,
                                                      Metrics& metrics);

}  // namespace bridge::gateways
