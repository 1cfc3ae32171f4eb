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
          number(
              {"LOG_REPEATS", "50",
               "Warnings and errors of one name beyond this many in ten seconds are left out; the "
               "next line of that name says how many. 0 writes them all.",
               "200"},
              0, 1'000'000, [](auto& c) -> auto& { return c.log.repeats; }),
      });
}

std::vector<Field> metrics_fields() {
  return in_group(
      "Metrics",
      {
          on_off(
              {"METRICS", "1",
               "Whether GET /metrics answers, in the Prometheus text format. It holds counts and "
               "times, never ids or texts.",
               "0"},
              [](auto& c) -> auto& { return c.web.metrics; }),
          caller_secret(
              {"METRICS_TOKEN", "",
               "What Prometheus sends as Authorization: Bearer. Without it everybody who reaches "
               "the bridge may read /metrics.",
               "the output of: openssl rand -hex 32"},
              [](auto& c) -> auto& { return c.web.metrics_tokens; }),
      });
}

}  // namespace bridge::config
