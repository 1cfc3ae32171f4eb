// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>

#include "bridge/async/signal.hpp"

namespace bridge::async {

/// Lets coroutines through one at a time in the order in which they asked. For work of one session
/// that awaits and must not be overtaken.
/// Lifetime: the mutex must outlive its guards and waiters.
class FifoMutex {
 public:
  class Guard {
   public:
    explicit Guard(FifoMutex& mutex) : mutex_(&mutex) {}
    Guard(Guard&& other) noexcept : mutex_(std::exchange(other.mutex_, nullptr)) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_) mutex_->advance();
    }

   private:
    FifoMutex* mutex_;
  };

  explicit FifoMutex(const asio::any_io_executor& executor) : turn_(executor) {}

  /// Cancellation: throws operation_aborted; the place in the queue is given up.
  Task<Guard> lock();
  /// Those inside and those waiting.
  std::uint64_t load() const { return next_ - serving_; }

 private:
  void advance() {
    ++serving_;
    turn_.notify();
  }

  Signal turn_;
  std::uint64_t next_ = 0;
  std::uint64_t serving_ = 0;
};

}  // namespace bridge::async
