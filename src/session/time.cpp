// SPDX-License-Identifier: MIT
// What the mere passing of time does. `next_due` names the next moment at which `on(Tick)` would
// do something, so that one timer per session is enough.
#include <algorithm>

#include "session/turn.hpp"

namespace bridge::session {
namespace {

constexpr std::chrono::seconds kPollPause{30};  // a page that polls every 3 s is present in between
constexpr std::chrono::seconds kComeBack{3};    // pages connect again sooner, mostly

bool has_chat(const BridgeSession& session) {
  return session.state == State::queued || session.state == State::live;
}

/// An open whose outcome nobody is asking about any more.
bool is_stuck(const BridgeSession& session) {
  return session.state == State::opening && session.open && !session.open->in_flight;
}

Time last_reader(const BridgeSession& session, const Presence& presence) {
  const bool known = presence.assumed && session.unread_since != Time{};
  return std::max(known ? session.unread_since : presence.last_seen, session.live_chat_since);
}

/// When a chat that the web shows is given up, if nobody comes. Whoever came back just before the
/// last process died gets the time to do so again.
Time abandoned_at(const BridgeSession& session, const Presence& presence, const Policy& policy) {
  const Time due = last_reader(session, presence) + policy.abandoned_after;
  return presence.assumed ? std::max(due, presence.last_seen + kComeBack) : due;
}

/// When it is to be written down that nobody reads, or that somebody does again.
Time reading_noted_at(const BridgeSession& session, const Presence& presence, Time now) {
  if (!has_chat(session) || is_told_elsewhere(session)) return Time::max();
  const bool noted = session.unread_since != Time{};
  if (presence.attached > 0) return noted ? now : Time::max();
  if (presence.assumed) return noted ? Time::max() : presence.last_seen + kComeBack;
  const Time gone = presence.last_seen + kPollPause;
  if (now < gone) return noted ? now : gone;
  return noted ? Time::max() : gone;
}

Time expiry(const BridgeSession& session, const Presence& presence, const Policy& policy) {
  // Conversations elsewhere last, and what is due there is not forgotten over a weekend.
  if (session.surface && (session.state == State::closed || session.state == State::bot))
    return std::max(session.closed_at, session.surface->last_turn) + policy.carried_expiry;
  if (session.state == State::closed) return session.closed_at + policy.closed_expiry;
  if (session.state == State::bot)
    return std::max(session.last_activity, presence.last_seen) + policy.bot_expiry;
  return Time::max();
}

}  // namespace

bool is_present(const Presence& presence, Time now) {
  return presence.attached > 0 ||
         (presence.last_seen != Time{} && now - presence.last_seen < kPollPause);
}

void Turn::note_reading(const Presence& presence) {
  if (now_ < reading_noted_at(s(), presence, now_)) return;
  s().unread_since = s().unread_since == Time{} ? last_reader(s(), presence) : Time{};
  changed();
}

void Turn::on(const Tick& input) {
  for (Send& send : s().sends) {
    if (send.status != Send::Status::waiting || send.deadline > now_) continue;
    fail(send, Error(Errc::timed_out));
  }
  ask_for_what_is_missing();
  // With a row that has waited long enough go those that stand before it, however late they came.
  std::int64_t last_due = -1;
  for (const HeldRow& held : s().held)
    if (held.due <= now_) last_due = std::max(last_due, held.row.sequence.value_or(0));
  std::vector<HeldRow> due;
  for (auto it = s().held.begin(); it != s().held.end();) {
    if (it->due > now_ && it->row.sequence.value_or(last_due) >= last_due) {
      ++it;
      continue;
    }
    due.push_back(std::move(*it));
    it = s().held.erase(it);
  }
  show_held(std::move(due));
  if (s().close && s().close->due <= now_) close_chat(s().close->reason);

  note_reading(input.presence);
  if (has_chat(s())) {
    // Who is told in a conversation of another channel reads there, and nobody sees when.
    const bool abandoned = is_told_elsewhere(s())
                               ? now_ >= carried_until(s(), policy_)
                               : now_ >= abandoned_at(s(), input.presence, policy_);
    if (input.presence.attached == 0 && abandoned) {
      const Chat chat = s().chat;
      close_chat(CloseReason::abandoned);
      end_in_servicenow(chat, CloseReason::abandoned, {});
    } else if (s().chat.api >= 2 && is_watched(s(), input.presence, policy_, now_) &&
               now_ >= s().last_touch + policy_.touch_interval) {
      s().last_touch = now_;
      changed();
      start(TouchChat{s().chat, false, {}});
    }
  }
  check_on_chat();
  reconcile_when_due(input.presence);
  start_owed_reads();
  settle_due();
  if (is_stuck(s()) && input.presence.attached == 0 &&
      now_ >= std::max(s().last_activity, input.presence.last_seen) + policy_.abandoned_after)
    on(End{CloseReason::abandoned, {}});
  start_ends();
  if (input.presence.attached == 0 && s().ends.empty() &&
      now_ >= expiry(s(), input.presence, policy_)) {
    out_.expired = true;
  }
}

Time next_due(const BridgeSession& session, const Presence& presence, const Policy& policy,
              Time now) {
  Time due = Time::max();
  const auto at = [&due](Time when) { due = std::min(due, when); };
  bool sending = false;
  for (const Send& send : session.sends) {
    if (send.status == Send::Status::waiting) at(send.deadline);
    if (send.settling) at(send.settle_at);
    sending = sending || send.status == Send::Status::in_flight;
  }
  for (const HeldRow& held : session.held) at(held.due);
  if (session.close) at(session.close->due);
  if (session.close && !session.close->asked && can_be_read(session)) at(session.close->ask_at);
  at(reconcile_due(session, presence, policy, now));
  for (const OwedRead& owed : session.owed_reads)
    if (!owed.in_flight) at(owed.next);
  for (const PendingEnd& end : session.ends)
    if (!end.in_flight && !sending) at(end.next_try);
  if (has_chat(session)) {
    if (presence.attached == 0)
      at(is_told_elsewhere(session) ? carried_until(session, policy)
                                    : abandoned_at(session, presence, policy));
    if (session.chat.api >= 2 && is_watched(session, presence, policy, now))
      at(session.last_touch + policy.touch_interval);
  }
  at(reading_noted_at(session, presence, now));
  if (session.surface) at(delivery_due(session));
  if (is_told_elsewhere(session) && session.state == State::live && session.chat.api >= 2)
    at(session.surface->last_asked + policy.ask_interval);
  if (is_stuck(session) && presence.attached == 0)
    at(std::max(session.last_activity, presence.last_seen) + policy.abandoned_after);
  if (presence.attached == 0 && session.ends.empty()) at(expiry(session, presence, policy));
  return due;
}

}  // namespace bridge::session
