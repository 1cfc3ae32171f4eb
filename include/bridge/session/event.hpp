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

/// Something that the bridge itself says, in a conversation that has no other way of showing it.
enum class Notice {
  joined_queue,      ///< the conversation joined a session that waits for an agent
  joined_live,       ///< or has one
  another_chat,      ///< the earlier chat is over, a new one is being opened
  still_connecting,  ///< the open takes longer than a turn may
  not_connected,     ///< ServiceNow refused, or could not be reached
  open_unknown,      ///< nobody knows whether there is a chat; writing again finds out
  chat_over,         ///< what was said came after the chat's end and was not sent
  too_many,          ///< what was said was not taken: too much waits already
  no_files,          ///< attachments are not carried
  too_long,          ///< only the beginning was sent
  not_shown,         ///< the channel refused an event for good
};
std::string_view to_string(Notice notice);

struct NoticeEvent {
  Notice notice = Notice::chat_over;
  std::string detail;  ///< an interaction number or a name, where the line has a place for it
  bool operator==(const NoticeEvent&) const = default;
};

struct Event {
  std::uint64_t seq = 0;
  Time at{};
  std::variant<StatusEvent, UserMessageEvent, RepMessageEvent, ReceiptEvent, NoticeEvent> what;
  /// Told in the conversation that carries the session's texts (DESIGN 3.2); on the web only its
  /// place is shown.
  bool carried = false;
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
