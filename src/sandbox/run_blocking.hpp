// SPDX-License-Identifier: MIT
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>

#include "bridge/async/task.hpp"

namespace bridge::sandbox {

/// Runs `work` on the pool and continues on the caller's executor with what it returned or threw.
/// Cancellation: none; the caller waits for the work, so `work` may refer to the caller's frame.
/// Requires: T is default-constructible; the pool is joined, never stopped, while work is queued.
template <class T>
Task<T> run_blocking(asio::thread_pool& pool, std::function<T()> work) {
  const auto executor = co_await asio::this_coro::executor;
  auto initiate = [&pool, executor](auto handler, std::function<T()> job) {
    // Shared, because a posted function may be copied and this handler cannot.
    auto shared = std::make_shared<decltype(handler)>(std::move(handler));
    asio::post(pool, [shared, executor, job = std::move(job)]() mutable {
      std::exception_ptr thrown;
      auto value = std::make_shared<T>();
      try {
        *value = job();
      } catch (...) {
        thrown = std::current_exception();
      }
      asio::post(executor, [shared = std::move(shared), thrown, value]() mutable {
        auto done = std::move(*shared);
        shared.reset();
        std::move(done)(thrown, std::move(*value));
      });
    });
  };
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>,
                                          void(std::exception_ptr, T)>(
      initiate, asio::use_awaitable, std::move(work));
}

}  // namespace bridge::sandbox
