// SPDX-License-Identifier: MIT
#include "net/websocket_session.hpp"

namespace bridge::net {

Task<> serve_plain_websocket(std::shared_ptr<ServerContext> context,
                             std::unique_ptr<Upgrade> upgrade) {
  Socket socket = std::move(upgrade->stream->socket());
  upgrade->stream.reset();
  auto session = std::make_shared<WebSocketSession<Socket>>(context, std::move(socket));
  return serve_websocket(std::move(context), std::move(session), std::move(upgrade));
}

}  // namespace bridge::net
