// SPDX-License-Identifier: MIT
#include "bridge/async/signal.hpp"

namespace bridge::async {

Signal::Signal(const asio::any_io_executor& executor) : executor_(executor) {}

void Signal::notify() {
  ++generation_;
  for (asio::steady_timer* waiter : waiters_) waiter->cancel();
}

Task<bool> Signal::wait(std::uint64_t seen, Deadline deadline) {
  if (generation_ != seen) co_return true;
  asio::steady_timer timer(executor_, deadline);
  struct Registration {
    std::list<asio::steady_timer*>& list;
    std::list<asio::steady_timer*>::iterator at;
    Registration(std::list<asio::steady_timer*>& l, asio::steady_timer& t)
        : list(l), at(l.insert(l.end(), &t)) {}
    ~Registration() { list.erase(at); }
  } registration(waiters_, timer);
  co_await timer.async_wait(as_result);
  co_return generation_ != seen;
}

}  // namespace bridge::async
