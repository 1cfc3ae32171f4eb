// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <exception>

#include "bridge/async/task.hpp"

namespace bridge::async {

/// Runs `op`, but gives up at `deadline`: the operation is then cancelled and awaited, and
/// Errc::timed_out is returned. An exception from `op` propagates at once.
/// Lifetime: `op` is destroyed on return; it must not own what has to outlive it.
/// Cancellation: cancels `op` and throws operation_aborted.
/// Requires: T is default-constructible. Not for WebSocket reads: a cancelled one ends the stream.
template <class T>
Task<Result<T>> with_deadline(Task<Result<T>> op, Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor, deadline);
  auto group = asio::experimental::make_parallel_group(
      asio::co_spawn(executor, std::move(op), asio::deferred), timer.async_wait(asio::deferred));
  // operator|| would wait for the timer when `op` throws, and lose the exception.
  auto [order, thrown, value, timer_failed] =
      co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] == 1 && !timer_failed) co_return Error(Errc::timed_out);
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(value);
}

template <class T>
Task<Result<T>> with_deadline(Task<Result<T>> op, std::chrono::steady_clock::duration limit) {
  return with_deadline(std::move(op), in(limit));
}

}  // namespace bridge::async
