// SPDX-License-Identifier: MIT
#include "bridge/identity/tokens.hpp"

#include <openssl/crypto.h>

#include "bridge/core/random.hpp"
#include "bridge/identity/secrets.hpp"

namespace bridge::identity {

std::string new_token() { return random_hex(32); }

std::string token_hash(std::string_view token) { return sha256_hex(token); }

bool token_matches(std::string_view token, std::string_view stored_hash) {
  const std::string hash = token_hash(token);
  return hash.size() == stored_hash.size() &&
         CRYPTO_memcmp(hash.data(), stored_hash.data(), hash.size()) == 0;
}

}  // namespace bridge::identity
