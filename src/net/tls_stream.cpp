// SPDX-License-Identifier: MIT
#include "net/tls_stream.hpp"

#include <boost/asio/write.hpp>

namespace bridge::net {

Task<std::tuple<boost::system::error_code>> TlsStream::handshake(
    asio::ssl::stream_base::handshake_type role) {
  return layer_.async_handshake(role, as_result);
}

Task<Io> TlsStream::read_some(asio::mutable_buffer into) {
  return layer_.async_read_some(into, as_result);
}

Task<Io> TlsStream::write(Buffers buffers) { return asio::async_write(layer_, buffers, as_result); }

Task<> TlsStream::finish_writing() {
  (void)co_await layer_.async_shutdown(as_result);
  boost::system::error_code ignored;
  socket().shutdown(Socket::shutdown_send, ignored);
}

}  // namespace bridge::net
