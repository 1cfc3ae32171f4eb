// SPDX-License-Identifier: MIT
#include "bridge/session/decide.hpp"

#include <algorithm>

#include "session/turn.hpp"

namespace bridge::session {

Decision decide(const BridgeSession& session, const Input& input, Time now, const Policy& policy) {
  Turn turn(session, now, policy);
  std::visit([&](const auto& what) { turn.on(what); }, input);
  turn.deliver_next();
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
    case Counted::reconcile_recovered:
      return "reconcile_recovered";
    case Counted::reconcile_known:
      return "reconcile_known";
    case Counted::reconcile_failed:
      return "reconcile_failed";
    case Counted::open_settled_by_webhook:
      return "open_settled_by_webhook";
    case Counted::open_moved_on:
      return "open_moved_on";
    case Counted::user_message_repeat:
      return "user_message_repeat";
    case Counted::message_settled:
      return "message_settled";
    case Counted::end_retried:
      return "end_retried";
    case Counted::end_given_up:
      return "end_given_up";
    case Counted::activity_repeat:
      return "activity_repeat";
    case Counted::delivery_retried:
      return "delivery_retried";
    case Counted::delivery_expired:
      return "delivery_expired";
    case Counted::delivery_skipped:
      return "delivery_skipped";
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

void Turn::on(const PlainHanded& input) {
  const std::uint64_t upto = std::min(input.upto, s().last_seq);
  if (upto <= s().plain_handed) return;
  s().plain_handed = upto;
  changed();
}

}  // namespace bridge::session
