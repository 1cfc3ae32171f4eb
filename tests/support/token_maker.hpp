// SPDX-License-Identifier: MIT
// Makes signed tokens, good and bad ones, as a token service would and as a forger would.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bridge/core/json.hpp"

namespace bridge::test {

std::string base64url(std::string_view bytes);

/// An RSA key pair. Making one takes a moment: tests share them (`key_one` and its like).
class TokenMaker {
 public:
  explicit TokenMaker(unsigned bits);
  ~TokenMaker();

  /// As an entry of a key set.
  json::object jwk(const std::string& kid) const;
  /// PEM: what a forger knows of it.
  std::string public_key() const;

  std::string sign(std::string_view text) const;
  /// header.claims.signature, whatever the header says.
  std::string token(const json::object& header, const json::object& claims) const;

 private:
  class Inner;
  std::unique_ptr<Inner> inner_;
};

const TokenMaker& key_one();
const TokenMaker& key_two();
const TokenMaker& weak_key();  ///< 1024 bits

/// HMAC-SHA256, for a token that uses a public key as if it were a secret.
std::string hs256(std::string_view key, std::string_view text);

}  // namespace bridge::test
