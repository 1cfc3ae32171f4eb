// SPDX-License-Identifier: MIT
// A WebSocket client for tests. It lives on a thread of its own and answers pings by itself, as a
// browser does; every call here may block, none longer than its timeout.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bridge::test {

struct WsOptions {
  std::vector<std::pair<std::string, std::string>> headers;  ///< Origin, Cookie, Authorization, ...
  std::vector<std::string> subprotocols;
  bool read = true;        ///< false: never reads after the handshake, so it never pongs either
  int receive_buffer = 0;  ///< SO_RCVBUF in bytes; 0: the system's
  std::chrono::milliseconds timeout{5'000};
};

class WsClient {
 public:
  /// Connects to 127.0.0.1. A refused upgrade is no exception: see `is_open` and `status`.
  WsClient(std::uint16_t port, const std::string& target, const WsOptions& options = {});
  ~WsClient();
  WsClient(const WsClient&) = delete;
  WsClient& operator=(const WsClient&) = delete;

  bool is_open() const;
  /// Of the answer to the handshake: 101 or what refused it; 0 if there was no connection.
  unsigned status() const;
  std::string response_header(std::string_view name) const;

  void send_text(std::string text);
  void send_binary(std::string bytes);
  /// The next text; nothing after `timeout`, or once the socket has ended and all is handed out.
  std::optional<std::string> receive(std::chrono::milliseconds timeout = std::chrono::seconds(5));
  /// Waits until the socket has ended, from whichever side.
  bool wait_closed(std::chrono::milliseconds timeout = std::chrono::seconds(5));
  /// What the peer's close frame said; 0 if it ended without one.
  unsigned close_code() const;
  std::string close_reason() const;

  /// Stops reading, as a suspended laptop would; at most one more message is taken.
  void stop_reading();
  /// A close frame and a wait for the answer.
  void close(std::uint16_t code = 1000);
  /// A TCP reset, without a word.
  void cut();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bridge::test
