// SPDX-License-Identifier: MIT
// The client's end of one connection, cheap enough not to be what is measured: raw sockets, no
// parser beyond the length of an answer. Speaks HTTP/1.1 and, after an upgrade, WebSocket.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bridge::bench {

class Connection {
 public:
  Connection() = default;
  ~Connection();
  Connection(Connection&& other) noexcept;
  Connection& operator=(Connection&& other) noexcept;

  /// From 127.0.<n>.1, so that neither ports nor limits per address run out. Throws
  /// std::runtime_error.
  void open(std::uint16_t port, unsigned n = 0);
  void close();
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

  /// Throws std::runtime_error if the connection ends.
  void send(std::string_view bytes);
  /// Reads what is there; false if the other side has ended.
  bool receive();
  void wait_readable(int milliseconds);

  /// Takes a whole answer off what was read. The view lives until the next `receive`.
  bool take_answer(unsigned& status, std::string_view& body);
  /// Takes one whole frame off what was read; pings are answered. The same for its view.
  bool take_frame(std::string_view& payload);
  /// A request and its answer. Throws if there is none within ten seconds.
  std::string ask(std::string_view request, unsigned expected_status = 200);

 private:
  void compact();

  int fd_ = -1;
  std::string buffer_;
  std::size_t begin_ = 0;
};

std::string get_request(std::string_view target, std::string_view headers = {});
/// `headers` with their line ends.
std::string post_request(std::string_view target, std::string_view headers, std::string_view body);
/// The value of a string member of flat JSON, without looking at anything else.
std::string member_of(std::string_view json, std::string_view name);

}  // namespace bridge::bench
