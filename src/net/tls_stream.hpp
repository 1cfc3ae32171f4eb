// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/ssl/stream.hpp>

#include "net/byte_stream.hpp"

namespace bridge::net {

using TlsLayer = asio::ssl::stream<Socket>;

class TlsStream final : public ByteStream {
 public:
  TlsStream(Socket socket, asio::ssl::context& context) : layer_(std::move(socket), context) {}
  Task<std::tuple<boost::system::error_code>> handshake(
      asio::ssl::stream_base::handshake_type role);
  Task<Io> read_some(asio::mutable_buffer into) override;
  Task<Io> write(Buffers buffers) override;
  /// Sends close_notify and waits for the peer's: bounded by the owner's deadline only.
  Task<> finish_writing() override;
  Socket& socket() override { return layer_.next_layer(); }
  TlsLayer& layer() { return layer_; }

 private:
  TlsLayer layer_;
};

}  // namespace bridge::net
