// SPDX-License-Identifier: MIT
// What happened in a session, in its one total order. An event gets its `seq` when it is decided,
// is committed with the state that it belongs to, and never changes afterwards. Surfaces render it:
// the web as the JSON frames of docs/08-api-reference.md.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "bridge/core/clock.hpp"

namespace bridge::session {

enum class State { bot, opening, queued, live, closed };
/// As clients see it: `opening` is shown as "bot".
std::string_view shown(State state);
/// As logs see it.
std::string_view to_string(State state);

enum class CloseReason { agent_ended, user_ended, abandoned, error };
std::string_view to_string(CloseReason reason);

/// The chat changed its state, or the person on the other side became known.
struct StatusEvent {
  State state = State::bot;
  std::string interaction_number;                 ///< only told with `queued`
  std::string rep_name;                           ///< empty: not known
  CloseReason reason = CloseReason::agent_ended;  ///< only meaningful with `closed`
  bool operator==(const StatusEvent&) const = default;
};

/// What the user said.
struct UserMessageEvent {
  std::string text;
  std::string client_message_id;
  bool operator==(const UserMessageEvent&) const = default;
};

/// What the other side said: the agent, or ServiceNow on its behalf (`system`).
struct RepMessageEvent {
  std::string text;
  std::string rep_name;
  std::string message_sys_id;  ///< sys_cs_message; empty if the rule did not say
  std::string sent_at;         ///< as ServiceNow wrote it
  bool system = false;
  bool late = false;  ///< shown although a row before it never came
  bool operator==(const RepMessageEvent&) const = default;
};

enum class Delivery { delivered, failed, unknown };
std::string_view to_string(Delivery delivery);

/// What became of a message of the user's.
struct ReceiptEvent {
  std::string client_message_id;
  Delivery status = Delivery::delivered;
  bool operator==(const ReceiptEvent&) const = default;
};

struct Event {
  std::uint64_t seq = 0;
  Time at{};
  std::variant<StatusEvent, UserMessageEvent, RepMessageEvent, ReceiptEvent> what;
  bool operator==(const Event&) const = default;
};

/// Whether a reader without a cursor (a page written for the old bridge) is shown it: such a page
/// prints its own messages itself and knows no receipts.
bool shown_to_plain_readers(const Event& event);

/// The JSON frame, with `seq`.
std::string render(const Event& event);
/// `{"type":"typing",...}`: transient, without `seq`, never stored.
std::string render_typing(const std::string& rep_name);

}  // namespace bridge::session
