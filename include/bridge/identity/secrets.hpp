// SPDX-License-Identifier: MIT
// Comparing what a caller presents with what we know, without telling by the time it takes how
// much of it was right. Used by the webhook, the agent endpoints and the session tokens. Nothing
// here accepts anything while nothing is configured.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/secret.hpp"

namespace bridge::identity {

/// SHA-256 as 64 lower-case hex digits.
std::string sha256_hex(std::string_view data);

/// Equal or not, in a time that depends on the lengths alone.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// The values accepted for one credential: one as a rule, two during a rotation. Only their
/// digests are kept.
class SharedSecret {
 public:
  /// Accepts nothing.
  SharedSecret() = default;
  /// Empty values are left out: an unset secret never matches an empty header.
  explicit SharedSecret(const std::vector<Secret>& accepted);

  bool configured() const { return !digests_.empty(); }
  /// Compares with every accepted value, so that the time does not say which one matched.
  bool matches(std::string_view presented) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  std::vector<Digest> digests_;
};

}  // namespace bridge::identity
