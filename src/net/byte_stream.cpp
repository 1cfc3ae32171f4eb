// SPDX-License-Identifier: MIT
#include "net/byte_stream.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <boost/asio/write.hpp>
#include <cerrno>

namespace bridge::net {

Task<Io> PlainStream::read_some(asio::mutable_buffer into) {
  return socket_.async_read_some(into, as_result);
}

std::size_t PlainStream::write_now(const Buffers& buffers) {
  std::array<iovec, 2> parts{};
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i] = {const_cast<void*>(buffers[i].data()), buffers[i].size()};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t n = ::sendmsg(socket_.native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

Task<Io> PlainStream::write(Buffers buffers) {
  return asio::async_write(socket_, buffers, as_result);
}

Task<> PlainStream::finish_writing() {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  co_return;
}

std::size_t ByteStream::unacknowledged() {
  int bytes = 0;
  const bool known = socket().is_open() && ::ioctl(socket().native_handle(), SIOCOUTQ, &bytes) == 0;
  return known && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool is_stale(Socket& socket) {
  if (!socket.is_open()) return true;
  char byte;
  const ssize_t n = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

}  // namespace bridge::net
