// SPDX-License-Identifier: MIT
#include "bridge/async/fifo_mutex.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <list>
#include <vector>

#include "support/run_coroutine.hpp"

namespace bridge::async {
namespace {

using namespace std::chrono_literals;

/// Visitors of one mutex, each of which stays inside until it is told to leave.
class Visitors {
 public:
  explicit Visitors(asio::io_context& context)
      : context_(context), mutex(context.get_executor()), leave_(context.get_executor()) {}

  void come(int name) {
    visitors_.emplace_back();
    asio::co_spawn(
        context_, visit(name),
        asio::bind_cancellation_slot(visitors_.back().slot(), [this](std::exception_ptr thrown) {
          ++gone;
          if (thrown) ++thrown_out;
        }));
    settle();
  }
  void cancel(std::size_t index) {
    auto it = visitors_.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(index));
    it->emit(asio::cancellation_type::terminal);
    settle();
  }
  /// Lets whoever is inside leave.
  void let_go() {
    leave_.notify();
    settle();
  }
  void settle() {
    context_.restart();
    context_.poll();
  }

  std::vector<int> entered;
  int inside = 0;
  int most_inside = 0;
  int gone = 0;
  int thrown_out = 0;

 private:
  asio::io_context& context_;

 public:
  FifoMutex mutex;

 private:
  Task<> visit(int name) {
    const auto turn = co_await mutex.lock();
    struct Stay {
      explicit Stay(Visitors& v) : visitors(v) {
        visitors.most_inside = std::max(visitors.most_inside, ++visitors.inside);
      }
      ~Stay() { --visitors.inside; }
      Visitors& visitors;
    } const stay(*this);
    entered.push_back(name);
    (void)co_await leave_.wait(leave_.generation(), in(20s));
  }

  Signal leave_;
  std::list<asio::cancellation_signal> visitors_;
};

TEST(FifoMutexTest, LetsInOneAtATimeInOrder) {
  asio::io_context context(1);
  Visitors visitors(context);
  for (int name = 0; name < 5; ++name) visitors.come(name);
  EXPECT_EQ(visitors.entered, std::vector{0});
  EXPECT_EQ(visitors.mutex.load(), 5u);
  for (int i = 0; i < 5; ++i) visitors.let_go();
  EXPECT_EQ(visitors.entered, (std::vector{0, 1, 2, 3, 4}));
  EXPECT_EQ(visitors.most_inside, 1);
  EXPECT_EQ(visitors.gone, 5);
  EXPECT_EQ(visitors.mutex.load(), 0u);
}

TEST(FifoMutexTest, ANewcomerEntersAFreeMutexAtOnce) {
  asio::io_context context(1);
  Visitors visitors(context);
  visitors.come(1);
  visitors.let_go();
  visitors.come(2);
  EXPECT_EQ(visitors.entered, (std::vector{1, 2}));
  visitors.let_go();
  EXPECT_EQ(visitors.mutex.load(), 0u);
}

/// Whoever gives up while waiting, whatever its place: nobody else comes in too early or too late.
class CancelledWaiter : public testing::TestWithParam<std::size_t> {};

TEST_P(CancelledWaiter, GivesUpItsPlaceAndNothingElse) {
  asio::io_context context(1);
  Visitors visitors(context);
  for (int name = 0; name < 5; ++name) visitors.come(name);
  visitors.cancel(GetParam());
  EXPECT_EQ(visitors.entered, std::vector{0}) << "the one inside is still there";
  EXPECT_EQ(visitors.thrown_out, 1);
  EXPECT_EQ(visitors.mutex.load(), 4u);
  for (int i = 0; i < 5; ++i) visitors.let_go();
  std::vector<int> expected;
  for (int name = 0; name < 5; ++name)
    if (name != static_cast<int>(GetParam())) expected.push_back(name);
  EXPECT_EQ(visitors.entered, expected);
  EXPECT_EQ(visitors.most_inside, 1);
  EXPECT_EQ(visitors.mutex.load(), 0u);
}

INSTANTIATE_TEST_SUITE_P(AtEveryPlace, CancelledWaiter, testing::Values(1u, 2u, 3u, 4u));

TEST(FifoMutexTest, AllWaitersMayBeCancelled) {
  asio::io_context context(1);
  Visitors visitors(context);
  for (int name = 0; name < 4; ++name) visitors.come(name);
  for (const std::size_t index : {3u, 1u, 2u}) visitors.cancel(index);
  EXPECT_EQ(visitors.most_inside, 1);
  EXPECT_EQ(visitors.mutex.load(), 1u);
  visitors.let_go();
  visitors.come(9);
  EXPECT_EQ(visitors.entered, (std::vector{0, 9}));
  visitors.let_go();
}

TEST(FifoMutexTest, TheOneInsideMayBeCancelled) {
  asio::io_context context(1);
  Visitors visitors(context);
  for (int name = 0; name < 3; ++name) visitors.come(name);
  visitors.cancel(0);
  EXPECT_EQ(visitors.entered, (std::vector{0, 1}));
  visitors.let_go();
  visitors.let_go();
  EXPECT_EQ(visitors.entered, (std::vector{0, 1, 2}));
  EXPECT_EQ(visitors.most_inside, 1);
}

}  // namespace
}  // namespace bridge::async
