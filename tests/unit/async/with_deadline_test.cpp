// SPDX-License-Identifier: MIT
#include "bridge/async/with_deadline.hpp"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/system/system_error.hpp>
#include <stdexcept>

#include "support/run_coroutine.hpp"

namespace bridge::async {
namespace {

using namespace std::chrono_literals;

/// Says when the operation that holds it is gone.
class Trace {
 public:
  explicit Trace(bool& gone) : gone_(gone) {}
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  ~Trace() { gone_ = true; }

 private:
  bool& gone_;
};

Task<Result<std::string>> answer_after(std::chrono::milliseconds pause, std::string text) {
  co_await sleep_for(pause);
  co_return text;
}

Task<Result<std::string>> fail_after(std::chrono::milliseconds pause) {
  co_await sleep_for(pause);
  co_return Error(Errc::upstream_asleep, "here");
}

Task<Result<std::string>> throw_after(std::chrono::milliseconds pause) {
  if (pause > 0ms) co_await sleep_for(pause);
  throw std::runtime_error("bug");
}

Task<Result<std::string>> hang(bool& gone) {
  const Trace trace(gone);
  co_await sleep_for(60s);
  co_await sleep_for(60s);  // where the cancellation throws
  co_return std::string("never");
}

/// Does not care for being cancelled.
Task<Result<std::string>> stubborn(bool& finished) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await sleep_for(60s);
  co_await sleep_for(20ms);
  finished = true;
  co_return std::string("too late");
}

Task<Result<>> nothing() { co_return Result<>(); }

TEST(WithDeadline, HandsOnTheValue) {
  test::run_coroutine([]() -> Task<> {
    auto quick = co_await with_deadline(answer_after(0ms, "a"), 10s);
    EXPECT_EQ(quick.value(), "a");
    auto slow = co_await with_deadline(answer_after(20ms, "b"), in(10s));
    EXPECT_EQ(slow.value(), "b");
    auto none = co_await with_deadline(nothing(), 10s);
    EXPECT_TRUE(none);
  });
}

TEST(WithDeadline, HandsOnTheError) {
  test::run_coroutine([]() -> Task<> {
    auto result = co_await with_deadline(fail_after(5ms), 10s);
    EXPECT_FALSE(result);
    EXPECT_TRUE(result.error().is(Errc::upstream_asleep));
    EXPECT_EQ(result.error().context(), "here");
  });
}

TEST(WithDeadline, LetsAnExceptionThroughAtOnce) {
  for (const auto pause : {0ms, 10ms}) {
    const auto start = std::chrono::steady_clock::now();
    EXPECT_THROW(test::run_coroutine(
                     [&]() -> Task<> { (void)co_await with_deadline(throw_after(pause), 30s); }),
                 std::runtime_error);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 8s) << "it waited for the timer";
  }
}

TEST(WithDeadline, GivesUpAtTheDeadlineAndEndsTheOperation) {
  test::run_coroutine([]() -> Task<> {
    bool gone = false;
    auto result = co_await with_deadline(hang(gone), 20ms);
    EXPECT_FALSE(result);
    EXPECT_TRUE(result.error().is(Errc::timed_out));
    EXPECT_TRUE(gone) << "the operation outlived the call";
  });
}

TEST(WithDeadline, ADeadlineInThePastGivesUpToo) {
  test::run_coroutine([]() -> Task<> {
    bool gone = false;
    auto result = co_await with_deadline(hang(gone), in(-5s));
    EXPECT_TRUE(result.has_error() && result.error().is(Errc::timed_out));
  });
}

TEST(WithDeadline, WaitsForAnOperationThatIgnoresCancellation) {
  test::run_coroutine([]() -> Task<> {
    bool finished = false;
    auto result = co_await with_deadline(stubborn(finished), 10ms);
    EXPECT_TRUE(result.has_error() && result.error().is(Errc::timed_out));
    EXPECT_TRUE(finished);
  });
}

TEST(WithDeadline, TheInnerDeadlineWinsWhenItIsNearer) {
  test::run_coroutine([]() -> Task<> {
    bool gone = false;
    auto inner = [&]() -> Task<Result<std::string>> {
      auto result = co_await with_deadline(hang(gone), 10ms);
      if (!result) co_return Error(Errc::unreachable, "inner");
      co_return result;
    };
    auto result = co_await with_deadline(inner(), 10s);
    EXPECT_TRUE(result.has_error() && result.error().is(Errc::unreachable));
  });
}

TEST(WithDeadline, CancellationFromOutsideEndsTheOperationAndThrows) {
  asio::io_context context(1);
  asio::cancellation_signal signal;
  bool gone = false;
  bool returned = false;
  std::exception_ptr thrown;
  bool finished = false;
  auto body = [&]() -> Task<> {
    (void)co_await with_deadline(hang(gone), 60s);
    returned = true;
  };
  asio::co_spawn(context, body(),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                   thrown = error;
                   finished = true;
                 }));
  context.run_for(20ms);
  EXPECT_FALSE(finished);
  signal.emit(asio::cancellation_type::terminal);
  context.restart();
  context.run_for(5s);
  ASSERT_TRUE(finished);
  EXPECT_TRUE(gone);
  EXPECT_FALSE(returned);
  ASSERT_TRUE(thrown);
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    EXPECT_EQ(error.code(), asio::error::operation_aborted);
  }
}

TEST(WithDeadline, AnOperationMayMoveThingsInAndOut) {
  test::run_coroutine([]() -> Task<> {
    auto make = [](std::string text) -> Task<Result<std::vector<std::string>>> {
      co_await sleep_for(1ms);
      co_return std::vector<std::string>(3, std::move(text));
    };
    auto result = co_await with_deadline(make(std::string(100, 'x')), 10s);
    EXPECT_EQ(result.value().size(), 3u);
    EXPECT_EQ(result.value()[2], std::string(100, 'x'));
  });
}

TEST(Sleeping, EndsWithTheTime) {
  test::run_coroutine([]() -> Task<> {
    const auto start = std::chrono::steady_clock::now();
    co_await sleep_for(15ms);
    EXPECT_GE(std::chrono::steady_clock::now() - start, 15ms);
    co_await sleep_until(start);  // long past
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  });
}

}  // namespace
}  // namespace bridge::async
