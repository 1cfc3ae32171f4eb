// SPDX-License-Identifier: MIT
#include "identity/entra_claims.hpp"

#include <algorithm>
#include <cmath>

#include "bridge/net/http.hpp"

namespace bridge::identity {
namespace {

/// Seconds since 1970 (RFC 7519, 2): a number, which may have a fraction. Until the year 5138.
constexpr double kLatest = 1e11;

std::string_view text_claim(const json::object& claims, std::string_view name) {
  const json::value* const value = claims.if_contains(name);
  return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

std::optional<Time> time_claim(const json::object& claims, std::string_view name) {
  const json::value* const value = claims.if_contains(name);
  if (!value || !value->is_number()) return std::nullopt;
  const double seconds = value->to_number<double>();
  if (!std::isfinite(seconds) || seconds < 0 || seconds > kLatest) return std::nullopt;
  return Time(Millis(static_cast<std::int64_t>(seconds * 1000)));
}

bool is_listed(std::string_view value, const std::vector<std::string>& list) {
  return !value.empty() && std::any_of(list.begin(), list.end(), [&](const std::string& entry) {
    return net::equals_ignoring_case(value, entry);
  });
}

Error refused(std::string_view what, std::string_view hint) {
  return Error(Errc::unauthorized, "the bearer token " + std::string(what))
      .with_hint(std::string(hint));
}

std::optional<Error> check_times(const json::object& claims, Time now) {
  const auto expires = time_claim(claims, "exp");
  if (!expires) return refused("says not until when it holds", "Get a new one from Entra.");
  if (now >= *expires + kSkew)
    return refused("has expired", "Get a new one; if it is new, compare the clocks.");
  if (!claims.contains("nbf")) return std::nullopt;
  const auto begins = time_claim(claims, "nbf");
  if (!begins) return refused("says not from when on it holds", "Get a new one from Entra.");
  if (now + kSkew < *begins)
    return refused("does not hold yet", "Compare the clock of this machine with the real time.");
  return std::nullopt;
}

/// A key of the set that all tenants share may be bound to an issuer, with a place for the tenant.
/// Keys are bound to the name of version 2.0 even where they sign tokens of 1.0.
bool key_agrees(std::string key_issuer, std::string_view issuer, const EntraIssuers& issuers) {
  if (key_issuer.empty()) return true;
  constexpr std::string_view kPlace = "{tenantid}";
  if (const auto at = key_issuer.find(kPlace); at != std::string::npos)
    key_issuer.replace(at, kPlace.size(), issuers.tenant);
  return key_issuer == issuer || key_issuer == issuers.v2;
}

}  // namespace

Result<Caller> check_claims(const json::object& claims, const std::string& key_issuer,
                            const EntraOptions& options, const EntraIssuers& issuers, Time now) {
  if (const auto wrong = check_times(claims, now)) return *wrong;
  // A list, which RFC 7519 allows, does not come from Entra.
  if (!is_listed(text_claim(claims, "aud"), options.audiences))
    return refused("is for another application",
                   "Its audience must be CS_APP_ID, api://<CS_APP_ID> or one of CS_AUDIENCES.");

  const std::string_view tenant = text_claim(claims, "tid");
  if (tenant.empty()) return refused("names no tenant", "It must be issued by Microsoft Entra.");
  if (!net::equals_ignoring_case(tenant, issuers.tenant))
    return Error(Errc::forbidden, "the bearer token is of another tenant")
        .with_hint("CS_TENANT_ID is the directory in which the caller is registered.");

  const std::string_view version = text_claim(claims, "ver");
  if (version != "1.0" && version != "2.0")
    return refused("is of an unknown version", "Entra's access tokens are of 1.0 or 2.0.");
  const bool first = version == "1.0";
  const std::string_view issuer = text_claim(claims, "iss");
  if (issuer != (first ? issuers.v1 : issuers.v2) || !key_agrees(key_issuer, issuer, issuers))
    return refused("has another issuer than its tenant and version say",
                   "It must be issued by the directory CS_TENANT_ID at CS_AUTHORITY.");

  // Only tokens of users have a scope; idtyp is optional, and says it in a word.
  if (claims.contains("scp") || text_claim(claims, "idtyp") == "user")
    return Error(Errc::forbidden, "the bearer token is a user's, not an application's")
        .with_hint("The connection must use client credentials.");
  const std::string_view caller = text_claim(claims, first ? "appid" : "azp");
  if (caller.empty())
    return refused("names no calling application", "It must be an access token, not an id token.");
  if (!is_listed(caller, options.allowed_callers))
    return Error(Errc::forbidden, "this application may not call")
        .with_hint("Add its application id to CS_ALLOWED_CALLERS.");
  Caller accepted;
  accepted.app_id = in_lower_case(caller);
  accepted.tenant = issuers.tenant;
  accepted.version = version;
  return accepted;
}

}  // namespace bridge::identity
