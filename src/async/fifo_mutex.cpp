// SPDX-License-Identifier: MIT
#include "bridge/async/fifo_mutex.hpp"

namespace bridge::async {

Task<FifoMutex::Guard> FifoMutex::lock() {
  Guard guard(*this);  // holds the place also while waiting: a cancelled waiter gives it up
  while (guard.place_ != queue_.begin())
    (void)co_await turn_.wait(turn_.generation(), Deadline::max());
  co_return guard;
}

}  // namespace bridge::async
