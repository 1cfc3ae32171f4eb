// SPDX-License-Identifier: MIT
// Activities to the signed service URL of a conversation, behind the port `handoff::Delivery`. The
// caller of /api/messages names that URL, so where it may lead is decided here: https, a host that
// the operator listed, a public address (which the client of `connector_client_options` sees to).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/handoff/delivery.hpp"
#include "bridge/net/http_client.hpp"

namespace bridge::gateways {

class ConnectorOptions {
 public:
  ConnectorOptions() = default;

  /// Lower case; `name` is that host, `.suffix` every host below it. None: nothing may be posted.
  std::vector<std::string> service_hosts;
  /// Lets in the first other host of an authenticated call, until the program ends.
  bool learn_service_host = false;
  /// http, other ports, and listed hosts with any address: for a sandbox on the same machine.
  bool allow_insecure = false;
  Millis request_timeout{15'000};
  std::size_t max_connections_per_host = 32;
};

/// The client that posts must be made with: `base` (proxy, authorities) bound to public addresses.
net::ClientOptions connector_client_options(net::ClientOptions base,
                                            const ConnectorOptions& options);

/// Lifetime: `http`, `logger` and `metrics` must outlive the object, and the object every call.
std::unique_ptr<handoff::Delivery> make_connector(net::HttpClient& http, ConnectorOptions options,
                                                  Logger& logger, Metrics& metrics);

}  // namespace bridge::gateways
