// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

std::vector<Field> log_fields() {
  return in_group(
      "Program log",
      {
          choice<Level>(
              {"LOG_LEVEL", "info", "How much is logged."}, "debug, info, warning, error or off",
              {{"debug", Level::debug},
               {"info", Level::info},
               {"warning", Level::warning},
               {"warn", Level::warning},
               {"error", Level::error},
               {"critical", Level::error},
               {"off", Level::off}},
              [](auto& c) -> auto& { return c.log.level; }),
          choice<LogFormat>(
              {"LOG_FORMAT", "text", "text for people, json (one object a line) for machines.",
               "json"},
              "text or json", {{"text", LogFormat::text}, {"json", LogFormat::json}},
              [](auto& c) -> auto& { return c.log.format; }),
      });
}

}  // namespace bridge::config
