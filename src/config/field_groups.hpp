// SPDX-License-Identifier: MIT
// The parts of the one table of settings, a file each: fields_<group>.cpp.
#pragma once

#include <string>
#include <vector>

#include "config/field_table.hpp"

namespace bridge::config {

inline constexpr std::size_t kKiB = 1024;

inline std::vector<Field> in_group(const std::string& group, std::vector<Field> fields) {
  for (Field& field : fields) field.group = group;
  return fields;
}

std::vector<Field> servicenow_fields();
std::vector<Field> network_fields();
std::vector<Field> caller_fields();
std::vector<Field> directline_fields();
std::vector<Field> connector_fields();
std::vector<Field> copilot_fields();
std::vector<Field> web_fields();
std::vector<Field> store_fields();
std::vector<Field> timer_fields();
std::vector<Field> limit_fields();
std::vector<Field> connection_fields();  ///< the same group
std::vector<Field> guard_fields();
std::vector<Field> log_fields();
std::vector<Field> metrics_fields();

}  // namespace bridge::config
