// SPDX-License-Identifier: MIT
#include "bridge/async/task.hpp"

namespace bridge::async {

Task<> sleep_until(Deadline when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  co_await timer.async_wait(as_result);
}

Task<> sleep_for(std::chrono::steady_clock::duration span) { return sleep_until(in(span)); }

}  // namespace bridge::async
