// SPDX-License-Identifier: MIT
// The hand-over from HTTP to WebSocket. Plain and TLS are instantiated in a file each, because
// Beast's WebSocket costs the compiler dearly.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/byte_stream.hpp"
#include "net/server_context.hpp"

namespace bridge::net {

/// A request that wants to become a WebSocket, and the connection that it came on.
class Upgrade {
 public:
  std::unique_ptr<ByteStream> stream;
  Request request;
  std::string leftover;  ///< bytes received behind the request
  const WebSocketRoute* route = nullptr;
  std::size_t route_number = 0;
  std::optional<ConnectionCount> counted;
  std::chrono::steady_clock::time_point begun;  ///< first byte of the request
};

/// Answers the handshake, runs the route, closes and drains.
/// Requires: the stream is a PlainStream, or a TlsStream, respectively.
Task<> serve_plain_websocket(std::shared_ptr<ServerContext> context,
                             std::unique_ptr<Upgrade> upgrade);
Task<> serve_tls_websocket(std::shared_ptr<ServerContext> context,
                           std::unique_ptr<Upgrade> upgrade);

}  // namespace bridge::net
