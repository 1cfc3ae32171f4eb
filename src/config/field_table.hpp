// SPDX-License-Identifier: MIT
// The one table of settings. Parsing, --help, --print-config, docs/configuration.md and
// docker/.env.sample all come from it; adding a setting means adding a row and a member of Config.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/config/config.hpp"

namespace bridge::config {

struct Field {
  std::string name;
  std::string group;
  std::string default_text;  ///< read like a given value; empty: none
  std::string accepts;
  std::string example;
  std::string doc;
  bool secret = false;
  bool required = false;  ///< by `serve`
  /// "NAME=value" of another setting without which this one is neither required nor used; empty:
  /// none. `applies` says the same; that setting is read early.
  std::string only_with;
  std::function<bool(const Config&)> applies;
  std::vector<std::string> aliases;  ///< other names, read if the first is not given
  bool early = false;                ///< read before the others, which look at it
  /// Reads a non-empty text into its place; returns what is wrong with it, if anything.
  std::function<std::optional<std::string>(Config&, std::string_view)> assign;
  /// The value as it could be given; for a secret `set` or `unset`.
  std::function<std::string(const Config&)> show;
};

const std::vector<Field>& field_table();

/// Names that others read (our scripts, the old bridge) or that belong to what this version does
/// not serve yet: neither used nor complained about. An entry that ends in `*` is a prefix.
struct IgnoredName {
  std::string_view name;
  std::string_view why;
};
const std::vector<IgnoredName>& ignored_names();

}  // namespace bridge::config
