// SPDX-License-Identifier: MIT
#include "bridge/session/decide.hpp"

#include "session/turn.hpp"

namespace bridge::session {

Decision decide(const BridgeSession& session, const Input& input, Time now, const Policy& policy) {
  Turn turn(session, now, policy);
  std::visit([&](const auto& what) { turn.on(what); }, input);
  return std::move(turn).take();
}

void Turn::tell_status() {
  StatusEvent status;
  status.state = s().state;
  if (s().state == State::queued) status.interaction_number = s().chat.interaction_number;
  if (s().state == State::closed) {
    status.reason = s().close_reason;
  } else {
    status.rep_name = s().chat.rep_name;
  }
  log(std::move(status));
}

void Turn::tell_receipt(const std::string& client_message_id, Delivery status) {
  log(ReceiptEvent{client_message_id, status});
}

void Turn::on(const DirectLineBound& input) {
  s().directline_user = input.user;
  s().directline_conversation = input.conversation;
  s().last_activity = now_;
  changed();
}

void Turn::on(const UserTyping&) {
  if (s().state != State::live) return say(Verdict::already);
  start(TouchChat{s().chat, true});
}

void Turn::on(const Restarted&) {
  for (PendingEnd& end : s().ends) end.in_flight = false;
  if (s().asking_interaction) {
    s().asking_interaction = false;
    changed();
    if (s().state == State::queued) {
      s().asking_interaction = true;
      start(AskInteraction{s().chat});
    }
  }
  if (s().open && s().state == State::closed) {
    s().open.reset();
    end_in_servicenow(s().chat, s().close_reason);
  } else if (s().open) {
    s().open->in_flight = true;
    changed();
    start(OpenChat{s().chat, *s().open, true});
  }
  for (Send& send : s().sends) {
    if (send.status != Send::Status::in_flight) continue;
    if (send.chat_number == s().chat.number && s().chat.api >= 2) {
      start(SendMessage{send.id, s().chat, send.text, send.client_message_id, send.deadline});
      continue;
    }
    // The old scripts cannot be asked whether they have it, and would write it again.
    send.echo_owed = true;
    finish(send, Send::Status::unknown, Error(Errc::connection_lost));
  }
  pump();
  start_ends();
}

}  // namespace bridge::session
