// SPDX-License-Identifier: MIT
// What the handoff shows of itself in /metrics, as handles: what happens often is counted on the
// way, without a string being built; ages and queue depths are looked up when somebody asks, in
// the sessions that have anything under way.
#pragma once

#include <array>
#include <unordered_set>

#include "bridge/core/metrics.hpp"
#include "handoff/entry.hpp"

namespace bridge::handoff {

class Vitals {
 public:
  explicit Vitals(Metrics& metrics);

  /// Takes note of the state in which a session now is. A forgotten one is counted no more.
  void track(Entry& entry);
  /// Sets the gauges that are not kept on the way.
  void measure(Time now);
  void count(session::Counted what) { counted_[static_cast<std::size_t>(what)]->add(); }

  /// A chat is to be read; and a call that reads chats has ended.
  void read_wanted(Time now) { unread_since_ = std::min(unread_since_, now); }
  void reads(bool well, Time now);

  Counter& sessions_opened;
  Counter& sessions_evicted;
  Counter& users_unresolved;
  Counter& webhooks_refused;
  Counter& commit_conflicts;
  Histogram& commit_seconds;
  Gauge& sockets;
  Gauge& waiting_polls;
  Gauge& webhooks_waiting;

 private:
  static constexpr std::size_t kStates = 5;

  std::array<Gauge*, kStates> sessions_{};
  std::array<Counter*, kStates> changes_{};
  std::array<Counter*, session::kCountedKinds> counted_{};
  Gauge& opens_;
  Gauge& sends_waiting_;
  Gauge& sends_in_flight_;
  Gauge& ends_;
  Gauge& held_;
  Gauge& parked_;
  Gauge& oldest_send_;
  Gauge& oldest_event_;
  Counter& reads_ok_;
  Counter& reads_failed_;
  Gauge& reconcile_age_;
  Time last_read_{};
  Time unread_since_ = Time::max();  ///< a read has been wanted since, and none went well
  /// Sessions in a chat, or with something still to be done in ServiceNow.
  std::unordered_set<Entry*> active_;
};

}  // namespace bridge::handoff
