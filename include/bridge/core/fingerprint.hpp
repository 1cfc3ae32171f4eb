// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace bridge {

/// Tells texts apart where keeping them would be too much (FNV-1a, 64 bits). The same in every
/// build and on every machine, so it may be stored; no protection against somebody who looks for
/// two texts with one fingerprint.
constexpr std::uint64_t fingerprint(std::string_view text) {
  std::uint64_t sum = 0xcbf29ce484222325U;
  for (const char c : text) {
    sum ^= static_cast<unsigned char>(c);
    sum *= 0x100000001b3U;
  }
  return sum;
}

}  // namespace bridge
