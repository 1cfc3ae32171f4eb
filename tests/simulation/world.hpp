// SPDX-License-Identifier: MIT
// Virtual time: what is going to happen, in the order in which it will. Nothing here sleeps, and
// nothing happens but by `run_until`; things that are due at one moment come in an order that the
// dice give.
#pragma once

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "simulation/dice.hpp"

namespace bridge::simulation {

/// What the promise forbids has happened.
class Broken : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
inline void require(bool holds, const char* invariant) {
  if (!holds) throw Broken(invariant);
}
inline void require(bool holds, const char* invariant, const std::string& detail) {
  if (!holds) throw Broken(std::string(invariant) + ": " + detail);
}

/// How much goes wrong in one life, in percent.
struct Trouble {
  int api = 2;        ///< of the scripts in ServiceNow
  int processes = 1;  ///< on the same store
  int webhook_dropped = 0;
  int webhook_doubled = 0;
  int webhook_late = 0;
  int call_refused = 0;   ///< certainly nothing happened
  int call_lost = 0;      ///< it happened, and the answer never came
  int call_hanging = 0;   ///< nobody hears of it again; it may happen much later
  int commit_failed = 0;  ///< each by itself
  int crash = 0;          ///< at a step
  int outage = 0;         ///< at a step: the store, or ServiceNow, fails for a while
};

class World {
 public:
  /// `story`: gets a line for everything that happens; may be null.
  World(std::uint64_t seed, std::vector<std::string>* story) : dice(seed), story_(story) {}

  Time now() const { return now_; }
  void later(Millis pause, std::function<void()> what) {
    pending_.emplace(std::pair(now_ + pause, dice.next()), std::move(what));
  }
  /// False: nothing is left to happen until then.
  bool step(Time until) {
    if (pending_.empty() || pending_.begin()->first.first > until) {
      now_ = std::max(now_, until);
      return false;
    }
    auto next = pending_.extract(pending_.begin());
    now_ = next.key().first;
    require(++steps_ < kMostSteps, "what happens comes to an end");
    next.mapped()();
    return true;
  }
  void run_until(Time until) {
    while (step(until)) {
    }
  }
  void pass(Millis span) { run_until(now_ + span); }
  std::size_t steps() const { return steps_; }

  /// `line` is a function that makes the line, asked only if somebody listens.
  template <class Line>
  void tell(const Line& line) {
    if (!story_) return;
    const std::string ms = std::to_string((now_ - kStart).count());
    story_->push_back(std::string(ms.size() < 8 ? 8 - ms.size() : 0, ' ') + ms + " ms  " + line());
  }

  /// Something worth knowing of a run.
  void count(const std::string& what) { ++counts_[what]; }
  const std::map<std::string, std::uint64_t>& counts() const { return counts_; }

  Dice dice;
  /// Faults happen at all. In the calm at the end they do not.
  bool stormy = true;
  /// Somebody has the page open.
  bool present = true;
  Time store_down_until{};
  Time service_now_down_until{};

  bool strikes(int percent) { return stormy && dice.chance(percent); }

 private:
  static constexpr std::size_t kMostSteps = 200'000;
  static constexpr Time kStart{Millis(1'700'000'000'000)};

  Time now_ = kStart;
  std::multimap<std::pair<Time, std::uint64_t>, std::function<void()>> pending_;
  std::vector<std::string>* story_;
  std::map<std::string, std::uint64_t> counts_;
  std::size_t steps_ = 0;
};

}  // namespace bridge::simulation
