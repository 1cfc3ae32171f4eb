// SPDX-License-Identifier: MIT
// The client with another name service and another idea of a public address: for tests, which have
// nothing but loopback.
#pragma once

#include <functional>

#include "bridge/net/http_client.hpp"
#include "net/resolver.hpp"

namespace bridge::net {

using AddressRule = std::function<bool(const asio::ip::address&)>;

Result<std::unique_ptr<HttpClient>> make_http_client_with(asio::any_io_executor executor,
                                                          const ClientOptions& options,
                                                          Logger& logger, Metrics* metrics,
                                                          Lookup lookup, AddressRule is_public);

}  // namespace bridge::net
