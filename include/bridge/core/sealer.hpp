// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "bridge/core/error.hpp"
#include "bridge/core/secret.hpp"

namespace bridge {

/// Closes secrets so that they may lie on a disk: only who has the key opens them again, and
/// whoever changes one is noticed. May be used from any thread.
class Sealer {
 public:
  virtual ~Sealer() = default;
  /// Printable text. The same secret gives another one each time.
  virtual std::string seal(const Secret& secret) const = 0;
  /// Errors: forbidden (sealed with a key that is not ours, or changed), malformed.
  virtual Result<Secret> open(std::string_view sealed) const = 0;
};

}  // namespace bridge
