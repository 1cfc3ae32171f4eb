// SPDX-License-Identifier: MIT
// How events find their way to the conversation that carries a session's texts: posted one at a
// time and each once, or carried by the answer of a turn. DESIGN 3.2.
#include <algorithm>
#include <utility>

#include "session/turn.hpp"

namespace bridge::session {
namespace {

constexpr std::size_t kMaxAnswered = 8;
constexpr std::size_t kMaxOpenTurns = 64;

bool is_due(const BridgeSession& session) {
  const ActivitySurface& now = *session.surface;
  return now.told.seq < session.last_seq && !now.waits_for_turn && !now.address.service_url.empty();
}

/// What holds the next post back, and until when; the epoch if nothing does.
Time held_until(const ActivitySurface& now) {
  Time until = now.next_try;
  if (now.posting) until = std::max(until, now.posting_until);
  if (!now.open_turns.empty()) until = std::max(until, now.open_until);
  return until;
}

/// The clock was set back since: no pause is as long as that.
bool is_beyond_reason(Time until, Time now, const Policy& policy) {
  const auto longest = std::max(
      {policy.max_delivery_pause, policy.max_retry_after, policy.turn_limit, policy.post_limit});
  return until > now + longest;
}

}  // namespace

void Turn::open_turn(std::uint64_t turn) {
  edit_surface([&](ActivitySurface& surface) {
    if (surface.open_turns.size() >= kMaxOpenTurns)
      surface.open_turns.erase(surface.open_turns.begin());
    surface.open_turns.push_back(turn);
    surface.open_until = now_ + policy_.turn_limit;
  });
}

void Turn::on(const TurnAnswered& input) {
  if (!s().surface) return say(Verdict::already);
  const ActivitySurface& now = *s().surface;
  const bool in_order = input.tells && input.from == now.told && !now.posting;
  edit_surface([&](ActivitySurface& surface) {
    std::erase(surface.open_turns, input.turn);
    if (!in_order) return;
    AnsweredTurn turn;
    turn.activity_key = input.activity_key;
    turn.from = input.from;
    turn.upto = input.upto.seq;
    if (surface.turns.size() >= kMaxAnswered) surface.turns.erase(surface.turns.begin());
    surface.turns.push_back(std::move(turn));
    surface.told = input.upto;
    surface.attempts = 0;
    surface.refusals = 0;
  });
  // Something else told it meanwhile; the caller answers without it.
  if (!in_order) say(Verdict::already);
}

void Turn::on(const TurnWaited&) {
  if (!s().surface || s().surface->told_waiting || s().state != State::opening) return;
  edit_surface([](ActivitySurface& surface) { surface.told_waiting = true; });
  notify(Notice::still_connecting);
}

void Turn::on(const DeliveryAnswered& input) {
  // An answer of a post that was given up, or of another conversation, says nothing any more.
  if (!s().surface || !s().surface->posting || s().surface->posts != input.post) return;
  bool skip = false;
  edit_surface([&](ActivitySurface& surface) {
    surface.posting = false;
    if (input.told.parts > surface.told.parts) surface.attempts = 0;  // it gets on
    surface.told = input.told;
    switch (input.outcome) {
      case Delivered::yes:
        surface.attempts = 0;
        surface.refusals = 0;
        return;
      case Delivered::expired:
        // Of a URL that has been replaced since, this says nothing.
        surface.waits_for_turn = input.generation == surface.generation;
        return count(Counted::delivery_expired);
      case Delivered::retry:
        count(Counted::delivery_retried);
        return put_off(surface, input.retry_after);
      case Delivered::refused:
        // Another URL may take it; what a second one refuses as well stands in the way of the rest.
        if (++surface.refusals < 2) {
          surface.waits_for_turn = input.generation == surface.generation;
          return;
        }
        surface.refusals = 0;
        surface.told.parts = 0;
        ++surface.told.seq;
        skip = true;
    }
  });
  if (!skip) return;
  count(Counted::delivery_skipped);
  if (!input.of_notice) notify(Notice::not_shown);
}

void Turn::put_off(ActivitySurface& surface, std::optional<std::chrono::milliseconds> asked) {
  if (++surface.attempts >= policy_.delivery_attempts) {
    surface.waits_for_turn = true;
    return;
  }
  const auto pause = std::min(policy_.delivery_retry * (1 << std::min(surface.attempts - 1, 10)),
                              policy_.max_delivery_pause);
  surface.next_try =
      now_ + std::max(pause, std::min(asked.value_or(pause), policy_.max_retry_after));
}

void Turn::deliver_next() {
  if (!s().surface || !is_due(s())) return;
  const Time held = held_until(*s().surface);
  if (held > now_ && !is_beyond_reason(held, now_, policy_)) return;
  edit_surface([&](ActivitySurface& surface) {
    surface.posting = true;
    surface.posting_until = now_ + policy_.post_limit;
    surface.next_try = {};
    surface.open_turns.clear();
    ++surface.posts;
  });
  start(Deliver{s().surface->told, s().surface->posts, s().surface->generation});
}

void Turn::resume_delivery() {
  if (!s().surface || (!s().surface->posting && s().surface->open_turns.empty())) return;
  // Whether a post that was under way arrived nobody can tell: it is made again.
  edit_surface([](ActivitySurface& surface) {
    surface.posting = false;
    surface.open_turns.clear();
  });
}

Time delivery_due(const BridgeSession& session) {
  return is_due(session) ? held_until(*session.surface) : Time::max();
}

}  // namespace bridge::session
