// SPDX-License-Identifier: MIT
// Tokens that we hand out: the session token and the browser cookie (DESIGN 4.2). The bearer holds
// the token; the session keeps its hash alone, so that a leaked store opens nothing.
#pragma once

#include <string>
#include <string_view>

namespace bridge::identity {

/// 256 bits from the kernel as 64 lower-case hex digits. Throws std::system_error if it refuses.
std::string new_token();

/// What to store of a token. Plain SHA-256 is enough: a token of 256 random bits cannot be guessed,
/// so there is nothing for a slow hash to slow down.
std::string token_hash(std::string_view token);

/// Whether `token` is the one whose hash was stored. An empty hash matches nothing.
bool token_matches(std::string_view token, std::string_view stored_hash);

}  // namespace bridge::identity
