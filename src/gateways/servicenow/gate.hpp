// SPDX-License-Identifier: MIT
// Before every call: the circuit breaker, and who waits in front of it. While it is open, a call
// that nobody waits for is refused at once. One that somebody waits for is not refused on old news:
// it makes the next trial itself, or waits for what becomes of another's, and only a trial that
// began after it came and failed turns it away.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "bridge/async/signal.hpp"
#include "bridge/net/circuit_breaker.hpp"

namespace bridge::gateways {

/// A call that has less time than this says nothing about the instance when the time runs out.
inline constexpr std::chrono::milliseconds kFairChance{1'000};

class Gate {
 public:
  using State = net::CircuitBreaker::State;

  /// `changed` is called after whatever may have changed the state; it must not throw.
  Gate(net::CircuitBreaker::Limits limits, std::function<void()> changed)
      : breaker_(limits), changed_(std::move(changed)) {}

  /// The right to make one call. Dropped without a verdict it counts for nothing.
  /// Lifetime: the gate must outlive it.
  class Pass {
   public:
    Pass(Gate& gate, net::CircuitBreaker::Permit permit, bool trial)
        : gate_(gate), permit_(std::move(permit)), trial_(trial) {}
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass();

    void succeeded();
    void failed();

   private:
    Gate& gate_;
    std::optional<net::CircuitBreaker::Permit> permit_;
    bool trial_;
  };

  /// Nothing if the call is not worth making.
  /// `tried`: whether this call has had its trial; kept up to date over its attempts, false at
  /// first. Who has had one is not made to wait for another.
  /// Lifetime: `tried` must outlive the task.
  Task<std::unique_ptr<Pass>> enter(bool urgent, bool& tried, Deadline deadline);

  State state() const { return breaker_.state(); }
  std::chrono::seconds retry_in(Deadline now) const { return breaker_.retry_in(now); }

 private:
  std::unique_ptr<Pass> take(bool urgent, bool& tried);
  void settle();

  net::CircuitBreaker breaker_;
  std::function<void()> changed_;
  std::unique_ptr<async::Signal> settled_;
  std::uint64_t failed_trials_ = 0;
};

}  // namespace bridge::gateways
