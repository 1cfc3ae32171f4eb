// SPDX-License-Identifier: MIT
#include "bridge/async/write_queue.hpp"

#include <gtest/gtest.h>

#include "bridge/async/task_group.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::async {
namespace {

using namespace std::chrono_literals;

WriteQueue::Item item(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

TEST(WriteQueueTest, HandsOutInOrder) {
  test::run_coroutine([]() -> Task<> {
    WriteQueue queue(co_await asio::this_coro::executor, 100);
    for (const char* text : {"one", "two", "three"}) EXPECT_TRUE(queue.push(item(text)));
    EXPECT_EQ(queue.bytes(), 11u);
    EXPECT_EQ(*co_await queue.pop(), "one");
    EXPECT_EQ(*co_await queue.pop(), "two");
    EXPECT_EQ(*co_await queue.pop(), "three");
    EXPECT_EQ(queue.bytes(), 0u);
  });
}

TEST(WriteQueueTest, IsBoundedInBytes) {
  test::run_coroutine([]() -> Task<> {
    WriteQueue queue(co_await asio::this_coro::executor, 10);
    EXPECT_TRUE(queue.push(item("12345")));
    EXPECT_TRUE(queue.push(item("67890")));  // exactly full
    EXPECT_FALSE(queue.push(item("x")));
    EXPECT_EQ(queue.bytes(), 10u) << "what is refused is not counted";
    EXPECT_EQ(*co_await queue.pop(), "12345");
    EXPECT_FALSE(queue.push(item("123456")));
    EXPECT_TRUE(queue.push(item("54321")));
    EXPECT_EQ(*co_await queue.pop(), "67890");
    EXPECT_EQ(*co_await queue.pop(), "54321");
  });
}

TEST(WriteQueueTest, OneOverLargeItemFitsAnEmptyQueueOnly) {
  test::run_coroutine([]() -> Task<> {
    WriteQueue queue(co_await asio::this_coro::executor, 10);
    EXPECT_TRUE(queue.push(item(std::string(1000, 'x'))));
    EXPECT_FALSE(queue.push(item("y")));
    EXPECT_EQ((co_await queue.pop())->size(), 1000u);
    EXPECT_TRUE(queue.push(item("y")));
    EXPECT_FALSE(queue.push(item(std::string(1000, 'x')))) << "the queue is not empty";
  });
}

TEST(WriteQueueTest, CloseDrainsAndThenEnds) {
  test::run_coroutine([]() -> Task<> {
    WriteQueue queue(co_await asio::this_coro::executor, 100);
    EXPECT_TRUE(queue.push(item("left")));
    queue.close();
    EXPECT_TRUE(queue.closed());
    EXPECT_FALSE(queue.push(item("more")));
    EXPECT_EQ(*co_await queue.pop(), "left");
    EXPECT_EQ(co_await queue.pop(), nullptr);
    EXPECT_EQ(co_await queue.pop(), nullptr);
  });
}

TEST(WriteQueueTest, AWaitingWriterWakesForAnItemAndForTheEnd) {
  test::run_coroutine([]() -> Task<> {
    const auto executor = co_await asio::this_coro::executor;
    test::RecordingLogger logger;
    TaskGroup group(executor, logger);
    WriteQueue queue(executor, 100);
    std::vector<std::string> written;
    bool over = false;
    const auto writer = [&]() -> Task<> {
      while (const WriteQueue::Item next = co_await queue.pop()) written.push_back(*next);
      over = true;
    };
    group.spawn("writer", writer());
    co_await sleep_for(2ms);
    EXPECT_TRUE(queue.push(item("a")));
    co_await sleep_for(2ms);
    EXPECT_TRUE(queue.push(item("b")));
    EXPECT_TRUE(queue.push(item("c")));
    queue.close();
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_EQ(written, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_TRUE(over);
  });
}

TEST(WriteQueueTest, ACancelledWriterEnds) {
  test::run_coroutine([]() -> Task<> {
    const auto executor = co_await asio::this_coro::executor;
    test::RecordingLogger logger;
    TaskGroup group(executor, logger);
    WriteQueue queue(executor, 100);
    bool went_on = false;
    const auto writer = [&]() -> Task<> {
      (void)co_await queue.pop();
      went_on = true;
    };
    group.spawn("writer", writer());
    co_await sleep_for(2ms);
    group.cancel();
    EXPECT_TRUE(co_await group.wait(in(10s)));
    EXPECT_FALSE(went_on);
    EXPECT_TRUE(queue.push(item("still works")));
  });
}

}  // namespace
}  // namespace bridge::async
