// SPDX-License-Identifier: MIT
#include "handoff/vitals.hpp"

#include <algorithm>

#include "bridge/session/speech.hpp"

namespace bridge::handoff {

using session::BridgeSession;
using session::Send;
using session::State;

namespace {

Labels kind(std::string_view value) {
  Labels labels;
  labels.emplace_back("kind", value);
  return labels;
}
Labels queue(std::string_view value) {
  Labels labels;
  labels.emplace_back("queue", value);
  return labels;
}

Labels outcome(std::string_view value) {
  Labels labels;
  labels.emplace_back("outcome", value);
  return labels;
}

bool in_chat(State state) { return state == State::queued || state == State::live; }

bool is_unsent(const Send& send) {
  return send.status == Send::Status::waiting || send.status == Send::Status::in_flight;
}

bool is_active(const BridgeSession& session) {
  return in_chat(session.state) || session.open || !session.ends.empty() ||
         (session.surface && session.surface->told.seq < session.last_seq) ||
         std::any_of(session.sends.begin(), session.sends.end(), is_unsent);
}

/// When the first event came that nobody has been told; `now` if there is none. A page shows what
/// the user said by itself, so that waits for nobody.
Time oldest_unread(const Entry& entry, Time now) {
  const session::SurfacePtr& surface = entry.state->surface;
  const bool elsewhere = surface && !surface->aside;
  const std::uint64_t told = elsewhere ? surface->told.seq : entry.handed;
  const std::uint64_t first = std::max(told + 1, entry.log.first_seq());
  for (std::uint64_t seq = first; seq <= entry.log.last_seq(); ++seq) {
    const auto event = entry.log.find(seq);
    if (!event) continue;
    const bool waits = elsewhere ? session::is_spoken(event->event)
                                 : session::shown_to_plain_readers(event->event);
    if (waits) return event->event.at;
  }
  return now;
}

double seconds(Time from, Time to) {
  return std::max(0.0, std::chrono::duration<double>(to - from).count());
}

}  // namespace

Vitals::Vitals(Metrics& metrics)
    : sessions_opened(metrics.counter("sessions_opened")),
      sessions_evicted(metrics.counter("sessions_evicted")),
      users_unresolved(metrics.counter("users_unresolved")),
      webhooks_refused(metrics.counter("webhooks_refused")),
      commit_conflicts(metrics.counter("commit_conflicts")),
      commit_seconds(metrics.histogram("commit_seconds")),
      sockets(metrics.gauge("readers", kind("socket"))),
      waiting_polls(metrics.gauge("readers", kind("poll"))),
      webhooks_waiting(metrics.gauge("queue_depth", queue("webhooks"))),
      opens_(metrics.gauge("queue_depth", queue("opens"))),
      sends_waiting_(metrics.gauge("queue_depth", queue("sends_waiting"))),
      sends_in_flight_(metrics.gauge("queue_depth", queue("sends_in_flight"))),
      ends_(metrics.gauge("queue_depth", queue("ends"))),
      held_(metrics.gauge("queue_depth", queue("rows_held"))),
      parked_(metrics.gauge("queue_depth", queue("rows_parked"))),
      oldest_send_(metrics.gauge("oldest_undelivered_seconds", kind("send"))),
      oldest_event_(metrics.gauge("oldest_undelivered_seconds", kind("event"))),
      reads_ok_(metrics.counter("reconcile_calls", outcome("ok"))),
      reads_failed_(metrics.counter("reconcile_calls", outcome("failed"))),
      reconcile_age_(metrics.gauge("reconcile_age_seconds")) {
  for (std::size_t i = 0; i < kStates; ++i) {
    const std::string_view name = session::to_string(static_cast<State>(i));
    Labels state;
    state.emplace_back("state", name);
    sessions_[i] = &metrics.gauge("sessions", state);
    changes_[i] = &metrics.counter("session_changes", state);
  }
  for (std::size_t i = 0; i < counted_.size(); ++i)
    counted_[i] = &metrics.counter("handoff_events",
                                   kind(session::to_string(static_cast<session::Counted>(i))));
}

void Vitals::track(Entry& entry) {
  const auto at = [](State state) { return static_cast<std::size_t>(state); };
  if (entry.forgotten) {
    if (entry.counted_as) sessions_[at(*entry.counted_as)]->add(-1);
    entry.counted_as.reset();
    active_.erase(&entry);
    return;
  }
  const State state = entry.state->state;
  if (entry.counted_as != state) {
    if (entry.counted_as) {
      sessions_[at(*entry.counted_as)]->add(-1);
      changes_[at(state)]->add();
    }
    sessions_[at(state)]->add(1);
    entry.counted_as = state;
  }
  if (is_active(*entry.state)) {
    active_.insert(&entry);
  } else {
    active_.erase(&entry);
  }
}

void Vitals::reads(bool well, Time now) {
  (well ? reads_ok_ : reads_failed_).add();
  if (!well) return;
  last_read_ = now;
  unread_since_ = Time::max();
}

void Vitals::measure(Time now) {
  const Time since = std::max(last_read_, std::min(unread_since_, now));
  reconcile_age_.set(unread_since_ > now ? 0 : seconds(since, now));
  std::size_t opens = 0, waiting = 0, in_flight = 0, ends = 0, held = 0, parked = 0;
  Time oldest_send = now;
  Time oldest_event = now;
  for (const Entry* entry : active_) {
    const BridgeSession& session = *entry->state;
    opens += session.open ? 1 : 0;
    ends += session.ends.size();
    held += session.held.size();
    parked += session.parked.size();
    for (const Send& send : session.sends) {
      if (!is_unsent(send)) continue;
      ++(send.status == Send::Status::waiting ? waiting : in_flight);
      oldest_send = std::min(oldest_send, send.accepted);
    }
    if (in_chat(session.state) || session.surface)
      oldest_event = std::min(oldest_event, oldest_unread(*entry, now));
  }
  const auto set = [](Gauge& gauge, std::size_t n) { gauge.set(static_cast<double>(n)); };
  set(opens_, opens);
  set(sends_waiting_, waiting);
  set(sends_in_flight_, in_flight);
  set(ends_, ends);
  set(held_, held);
  set(parked_, parked);
  oldest_send_.set(seconds(oldest_send, now));
  oldest_event_.set(seconds(oldest_event, now));
}

}  // namespace bridge::handoff
