// SPDX-License-Identifier: MIT
// What a token whose signature is right must say to be accepted: pure, no keys, no clock.
#pragma once

#include "bridge/core/json.hpp"
#include "bridge/identity/entra_tokens.hpp"
#include "identity/entra_issuers.hpp"

namespace bridge::identity {

/// How far Entra's clock may be from ours, either way.
inline constexpr std::chrono::seconds kSkew{300};

/// `key_issuer`: whose key signed it, as the key set says; empty if it does not.
/// Errors: unauthorized, forbidden.
Result<Caller> check_claims(const json::object& claims, const std::string& key_issuer,
                            const EntraOptions& options, const EntraIssuers& issuers, Time now);

}  // namespace bridge::identity
