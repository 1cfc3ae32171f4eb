// SPDX-License-Identifier: MIT
#include "simulation/service_now.hpp"

#include <algorithm>

namespace bridge::simulation {

using session::AgentEvent;
using session::CloseReason;
using session::OpenAnswered;
using session::SendAnswered;

namespace {

/// The mark that open_chat.js gives the first message of a key.
std::string first_mark(const std::string& key) { return key + ":first"; }

}  // namespace

std::string ServiceNow::next_id(char kind) {
  const std::string digits = std::to_string(++ids_);
  return std::string(1, kind) + std::string(31 - digits.size(), '0') + digits;
}

Conversation* ServiceNow::by_key(const std::string& key) {
  for (Conversation& chat : conversations_)
    if (chat.key == key) return &chat;
  return nullptr;
}

const Conversation* ServiceNow::by_conversation(const std::string& sys_id) const {
  for (const Conversation& chat : conversations_)
    if (chat.conversation_sys_id == sys_id) return &chat;
  return nullptr;
}
Conversation* ServiceNow::by_conversation(const std::string& sys_id) {
  return const_cast<Conversation*>(std::as_const(*this).by_conversation(sys_id));
}

Row& ServiceNow::write(Conversation& chat, Row row) {
  row.sys_id = next_id('d');
  row.sequence = ++chat.last_sequence;
  chat.rows.push_back(std::move(row));
  fires_({chat.conversation_sys_id, chat.rows.back().sys_id});
  return chat.rows.back();
}

OpenAnswered ServiceNow::answer(const session::Chat& asked, const Conversation& chat) const {
  OpenAnswered answer;
  answer.chat_number = asked.number;
  answer.chat = asked;
  answer.chat.api = api_;
  answer.chat.conversation_sys_id = chat.conversation_sys_id;
  answer.chat.interaction_sys_id = chat.interaction_sys_id;
  answer.chat.interaction_number = chat.number;
  answer.chat.consumer_sys_id = kConsumer;
  return answer;
}

Result<OpenAnswered> ServiceNow::open(const session::OpenChat& order, bool opening_fails) {
  Conversation* chat = api_ >= 2 ? by_key(order.chat.key) : nullptr;
  if (chat && chat->over) return Error(Errc::chat_ended, "the chat of this key is over");
  const bool repeated = chat != nullptr;
  if (!chat) {
    Conversation made;
    made.key = order.chat.key;
    made.conversation_sys_id = next_id('c');
    made.interaction_sys_id = next_id('e');
    made.number = "IMS" + std::to_string(ids_);
    conversations_.push_back(std::move(made));
    chat = &conversations_.back();
  }
  OpenAnswered answered = answer(order.chat, *chat);
  if (!order.open.opening_message.empty()) {
    const std::string mark = api_ >= 2 ? first_mark(chat->key) : std::string();
    const auto known = std::find_if(chat->rows.begin(), chat->rows.end(), [&](const Row& row) {
      return !mark.empty() && row.mark == mark;
    });
    if (known != chat->rows.end()) {
      answered.first_message_sys_id = known->sys_id;
      answered.first_message_sequence = known->sequence;
    } else if (repeated || opening_fails) {
      // Into a chat that is routed the script says nothing any more.
      answered.opening_not_sent = true;
    } else {
      Row row;
      row.by = Row::By::user;
      row.text = order.open.opening_message;
      row.sender = kUser;
      row.mark = mark;
      row.said_as = order.open.client_message_id;
      const Row& written = write(*chat, std::move(row));
      if (api_ >= 2) {
        answered.first_message_sys_id = written.sys_id;
        answered.first_message_sequence = written.sequence;
      }
    }
  }
  if (!repeated) say(*chat, Row::By::system, "An agent will be with you");
  return answered;
}

std::optional<OpenAnswered> ServiceNow::find(const session::Chat& chat) const {
  for (const Conversation& one : conversations_)
    if (one.key == chat.key && !one.over) return answer(chat, one);
  return std::nullopt;
}

SendAnswered ServiceNow::rows_of(const Conversation& chat,
                                 const session::SendMessage& order) const {
  SendAnswered answered;
  answered.send_id = order.send_id;
  for (const Row& row : chat.rows)
    if (row.by == Row::By::user && row.said_as == order.client_message_id) {
      answered.message_sys_ids.push_back(row.sys_id);
      if (answered.sequence == 0) answered.sequence = row.sequence;
    }
  return answered;
}

std::optional<Result<SendAnswered>> ServiceNow::begin_send(const session::SendMessage& order) {
  Conversation* chat = by_conversation(order.chat.conversation_sys_id);
  if (!chat) return Error(Errc::upstream_rejected, "no such conversation");
  if (api_ >= 2) {
    if (chat->sending.contains(order.client_message_id))
      return Error(Errc::upstream_failed, "in progress").with_outcome(Outcome::unknown);
    const SendAnswered before = rows_of(*chat, order);
    if (!before.message_sys_ids.empty()) return before;
    if (chat->withdrawn.contains(order.client_message_id))
      return Error(Errc::conflict, "withdrawn");
  }
  if (chat->over) return Error(Errc::chat_ended, "the chat has ended");
  chat->sending.insert(order.client_message_id);
  Row row;
  row.by = Row::By::user;
  row.text = order.text;
  row.sender = kUser;
  row.said_as = order.client_message_id;
  write(*chat, std::move(row));
  return std::nullopt;
}

SendAnswered ServiceNow::finish_send(const session::SendMessage& order) {
  Conversation& chat = *by_conversation(order.chat.conversation_sys_id);
  chat.sending.erase(order.client_message_id);
  if (api_ < 2) {
    SendAnswered answered;  // the old script does not say which row it made
    answered.send_id = order.send_id;
    return answered;
  }
  for (Row& row : chat.rows)
    if (row.said_as == order.client_message_id) row.mark = order.client_message_id;
  return rows_of(chat, order);
}

Result<session::SendSettled> ServiceNow::withdraw(const session::SettleSend& order) {
  Conversation* chat = by_conversation(order.chat.conversation_sys_id);
  if (!chat || api_ < 2) return Error(Errc::upstream_path, "no such conversation");
  if (chat->sending.contains(order.client_message_id))
    return Error(Errc::upstream_failed, "in progress").with_outcome(Outcome::unknown);
  session::SendMessage sought;
  sought.client_message_id = order.client_message_id;
  const SendAnswered rows = rows_of(*chat, sought);
  session::SendSettled settled;
  settled.send_id = order.send_id;
  settled.sent = !rows.message_sys_ids.empty();
  settled.message_sys_ids = rows.message_sys_ids;
  settled.sequence = rows.sequence;
  if (!settled.sent) chat->withdrawn.insert(order.client_message_id);
  return settled;
}

session::Reconciled ServiceNow::read(const session::Reconcile& order, std::size_t most) const {
  session::Reconciled read;
  read.chat_number = order.chat.number;
  read.newest = order.after;
  read.service_account = kService;
  const Conversation* chat = by_conversation(order.chat.conversation_sys_id);
  read.failed = !chat;
  if (!chat) return read;
  read.with_agent = !chat->agent.empty();
  read.over = chat->over;
  read.agent_name = chat->agent_name;
  read.agent_sys_id = chat->agent;
  for (const Row& row : chat->rows) {
    if (row.sequence <= order.after || !is_relayed(row)) continue;
    read.more = read.rows.size() == most;
    if (read.more) break;
    read.rows.push_back(tell_row(*chat, row));
    read.newest = row.sequence;
  }
  return read;
}

Result<> ServiceNow::end(const session::Chat& chat, CloseReason reason) {
  Conversation* found = by_conversation(chat.conversation_sys_id);
  if (!found) return Error(Errc::upstream_rejected, "no such conversation");
  // The old scripts know no end: a line asks the agent for it, who does it here at once.
  if (!found->over) {
    found->over = true;
    found->reason = reason;
    fires_({found->conversation_sys_id, {}});
  }
  return {};
}

bool ServiceNow::is_over(const session::Chat& chat) const {
  const Conversation* found = by_conversation(chat.conversation_sys_id);
  return found && found->over;
}

session::InteractionAnswered ServiceNow::ask(const session::Chat& chat) const {
  session::InteractionAnswered answered;
  answered.chat_number = chat.number;
  const Conversation* found = by_conversation(chat.conversation_sys_id);
  answered.failed = !found;
  if (!found) return answered;
  answered.with_agent = !found->agent.empty();
  answered.over = found->over;
  answered.agent_name = found->agent_name;
  answered.agent_sys_id = found->agent;
  return answered;
}

void ServiceNow::accept(Conversation& chat, const std::string& agent, const std::string& name) {
  chat.agent = agent;
  chat.agent_name = name;
  fires_({chat.conversation_sys_id, {}});
}

void ServiceNow::say(Conversation& chat, Row::By by, const std::string& text) {
  Row row;
  row.by = by;
  row.text = text;
  row.sender = by == Row::By::system ? std::string() : chat.agent;
  write(chat, std::move(row));
}

void ServiceNow::end_by_agent(Conversation& chat) {
  chat.over = true;
  chat.reason = CloseReason::agent_ended;
  fires_({chat.conversation_sys_id, {}});
}

bool ServiceNow::is_relayed(const Row& row) const {
  return row.by != Row::By::note && row.mark.empty();
}

AgentEvent ServiceNow::about(const Conversation& chat) const {
  AgentEvent event;
  event.api = api_;
  event.key = chat.key;
  event.conversation_sys_id = chat.conversation_sys_id;
  event.interaction_sys_id = chat.interaction_sys_id;
  event.interaction_number = chat.number;
  return event;
}

AgentEvent ServiceNow::tell_row(const Conversation& chat, const Row& row) const {
  AgentEvent event = about(chat);
  event.message_sys_id = row.sys_id;
  event.sender_sys_id = row.sender;
  event.system = row.by == Row::By::system;
  event.text = row.text;
  if (api_ < 2) return event;
  if (row.by == Row::By::agent) event.rep_name = row.sender == chat.agent ? chat.agent_name : "";
  if (row.by == Row::By::user) event.rep_name = "Pat User";  // the rule names whoever wrote it
  event.sequence = row.sequence;
  event.prev_sequence = 0;
  for (const Row& other : chat.rows)
    if (other.sequence < row.sequence && is_relayed(other)) event.prev_sequence = other.sequence;
  return event;
}

std::optional<AgentEvent> ServiceNow::run(const Rule& rule) const {
  const Conversation* chat = by_conversation(rule.conversation_sys_id);
  if (!chat) return std::nullopt;
  if (!rule.message_sys_id.empty()) {
    for (const Row& row : chat->rows)
      if (row.sys_id == rule.message_sys_id)
        return is_relayed(row) ? std::optional(tell_row(*chat, row)) : std::nullopt;
    return std::nullopt;
  }
  AgentEvent event = about(*chat);
  if (chat->over) {
    event.kind = AgentEvent::Kind::closed;
    event.reason = CloseReason::agent_ended;
    if (api_ < 2) return event;
    event.last_sequence = 0;
    for (const Row& row : chat->rows)
      if (is_relayed(row)) event.last_sequence = row.sequence;
    return event;
  }
  if (chat->agent.empty()) return std::nullopt;
  event.kind = AgentEvent::Kind::claimed;
  event.rep_name = chat->agent_name;
  event.rep_sys_id = chat->agent;
  return event;
}

}  // namespace bridge::simulation
