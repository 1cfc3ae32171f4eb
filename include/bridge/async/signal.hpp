// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <list>

#include "bridge/async/task.hpp"

namespace bridge::async {

/// A condition variable for coroutines on one thread. A waiter names the generation that it has
/// already acted upon, so a wake-up between its last look and its wait is never missed:
///
///     auto seen = signal.generation();
///     if (!condition()) (void)co_await signal.wait(seen, deadline);
///
/// Lifetime: the signal must outlive its waiters.
class Signal {
 public:
  explicit Signal(const asio::any_io_executor& executor);

  std::uint64_t generation() const { return generation_; }
  /// Wakes all waiters.
  void notify();
  /// Returns true once the generation has moved past `seen`, false at `deadline`.
  /// Cancellation: throws operation_aborted at the next co_await.
  Task<bool> wait(std::uint64_t seen, Deadline deadline);
  std::size_t waiters() const { return waiters_.size(); }

 private:
  asio::any_io_executor executor_;
  std::uint64_t generation_ = 0;
  std::list<asio::steady_timer*> waiters_;  // each lives in its waiter's coroutine frame
};

}  // namespace bridge::async
