// SPDX-License-Identifier: MIT
// From the assistant to the queue: DESIGN 4.4. At most one chat is open per session (P8); what
// ServiceNow left unsaid about an open is asked by its key before it is asked for again.
#include <functional>

#include "session/turn.hpp"

namespace bridge::session {
namespace {

Trouble trouble_of(const std::optional<Error>& error) {
  if (!error) return {};
  return {std::string(id_of(error->errc())), error->hint(), error->outcome() == Outcome::unknown};
}

}  // namespace

std::string Turn::opening_id() const { return "open-" + out_.next.chat.key; }

void Turn::on(const Escalate& input) {
  switch (s().state) {
    case State::queued:
    case State::live:
      return say(Verdict::already);
    case State::opening:
      if (s().open->in_flight) return say(Verdict::already);
      s().open->in_flight = true;
      changed();
      start(OpenChat{s().chat, *s().open, true, false});
      return;
    case State::bot:
    case State::closed:
      begin_chat(input);
  }
}

void Turn::begin_chat(const Escalate& input) {
  // A chat that was refused has no interaction; its number and key are used again, so that an open
  // which did succeed unseen is found by the next attempt.
  const bool reuse =
      s().chat.number > 0 && s().chat.interaction_sys_id.empty() && s().state == State::bot;
  Chat chat;
  chat.number = reuse ? s().chat.number : s().chat.number + 1;
  chat.key = chat_key(s().id, chat.number);
  chat.user_sys_id = input.user_sys_id;
  if (!reuse && s().chat.number > 0) {
    s().past_chats.push_back(std::move(s().chat));
    if (s().past_chats.size() > 16) s().past_chats.erase(s().past_chats.begin());
  }
  s().chat = std::move(chat);
  s().state = State::opening;
  s().sequences = SeenSequences();
  s().held.clear();
  s().parked.clear();
  s().close.reset();
  s().asking_interaction = false;
  s().last_activity = now_;
  PendingOpen open;
  open.opening_message = input.opening_message;
  open.short_description = input.short_description;
  open.context = input.context;
  open.in_flight = true;
  if (!input.opening_message.empty()) log(UserMessageEvent{input.opening_message, opening_id()});
  s().open = std::move(open);
  changed();
  start(OpenChat{s().chat, *s().open, reuse, false});
}

void Turn::on(const OpenAnswered& input) {
  if (input.chat_number != s().chat.number) {
    // The user ended that chat before it was open, and has begun another one since.
    if (input.found && !input.error) {
      Chat opened = input.chat;
      for (Chat& past : s().past_chats)
        if (past.number == input.chat_number && past.interaction_sys_id.empty()) {
          opened.number = past.number;
          opened.key = past.key;
          opened.user_sys_id = past.user_sys_id;
          past = opened;
          end_in_servicenow(opened, CloseReason::user_ended);
        }
    }
    return;
  }
  if (!input.error && input.found) {
    s().own_messages.insert(input.first_message_sys_id);
    s().chat.api = input.chat.api;
    s().chat.consumer_sys_id = input.chat.consumer_sys_id;
    if (s().chat.interaction_sys_id.empty()) {
      s().chat.conversation_sys_id = input.chat.conversation_sys_id;
      s().chat.interaction_sys_id = input.chat.interaction_sys_id;
      s().chat.interaction_number = input.chat.interaction_number;
    }
    changed();
  }
  if (s().state == State::closed && s().open) {  // the user left while it was opening
    s().open.reset();
    changed();
    if (!input.error && input.found) end_in_servicenow(s().chat, s().close_reason);
    return;
  }
  if (s().state != State::opening) {  // a webhook was faster; the ids above are what was missing
    account_for(input.first_message_sequence);
    return;
  }
  s().open_trouble = trouble_of(input.error);
  if (input.error && input.error->outcome() == Outcome::unknown) {
    s().open->in_flight = false;
    changed();
    return;
  }
  if (input.error || !input.found) return refuse_open();
  become_queued(!input.opening_not_sent);
  account_for(input.first_message_sequence);
}

void Turn::become_queued(bool opening_sent) {
  const std::string opening = s().open ? s().open->opening_message : std::string();
  s().open.reset();
  s().state = State::queued;
  s().live_chat_since = now_;
  s().last_touch = now_;
  s().last_activity = now_;
  if (!opening.empty() && opening_sent) tell_receipt(opening_id(), Delivery::delivered);
  tell_status();
  if (!opening.empty() && !opening_sent) {  // it goes first, before what was said meanwhile
    Send send;
    send.id = s().next_send_id++;
    send.client_message_id = opening_id();
    send.text = opening;
    send.text_hash = std::hash<std::string>()(opening);
    send.accepted = now_;
    send.deadline = now_ + policy_.send_deadline;
    s().sends.insert(s().sends.begin(), std::move(send));
  }
  pump();
}

void Turn::refuse_open() {
  if (!s().open->opening_message.empty()) tell_receipt(opening_id(), Delivery::failed);
  s().open.reset();
  s().state = State::bot;
  s().last_activity = now_;
  fail_waiting("servicenow_create_failed");
  changed();
}

}  // namespace bridge::session
