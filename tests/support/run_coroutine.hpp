// SPDX-License-Identifier: MIT
// Runs one coroutine to its end inside a test: fails with "did not finish" when time runs out,
// rethrows what it threw, and checks that it left no work behind.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <functional>

#include "bridge/async/task.hpp"

namespace bridge::test {

/// `body` and everything it refers to live in the caller's frame; a capturing `[&]` lambda is fine.
inline void run_coroutine(asio::io_context& context, const std::function<Task<>()>& body,
                          std::chrono::seconds limit = std::chrono::seconds(10)) {
  bool finished = false;
  std::exception_ptr thrown;
  asio::co_spawn(context, body(), [&](std::exception_ptr error) {
    thrown = error;
    finished = true;
  });
  const auto deadline = std::chrono::steady_clock::now() + limit;
  context.restart();
  while (!finished && std::chrono::steady_clock::now() < deadline &&
         context.run_one_until(deadline) > 0) {
  }
  if (thrown) std::rethrow_exception(thrown);
  ASSERT_TRUE(finished) << "the coroutine did not finish";
}

/// As above in a context of its own, which must run out of work afterwards.
inline void run_coroutine(const std::function<Task<>()>& body,
                          std::chrono::seconds limit = std::chrono::seconds(10)) {
  asio::io_context context(1);
  run_coroutine(context, body, limit);
  context.run_for(std::chrono::seconds(2));
  EXPECT_TRUE(context.stopped()) << "the coroutine left work behind";
}

}  // namespace bridge::test
