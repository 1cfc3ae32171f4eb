// SPDX-License-Identifier: MIT
// Blocking HTTP for tests: plain sockets to 127.0.0.1, no library that could be as wrong as what
// is tested. The server must run on another thread or in another process.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bridge::test {

using ProbeHeaders = std::vector<std::pair<std::string, std::string>>;

struct ProbeResponse {
  unsigned status = 0;
  ProbeHeaders headers;
  std::string body;

  /// The first field of that name, without regard to case; empty if there is none.
  std::string header(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

/// One TCP connection. Everything throws std::runtime_error when it fails or takes too long.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port,
                         std::chrono::milliseconds timeout = std::chrono::seconds(5));
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  void send(std::string_view bytes);
  /// Everything until the peer ends its side; a reset counts as the end.
  std::string receive_all();
  /// The next so many bytes; fewer if the peer ends its side first.
  std::string receive_exactly(std::size_t bytes);
  /// Whether the peer ended its side (after nothing more) within the timeout.
  bool is_closed_by_peer();
  /// The next response, framed by Content-Length or chunks; earlier surplus bytes come first.
  ProbeResponse receive_response(bool to_head = false);
  /// Ends our side only.
  void finish();
  /// Sends a reset.
  void reset();

 private:
  bool fill();

  int fd_ = -1;
  std::string buffer_;
};

/// One request on a connection of its own. Host, Content-Length and `Connection: close` are added.
ProbeResponse http_probe(std::uint16_t port, std::string_view method, std::string_view target,
                         const ProbeHeaders& headers = {}, std::string_view body = {},
                         std::chrono::milliseconds timeout = std::chrono::seconds(10));

}  // namespace bridge::test
