// SPDX-License-Identifier: MIT
#include "bridge/session/decide.hpp"

#include "session/turn.hpp"

namespace bridge::session {

Decision decide(const BridgeSession& session, const Input& input, Time now, const Policy& policy) {
  Turn turn(session, now, policy);
  std::visit([&](const auto& what) { turn.on(what); }, input);
  return std::move(turn).take();
}

std::string_view to_string(Counted what) {
  switch (what) {
    case Counted::webhook_repeat:
      return "webhook_repeat";
    case Counted::webhook_echo:
      return "webhook_echo";
    case Counted::webhook_parked:
      return "webhook_parked";
    case Counted::webhook_held:
      return "webhook_held";
    case Counted::webhook_gap:
      return "webhook_gap";
    case Counted::webhook_other_chat:
      return "webhook_other_chat";
    case Counted::webhook_without_text:
      return "webhook_without_text";
    case Counted::webhook_unknown_event:
      return "webhook_unknown_event";
    case Counted::open_settled_by_webhook:
      return "open_settled_by_webhook";
    case Counted::user_message_repeat:
      return "user_message_repeat";
    case Counted::end_retried:
      return "end_retried";
    case Counted::end_given_up:
      return "end_given_up";
  }
  return "unknown";
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

void Turn::on(const UserTyping& input) {
  if (s().state != State::live) return say(Verdict::already);
  start(TouchChat{s().chat, true, input.trace});
}

std::vector<Effect> resume(BridgeSession& session) {
  std::vector<Effect> effects;
  if (session.open && session.state == State::opening) {
    session.open->in_flight = true;
    effects.push_back(OpenChat{session.chat, *session.open, true, false});
  }
  for (Send& send : session.sends) {
    if (send.status != Send::Status::in_flight) continue;
    send.ask_first = true;
    effects.push_back(SendMessage{send.id, session.chat, send.text, send.client_message_id,
                                  send.deadline, send.trace});
  }
  for (PendingEnd& end : session.ends) {
    end.in_flight = true;
    effects.push_back(EndChat{end.chat, end.reason, end.trace});
  }
  return effects;
}

}  // namespace bridge::session
