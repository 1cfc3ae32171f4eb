// SPDX-License-Identifier: MIT
#include <boost/beast/websocket/ssl.hpp>

#include "net/tls_stream.hpp"
#include "net/websocket_session.hpp"

namespace bridge::net {

Task<> serve_tls_websocket(std::shared_ptr<ServerContext> context,
                           std::unique_ptr<Upgrade> upgrade) {
  TlsLayer layer = std::move(static_cast<TlsStream&>(*upgrade->stream).layer());
  upgrade->stream.reset();
  auto session = std::make_shared<WebSocketSession<TlsLayer>>(context, std::move(layer));
  return serve_websocket(std::move(context), std::move(session), std::move(upgrade));
}

}  // namespace bridge::net
