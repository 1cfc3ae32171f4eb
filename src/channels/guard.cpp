// SPDX-License-Identifier: MIT
#include "channels/guard.hpp"

#include "bridge/core/json.hpp"
#include "bridge/core/random.hpp"
#include "bridge/identity/tokens.hpp"
#include "channels/reply.hpp"

namespace bridge::channels {
namespace {

constexpr std::string_view kCookie = "bridge_session";

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

/// The last element of a list header: the one that the nearest proxy wrote.
std::string_view last_of(std::string_view list) {
  const auto comma = list.rfind(',');
  return trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
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

bool came_by_https(const net::Request& request, const std::string& public_url) {
  // A forged header only makes the forger's own cookie stricter.
  if (net::equals_ignoring_case(last_of(request.headers.get("X-Forwarded-Proto")), "https"))
    return true;
  return public_url.starts_with("https://") &&
         authority_of(public_url) == authority_of(request.headers.get("Host"));
}

bool Guard::has_agent_secret(const net::Request& request) const {
  return options_.agent_secret.matches(request.headers.get("X-Agent-Secret"));
}

Result<> Guard::agent(const net::Request& request) const {
  if (!options_.agent_secret.configured())
    return Error(Errc::not_configured).with_hint("Set AGENT_API_SECRET.");
  if (!has_agent_secret(request)) return Error(Errc::forbidden);
  return {};
}

Result<> Guard::webhook(const net::Request& request) const {
  const std::string_view ours = request.headers.get("X-Bridge-Secret");
  const std::string_view theirs = request.headers.get("X-Webhook-Secret");
  if (options_.webhook_secret.matches(ours.empty() ? theirs : ours)) return {};
  return Error(Errc::forbidden)
      .with_hint("intranet_bridge.outbound_webhook_secret must equal SN_WEBHOOK_SECRET.");
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
  return options_.trust_forwarded_host &&
         authority == authority_of(last_of(request.headers.get("X-Forwarded-Host")));
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
