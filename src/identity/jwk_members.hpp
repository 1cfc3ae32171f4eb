// SPDX-License-Identifier: MIT
// What tokens and key sets have in common.
#pragma once

#include "bridge/core/json.hpp"

namespace bridge::identity {

inline constexpr std::size_t kMaxKeyId = 256;

/// Empty if the member is absent or no text. Lifetime: that of `object`.
inline std::string_view text_member(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace bridge::identity
