// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "bridge/core/json.hpp"

namespace bridge::sandbox {

/// Empty if the member is absent or no text.
inline std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace bridge::sandbox
