// SPDX-License-Identifier: MIT
#include "net/byte_stream.hpp"

#include <sys/socket.h>

#include <boost/asio/write.hpp>
#include <cerrno>

namespace bridge::net {

Task<Io> PlainStream::read_some(asio::mutable_buffer into) {
  return socket_.async_read_some(into, as_result);
}

Task<Io> PlainStream::write(Buffers buffers) {
  return asio::async_write(socket_, buffers, as_result);
}

Task<> PlainStream::finish_writing() {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  co_return;
}

bool is_stale(Socket& socket) {
  if (!socket.is_open()) return true;
  char byte;
  const ssize_t n = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace bridge::net
