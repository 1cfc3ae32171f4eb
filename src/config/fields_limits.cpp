// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

using std::chrono::days;
using std::chrono::seconds;

std::vector<Field> limit_fields() {
  return in_group(
      "Limits",
      {
          number(
              {"MAX_SESSIONS", "20000",
               "Sessions at once, all of which are in memory, whatever the store; the oldest ones "
               "without "
               "a chat go first."},
              1, 1'000'000, [](auto& c) -> auto& { return c.limits.max_sessions; }),
          number(
              {"LOG_MAX_EVENTS", "1000", "Events kept in a session's event log."}, 10, 100'000,
              [](auto& c) -> auto& { return c.limits.log_max_events; }),
          size(
              {"LOG_MAX_BYTES", "256KiB", "Bytes kept in a session's event log."}, 4 * kKiB,
              16 * kKiB * kKiB, [](auto& c) -> auto& { return c.limits.log_max_bytes; }),
          duration(
              {"LOG_MAX_AGE", "24h",
               "Age at which events, texts among them, leave a session's event log, when something "
               "happens "
               "in it."},
              seconds(1), days(30), [](auto& c) -> auto& { return c.limits.log_max_age; }),
          number(
              {"MAX_TEXT_CHARACTERS", "8000", "Longest message of a user."}, 1, 100'000,
              [](auto& c) -> auto& { return c.limits.max_text_characters; }),
          number(
              {"MAX_QUEUED_MESSAGES", "32",
               "Messages of one session that may wait to be sent; then 429."},
              1, 1000, [](auto& c) -> auto& { return c.limits.max_queued_messages; }),
          size(
              {"MAX_QUEUED_BYTES", "64KiB",
               "Their size together. Must hold one message of the longest kind (4 bytes a "
               "character)."},
              kKiB, 16 * kKiB * kKiB, [](auto& c) -> auto& { return c.limits.max_queued_bytes; }),
      });
}

}  // namespace bridge::config
