// SPDX-License-Identifier: MIT
// Who may do what: ownership of a session, Origin, and the secrets of servers. DESIGN 4.2.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bridge/channels/channels.hpp"

namespace bridge::channels {

using SessionView = std::shared_ptr<const session::BridgeSession>;

class Guard {
 public:
  Guard(handoff::Handoff& handoff, const Options& options) : handoff_(handoff), options_(options) {}

  /// The session `id` if the request proves that it may use it: by the session's token, the
  /// browser's cookie, or the agent secret. `token` overrides the Authorization header (WebSocket).
  /// Errors: not_found, unauthorized (no proof), forbidden (a proof of something else, or a cookie
  /// sent along by a foreign page).
  Task<Result<SessionView>> session(const net::Request& request, std::string id,
                                    std::string token = {});

  /// A server with X-Agent-Secret. Errors: not_configured, forbidden.
  Result<> agent(const net::Request& request) const;
  /// ServiceNow's rule, with X-Bridge-Secret or X-Webhook-Secret. Errors: forbidden.
  Result<> webhook(const net::Request& request) const;

  /// True unless an Origin is given that is neither ours nor allowed. `null` is foreign.
  bool origin_is_ours(const net::Request& request) const;
  bool origin_is_listed(std::string_view origin) const;

 private:
  bool has_agent_secret(const net::Request& request) const;
  bool cookie_was_meant(const net::Request& request) const;

  handoff::Handoff& handoff_;
  const Options& options_;
};

/// The browser's cookie; empty if there is none of its form.
std::string browser_cookie(const net::Request& request);
/// The value of Authorization: Bearer, or empty.
std::string bearer_token(const net::Request& request);
/// Whether the browser sees us by https, also through a proxy that ends TLS.
bool came_by_https(const net::Request& request, const std::string& public_url);

}  // namespace bridge::channels
