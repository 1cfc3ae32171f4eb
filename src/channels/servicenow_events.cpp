// SPDX-License-Identifier: MIT
// What ServiceNow's relay rules post: /api/servicenow/webhook, and /api/sn-webhook of the older
// second rule. A rule calls once and never again, so everything that can be understood is taken.
// DESIGN 5.2.
#include <algorithm>
#include <array>
#include <boost/json/monotonic_resource.hpp>

#include "channels/guard.hpp"
#include "channels/reply.hpp"
#include "channels/tracing.hpp"

namespace bridge::channels {
namespace {

using session::AgentEvent;

constexpr std::size_t kMaxBody = 1024 * 1024;
constexpr std::size_t kMaxDepth = 32;

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

session::CloseReason reason_of(std::string_view state, std::string_view state_reason) {
  if (state == "faulted") return session::CloseReason::error;
  if (state_reason == "User Ended") return session::CloseReason::user_ended;
  if (state == "closed_abandoned" || state_reason == "No User Response" ||
      state_reason == "No Activity")
    return session::CloseReason::abandoned;
  return session::CloseReason::agent_ended;
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

Result<AgentEvent> read_event(std::string_view text) {
  // Read once and not kept: on the stack, where a document of two dozen values costs no memory.
  std::array<unsigned char, 4096> room;
  json::monotonic_resource memory(room.data(), room.size());
  const auto parsed = parse_object(text, kMaxDepth, &memory);
  if (!parsed) return parsed.error();
  const json::object& body = *parsed;
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

Task<net::Response> take(handoff::Handoff& handoff, Guard& guard, Logger& logger,
                         net::Request& request, bool unmatched_is_fine) {
  auto pass = guard.webhook(request);
  if (!pass) co_return refuse(logger, request, pass.error());
  auto event = read_event(request.body);
  if (!event) co_return refuse(logger, request, event.error());
  auto taken = co_await handoff.agent_event(std::move(*event), trace_of(request));
  if (taken) {
    pass->keep();
    json::object answer{{"ok", true}};
    if (unmatched_is_fine) answer["matched"] = true;
    co_return reply(200, answer);
  }
  if (!taken.error().is(Errc::not_found)) co_return refuse(logger, request, taken.error());
  if (unmatched_is_fine) co_return reply(200, {{"ok", true}, {"matched", false}});
  co_return refuse(logger, request, Refusal(404, "session not found"));
}

}  // namespace

void Channels::mount_servicenow_events(net::Router& router) {
  const auto mount = [&](std::string path, bool unmatched_is_fine) {
    net::Route route;
    route.method = net::Method::post;
    route.pattern = std::move(path);
    route.body_limit = kMaxBody;
    route.handler = [this, unmatched_is_fine](net::Request& request) {
      return take(handoff_, *guard_, logger_, request, unmatched_is_fine);
    };
    router.add(std::move(route));
  };
  mount("/api/servicenow/webhook", false);
  mount("/api/sn-webhook", true);
}

}  // namespace bridge::channels
