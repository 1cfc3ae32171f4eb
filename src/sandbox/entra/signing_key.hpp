// SPDX-License-Identifier: MIT
// A key that the stand-in signs tokens with. Its signing code is its own: what the bridge checks
// with must not be what made the token.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bridge/core/json.hpp"

namespace bridge::sandbox {

std::string base64url_encode(std::string_view bytes);

class SigningKey {
 public:
  /// Makes an RSA key of 2048 bits, which takes a moment.
  SigningKey();
  ~SigningKey();
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;

  const std::string& id() const { return id_; }
  /// As Entra's key sets have it, bound to an issuer.
  json::object jwk(const std::string& issuer) const;
  /// PEM.
  std::string public_key() const;
  /// RS256, not encoded.
  std::string sign(std::string_view text) const;

 private:
  class Inner;
  std::unique_ptr<Inner> inner_;
  std::string id_;
};

/// HS256, not encoded.
std::string sign_with_secret(std::string_view secret, std::string_view text);

}  // namespace bridge::sandbox
