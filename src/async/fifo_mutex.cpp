// SPDX-License-Identifier: MIT
#include "bridge/async/fifo_mutex.hpp"

namespace bridge::async {

Task<FifoMutex::Guard> FifoMutex::lock() {
  const std::uint64_t ticket = next_++;
  Guard guard(*this);  // holds the place also while waiting: a cancelled waiter moves the queue on
  while (serving_ < ticket) (void)co_await turn_.wait(turn_.generation(), Deadline::max());
  co_return guard;
}

}  // namespace bridge::async
