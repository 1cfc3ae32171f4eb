// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "bridge/core/sealer.hpp"

namespace bridge::identity {

/// Seals with AES-256-GCM under a key that is derived from the first text; opens what was sealed
/// with any of them (two during a rotation). Requires: at least one, none empty.
std::unique_ptr<Sealer> make_sealer(const std::vector<Secret>& keys);

}  // namespace bridge::identity
