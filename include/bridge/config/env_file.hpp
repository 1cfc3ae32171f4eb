// SPDX-License-Identifier: MIT
// `--env-file`: NAME=value lines as Docker Compose reads them. Comments, quotes and `export` are
// understood; `$NAME` is not: a password may hold a dollar sign.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bridge/config/load.hpp"

namespace bridge::config {

using EnvMap = std::map<std::string, std::string, std::less<>>;

/// A name given twice has the last value. Problems carry the line number instead of a variable, and
/// nothing of the line itself.
std::variant<EnvMap, std::vector<ConfigProblem>> parse_env_file(std::string_view text);

/// As above, from a file of at most 1 MiB.
std::variant<EnvMap, std::vector<ConfigProblem>> read_env_file(const std::string& path);

}  // namespace bridge::config
