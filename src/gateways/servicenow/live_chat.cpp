// SPDX-License-Identifier: MIT
#include "gateways/servicenow/live_chat.hpp"

#include <algorithm>
#include <array>

#include "gateways/servicenow/message.hpp"

namespace bridge::gateways {
namespace {

using handoff::ChatRef;
using handoff::OpenedChat;

/// What the old bridge sent to end a chat; old scripts have nothing better.
constexpr std::string_view kOldEndLine = "[user ended the chat]";

int api_of(const json::object& result) { return number_of(result, "api") >= 2 ? 2 : 1; }

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= 64 && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
}

/// The old open_chat answers 200 although a step failed, with that step's error as text beside it;
/// such a chat exists but is never offered to anybody, or cannot be answered in.
std::string_view failed_step(const json::object& result) {
  struct Step {
    std::string_view field;
    std::string_view name;
  };
  static constexpr std::array kSteps = {Step{"session_error", "sys_cs_session"},
                                        Step{"session_binding_error", "sys_cs_session_binding"},
                                        Step{"binding_error", "sys_cs_session_binding"},
                                        Step{"work_item_error", "awa_work_item"}};
  if (!is_sys_id(text_of(result, "conversation_sys_id"))) return "sys_cs_conversation";
  for (const Step& step : kSteps)
    if (!text_of(result, step.field).empty()) return step.name;
  if (!is_sys_id(text_of(result, "interaction_sys_id"))) return "interaction";
  return {};
}

}  // namespace

void ServiceNowLiveChat::remember_api(const json::object& result) { api_ = api_of(result); }

Task<Result<OpenedChat>> ServiceNowLiveChat::open(handoff::OpenRequest request, Deadline deadline) {
  json::object body;
  body["bridge_session_id"] = request.key;
  body["user_sys_id"] = request.user_sys_id;
  body["queue_sys_id"] = client_.options().queue_sys_id;
  body["channel_sys_id"] = client_.options().channel_sys_id;
  body["short_description"] = request.short_description;
  body["first_message"] = request.opening_message;
  body["context"] = request.context;
  Call call("open_chat", true, true);
  call.trace = request.trace;
  call.repeatable = api_ == 2;  // the old script opens another chat for the same key
  auto result = co_await client_.post(call, body, deadline);
  if (!result && result.error().outcome() == Outcome::unknown && api_ == 0) {
    const bool ours = co_await runs_our_scripts(request.trace, deadline);
    call.repeatable = ours;
    call.doubtful = true;
    if (ours) result = co_await client_.post(std::move(call), std::move(body), deadline);
  }
  if (!result) co_return result.error();
  remember_api(*result);
  if (const std::string_view step = failed_step(*result); !step.empty())
    co_return Error(Errc::upstream_failed,
                    "ServiceNow open_chat left the chat unfinished at " + std::string(step))
        .with_hint("open_chat could not make its " + std::string(step) +
                   "; see the system log of the instance and docs/02-servicenow-setup.md.")
        .with_outcome(Outcome::unknown);
  OpenedChat chat;
  chat.api = api_;
  chat.conversation_sys_id = text_of(*result, "conversation_sys_id");
  chat.interaction_sys_id = text_of(*result, "interaction_sys_id");
  chat.interaction_number = text_of(*result, "interaction_number");
  chat.consumer_sys_id = text_of(*result, "consumer_sys_id");
  chat.first_message_sys_id = text_of(*result, "first_message_sys_id");
  chat.first_message_sequence = number_of(*result, "first_message_sequence");
  chat.opening_not_sent = text_of(*result, "first_message") == "failed";
  // A repeat by the key of a chat that ended while nobody knew of it.
  if (is_over(text_of(*result, "state")))
    co_return Error(Errc::chat_ended, "ServiceNow open_chat found the chat of this key over");
  co_return chat;
}

Task<Result<std::optional<OpenedChat>>> ServiceNowLiveChat::find(std::string key, Trace trace,
                                                                 Deadline deadline) {
  if (!is_key(key)) co_return Error(Errc::invalid_argument, "not the key of a chat");
  TableQuery query("interaction", "u_bridge_session_id=" + key,
                   "sys_id,number,state,channel_metadata_document,u_bridge_session_id", 2);
  query.trace = std::move(trace);
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows) co_return rows.error();
  std::optional<OpenedChat> found;
  for (const json::object& row : *rows) {
    // Without the column the term is dropped, and the rows are just anybody's (servicenow.md 7.2).
    if (text_of(row, "u_bridge_session_id") != key || is_over(text_of(row, "state"))) continue;
    if (found) {
      client_.logger().warning("two_chats_with_one_key", {{"interaction", text_of(row, "number")}});
      continue;
    }
    OpenedChat chat;
    chat.interaction_sys_id = text_of(row, "sys_id");
    chat.interaction_number = text_of(row, "number");
    chat.conversation_sys_id = text_of(row, "channel_metadata_document");
    if (is_sys_id(chat.interaction_sys_id) && is_sys_id(chat.conversation_sys_id))
      found = std::move(chat);
  }
  if (!found) co_return found;
  auto api = co_await ask_api(found->conversation_sys_id, deadline);
  if (!api) co_return api.error();
  found->api = *api;
  co_return found;
}

/// Which scripts the instance runs, when no answer has told yet: only ours have `typing`.
Task<Result<int>> ServiceNowLiveChat::ask_api(std::string conversation_sys_id, Deadline deadline) {
  if (api_ != 0) co_return api_;
  json::object body;
  body["conversation_sys_id"] = conversation_sys_id;
  body["typing"] = false;
  Call call("typing", true, false);
  call.repeatable = true;
  auto result = co_await client_.post(std::move(call), std::move(body), deadline);
  if (result) {
    remember_api(*result);
  } else if (result.error().is(Errc::upstream_path)) {
    api_ = 1;
  } else {
    co_return result.error();
  }
  co_return api_;
}

Task<Result<handoff::SentMessage>> ServiceNowLiveChat::send(handoff::SendRequest request,
                                                            Deadline deadline) {
  json::object body;
  body["conversation_sys_id"] = request.chat.conversation_sys_id;
  body["user_sys_id"] = request.chat.user_sys_id;
  body["text"] = request.text;
  body["client_message_id"] = wire_id(request.client_message_id);
  Call call("send_message", true, true);
  call.trace = std::move(request.trace);
  call.repeatable = request.chat.api >= 2 && !request.client_message_id.empty();
  auto result = co_await client_.post(std::move(call), std::move(body), deadline);
  if (!result) co_return result.error();
  remember_api(*result);
  co_return sent_message(*result);
}

Task<Result<>> ServiceNowLiveChat::end(ChatRef chat, handoff::EndReason reason, Deadline deadline) {
  if (chat.api < 2) co_return co_await end_by_text(std::move(chat), deadline);
  json::object body;
  body["conversation_sys_id"] = chat.conversation_sys_id;
  body["interaction_sys_id"] = chat.interaction_sys_id;
  body["reason"] = reason == handoff::EndReason::abandoned ? "abandoned" : "user_ended";
  Call call("end_chat", true, true);
  call.repeatable = true;
  call.retried_above = true;  // the session tries again for minutes
  call.in_background = true;
  call.trace = std::move(chat.trace);
  auto result = co_await client_.post(std::move(call), std::move(body), deadline);
  if (!result && !result.error().is(Errc::chat_ended)) co_return result.error();
  co_return Result<>();
}

Task<Result<>> ServiceNowLiveChat::end_by_text(ChatRef chat, Deadline deadline) {
  handoff::SendRequest line;
  line.trace = chat.trace;
  line.chat = std::move(chat);
  line.text = kOldEndLine;
  auto sent = co_await send(std::move(line), deadline);
  const bool over = !sent && sent.error().is(Errc::chat_ended);
  // The agent may have read it; a second line would be one too many (DESIGN 5.1).
  const bool unknown = !sent && sent.error().outcome() == Outcome::unknown;
  if (unknown) client_.logger().warning("old_end_line_unknown", {});
  if (!sent && !over && !unknown) co_return sent.error();
  co_return Result<>();
}

Task<Result<>> ServiceNowLiveChat::touch(ChatRef chat, bool typing, Deadline deadline) {
  if (chat.api < 2) co_return Result<>();
  json::object body;
  body["conversation_sys_id"] = chat.conversation_sys_id;
  body["typing"] = typing;
  Call call("typing", true, false);
  call.repeatable = true;
  call.retried_above = true;  // the next one comes within a minute
  call.in_background = true;
  call.trace = std::move(chat.trace);
  auto result = co_await client_.post(std::move(call), std::move(body), deadline);
  if (!result) co_return result.error();
  if (is_over(text_of(*result, "state")))
    co_return Error(Errc::chat_ended, "ServiceNow typing says that the chat is over");
  co_return Result<>();
}

Task<Result<handoff::InteractionStatus>> ServiceNowLiveChat::ask(std::string interaction_sys_id,
                                                                 Deadline deadline) {
  if (!is_sys_id(interaction_sys_id)) co_return Error(Errc::invalid_argument, "not a sys_id");
  TableQuery query("interaction", "sys_id=" + interaction_sys_id, "sys_id,state,assigned_to", 1);
  query.in_background = true;
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows) co_return rows.error();
  if (rows->empty() ||
      !net::equals_ignoring_case(text_of(rows->front(), "sys_id"), interaction_sys_id))
    co_return Error(Errc::not_found, "ServiceNow shows no such interaction")
        .with_hint("The interaction is gone, or the account may not read it.");
  handoff::InteractionStatus status;
  status.state = text_of(rows->front(), "state");
  status.assigned_to = text_of(rows->front(), "assigned_to");
  status.over = is_over(status.state);
  if (status.assigned_to.empty()) co_return status;

  auto virtual_agent = co_await people_.virtual_agent(deadline);
  if (!virtual_agent) co_return virtual_agent.error();
  status.with_agent = !net::equals_ignoring_case(status.assigned_to, *virtual_agent);
  if (!status.with_agent) co_return status;
  // Who it is matters less than that somebody is there: without the name the answer still stands.
  auto name = co_await people_.name_of(status.assigned_to, deadline);
  if (name) status.agent_name = *name;
  co_return status;
}

Task<Result<std::string>> ServiceNowLiveChat::name_of(std::string user_sys_id, Deadline deadline) {
  return people_.name_of(std::move(user_sys_id), deadline);
}

Task<Result<std::string>> ServiceNowLiveChat::service_account(Deadline deadline) {
  return people_.service_account(deadline);
}

}  // namespace bridge::gateways
