// SPDX-License-Identifier: MIT
// From names and texts to one Config, or to the complete list of what is wrong with them. The
// environment is a function here, so that tests and tools bring their own. Values are never
// repeated in a problem: one of them may be a password in the wrong place.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bridge/config/config.hpp"

namespace bridge::config {

using EnvLookup = std::function<std::optional<std::string>(std::string_view name)>;

struct ConfigProblem {
  std::string variable;  ///< or the line of a file
  std::string what;
  std::string accepts;  ///< may be empty
  std::string example;  ///< may be empty

  bool operator==(const ConfigProblem&) const = default;
};

/// What the configuration is for: a tool that only looks at ServiceNow does not need the secrets of
/// callers, so only `serve` insists on the required fields.
enum class Purpose { serve, tools };

/// The exit code that goes with problems (sysexits.h, EX_CONFIG).
inline constexpr int kExitConfig = 78;

/// Reads every field once; an empty text counts as unset. A secret may instead stand in the file
/// that `<NAME>_FILE` names. `all_names` are the names of all variables that exist; unknown ones
/// that look like ours become warnings of the Config.
std::variant<Config, std::vector<ConfigProblem>> load_config(
    const EnvLookup& lookup, const std::vector<std::string>& all_names,
    Purpose purpose = Purpose::serve);

/// The problems as text for a person, one paragraph each.
std::string describe(const std::vector<ConfigProblem>& problems);

}  // namespace bridge::config
