// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <list>
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
    Guard(Guard&& other) noexcept
        : mutex_(std::exchange(other.mutex_, nullptr)), place_(other.place_) {}
    Guard& operator=(Guard&&) = delete;
    ~Guard() {
      if (mutex_) mutex_->leave(place_);
    }

   private:
    friend class FifoMutex;
    using Place = std::list<char>::iterator;
    explicit Guard(FifoMutex& mutex)
        : mutex_(&mutex), place_(mutex.queue_.insert(mutex.queue_.end(), 0)) {}

    FifoMutex* mutex_;
    Place place_;
  };

  explicit FifoMutex(const asio::any_io_executor& executor) : turn_(executor) {}

  /// Cancellation: throws operation_aborted; the place in the queue is given up.
  Task<Guard> lock();
  /// Those inside and those waiting.
  std::uint64_t load() const { return queue_.size(); }

 private:
  void leave(Guard::Place place) {
    queue_.erase(place);
    turn_.notify();
  }

  Signal turn_;
  std::list<char> queue_;  // one element for each place; the first of them is inside
};

}  // namespace bridge::async
