// SPDX-License-Identifier: MIT
// How a chat ends, from either side, and how ServiceNow is told. DESIGN 4.4, 5.2.
#include <algorithm>

#include "session/turn.hpp"

namespace bridge::session {

void Turn::on(const End& input) {
  if (s().state == State::bot || s().state == State::closed) return say(Verdict::already);
  if (s().state == State::opening) {
    s().open->trace = input.trace;
    // What is being opened is ended as soon as it is known; until then only its key names it.
    if (!s().open->in_flight) {
      s().open->in_flight = true;
      start(OpenChat{s().chat, *s().open, true, true});
    }
    s().state = State::closed;
    s().close_reason = input.reason;
    s().closed_at = now_;
    s().last_activity = now_;
    if (!s().open->opening_message.empty()) tell_receipt(opening_id(), Delivery::unknown);
    fail_waiting("chat_ended");
    tell_status();
    return;
  }
  const Chat chat = s().chat;
  close_chat(input.reason);
  end_in_servicenow(chat, input.reason, input.trace);
}

void Turn::close_chat(CloseReason reason) {
  if (s().state == State::closed) return;
  // Rows that waited for a predecessor are shown now or never.
  std::vector<HeldRow> held;
  held.swap(s().held);
  s().close.reset();
  for (const HeldRow& row : held) show_row(row.row, true);
  fail_waiting("chat_ended");
  s().state = State::closed;
  s().close_reason = reason;
  s().closed_at = now_;
  s().last_activity = now_;
  s().asking_interaction = false;
  tell_status();
}

void Turn::close_when_complete() {
  if (!s().close) return;
  const std::int64_t last = s().close->last_sequence;
  const bool complete = last > 0 && s().sequences.contains(last) && s().held.empty();
  if (complete) close_chat(s().close->reason);
}

void Turn::end_in_servicenow(const Chat& chat, CloseReason reason, const Trace& trace) {
  PendingEnd end;
  end.chat = chat;
  end.reason = reason;
  end.trace = trace;
  s().ends.push_back(std::move(end));
  changed();
  start_ends();
}

void Turn::start_ends() {
  // The chat's last message goes first.
  const bool sending = std::any_of(s().sends.begin(), s().sends.end(), [](const Send& send) {
    return send.status == Send::Status::in_flight;
  });
  if (sending) return;
  for (PendingEnd& end : s().ends) {
    if (end.in_flight || end.next_try > now_) continue;
    end.in_flight = true;
    ++end.attempts;
    if (end.attempts > 1) count(Counted::end_retried);
    changed();
    start(EndChat{end.chat, end.reason, end.trace});
  }
}

void Turn::on(const EndAnswered& input) {
  const auto end = std::find_if(s().ends.begin(), s().ends.end(),
                                [&](const PendingEnd& e) { return e.chat.key == input.key; });
  if (end == s().ends.end()) return;
  changed();
  if (!input.error || input.error->is(Errc::chat_ended)) {
    s().ends.erase(end);
    return;
  }
  if (end->attempts >= policy_.end_attempts) {
    count(Counted::end_given_up);
    s().ends.erase(end);
    return;
  }
  end->in_flight = false;
  end->next_try = now_ + policy_.end_retry * (1 << std::min(end->attempts - 1, 6));
}

}  // namespace bridge::session
