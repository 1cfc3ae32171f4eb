// SPDX-License-Identifier: MIT
// Who may do what, and how often: ownership of a session, Origin, the secrets of servers, and the
// rate limits. DESIGN 4.2, 4.4.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bridge/channels/channels.hpp"
#include "bridge/identity/webhook_signature.hpp"
#include "channels/rate_limit.hpp"
#include "channels/seats.hpp"

namespace bridge::channels {

using SessionView = std::shared_ptr<const session::BridgeSession>;

/// That ServiceNow may post this. A signature is good once: unless the call is taken (`keep`), the
/// end of the pass frees it for another attempt.
/// Lifetime: the Guard must outlive it.
class WebhookPass {
 public:
  WebhookPass() = default;
  WebhookPass(identity::WebhookSignatures& signatures, const identity::Mac& used)
      : signatures_(&signatures), used_(used) {}
  WebhookPass(WebhookPass&& other) noexcept
      : signatures_(std::exchange(other.signatures_, nullptr)), used_(other.used_) {}
  WebhookPass& operator=(WebhookPass&&) = delete;
  ~WebhookPass() {
    if (signatures_) signatures_->forget(used_);
  }
  void keep() { signatures_ = nullptr; }

 private:
  identity::WebhookSignatures* signatures_ = nullptr;
  identity::Mac used_{};
};

class Guard {
 public:
  Guard(handoff::Handoff& handoff, const Options& options, Logger& logger, Metrics& metrics,
        const TimeSource& time);

  /// The session `id` if the request proves that it may use it: by the session's token, the
  /// browser's cookie, or the agent secret. `token` overrides the Authorization header (WebSocket).
  /// Errors: not_found, unauthorized (no proof), forbidden (a proof of something else, or a cookie
  /// sent along by a foreign page).
  Task<Result<SessionView>> session(const net::Request& request, std::string id,
                                    std::string token = {});

  /// A server with X-Agent-Secret. Errors: not_configured, forbidden, rate_limited (wrong once too
  /// often).
  Result<> agent(const net::Request& request);
  /// ServiceNow's rule, with a signature, or with X-Bridge-Secret or X-Webhook-Secret.
  /// Errors: forbidden (context kReplayed for a signature that was used), rate_limited (wrong once
  /// too often).
  Result<WebhookPass> webhook(const net::Request& request);

  /// Counts a call that makes a session or costs ServiceNow work. Errors: rate_limited.
  Result<> admit(const net::Request& request);
  /// Counts an escalation of that session. Errors: rate_limited.
  Result<> admit_escalation(const net::Request& request, std::string_view session_id);

  /// Whether a WebSocket may be made of it: the Origin is ours, and not too many have failed.
  /// Errors: forbidden, rate_limited.
  Result<> upgrade(const net::Request& request);
  /// It was made, and then there was no such session or no proof.
  void upgrade_failed(const net::Request& request);

  /// Counts a wrong secret or the like; `error`, or rate_limited after too many.
  Error failed(const net::Request& request, Error error);

  /// One of the places for open WebSockets, or for waiting polls, of a session. Errors:
  /// rate_limited.
  Result<Seats::Seat> socket_seat(const std::string& session_id);
  Result<Seats::Seat> poll_seat(const std::string& session_id);

  /// True unless an Origin is given that is neither ours nor allowed. `null` is foreign.
  bool origin_is_ours(const net::Request& request) const;
  bool origin_is_listed(std::string_view origin) const;

 private:
  bool has_agent_secret(const net::Request& request) const;
  bool cookie_was_meant(const net::Request& request) const;
  Result<WebhookPass> by_secret(const net::Request& request);
  Result<WebhookPass> by_signature(const net::Request& request);
  Error too_often(const net::Request& request, std::chrono::seconds wait, Counter& counter,
                  std::string_view what);

  handoff::Handoff& handoff_;
  const Options& options_;
  Logger& logger_;
  const TimeSource& time_;
  identity::WebhookSignatures signatures_;
  TokenBuckets calls_, failures_, escalations_;
  Seats sockets_, polls_;
  bool proxy_noticed_ = false;

  Counter& limited_calls_;
  Counter& limited_failures_;
  Counter& limited_escalations_;
  Counter& limited_sockets_;
  Counter& limited_polls_;
  Counter& hooks_by_secret_;
  Counter& hooks_by_signature_;
  Counter& hooks_wrong_;
  Counter& hooks_expired_;
  Counter& hooks_replayed_;
};

/// The browser's cookie; empty if there is none of its form.
std::string browser_cookie(const net::Request& request);
/// The value of Authorization: Bearer, or empty.
std::string bearer_token(const net::Request& request);
/// Whether the browser sees us by https, also through a proxy that ends TLS.
bool came_by_https(const net::Request& request, const Options& options);

}  // namespace bridge::channels
