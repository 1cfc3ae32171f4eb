// SPDX-License-Identifier: MIT
// What a process does that finds a session in the store: whatever was in flight when the last one
// ended is asked about, or done again where our scripts recognise the repeat. DESIGN 3.1.
#include <algorithm>
#include <utility>

#include "session/turn.hpp"

namespace bridge::session {

bool may_be_interrupted(const BridgeSession& session) {
  return has_unfinished_work(session) || session.surface || session.asking_interaction;
}

void Turn::on(const Restarted&) {
  for (PendingEnd& end : s().ends) {
    if (end.in_flight) changed();
    end.in_flight = false;
  }
  resume_delivery();
  if (s().asking_interaction) {
    s().asking_interaction = false;
    changed();
    if (s().state == State::queued) {
      s().asking_interaction = true;
      start(AskInteraction{s().chat});
    }
  }
  resume_open();
  resume_sends();
  pump();
  start_ends();
  resume_reconciling();
}

void Turn::resume_open() {
  if (!s().open) return;
  if (s().state == State::closed) {
    const Trace trace = s().open->trace;
    s().open.reset();
    end_in_servicenow(s().chat, s().close_reason, trace);
    return;
  }
  s().open->in_flight = true;
  s().open->in_doubt = true;
  changed();
  start(OpenChat{s().chat, *s().open, true});
}

void Turn::resume_sends() {
  for (Send& send : s().sends) {
    if (send.settling) {
      // Whoever was asking is gone.
      if (send.settle_at > now_) changed();
      send.settle_at = std::min(send.settle_at, now_);
    }
    if (send.status != Send::Status::in_flight) continue;
    send.in_doubt = true;
    changed();
    const Chat* chat = chat_numbered(send.chat_number);
    if (!chat || chat->api < 2) {
      // The old scripts cannot be asked whether they have it, and would write it again.
      send.echo_owed = true;
      finish(send, Send::Status::unknown, Error(Errc::connection_lost));
      settle_parked(send.text, send.echo_owed);
    } else if (send.deadline > now_ && send.chat_number == s().chat.number) {
      // Our script answers with the row if there is one, and sends it otherwise.
      start(SendMessage{send.id, *chat, send.text, message_key(send), send.deadline, send.trace});
    } else {
      // Too late to send it; whether it was sent is still to be found out.
      settle(send);
    }
  }
}

/// Whoever was reading is gone.
void Turn::resume_reconciling() {
  end_reading();
  for (OwedRead& owed : s().owed_reads)
    if (std::exchange(owed.in_flight, false)) changed();
}

}  // namespace bridge::session
