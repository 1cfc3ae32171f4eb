// SPDX-License-Identifier: MIT
#include "bridge/async/signal.hpp"

#include <gtest/gtest.h>

#include "bridge/async/task_group.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::async {
namespace {

using namespace std::chrono_literals;

TEST(SignalTest, ANotifyBetweenTheLookAndTheWaitIsNotMissed) {
  test::run_coroutine([]() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    const std::uint64_t seen = signal.generation();
    signal.notify();
    EXPECT_TRUE(co_await signal.wait(seen, in(-1s)));  // even a deadline in the past
    EXPECT_FALSE(co_await signal.wait(signal.generation(), in(5ms))) << "one notify is one wake-up";
    EXPECT_EQ(signal.waiters(), 0u);
  });
}

TEST(SignalTest, WakesEveryWaiterOnce) {
  test::run_coroutine([]() -> Task<> {
    const auto executor = co_await asio::this_coro::executor;
    test::RecordingLogger logger;
    TaskGroup group(executor, logger);
    Signal signal(executor);
    int woken = 0;
    const auto waiter = [&]() -> Task<> {
      if (co_await signal.wait(signal.generation(), in(10s))) ++woken;
    };
    for (int i = 0; i < 10; ++i) group.spawn("waiter", waiter());
    const Deadline deadline = in(10s);
    while (signal.waiters() < 10 && std::chrono::steady_clock::now() < deadline)
      co_await sleep_for(1ms);
    EXPECT_EQ(signal.waiters(), 10u);
    signal.notify();
    signal.notify();
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(woken, 10);
    EXPECT_EQ(signal.waiters(), 0u);
  });
}

TEST(SignalTest, TellsThatTheDeadlineCameFirst) {
  test::run_coroutine([]() -> Task<> {
    Signal signal(co_await asio::this_coro::executor);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(co_await signal.wait(signal.generation(), in(20ms)));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
    EXPECT_EQ(signal.waiters(), 0u);
  });
}

TEST(SignalTest, ACancelledWaiterLeavesAndThrowsAtItsNextAwait) {
  test::run_coroutine([]() -> Task<> {
    const auto executor = co_await asio::this_coro::executor;
    test::RecordingLogger logger;
    TaskGroup group(executor, logger);
    Signal signal(executor);
    bool went_on = false;
    const auto waiter = [&]() -> Task<> {
      (void)co_await signal.wait(signal.generation(), Deadline::max());
      co_await sleep_for(0ms);
      went_on = true;
    };
    group.spawn("waiter", waiter());
    co_await sleep_for(2ms);
    EXPECT_EQ(signal.waiters(), 1u);
    group.cancel();
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_FALSE(went_on);
    EXPECT_EQ(signal.waiters(), 0u);
    signal.notify();  // touches nothing that is gone
  });
}

}  // namespace
}  // namespace bridge::async
