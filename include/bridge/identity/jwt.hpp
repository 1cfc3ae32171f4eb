// SPDX-License-Identifier: MIT
// JSON Web Tokens (RFC 7519) in the one form that is accepted here: a JWS in compact form (RFC
// 7515, 7.1), signed with RS256 by a key that was fetched from its issuer. Used by EntraTokens.
//
// What surprises: a token never says how it wants to be checked. Any algorithm but RS256 is refused
// before a key is looked for, and keys or addresses that a header brings along (jwk, jku, x5u, x5c)
// are not looked at (RFC 8725, 2.1 and 3.10).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/error.hpp"
#include "bridge/core/json.hpp"

namespace bridge::identity {

/// More than Entra's largest: it cuts the list of groups so that tokens stay below 8 KB.
inline constexpr std::size_t kMaxJwt = 16 * 1024;

/// A token taken apart. Nothing in it is to be believed before its signature has been checked.
class Jwt {
 public:
  Jwt() = default;

  std::string key_id;  ///< the header's `kid`
  json::object claims;
  std::string signed_text;  ///< header and claims as sent
  std::string signature;    ///< decoded
};

/// Errors: unauthorized, with what is wrong with its form in the context; nothing of the token.
Result<Jwt> parse_jwt(std::string_view token);

/// RFC 4648, section 5, without padding; nothing if anything else stands in it, bits that should be
/// zero included.
std::optional<std::string> base64url_decode(std::string_view text);

/// A public key that tokens are signed for.
class RsaKey {
 public:
  static constexpr std::size_t kMinBits = 2048;  ///< RFC 7518, 3.3
  static constexpr std::size_t kMaxBits = 8192;  ///< more costs too much to check

  /// From a JWK's `n` and `e` (RFC 7518, 6.3.1). Errors: malformed; forbidden for a key of another
  /// size than the above.
  static Result<RsaKey> from_jwk(std::string_view modulus, std::string_view exponent);

  /// Whether `signature` is RSASSA-PKCS1-v1_5 with SHA-256 of `text` by this key's owner.
  bool signed_this(std::string_view text, std::string_view signature) const;

 private:
  class Inner;  // keeps OpenSSL out of this header
  explicit RsaKey(std::shared_ptr<const Inner> inner) : inner_(std::move(inner)) {}
  std::shared_ptr<const Inner> inner_;
};

}  // namespace bridge::identity
