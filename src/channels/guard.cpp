// SPDX-License-Identifier: MIT
#include "channels/guard.hpp"

#include <algorithm>

#include "bridge/core/json.hpp"
#include "bridge/core/random.hpp"
#include "bridge/identity/tokens.hpp"
#include "channels/forwarded.hpp"
#include "channels/reply.hpp"

namespace bridge::channels {
namespace {

constexpr std::string_view kCookie = "bridge_session";
constexpr std::string_view kSignature = "X-Bridge-Signature";

/// "https://host:443/path" -> "host"; the authority in lower case, without a default port.
std::string authority_of(std::string_view url) {
  std::string_view scheme;
  if (const auto at = url.find("://"); at != std::string_view::npos) {
    scheme = url.substr(0, at);
    url.remove_prefix(at + 3);
  }
  url = url.substr(0, url.find_first_of("/?#"));
  std::string authority;
  for (const char c : url)
    authority.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  const auto drop = [&](std::string_view port) {
    if (authority.ends_with(port)) authority.resize(authority.size() - port.size());
  };
  if (scheme == "https" || scheme.empty()) drop(":443");
  if (scheme == "http" || scheme.empty()) drop(":80");
  return authority;
}

TokenBuckets::Rate per_address(const RateLimits& limits) {
  TokenBuckets::Rate rate;
  rate.burst = limits.burst;
  rate.interval = Millis(1'000) / std::max<std::uint32_t>(limits.per_second, 1);
  return rate;
}

TokenBuckets::Rate per_session(const RateLimits& limits) {
  TokenBuckets::Rate rate;
  rate.burst = limits.escalations_per_minute;
  rate.interval = Millis(60'000) / std::max<std::uint32_t>(limits.escalations_per_minute, 1);
  return rate;
}

}  // namespace

std::string browser_cookie(const net::Request& request) {
  const auto value = request.cookie(kCookie);
  return value && is_hex(*value, 64) ? *value : std::string();
}

std::string bearer_token(const net::Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view value = request.headers.get("Authorization");
  if (value.size() <= kScheme.size() ||
      !net::equals_ignoring_case(value.substr(0, kScheme.size()), kScheme))
    return {};
  return std::string(trim(value.substr(kScheme.size())));
}

bool came_by_https(const net::Request& request, const Options& options) {
  // Believed without TRUSTED_PROXIES too: a forged header only makes the forger's own cookie
  // stricter, while a proxy that nobody declared would otherwise cost every visitor the attribute.
  constexpr std::string_view kHeader = "X-Forwarded-Proto";
  const std::string_view scheme = options.trusted_proxies > 0
                                      ? forwarded(request, kHeader, options.trusted_proxies)
                                      : element_from_right(request.headers, kHeader, 1);
  if (net::equals_ignoring_case(scheme, "https")) return true;
  return options.public_url.starts_with("https://") &&
         authority_of(options.public_url) == authority_of(request.headers.get("Host"));
}

Guard::Guard(handoff::Handoff& handoff, const Options& options, Logger& logger, Metrics& metrics,
             const TimeSource& time)
    : handoff_(handoff),
      options_(options),
      logger_(logger),
      time_(time),
      signatures_(options.signing_secrets),
      calls_(per_address(options.rate)),
      failures_(per_address(options.rate)),
      escalations_(per_session(options.rate)),
      sockets_(options.max_sockets_per_session),
      polls_(options.max_sockets_per_session),
      limited_calls_(metrics.counter("rate_limited", {{"kind", "calls"}})),
      limited_failures_(metrics.counter("rate_limited", {{"kind", "failures"}})),
      limited_escalations_(metrics.counter("rate_limited", {{"kind", "escalations"}})),
      limited_sockets_(metrics.counter("rate_limited", {{"kind", "sockets"}})),
      limited_polls_(metrics.counter("rate_limited", {{"kind", "polls"}})),
      hooks_by_secret_(metrics.counter("webhook_proofs", {{"kind", "secret"}})),
      hooks_by_signature_(metrics.counter("webhook_proofs", {{"kind", "signature"}})),
      hooks_wrong_(metrics.counter("webhook_proofs", {{"kind", "wrong"}})),
      hooks_expired_(metrics.counter("webhook_proofs", {{"kind", "expired"}})),
      hooks_replayed_(metrics.counter("webhook_proofs", {{"kind", "replayed"}})) {}

bool Guard::has_agent_secret(const net::Request& request) const {
  const std::string_view presented = request.headers.get("X-Agent-Secret");
  return !presented.empty() && options_.agent_secret.matches(presented);
}

Result<> Guard::agent(const net::Request& request) {
  if (!options_.agent_secret.configured())
    return Error(Errc::not_configured).with_hint("Set AGENT_API_SECRET.");
  if (!has_agent_secret(request)) return failed(request, Error(Errc::forbidden));
  return {};
}

Result<WebhookPass> Guard::webhook(const net::Request& request) {
  // A signature that does not fit is refused even beside the right secret: the body is not the one
  // that was sent, and whoever tries out signing has to see that it does not work.
  return request.headers.has(kSignature) ? by_signature(request) : by_secret(request);
}

Result<WebhookPass> Guard::by_secret(const net::Request& request) {
  const std::string_view ours = request.headers.get("X-Bridge-Secret");
  const std::string_view theirs = request.headers.get("X-Webhook-Secret");
  const bool right = options_.webhook_secret.matches(ours.empty() ? theirs : ours);
  if (right && !options_.signature_required) {
    hooks_by_secret_.add();
    return WebhookPass();
  }
  hooks_wrong_.add();
  if (right)
    return Error(Errc::forbidden, "a signature is required")
        .with_hint("WEBHOOK_SIGNATURE=required: set intranet_bridge.sign_webhooks.");
  return failed(request, Error(Errc::forbidden)
                             .with_hint("intranet_bridge.outbound_webhook_secret must equal "
                                        "SN_WEBHOOK_SECRET."));
}

Result<WebhookPass> Guard::by_signature(const net::Request& request) {
  const bool once = request.headers.count(kSignature) == 1;
  auto used = once ? signatures_.accept(request.headers.get(kSignature), request.body, time_.now())
                   : Result<identity::Mac>(Error(Errc::malformed, "two signatures"));
  if (used) {
    hooks_by_signature_.add();
    return WebhookPass(signatures_, *used);
  }
  const Error why = used.error();
  if (why.is(Errc::conflict)) {
    hooks_replayed_.add();
    return Error(Errc::forbidden, std::string(kReplayed))
        .with_hint("This very call was taken before.");
  }
  if (why.is(Errc::timed_out)) {
    hooks_expired_.add();
    return Error(Errc::forbidden, why.context())
        .with_hint("Compare the clocks of the instance and of the bridge.");
  }
  hooks_wrong_.add();
  return failed(request, Error(Errc::forbidden, why.context())
                             .with_hint("HMAC-SHA256 of \"<t>.<body>\" under SN_WEBHOOK_SECRET; "
                                        "nothing on the way may change the body."));
}

Result<> Guard::admit(const net::Request& request) {
  if (!options_.rate.on || has_agent_secret(request)) return {};
  const auto wait = calls_.take(client_key(request, options_.trusted_proxies), time_.now());
  if (!wait) return {};
  return too_often(request, *wait, limited_calls_, "calls from this address");
}

Result<> Guard::admit_escalation(const net::Request& request, std::string_view session_id) {
  if (!options_.rate.on || has_agent_secret(request)) return {};
  const auto wait = escalations_.take(session_key(session_id), time_.now());
  if (!wait) return {};
  return too_often(request, *wait, limited_escalations_, "escalations of this session");
}

Error Guard::failed(const net::Request& request, Error error) {
  if (!options_.rate.on) return error;
  const auto wait = failures_.take(client_key(request, options_.trusted_proxies), time_.now());
  if (!wait) return error;
  return too_often(request, *wait, limited_failures_, "failed attempts from this address");
}

Error Guard::too_often(const net::Request& request, std::chrono::seconds wait, Counter& counter,
                       std::string_view what) {
  counter.add();
  const bool hidden = options_.trusted_proxies == 0 && request.headers.has("X-Forwarded-For");
  if (hidden && !proxy_noticed_) {
    proxy_noticed_ = true;
    logger_.warning("proxy_not_trusted", {{"peer", request.peer_address},
                                          {"hint",
                                           "all visitors behind this proxy are counted as one; set "
                                           "TRUSTED_PROXIES to the number of proxies in front"}});
  }
  return Error(Errc::rate_limited, "too many " + std::string(what))
      .with_hint("Wait as long as Retry-After says.")
      .with_retry_after(wait);
}

Result<> Guard::upgrade(const net::Request& request) {
  if (options_.rate.on && !has_agent_secret(request)) {
    const auto wait = failures_.wait(client_key(request, options_.trusted_proxies), time_.now());
    if (wait)
      return too_often(request, *wait, limited_failures_, "failed attempts from this address");
  }
  if (origin_is_ours(request)) return {};
  return failed(request, Error(Errc::forbidden, "this Origin may not connect")
                             .with_hint("Add it to ALLOWED_ORIGINS."));
}

void Guard::upgrade_failed(const net::Request& request) {
  if (!options_.rate.on || has_agent_secret(request)) return;
  (void)failures_.take(client_key(request, options_.trusted_proxies), time_.now());
}

Result<Seats::Seat> Guard::socket_seat(const std::string& session_id) {
  auto seat = sockets_.take(session_id);
  if (seat) return std::move(*seat);
  limited_sockets_.add();
  return Error(Errc::rate_limited, "too many sockets");
}

Result<Seats::Seat> Guard::poll_seat(const std::string& session_id) {
  auto seat = polls_.take(session_id);
  if (seat) return std::move(*seat);
  limited_polls_.add();
  return Error(Errc::rate_limited, "too many waiting polls of this session")
      .with_hint("Poll without wait, or close other tabs.")
      .with_retry_after(std::chrono::seconds(5));
}

bool Guard::origin_is_listed(std::string_view origin) const {
  for (const std::string& allowed : options_.allowed_origins)
    if (net::equals_ignoring_case(allowed, origin)) return true;
  return false;
}

bool Guard::origin_is_ours(const net::Request& request) const {
  const std::string_view origin = request.headers.get("Origin");
  if (origin.empty()) return true;  // a program; its token decides
  if (origin == "null") return false;
  // The authority counts, not the scheme: whoever ends TLS in front of us changes that.
  const std::string authority = authority_of(origin);
  if (authority.empty()) return false;  // "file://" of a web view
  for (const std::string& allowed : options_.allowed_origins)
    if (authority == authority_of(allowed)) return true;
  if (authority == authority_of(request.headers.get("Host"))) return true;
  if (!options_.public_url.empty() && authority == authority_of(options_.public_url)) return true;
  return authority ==
         authority_of(forwarded(request, "X-Forwarded-Host", options_.trusted_proxies));
}

bool Guard::cookie_was_meant(const net::Request& request) const {
  if (request.method == net::Method::get || request.method == net::Method::head) return true;
  if (!request.headers.get("Origin").empty()) return origin_is_ours(request);
  // A form of another site can send a cookie, but not this content type without being asked.
  const std::string_view type = request.headers.get("Content-Type");
  return net::equals_ignoring_case(trim(type.substr(0, type.find(';'))), "application/json");
}

Task<Result<SessionView>> Guard::session(const net::Request& request, std::string id,
                                         std::string token) {
  if (!is_hex(id, 32)) co_return Error(Errc::not_found, "session");
  auto view = co_await handoff_.view(std::move(id));
  if (!view || options_.session_token_optional || has_agent_secret(request)) co_return view;
  if (token.empty()) token = bearer_token(request);
  if (!token.empty() && identity::token_matches(token, (*view)->token_hash)) co_return view;
  const std::string cookie = browser_cookie(request);
  if (!cookie.empty() && identity::token_matches(cookie, (*view)->browser_hash)) {
    if (cookie_was_meant(request)) co_return view;
    co_return Error(Errc::forbidden, "the cookie came without application/json or our own Origin");
  }
  if (token.empty() && cookie.empty() && request.headers.get("X-Agent-Secret").empty())
    co_return Error(Errc::unauthorized)
        .with_hint(
            "Send the session_token as Authorization: Bearer, or set SESSION_TOKEN=optional.");
  co_return Error(Errc::forbidden, std::string(kNotYourSession));
}

}  // namespace bridge::channels
