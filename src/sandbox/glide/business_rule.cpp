// SPDX-License-Identifier: MIT
#include "sandbox/glide/business_rule.hpp"

namespace bridge::sandbox {

std::string_view to_string(Operation operation) {
  switch (operation) {
    case Operation::insert:
      return "insert";
    case Operation::update:
      return "update";
    case Operation::remove:
      return "delete";
  }
  return "";
}

}  // namespace bridge::sandbox
