// SPDX-License-Identifier: MIT
// How a chat ends, from either side, and how ServiceNow is told. DESIGN 4.4, 5.2.
#include <algorithm>
#include <utility>

#include "session/turn.hpp"

namespace bridge::session {
namespace {

/// What a webhook that was overtaken is late, at most.
constexpr std::chrono::milliseconds kOvertaken{1'000};

}  // namespace

void Turn::on(const End& input) {
  if (s().state == State::bot || s().state == State::closed) return say(Verdict::already);
  if (s().state == State::opening) {
    s().open->trace = input.trace;
    s().state = State::closed;
    s().close_reason = input.reason;
    s().closed_at = now_;
    s().last_activity = now_;
    if (!s().open->opening_message.empty())
      tell_receipt(s().open->client_message_id, Delivery::unknown);
    fail_waiting("chat_ended");
    tell_status();
    // What is being opened is ended when its answer comes; what may have been opened is looked for.
    if (s().open->in_flight) return;
    s().open.reset();
    end_in_servicenow(s().chat, input.reason, input.trace);
    return;
  }
  const Chat chat = s().chat;
  close_chat(input.reason);
  end_in_servicenow(chat, input.reason, input.trace);
}

void Turn::close_chat(CloseReason reason, bool complete) {
  if (s().state == State::closed) return;
  if (!complete && can_be_read(s())) owe_read();
  s().close.reset();
  // Rows that waited for a predecessor are shown now or never.
  show_held(std::exchange(s().held, {}));
  if (s().open && !s().open->opening_message.empty())
    tell_receipt(s().open->client_message_id, Delivery::unknown);
  s().open.reset();
  fail_waiting("chat_ended");
  s().state = State::closed;
  s().close_reason = reason;
  s().closed_at = now_;
  s().last_activity = now_;
  s().asking_interaction = false;
  tell_status();
}

void Turn::begin_close(CloseReason reason, std::optional<std::int64_t> last_sequence,
                       std::chrono::milliseconds wait) {
  if (s().state != State::queued && s().state != State::live) return say(Verdict::already);
  if (!s().close) {
    PendingClose close;
    close.last_sequence = last_sequence;
    close.reason = reason;
    close.due = now_ + wait;
    // Mostly the last words have only been overtaken.
    close.ask_at = now_ + std::min<std::chrono::milliseconds>(wait / 4, kOvertaken);
    s().close = close;
  }
  changed();
  close_when_complete();
}

void Turn::close_when_complete() {
  if (!s().close || !s().close->last_sequence || !s().held.empty()) return;
  const std::int64_t last = *s().close->last_sequence;
  if (last == 0 || s().sequences.contains(last))
    close_chat(s().close->reason, !s().reconciling.gap);
}

void Turn::end_in_servicenow(const Chat& chat, CloseReason reason, const Trace& trace) {
  // Two processes may both have found that it has to be.
  const auto known = std::find_if(s().ends.begin(), s().ends.end(),
                                  [&](const PendingEnd& one) { return one.chat.key == chat.key; });
  if (known != s().ends.end()) {
    if (known->chat.interaction_sys_id.empty()) known->chat = chat;
    changed();
    return start_ends();
  }
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
    const int number = end->chat.number;
    s().ends.erase(end);
    // Nothing more is said there from now on.
    for (OwedRead& owed : s().owed_reads)
      if (owed.chat_number == number) owed.next = now_;
    start_owed_reads();
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
