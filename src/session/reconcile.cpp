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
  if (session.state == State::closed) return reading.last_owed ? reading.next : Time::max();
  const bool wanted = in_chat(session) && is_watched(session, presence, policy, now);
  return wanted ? reading.next : Time::max();
}

void Turn::reconcile_when_due(const Presence& presence) {
  if (now_ >= reconcile_due(s(), presence, policy_, now_)) want_rows();
}

void Turn::want_rows() {
  if (!can_be_read(s())) return;
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
  if (!can_be_read(s())) return;
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

void Turn::on(const Recheck&) {
  if (in_chat(s()) || s().reconciling.last_owed) want_rows();
  for (Send& send : s().sends)
    if (send.settling && send.settle_at != Time::max()) settle(send);
  for (PendingEnd& end : s().ends)
    if (!end.in_flight) end.next_try = std::min(end.next_try, now_);
  start_ends();
}

void Turn::on(const Reconciled& input) {
  if (input.chat_number != s().chat.number) return take_read_rows_of_earlier_chat(input);
  if (!std::exchange(s().reconciling.in_flight, false)) return;
  changed();
  if (input.failed) return rows_not_read();

  bool recovered = false;
  for (const AgentEvent& row : input.rows) take_read_row(row, input.service_account, recovered);
  release_held();
  rows_read(input);
  s().reconciling.quiet = recovered ? 0 : s().reconciling.quiet + 1;
  plan_next_read();
  if (s().reconciling.again || input.more) want_rows();
}

void Turn::rows_not_read() {
  count(Counted::reconcile_failed);
  // Nothing is held back longer for what cannot be had now; it is shown as late once it is found.
  std::vector<HeldRow> waited;
  for (const HeldRow& held : std::exchange(s().held, {}))
    (held.asked ? waited : s().held).push_back(held);
  if (!waited.empty()) s().reconciling.gap = true;
  show_held(std::move(waited));
  if (s().reconciling.last_owed && ++s().reconciling.last_attempts >= policy_.last_reconciles)
    s().reconciling.last_owed = false;
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
  reading.gap = false;
  if (s().state == State::queued && input.with_agent) go_live(input.agent_name, input.agent_sys_id);
  if (reading.again) return;  // somebody has asked since; that answer counts for them
  std::vector<HeldRow> waited;
  for (const HeldRow& held : std::exchange(s().held, {}))
    (held.asked ? waited : s().held).push_back(held);
  show_held(std::move(waited));  // what stands before them was never meant for the user
  if (s().close && s().close->asked) close_chat(s().close->reason, true);
  if (in_chat(s()) && input.over) close_chat(input.reason, true);
  reading.last_owed = false;
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
  if (std::any_of(s().parked.begin(), s().parked.end(), is_row)) return;
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
  // All rows before it have been read, so it waits for nobody; but later ones may be shown already.
  show_row(row, row.sequence && *row.sequence < s().reconciling.shown);
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
