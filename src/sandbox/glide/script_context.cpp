// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_context.hpp"

#include <boost/json/serialize.hpp>

namespace bridge::sandbox {

std::string text_argument(const json::array& arguments, std::size_t index) {
  if (index >= arguments.size()) return {};
  const json::value& value = arguments[index];
  if (value.is_null()) return {};
  if (const auto* text = value.if_string()) return std::string(*text);
  return json::serialize(value);
}

bool flag_argument(const json::array& arguments, std::size_t index) {
  const std::string text = text_argument(arguments, index);
  return text == "true" || text == "1";
}

}  // namespace bridge::sandbox
