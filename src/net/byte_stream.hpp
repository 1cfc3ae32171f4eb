// SPDX-License-Identifier: MIT
// One connected TCP stream, plain or TLS, for the server's sessions and the client's calls alike.
// Deadlines are the owner's business: it cuts the socket, and the pending operation fails.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <tuple>

#include "bridge/async/task.hpp"

namespace bridge::net {

using Socket = asio::ip::tcp::socket;
/// An operation's error and the bytes it moved.
using Io = std::tuple<boost::system::error_code, std::size_t>;
/// Head and body of a message, written with one system call where possible.
using Buffers = std::array<asio::const_buffer, 2>;

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  virtual Task<Io> read_some(asio::mutable_buffer into) = 0;
  /// Writes what the system takes without waiting and says how much; 0 also on an error, which the
  /// next `write` will meet. Saves a turn of the event loop for nearly every answer.
  virtual std::size_t write_now(const Buffers&) { return 0; }
  /// Writes everything, or fails. Lifetime: what the buffers point to must outlive the task.
  virtual Task<Io> write(Buffers buffers) = 0;
  /// Says politely that nothing more will be written (TLS close_notify, then FIN).
  virtual Task<> finish_writing() = 0;
  virtual Socket& socket() = 0;

  /// Bytes that were written and that the peer's TCP has not confirmed.
  std::size_t unacknowledged();

  /// Closes the socket: pending operations fail at once. Safe to repeat.
  void cut() {
    boost::system::error_code ignored;
    socket().close(ignored);
  }
};

class PlainStream final : public ByteStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}
  Task<Io> read_some(asio::mutable_buffer into) override;
  std::size_t write_now(const Buffers& buffers) override;
  Task<Io> write(Buffers buffers) override;
  Task<> finish_writing() override;
  Socket& socket() override { return socket_; }

 private:
  Socket socket_;
};

/// Whether a kept connection has been closed by the peer, or has bytes that nobody asked for, so
/// that it must not be used again. On TLS such bytes are most likely the close_notify.
bool is_stale(Socket& socket);

}  // namespace bridge::net
