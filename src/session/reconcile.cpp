// SPDX-License-Identifier: MIT
// Reading the agent's side of a chat instead of waiting to be told (DESIGN P6). A relay rule calls
// once and never again; what it could not deliver is found here, by the same dedupe and in the same
// order as webhooks: after a start, an outage, silence, a gap, and when the chat is over.
#include <algorithm>
#include <utility>

#include "bridge/core/fingerprint.hpp"
#include "session/turn.hpp"

namespace bridge::session {
namespace {

/// As many rows may come by webhook before they are compared with what ServiceNow has. The ids that
/// a session remembers are four times as many, so that each is still known then.
constexpr int kRowsBetweenReads = 64;

bool in_chat(const BridgeSession& session) {
  return session.state == State::queued || session.state == State::live;
}

/// An eighth more or less, so that chats which began together do not ask together for ever.
std::chrono::milliseconds jittered(std::chrono::milliseconds pause, const BridgeSession& session) {
  const std::uint64_t dice =
      fingerprint(session.id + std::to_string(session.reconciling.quiet)) >> 32;
  return pause * static_cast<std::int64_t>(896 + dice % 256) / 1024;
}

}  // namespace

bool can_be_read(const BridgeSession& session) {
  return session.chat.api >= 2 && !session.chat.conversation_sys_id.empty();
}

bool is_watched(const BridgeSession& session, const Presence& presence, const Policy& policy,
                Time now) {
  return is_present(presence, now) || is_awaited(session, policy, now);
}

Time reconcile_due(const BridgeSession& session, const Presence& presence, const Policy& policy,
                   Time now) {
  const Reconciling& reading = session.reconciling;
  if (!can_be_read(session) || reading.in_flight) return Time::max();
  const bool wanted = in_chat(session) && is_watched(session, presence, policy, now);
  return wanted ? reading.next : Time::max();
}

void Turn::reconcile_when_due(const Presence& presence) {
  if (now_ >= reconcile_due(s(), presence, policy_, now_)) want_rows();
}

void Turn::want_rows() {
  if (!in_chat(s()) || !can_be_read(s())) return;
  changed();
  if (s().reconciling.in_flight) {
    s().reconciling.again = true;
    return;
  }
  s().reconciling.in_flight = true;
  s().reconciling.again = false;
  start(Reconcile{s().chat, s().reconciling.known_upto});
}

void Turn::plan_next_read() {
  const int doublings = std::min(s().reconciling.quiet, 16);
  // Where webhooks get lost, silence says little.
  const auto longest = s().reconciling.unreliable
                           ? policy_.reconcile_after * 2
                           : std::max(policy_.reconcile_longest, policy_.reconcile_after);
  const auto pause = std::min(policy_.reconcile_after * (1 << doublings), longest);
  s().reconciling.next = now_ + jittered(pause, s());
}

/// Who has just said something waits for an answer.
void Turn::expect_an_answer() {
  s().reconciling.quiet = 0;
  if (s().reconciling.next > now_ + policy_.reconcile_after) plan_next_read();
}

/// Webhooks get through: there is no hurry to ask.
void Turn::heard_from_webhook(const AgentEvent& event) {
  s().reconciling.quiet = 0;
  plan_next_read();
  if (event.sequence && ++s().reconciling.rows_since >= kRowsBetweenReads) want_rows();
}

/// What waits for something that may never come by itself.
void Turn::ask_for_what_is_missing() {
  if (!in_chat(s()) || !can_be_read(s())) return;
  bool missing = false;
  for (HeldRow& held : s().held) {
    if (held.asked || held.due > now_) continue;
    held.asked = true;
    held.due = now_ + policy_.reconcile_wait;
    missing = true;
  }
  if (s().close && !s().close->asked && s().close->ask_at <= now_) {
    s().close->asked = true;
    missing = true;
  }
  if (missing) want_rows();
}

bool wants_recheck(const BridgeSession& session) {
  return in_chat(session) || has_unfinished_work(session);
}

bool is_being_read(const BridgeSession& session) {
  return session.reconciling.in_flight || session.reconciling.again;
}

void Turn::end_reading() {
  if (is_being_read(s())) changed();
  s().reconciling.in_flight = false;
  s().reconciling.again = false;
}

void Turn::on(const Recheck& input) {
  if (input.reader_gone) end_reading();
  if (input.once_more || !s().reconciling.in_flight) want_rows();
  for (OwedRead& owed : s().owed_reads) owed.next = std::min(owed.next, now_);
  start_owed_reads();
  for (Send& send : s().sends)
    if (send.settling && send.settle_at != Time::max()) settle(send);
  for (PendingEnd& end : s().ends)
    if (!end.in_flight) end.next_try = std::min(end.next_try, now_);
  start_ends();
}

void Turn::on(const Reconciled& input) {
  if (input.owed) return owed_rows_read(input);
  if (input.chat_number != s().chat.number) return;
  if (!std::exchange(s().reconciling.in_flight, false)) return;
  changed();
  if (input.failed) return rows_not_read();

  const bool recovered = take_read_rows(input);
  rows_read(input);
  s().reconciling.quiet = recovered ? 0 : s().reconciling.quiet + 1;
  plan_next_read();
  if (s().reconciling.again || input.more) want_rows();
}

bool Turn::take_read_rows(const Reconciled& input) {
  bool recovered = false;
  for (const AgentEvent& row : input.rows) take_read_row(row, input.service_account, recovered);
  release_held();
  return recovered;
}

std::vector<HeldRow> Turn::take_those_that_asked() {
  std::vector<HeldRow> asked;
  for (const HeldRow& held : std::exchange(s().held, {}))
    (held.asked ? asked : s().held).push_back(held);
  return asked;
}

void Turn::rows_not_read() {
  count(Counted::reconcile_failed);
  // Nothing is held back longer for what cannot be had now; it is shown as late once it is found.
  show_held(take_those_that_asked());
  s().reconciling.again = false;
  plan_next_read();
}

/// All rows up to `newest` have been taken in.
void Turn::rows_read(const Reconciled& input) {
  Reconciling& reading = s().reconciling;
  // The next read begins where this one did not yet reach when it was last complete: a row may
  // become visible a moment after one with a higher number.
  reading.known_upto = input.more ? std::max(reading.known_upto, input.newest) : reading.newest;
  reading.newest = std::max(reading.newest, input.newest);
  reading.rows_since = 0;
  if (input.more) return;
  if (s().state == State::queued && input.with_agent) go_live(input.agent_name, input.agent_sys_id);
  if (reading.again) return;  // somebody has asked since; that answer counts for them
  // What stands before those rows was never meant for the user, and so it is no gap.
  show_held(take_those_that_asked());
  reading.gap = false;
  if (s().close && s().close->asked) close_chat(s().close->reason, true);
  if (in_chat(s()) && input.over) close_chat(input.reason, true);
}

void Turn::owe_read() {
  constexpr std::size_t kMaxOwed = 16;
  OwedRead owed;
  owed.chat_number = s().chat.number;
  owed.after = s().reconciling.known_upto;
  // The agent may be in the middle of a word.
  owed.next = now_ + policy_.settle_pause;
  if (s().owed_reads.size() == kMaxOwed) s().owed_reads.erase(s().owed_reads.begin());
  s().owed_reads.push_back(owed);
  changed();
}

void Turn::start_owed_reads() {
  for (OwedRead& owed : s().owed_reads) {
    if (owed.in_flight || owed.next > now_) continue;
    const Chat* chat = chat_numbered(owed.chat_number);
    if (!chat) continue;
    owed.in_flight = true;
    ++owed.attempts;
    changed();
    start(Reconcile{*chat, owed.after, true});
  }
}

void Turn::owed_rows_read(const Reconciled& input) {
  const auto owed =
      std::find_if(s().owed_reads.begin(), s().owed_reads.end(), [&](const OwedRead& read) {
        return read.chat_number == input.chat_number && read.in_flight;
      });
  if (owed == s().owed_reads.end()) return;
  owed->in_flight = false;
  changed();
  const Chat* chat = chat_numbered(input.chat_number);
  const bool ending = std::any_of(s().ends.begin(), s().ends.end(), [&](const PendingEnd& end) {
    return chat && end.chat.key == chat->key;
  });
  if (input.failed) {
    count(Counted::reconcile_failed);
  } else {
    if (input.chat_number == s().chat.number) {
      (void)take_read_rows(input);
    } else {
      take_read_rows_of_earlier_chat(input);
    }
    owed->after = std::max(owed->after, input.newest);
    if (!input.more && (input.over || !ending)) {
      s().owed_reads.erase(owed);
      return;
    }
  }
  if (owed->attempts >= policy_.last_reconciles && !input.more && !ending) {
    s().owed_reads.erase(owed);
    return;
  }
  const int doublings = std::min(owed->attempts, 6);
  owed->next = input.more ? now_ : now_ + policy_.settle_pause * (1 << doublings);
  start_owed_reads();
}

void Turn::take_read_row(const AgentEvent& row, const std::string& service_account,
                         bool& recovered) {
  const auto is_row = [&](const AgentEvent& other) {
    return other.message_sys_id == row.message_sys_id;
  };
  // It came before its predecessor, and that has been read by now.
  const auto held = std::find_if(s().held.begin(), s().held.end(),
                                 [&](const HeldRow& one) { return is_row(one.row); });
  if (held != s().held.end()) {
    const AgentEvent waiting = held->row;
    s().held.erase(held);
    return show_row(waiting, false);
  }
  const auto parked = std::find_if(s().parked.begin(), s().parked.end(), is_row);
  if (parked != s().parked.end()) {
    // Whose words they are may be known by now: our account, or the agent.
    if (may_be_echo(row, service_account)) return;
    s().parked.erase(parked);
    if (is_echo(row, service_account)) {
      count(Counted::webhook_echo);
      if (row.sequence) account_for(*row.sequence);
      return;
    }
    return show_row(row, false);
  }
  const bool old = row.sequence && *row.sequence <= s().reconciling.known_upto;
  if (old || !s().seen_messages.insert(row.message_sys_id)) {
    count(Counted::reconcile_known);
    if (row.sequence) account_for(*row.sequence);
    return;
  }
  if (row.text.empty() || is_echo(row, service_account)) {
    if (row.sequence) account_for(*row.sequence);
    return;
  }
  count(Counted::reconcile_recovered);
  recovered = true;
  s().reconciling.unreliable = true;
  if (may_be_echo(row, service_account) && s().parked.size() < kMaxHeld) {
    s().parked.push_back(row);
    return;
  }
  show_row(row, false);  // all rows before it have been read, so it waits for nobody
}

/// The next chat has begun while the last words of the one before it were asked for.
void Turn::take_read_rows_of_earlier_chat(const Reconciled& input) {
  for (const AgentEvent& row : input.rows) {
    if (row.text.empty() || is_echo(row, input.service_account)) continue;
    if (!s().seen_messages.insert(row.message_sys_id)) continue;
    count(Counted::reconcile_recovered);
    show_late(row);
  }
}

}  // namespace bridge::session
