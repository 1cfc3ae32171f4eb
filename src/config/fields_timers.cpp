// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::vector<Field> timer_fields() {
  return in_group(
      "Times",
      {
          duration(
              {"SEND_DEADLINE", "25s",
               "How long a user's message may take, waiting included, before its sender is told "
               "that it failed."},
              milliseconds(100), minutes(2),
              [](auto& c) -> auto& { return c.timers.send_deadline; }),
          duration(
              {"OPEN_DEADLINE", "25s", "How long opening a chat may take."}, milliseconds(100),
              minutes(2), [](auto& c) -> auto& { return c.timers.open_deadline; }),
          duration(
              {"REORDER_WAIT", "3s", "How long an agent's message waits for the one before it."},
              milliseconds(0), seconds(30), [](auto& c) -> auto& { return c.timers.reorder_wait; }),
          duration(
              {"RECONCILE_AFTER", "30s",
               "After so long without a webhook a chat that somebody reads is read from "
               "ServiceNow, in case webhooks get lost; while nothing is found the pause grows to "
               "ten times as much."},
              milliseconds(100), minutes(30),
              [](auto& c) -> auto& { return c.timers.reconcile_after; }),
          duration(
              {"CLOSE_WAIT", "5s",
               "How long the end of a chat waits for the agent's last message."},
              milliseconds(0), minutes(1), [](auto& c) -> auto& { return c.timers.close_wait; }),
          duration(
              {"LEGACY_CLOSE_WAIT", "2s",
               "The same for an old relay rule, which does not say which message was the last."},
              milliseconds(0), minutes(1),
              [](auto& c) -> auto& { return c.timers.legacy_close_wait; }),
          duration(
              {"ABANDONED_AFTER", "10m",
               "A queued or live chat that nobody reads for so long is ended."},
              seconds(1), hours(24), [](auto& c) -> auto& { return c.timers.abandoned_after; }),
          duration(
              {"TOUCH_INTERVAL", "60s",
               "How often, at most, a chat with a reader is touched to hold off ServiceNow's idle "
               "timer, which reminds after 180 s."},
              seconds(1), seconds(170), [](auto& c) -> auto& { return c.timers.touch_interval; }),
      });
}

}  // namespace bridge::config
