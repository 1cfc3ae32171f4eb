// SPDX-License-Identifier: MIT
// What is asked about a chat afterwards: what became of a message, and what was said meanwhile.
#include <algorithm>

#include "bridge/session/relayed.hpp"
#include "gateways/servicenow/live_chat.hpp"
#include "gateways/servicenow/message.hpp"

namespace bridge::gateways {
namespace {

using handoff::ChatMessages;
using handoff::ChatPosition;

/// Well above what messages.js puts into one answer.
constexpr std::size_t kMaxMessagesAnswer = std::size_t{4} << 20;
/// How long an instance without messages.js is not asked again.
constexpr std::chrono::minutes kMissingFor{10};

bool flag_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

Error garbled_answer(std::string_view name) {
  return {Errc::upstream_garbled,
          "ServiceNow " + std::string(name) + " answered with another kind of result"};
}

Error without_messages() {
  return Error(Errc::not_configured, "ServiceNow has no resource messages")
      .with_hint(
          "Install servicenow/messages.js (docs/02-servicenow-setup.md, section 7): without it "
          "nothing is made up for that a webhook did not bring.");
}

/// A row of messages.js with what its webhook would have said besides.
Result<session::AgentEvent> event_of(const json::object& row, const json::object& chat) {
  json::object body = row;
  body["api"] = 2;
  body["event"] = "reply";
  for (const std::string_view name :
       {"bridge_session_id", "conversation_sys_id", "interaction_sys_id", "interaction_number"})
    body[name] = text_of(chat, name);
  return session::read_relayed(body);
}

/// Errors: upstream_garbled.
Result<ChatMessages> chat_of(const json::value& value, const ChatPosition& asked, Logger& logger) {
  const json::object* const told = value.if_object();
  if (!told ||
      !net::equals_ignoring_case(text_of(*told, "conversation_sys_id"), asked.conversation_sys_id))
    return garbled_answer("messages");
  ChatMessages chat;
  chat.conversation_sys_id = asked.conversation_sys_id;
  chat.newest = asked.after;
  chat.found = flag_of(*told, "found");
  if (told->contains("error"))
    logger.warning("chat_not_read", {{"conversation", asked.conversation_sys_id}});
  if (!chat.found) return chat;
  chat.status.state = text_of(*told, "state");
  chat.status.over = is_over(chat.status.state);
  chat.status.assigned_to = text_of(*told, "assigned_to");
  chat.status.agent_name = text_of(*told, "agent_name");
  chat.status.with_agent = flag_of(*told, "with_agent");
  chat.more = flag_of(*told, "more");
  const json::value* const rows = told->if_contains("rows");
  if (!rows || !rows->is_array()) return garbled_answer("messages");
  for (const json::value& row : rows->get_array()) {
    if (!row.is_object()) return garbled_answer("messages");
    auto event = event_of(row.get_object(), *told);
    if (event) {
      chat.rows.push_back(std::move(*event));
    } else {
      // Its webhook was refused for the same reason.
      logger.warning("row_not_read", {{"conversation", asked.conversation_sys_id},
                                      {"reason", event.error().to_string()}});
    }
    chat.newest = std::max(chat.newest, number_of(row.get_object(), "sequence"));
  }
  return chat;
}

}  // namespace

Task<Result<std::optional<handoff::SentMessage>>> ServiceNowLiveChat::withdraw(
    handoff::SendRequest request, Deadline deadline) {
  if (request.chat.api < 2 || request.client_message_id.empty())
    co_return Error(Errc::not_configured, "old scripts do not know one message from another");
  json::object body;
  body["conversation_sys_id"] = request.chat.conversation_sys_id;
  body["user_sys_id"] = request.chat.user_sys_id;
  body["client_message_id"] = wire_id(request.client_message_id);
  body["withdraw"] = true;
  body["sent_text"] = request.text;  // a script that does not know `withdraw` finds nothing to say
  // Not in the background: the same message, or the next, may be waiting for what it finds.
  Call call("send_message", true, true);
  call.repeatable = true;
  call.trace = std::move(request.trace);
  auto result = co_await client_.post(std::move(call), std::move(body), deadline);
  if (!result) co_return result.error();
  if (flag_of(*result, "withdrawn")) co_return std::optional<handoff::SentMessage>();
  if (!flag_of(*result, "repeated")) co_return garbled_answer("send_message");
  std::optional<handoff::SentMessage> sent = sent_message(*result);
  co_return sent;
}

Task<Result<std::vector<ChatMessages>>> ServiceNowLiveChat::messages(
    std::vector<ChatPosition> chats, Deadline deadline) {
  std::vector<ChatMessages> answers;
  if (chats.empty()) co_return answers;
  if (chats.size() > kMaxPositions) co_return Error(Errc::invalid_argument, "too many chats");
  const Deadline now = std::chrono::steady_clock::now();
  if (api_ == 1 || now < messages_missing_until_) co_return without_messages();
  const auto place = co_await reading_.enter(deadline);
  if (!place)
    co_return Error(Errc::overloaded, "ServiceNow messages: enough chats are being read already");
  Trace trace;  // what is read has no single request behind it
  auto result = co_await post_messages(chats, std::move(trace), deadline);
  if (!result && result.error().is(Errc::upstream_path)) {
    messages_missing_until_ = now + kMissingFor;
    co_return without_messages();
  }
  if (!result) co_return result.error();
  const json::value* const told = result->if_contains("chats");
  if (!told || !told->is_array() || told->get_array().size() != chats.size())
    co_return garbled_answer("messages");
  for (std::size_t i = 0; i < chats.size(); ++i) {
    auto chat = chat_of(told->get_array()[i], chats[i], client_.logger());
    if (!chat) co_return chat.error();
    answers.push_back(std::move(*chat));
  }
  co_return answers;
}

Task<Result<json::object>> ServiceNowLiveChat::post_messages(std::vector<ChatPosition> chats,
                                                             Trace trace, Deadline deadline) {
  json::array positions;
  for (const ChatPosition& chat : chats)
    positions.push_back(json::object{{"conversation_sys_id", chat.conversation_sys_id},
                                     {"after", std::max<std::int64_t>(chat.after, 0)}});
  json::object body;
  body["chats"] = std::move(positions);
  Call call("messages", true, false);
  call.repeatable = true;
  call.retried_above = true;
  call.in_background = !chats.empty();  // asked about nothing, it tells an open which way to go
  call.max_response_bytes = kMaxMessagesAnswer;
  call.trace = std::move(trace);
  auto result = co_await client_.post(std::move(call), std::move(body), deadline);
  if (result) remember_api(*result);
  co_return result;
}

Task<bool> ServiceNowLiveChat::runs_our_scripts(Trace trace, Deadline deadline) {
  std::vector<ChatPosition> none;
  const auto result = co_await post_messages(std::move(none), std::move(trace), deadline);
  const bool ours = result && api_ == 2;
  co_return ours;
}

void ServiceNowLiveChat::when_well_again(std::function<void()> callback) {
  client_.when_well_again(std::move(callback));
}

}  // namespace bridge::gateways
