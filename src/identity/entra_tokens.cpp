// SPDX-License-Identifier: MIT
#include "bridge/identity/entra_tokens.hpp"

#include "bridge/identity/jwt.hpp"
#include "identity/entra_claims.hpp"
#include "identity/entra_keys.hpp"

namespace bridge::identity {
namespace {

/// What stands behind "Bearer" (RFC 6750, 2.1); nothing for another scheme.
std::optional<std::string_view> bearer(std::string_view value) {
  constexpr std::string_view kScheme = "bearer ";
  if (value.size() <= kScheme.size() ||
      !net::equals_ignoring_case(value.substr(0, kScheme.size()), kScheme))
    return std::nullopt;
  return trim(value.substr(kScheme.size()));
}

}  // namespace

class EntraTokens::Inner {
 public:
  Inner(net::HttpClient& http, EntraOptions options, const TimeSource& time, Logger& logger,
        Metrics& metrics)
      : options_(std::move(options)),
        issuers_(options_.authority, options_.tenant),
        time_(time),
        keys_(http, options_, issuers_, logger, metrics) {}

  Task<Result<Caller>> verify(std::string authorization, Deadline deadline) {
    const auto token = bearer(authorization);
    if (!token)
      co_return Error(Errc::unauthorized, "a bearer token is missing")
          .with_hint("Send an access token of Microsoft Entra as Authorization: Bearer.");
    const auto jwt = parse_jwt(*token);
    if (!jwt) co_return jwt.error();
    const auto key = co_await keys_.find(jwt->key_id, deadline);
    if (!key) co_return key.error();
    if (!(*key)->key.signed_this(jwt->signed_text, jwt->signature))
      co_return Error(Errc::unauthorized, "the bearer token's signature is wrong")
          .with_hint("Something on the way has changed it, or it is not Entra's.");
    co_return check_claims(jwt->claims, (*key)->issuer, options_, issuers_, time_.now());
  }

 private:
  EntraOptions options_;
  EntraIssuers issuers_;
  const TimeSource& time_;
  EntraKeys keys_;
};

EntraTokens::EntraTokens(net::HttpClient& http, EntraOptions options, const TimeSource& time,
                         Logger& logger, Metrics& metrics)
    : inner_(std::make_unique<Inner>(http, std::move(options), time, logger, metrics)) {}

EntraTokens::~EntraTokens() = default;

Task<Result<Caller>> EntraTokens::verify(std::string authorization, Deadline deadline) {
  return inner_->verify(std::move(authorization), deadline);
}

}  // namespace bridge::identity
