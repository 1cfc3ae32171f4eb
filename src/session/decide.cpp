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

std::vector<Effect> resume(BridgeSession& session) {
  std::vector<Effect> effects;
  // An open that nobody was asking about waits for the next escalation, as before: started here,
  // it would run beside that one's. Who left while it was opening gets it ended.
  if (session.open && session.open->in_flight)
    effects.push_back(OpenChat{session.chat, *session.open, true, session.state == State::closed});
  for (Send& send : session.sends) {
    if (send.status != Send::Status::in_flight) continue;
    send.ask_first = true;
    effects.push_back(
        SendMessage{send.id, session.chat, send.text, send.client_message_id, send.deadline});
  }
  for (PendingEnd& end : session.ends) {
    end.in_flight = true;
    effects.push_back(EndChat{end.chat, end.reason});
  }
  return effects;
}

}  // namespace bridge::session
