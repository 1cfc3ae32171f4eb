// SPDX-License-Identifier: MIT
// From the assistant to the queue: DESIGN 4.4. At most one chat is open per session (P8); what
// ServiceNow left unsaid about an open is asked by its key before it is asked for again.
#include <utility>

#include "bridge/core/fingerprint.hpp"
#include "session/turn.hpp"

namespace bridge::session {
namespace {

Trouble trouble_of(const std::optional<Error>& error) {
  if (!error) return {};
  return {std::string(id_of(error->errc())), error->hint(), error->outcome() == Outcome::unknown};
}

std::string opening_id(const BridgeSession& session) {
  std::string id = std::string(kOpeningMessage) + chat_key(session.id, session.opening_chat);
  if (session.opening_take > 1) id += "~" + std::to_string(session.opening_take);
  return id;
}

/// What ServiceNow says of a chat; ids that a webhook brought first stay.
void take_ids(Chat& chat, const Chat& opened) {
  chat.api = opened.api;
  chat.consumer_sys_id = opened.consumer_sys_id;
  if (!chat.interaction_sys_id.empty()) return;
  chat.conversation_sys_id = opened.conversation_sys_id;
  chat.interaction_sys_id = opened.interaction_sys_id;
  chat.interaction_number = opened.interaction_number;
}

}  // namespace

void Turn::on(const Escalate& input) {
  switch (s().state) {
    case State::queued:
    case State::live:
      return say(Verdict::already);
    case State::opening:
      if (s().open->in_flight) return say(Verdict::already);
      s().open->in_flight = true;
      s().open->trace = input.trace;
      changed();
      start(OpenChat{s().chat, *s().open, true});
      return;
    case State::bot:
    case State::closed:
      // The page goes on by itself; words in the other conversation join again.
      if (s().surface) edit_surface([](ActivitySurface& surface) { surface.aside = true; });
      begin_chat(input);
  }
}

void Turn::begin_chat(const Escalate& input) {
  // A chat that was refused has no interaction; its number and key are used again, so that our
  // script would find one which came to be all the same.
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
  for (const HeldRow& held : in_order(std::exchange(s().held, {}))) show_late(held.row);
  s().sequences = SeenSequences();
  s().reconciling = Reconciling();
  s().close.reset();
  s().asking_interaction = false;
  s().last_activity = now_;
  PendingOpen open;
  open.opening_message = input.opening_message;
  open.short_description = input.short_description;
  open.context = input.context;
  open.in_flight = true;
  open.trace = input.trace;
  if (!reuse) {
    s().opening_hash = 0;
    s().opening_take = 1;
    s().opening_chat = s().chat.number;
  }
  const std::uint64_t hash = fingerprint(input.opening_message);
  const bool logged = s().opening_hash == hash;
  if (s().opening_hash != 0 && !logged && !input.opening_message.empty()) ++s().opening_take;
  open.client_message_id = opening_id(s());
  if (!input.opening_message.empty() && !logged) {
    s().opening_hash = hash;
    log(UserMessageEvent{input.opening_message, open.client_message_id});
  }
  s().open = std::move(open);
  changed();
  start(OpenChat{s().chat, *s().open, false});
}

void Turn::on(const OpenAnswered& input) {
  const bool opened = !input.error;
  const bool in_doubt = input.chat_number == s().chat.number && s().open && s().open->in_doubt;
  const bool unknown = input.error && (input.error->outcome() == Outcome::unknown || in_doubt) &&
                       !input.error->is(Errc::chat_ended);
  if (input.chat_number != s().chat.number) {
    // The user ended that chat before it was open, and has begun another one since.
    for (Chat& past : s().past_chats) {
      if (past.number != input.chat_number || !past.interaction_sys_id.empty()) continue;
      if (opened) take_ids(past, input.chat);
      if (opened || unknown) end_in_servicenow(past, CloseReason::user_ended, {});
      changed();
    }
    return;
  }
  if (opened) {
    s().own_messages.insert(input.first_message_sys_id);
    take_ids(s().chat, input.chat);
    changed();
  }
  if (!s().open) return;
  switch (s().state) {
    case State::closed: {  // the user left while it was opening
      const Trace trace = s().open->trace;
      s().open.reset();
      changed();
      if (opened || unknown) end_in_servicenow(s().chat, s().close_reason, trace);
      return;
    }
    case State::queued:
    case State::live:  // a webhook was faster
      return settle_opening(input, false);
    case State::bot:
    case State::opening:
      break;
  }
  if (input.error && input.error->is(Errc::chat_ended) && !s().open->moved_on)
    return move_on_to_the_next_chat();
  s().open_trouble = trouble_of(input.error);
  if (unknown) {
    s().open_trouble.unknown = true;
    s().open->in_flight = false;
    s().open->in_doubt = true;
    changed();
    if (is_told_elsewhere(s())) notify(Notice::open_unknown);
    return;
  }
  if (!opened) return refuse_open();
  become_queued();
  settle_opening(input, true);
}

void Turn::become_queued() {
  s().state = State::queued;
  s().live_chat_since = now_;
  s().last_touch = now_;
  s().last_activity = now_;
  plan_next_read();
}

/// The open has its answer: tells what became of the opening message, or sends it now.
void Turn::settle_opening(const OpenAnswered& input, bool just_queued) {
  const PendingOpen open = *std::exchange(s().open, std::nullopt);
  changed();
  Send send;
  send.id = s().next_send_id++;
  send.chat_number = s().chat.number;
  send.client_message_id = open.client_message_id;
  send.text = open.opening_message;
  send.text_hash = fingerprint(open.opening_message);
  send.accepted = now_;
  send.deadline = now_ + policy_.send_deadline;
  send.trace = open.trace;
  const bool none = open.opening_message.empty();
  const bool send_now = !none && !input.error && input.opening_not_sent;
  if (!none && !send_now) {
    const bool unknown = input.error || input.opening_unknown;
    send.echo_owed = input.first_message_sys_id.empty();
    finish(send, unknown ? Send::Status::unknown : Send::Status::delivered, input.error);
  }
  if (just_queued) tell_status();
  settle_parked(open.opening_message, send.echo_owed);
  // It goes before what was said meanwhile; or it is kept to recognise the echo that may come.
  if (send_now || send.echo_owed) s().sends.insert(s().sends.begin(), std::move(send));
  account_for(input.first_message_sequence);
  pump();
}

void Turn::refuse_open() {
  if (!s().open->opening_message.empty())
    tell_receipt(s().open->client_message_id, Delivery::failed);
  s().open.reset();
  s().state = State::bot;
  s().last_activity = now_;
  fail_waiting("servicenow_create_failed");
  changed();
  if (is_told_elsewhere(s())) notify(Notice::not_connected);
}

/// The key belongs to a chat that has ended unseen: what the user asks for now is another one.
void Turn::move_on_to_the_next_chat() {
  count(Counted::open_moved_on);
  s().chat.number += 1;
  s().chat.key = chat_key(s().id, s().chat.number);
  s().open->moved_on = true;
  for (Send& send : s().sends)
    if (send.status == Send::Status::waiting) send.chat_number = s().chat.number;
  changed();
  start(OpenChat{s().chat, *s().open, false});
}

}  // namespace bridge::session
