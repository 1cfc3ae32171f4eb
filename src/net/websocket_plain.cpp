// SPDX-License-Identifier: MIT
#include "net/websocket_session.hpp"

namespace bridge::net {

Task<> serve_plain_websocket(std::shared_ptr<ServerContext> context,
                             std::unique_ptr<Upgrade> upgrade) {
  Socket socket = std::move(upgrade->stream->socket());
  upgrade->stream.reset();
  return serve_websocket<Socket>(std::move(context), std::move(socket), std::move(upgrade));
}

}  // namespace bridge::net
