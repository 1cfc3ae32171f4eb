// SPDX-License-Identifier: MIT
// Stops calling somebody who does not answer, so that callers are told at once and the other side
// can recover. Pure: it is told the time. Closed it lets everything through; after so many failures
// in a row it opens; when its pause is over one call may probe (half-open), and that one decides.
// An urgent call, one that somebody waits for, may probe before: what failed a minute ago is no
// reason to tell a person that it fails now. One at a time and not in quick succession, so that the
// other side gets no more than that, however many are waiting.
//
// It only ever refuses calls that have not begun. What became of a call that did is not its matter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "bridge/core/clock.hpp"

namespace bridge::net {

class CircuitBreaker {
 public:
  enum class State { closed, half_open, open };

  struct Limits {
    int failures = 10;  ///< in a row
    std::chrono::seconds first_pause{5};
    std::chrono::seconds longest_pause{60};         ///< it doubles with each failed probe
    std::chrono::milliseconds urgent_pause{1'000};  ///< from a failure to an urgent probe
  };

  /// The right to make one call. Dropped without a verdict it counts for nothing: the call was
  /// cancelled, or failed for a reason of our own.
  class Permit {
   public:
    Permit(Permit&& other) noexcept;
    Permit& operator=(Permit&&) = delete;
    ~Permit();
    /// The other side is there, whatever it answered.
    void succeeded();
    /// Unreachable, too late, or broken inside.
    void failed(Deadline now);

   private:
    friend class CircuitBreaker;
    Permit(CircuitBreaker& breaker, std::uint64_t generation)
        : breaker_(&breaker), generation_(generation) {}
    CircuitBreaker* breaker_;
    std::uint64_t generation_;
  };

  CircuitBreaker() = default;
  explicit CircuitBreaker(Limits limits) : limits_(limits), pause_(limits.first_pause) {}
  CircuitBreaker(const CircuitBreaker&) = delete;
  CircuitBreaker& operator=(const CircuitBreaker&) = delete;

  /// Nothing while it is open, or somebody else is probing.
  /// Lifetime: the breaker must outlive its permits.
  std::optional<Permit> admit(Deadline now);
  /// The same for an urgent call. Failing early leaves the pause for the others as it was.
  std::optional<Permit> admit_urgent(Deadline now);
  /// When an urgent call may probe; past if one may now, `Deadline::max()` while somebody probes.
  Deadline urgent_at() const;
  State state() const { return state_; }
  /// When it is worth asking again; at least a second.
  std::chrono::seconds retry_in(Deadline now) const;

 private:
  std::optional<Permit> admit_from(Deadline earliest, Deadline now);
  void succeed(std::uint64_t generation);
  void fail(std::uint64_t generation, Deadline now);
  void abandon(std::uint64_t generation);

  Limits limits_;
  State state_ = State::closed;
  int failures_ = 0;
  std::chrono::seconds pause_ = limits_.first_pause;
  Deadline open_until_{};
  Deadline urgent_from_{};
  /// Changes with the state: who was let through before has no say any more.
  std::uint64_t generation_ = 0;
};

}  // namespace bridge::net
