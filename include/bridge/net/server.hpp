// SPDX-License-Identifier: MIT
// Accepts connections and serves a Router over HTTP/1.1 and WebSocket. One per listening port.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bridge/async/task.hpp"
#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/net/router.hpp"

namespace bridge::net {

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any; see Server::port
  std::size_t max_connections = 20'000;
  std::size_t max_header_bytes = 16 * 1024;
  std::size_t max_header_line = 8 * 1024;  ///< the request target, or one field
  std::size_t max_header_fields = 100;
  std::chrono::milliseconds first_byte_timeout{
      15'000};                                       ///< of a new connection, handshake included
  std::chrono::milliseconds header_timeout{15'000};  ///< first byte to end of header
  /// From its first byte to its answer: late while it is read is 408, while it is handled 503.
  std::chrono::milliseconds request_timeout{90'000};
  /// A body must come this fast (bytes a second) on average, once it has had `receive_grace`.
  std::size_t min_receive_rate = 256;
  std::chrono::milliseconds receive_grace{10'000};
  std::chrono::milliseconds keep_alive_timeout{75'000};  ///< idle between requests
  std::chrono::milliseconds write_timeout{10'000};       ///< per 64 KiB, and per WebSocket frame
  std::chrono::milliseconds ping_interval{
      25'000};                                ///< a ping unanswered for as long ends the socket
  std::size_t max_message_bytes = 64 * 1024;  ///< WebSocket, inbound
  std::size_t max_queued_bytes = 256 * 1024;  ///< WebSocket, outbound
  /// So many WebSockets a second are closed when the server stops, that not all come back at once;
  /// more of them if there would not be time.
  std::size_t closes_per_second = 1'000;
  /// Patterns of routes whose requests are logged at debug level: what a platform asks all the
  /// time.
  std::vector<std::string> quiet_routes;
  std::string tls_certificate_file;  ///< PEM chain; with the key: serve TLS (the sandbox does)
  std::string tls_key_file;
};

class Server {
 public:
  virtual ~Server() = default;
  /// The bound port.
  virtual std::uint16_t port() const = 0;
  /// Stops accepting; idle connections end at once, busy ones after their response, WebSockets with
  /// 1012, a few at a time. Returns when all are gone, or at `deadline`, when they are cut.
  virtual Task<> stop(Deadline deadline) = 0;
  virtual std::size_t connections() const = 0;
};

/// Binds and starts accepting on the executor's context.
/// Errors: the system's code, with the address in the context (port in use, no such host);
/// invalid_argument for limits that contradict each other.
/// Lifetime: `router`, `logger` and `metrics` must outlive the server, and the context must run out
/// of work after `stop` before the server is destroyed. Routes are added before, not after.
Result<std::unique_ptr<Server>> start_server(asio::any_io_executor executor,
                                             const ServerOptions& options, const Router& router,
                                             Logger& logger, Metrics& metrics);
/// The same without counting.
Result<std::unique_ptr<Server>> start_server(asio::any_io_executor executor,
                                             const ServerOptions& options, const Router& router,
                                             Logger& logger);

}  // namespace bridge::net
