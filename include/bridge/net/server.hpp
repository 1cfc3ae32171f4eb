// SPDX-License-Identifier: MIT
// Accepts connections and serves a Router over HTTP/1.1 and WebSocket. One per listening port.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "bridge/async/task.hpp"
#include "bridge/core/logger.hpp"
#include "bridge/net/router.hpp"

namespace bridge::net {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any; see Server::port
  std::size_t max_connections = 20'000;
  std::size_t max_header_bytes = 16 * 1024;
  std::chrono::milliseconds header_timeout{15'000};  ///< first byte to end of header
  std::chrono::milliseconds body_timeout{30'000};
  std::chrono::milliseconds keep_alive_timeout{75'000};  ///< idle between requests
  std::chrono::milliseconds write_timeout{10'000};       ///< also per WebSocket frame
  std::chrono::milliseconds ping_interval{
      25'000};                                ///< a ping unanswered for as long ends the socket
  std::size_t max_message_bytes = 64 * 1024;  ///< WebSocket, inbound
  std::size_t max_queued_bytes = 256 * 1024;  ///< WebSocket, outbound
  std::string tls_certificate_file;  ///< PEM chain; with the key: serve TLS (the sandbox does)
  std::string tls_key_file;
};

class Server {
 public:
  virtual ~Server() = default;
  /// The bound port.
  virtual std::uint16_t port() const = 0;
  /// Stops accepting; idle connections end at once, busy ones after their response, WebSockets with
  /// 1012. Returns when all are gone, or at `deadline`, after which they are cut.
  virtual Task<> stop(Deadline deadline) = 0;
  virtual std::size_t connections() const = 0;
};

/// Binds and starts accepting on the executor's context.
/// Errors: the system's code, with the address in the context (port in use, no such host).
/// Lifetime: `router` and `logger` must outlive the server, and the context must run out of work
/// after `stop` before the server is destroyed.
Result<std::unique_ptr<Server>> start_server(asio::any_io_executor executor,
                                             const ServerOptions& options, const Router& router,
                                             Logger& logger);

}  // namespace bridge::net
