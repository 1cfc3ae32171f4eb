// SPDX-License-Identifier: MIT
#include "bridge/session/relayed.hpp"

#include <algorithm>

namespace bridge::session {
namespace {

/// A field as text whatever a script made of it; ServiceNow's values are strings as a rule.
std::string loose_text(const json::object& body, std::string_view name) {
  const json::value* value = body.if_contains(name);
  if (!value) return {};
  if (value->is_string()) return std::string(trim(value->get_string()));
  if (value->is_int64()) return std::to_string(value->get_int64());
  return {};
}

std::optional<std::int64_t> loose_number(const json::object& body, std::string_view name) {
  Fields fields(body);
  const auto number = fields.integer(name);
  return number && *number >= 0 ? number : std::nullopt;
}

CloseReason reason_of(std::string_view state, std::string_view state_reason) {
  if (state == "faulted") return CloseReason::error;
  if (state_reason == "User Ended") return CloseReason::user_ended;
  if (state == "closed_abandoned" || state_reason == "No User Response" ||
      state_reason == "No Activity")
    return CloseReason::abandoned;
  return CloseReason::agent_ended;
}

AgentEvent::Kind kind_of(std::string event, bool has_text) {
  std::transform(event.begin(), event.end(), event.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (event == "claimed") return AgentEvent::Kind::claimed;
  if (event == "closed") return AgentEvent::Kind::closed;
  if (event == "typing") return AgentEvent::Kind::typing;
  return event.empty() || event == "reply" || has_text ? AgentEvent::Kind::reply
                                                       : AgentEvent::Kind::other;
}

}  // namespace

Result<AgentEvent> read_relayed(const json::object& body) {
  for (const std::string_view name : {"text", "event", "bridge_session_id", "interaction_sys_id",
                                      "conversation_sys_id", "message_sys_id", "sender_sys_id"}) {
    const json::value* value = body.if_contains(name);
    if (value && !value->is_null() && !value->is_string())
      return Error(Errc::invalid_argument, std::string(name) + " must be a string");
  }
  AgentEvent event;
  event.text = loose_text(body, "text");
  event.kind = kind_of(loose_text(body, "event"), !event.text.empty());
  event.api =
      static_cast<int>(std::clamp<std::int64_t>(loose_number(body, "api").value_or(1), 1, 99));
  event.key = loose_text(body, "bridge_session_id");
  event.conversation_sys_id = loose_text(body, "conversation_sys_id");
  event.interaction_sys_id = loose_text(body, "interaction_sys_id");
  event.interaction_number = loose_text(body, "interaction_number");
  event.message_sys_id = loose_text(body, "message_sys_id");
  event.sender_sys_id = loose_text(body, "sender_sys_id");
  event.system = loose_text(body, "q_data_message_type") == "systemTextMessage";
  event.rep_name = loose_text(body, "rep_name");
  event.rep_sys_id = loose_text(body, "rep_sys_id");
  event.sent_at = loose_text(body, "send_time");
  if (event.sent_at.empty()) event.sent_at = loose_text(body, "sys_created_on");
  event.sequence = loose_number(body, "sequence");
  event.prev_sequence = loose_number(body, "prev_sequence");
  event.last_sequence = loose_number(body, "last_sequence");
  event.reason = reason_of(loose_text(body, "state"), loose_text(body, "state_reason"));
  for (const std::string* id : {&event.key, &event.conversation_sys_id, &event.interaction_sys_id,
                                &event.interaction_number, &event.message_sys_id,
                                &event.sender_sys_id, &event.rep_sys_id, &event.sent_at})
    if (id->size() > 200)
      return Error(Errc::invalid_argument, "an id is longer than 200 characters");
  if (count_characters(event.rep_name) > 200)
    return Error(Errc::invalid_argument, "rep_name is too long");
  return event;
}

}  // namespace bridge::session
