// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

std::vector<Field> guard_fields() {
  return in_group(
      "How often callers may call",
      {
          choice<bool>(
              {"RATE_LIMIT", "on",
               "Whether calls are counted per client address and session; more than the numbers "
               "below are answered 429. off is for load tests. Calls with a valid secret are never "
               "counted.",
               "off"},
              "on or off", {{"on", true}, {"off", false}},
              [](auto& c) -> auto& { return c.guard.rate_limit; }),
          number(
              {"RATE_LIMIT_BURST", "60",
               "Calls that one client address may make at once: those that make sessions or cost "
               "ServiceNow work. Many people behind one address need more. Behind a proxy the "
               "address is known only with TRUSTED_PROXIES.",
               "600"},
              1, 1'000'000, [](auto& c) -> auto& { return c.guard.rate_limit_burst; }),
          number(
              {"RATE_LIMIT_PER_SECOND", "1", "How many more such calls each second allows.", "10"},
              1, 1000, [](auto& c) -> auto& { return c.guard.rate_limit_per_second; }),
          number(
              {"ESCALATIONS_PER_MINUTE", "5", "How often one session may ask for a person."}, 1,
              1000, [](auto& c) -> auto& { return c.guard.escalations_per_minute; }),
          number(
              {"MAX_SOCKETS_PER_SESSION", "16",
               "Open WebSockets of one session, and as many waiting polls. One more is told to try "
               "again later."},
              1, 1000, [](auto& c) -> auto& { return c.guard.max_sockets_per_session; }),
      });
}

}  // namespace bridge::config
