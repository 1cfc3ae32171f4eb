// SPDX-License-Identifier: MIT
#include "bridge/async/task_group.hpp"

#include <gtest/gtest.h>

#include <boost/system/system_error.hpp>
#include <stdexcept>

#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::async {
namespace {

using namespace std::chrono_literals;

Task<> at_once(int& done) {
  ++done;
  co_return;
}
Task<> after(std::chrono::milliseconds pause, int& done) {
  co_await sleep_for(pause);
  co_await asio::this_coro::executor;
  ++done;
}
Task<> for_ever(int& ended) {
  struct Trace {
    explicit Trace(int& e) : ended(e) {}
    ~Trace() { ++ended; }
    int& ended;
  } const trace(ended);
  for (;;) co_await sleep_for(60s);
}
Task<> throws(std::string what) {
  co_await sleep_for(1ms);
  throw std::runtime_error(what);
}
Task<> throws_code(boost::system::error_code code) {
  co_await sleep_for(1ms);
  throw boost::system::system_error(code);
}
Task<> throws_number() {
  co_await sleep_for(1ms);
  throw 7;
}

TEST(TaskGroupTest, WaitsForAllTasks) {
  test::run_coroutine([]() -> Task<> {
    test::RecordingLogger logger;
    TaskGroup group(co_await asio::this_coro::executor, logger);
    int done = 0;
    EXPECT_TRUE(co_await group.wait(in(0s))) << "an empty group has nothing to wait for";
    for (int i = 0; i < 5; ++i) group.spawn("task", after(std::chrono::milliseconds(i), done));
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(done, 5);
    EXPECT_EQ(group.size(), 0u);
    EXPECT_TRUE(logger.lines.empty());
  });
}

TEST(TaskGroupTest, ATaskMayFinishInsideSpawn) {
  test::run_coroutine([]() -> Task<> {
    test::RecordingLogger logger;
    TaskGroup group(co_await asio::this_coro::executor, logger);
    int done = 0;
    for (int i = 0; i < 3; ++i) group.spawn("quick", at_once(done));
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(done, 3);
  });
}

TEST(TaskGroupTest, ATaskMaySpawnAnother) {
  test::run_coroutine([]() -> Task<> {
    test::RecordingLogger logger;
    TaskGroup group(co_await asio::this_coro::executor, logger);
    int done = 0;
    auto parent = [&]() -> Task<> {
      group.spawn("child", after(5ms, done));
      co_return;
    };
    group.spawn("parent", parent());
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(done, 1);
  });
}

TEST(TaskGroupTest, AnExceptionIsLoggedWithTheTasksNameAndHurtsNobodyElse) {
  test::run_coroutine([]() -> Task<> {
    test::RecordingLogger logger;
    TaskGroup group(co_await asio::this_coro::executor, logger);
    int done = 0;
    group.spawn("good", after(5ms, done));
    group.spawn("bad", throws("broken"));
    group.spawn("lost", throws_code(asio::error::connection_reset));
    group.spawn("odd", throws_number());
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(done, 1);
    EXPECT_EQ(logger.lines.size(), 3u);
    EXPECT_TRUE(logger.contains("task_failed task=bad reason=std::runtime_error"));
    EXPECT_TRUE(logger.contains("task_failed task=lost"));
    EXPECT_TRUE(logger.contains("task_failed task=odd"));
  });
}

TEST(TaskGroupTest, CancelEndsAllTasksAndIsNoFailure) {
  test::run_coroutine([]() -> Task<> {
    test::RecordingLogger logger;
    TaskGroup group(co_await asio::this_coro::executor, logger);
    int ended = 0;
    for (int i = 0; i < 4; ++i) group.spawn("endless", for_ever(ended));
    co_await sleep_for(5ms);
    EXPECT_EQ(group.size(), 4u);
    group.cancel();
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(ended, 4);
    EXPECT_TRUE(logger.lines.empty());
  });
}

TEST(TaskGroupTest, CancelReachesATaskThatHasNotStarted) {
  asio::io_context context(1);
  test::RecordingLogger logger;
  TaskGroup group(context.get_executor(), logger);
  int ended = 0;
  group.spawn("endless", for_ever(ended));
  group.cancel();  // the context has not run yet
  context.run_for(5s);
  EXPECT_TRUE(context.stopped());
  EXPECT_EQ(group.size(), 0u);
}

TEST(TaskGroupTest, WaitStopsAtItsDeadline) {
  test::run_coroutine([]() -> Task<> {
    test::RecordingLogger logger;
    TaskGroup group(co_await asio::this_coro::executor, logger);
    int ended = 0;
    group.spawn("endless", for_ever(ended));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_FALSE(co_await group.wait(in(20ms)));
    EXPECT_GE(std::chrono::steady_clock::now() - start, 20ms);
    EXPECT_FALSE(co_await group.wait(in(-1s)));
    EXPECT_EQ(group.size(), 1u);
    group.cancel();
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(ended, 1);
  });
}

TEST(TaskGroupTest, TwoMayWaitAtOnce) {
  asio::io_context context(1);
  test::RecordingLogger logger;
  TaskGroup group(context.get_executor(), logger);
  int done = 0;
  int waited = 0;
  const auto wait = [&]() -> Task<> {
    if (co_await group.wait(in(10s))) ++waited;
  };
  group.spawn("slow", after(50ms, done));
  asio::co_spawn(context, wait(), [](std::exception_ptr) {});
  asio::co_spawn(context, wait(), [](std::exception_ptr) {});
  std::size_t turns = 0;
  const Deadline deadline = in(10s);
  while (waited < 2 && std::chrono::steady_clock::now() < deadline)
    turns += context.run_one_until(deadline);
  EXPECT_EQ(waited, 2);
  EXPECT_LT(turns, 100u) << "the two waits woke each other in a loop";
}

}  // namespace
}  // namespace bridge::async
