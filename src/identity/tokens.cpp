// SPDX-License-Identifier: MIT
#include "bridge/identity/tokens.hpp"

#include "bridge/core/random.hpp"
#include "bridge/identity/secrets.hpp"

namespace bridge::identity {

std::string new_token() { return random_hex(32); }

std::string token_hash(std::string_view token) { return sha256_hex(token); }

bool token_matches(std::string_view token, std::string_view stored_hash) {
  if (stored_hash.empty()) return false;
  return equal_in_constant_time(token_hash(token), stored_hash);
}

}  // namespace bridge::identity
