// SPDX-License-Identifier: MIT
// What can be said about the stand-in Copilot Studio when it is started: where its connected agent
// listens and what its connection presents there. The control interface changes both later.
#pragma once

#include <string>

namespace bridge::sandbox::copilot {

/// The three kinds of connection that the connector offers.
enum class Auth { none, key, entra };

struct Connection {
  /// The agent's endpoint; empty: /api/messages of the bridge.
  std::string url;
  /// What the signed addresses begin with; empty: where this sandbox listens.
  std::string callback_base;
  Auth auth = Auth::none;
  std::string header = "X-API-Key";
  std::string key;
  std::string token_url;
  std::string client_id;
  std::string client_secret;
  std::string scope;
};

}  // namespace bridge::sandbox::copilot
