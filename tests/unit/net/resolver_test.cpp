// SPDX-License-Identifier: MIT
#include "net/resolver.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "support/run_coroutine.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;

/// A name service that hangs until it is let go; shared, because its threads outlive the test.
struct HangingService {
  std::promise<void> promise;
  std::shared_future<void> gate{promise.get_future()};
  std::atomic<int> asked = 0;
  std::atomic<int> answered = 0;

  static Lookup lookup(const std::shared_ptr<HangingService>& service) {
    return [service](const std::string&) {
      ++service->asked;
      service->gate.wait();
      LookupResult result;
      result.addresses.push_back(asio::ip::make_address("192.0.2.7"));
      ++service->answered;
      return result;
    };
  }
  void let_go_and_wait(int expected) {
    promise.set_value();
    const auto deadline = in(5s);
    // A look-up's thread may not have run yet when those who asked have long given up.
    while (asked < expected && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(1ms);
    while (answered < asked && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(1ms);
    EXPECT_EQ(answered, asked);
  }
};

TEST(ResolverTest, ALookUpThatHangsIsLeftAtTheDeadlineAndKeepsNobody) {
  const auto service = std::make_shared<HangingService>();
  {
    asio::io_context context(1);
    Resolver resolver(context.get_executor(), HangingService::lookup(service));
    test::run_coroutine(context, [&]() -> Task<> {
      const auto found = co_await resolver.resolve("slow.example", 443, in(50ms));
      EXPECT_FALSE(found);
      EXPECT_TRUE(found.error().is(Errc::timed_out)) << found.error().to_string();
    });
    // As a program does that ends: run until no work is left, then destroy everything.
    context.restart();
    context.run_for(5s);
    EXPECT_TRUE(context.stopped()) << "the look-up holds the program";
    EXPECT_EQ(service->answered, 0);
  }
  service->let_go_and_wait(1);  // comes back to nobody
}

TEST(ResolverTest, ThoseWhoAskMeanwhileShareTheLookUpAndItsLateAnswer) {
  const auto service = std::make_shared<HangingService>();
  asio::io_context context(1);
  Resolver resolver(context.get_executor(), HangingService::lookup(service));
  for (int i = 0; i < 3; ++i)
    test::run_coroutine(context, [&]() -> Task<> {
      EXPECT_FALSE(co_await resolver.resolve("slow.example", 443, in(10ms)));
    });
  service->promise.set_value();
  test::run_coroutine(context, [&]() -> Task<> {
    const auto found = co_await resolver.resolve("slow.example", 8443, in(5s));
    EXPECT_TRUE(found);
    EXPECT_EQ(found ? found->front().port() : 0, 8443);
    EXPECT_TRUE(co_await resolver.resolve("slow.example", 443, in(5s))) << "remembered";
  });
  EXPECT_EQ(service->asked, 1);
}

TEST(ResolverTest, OnlySoManyLookUpsMayHang) {
  const auto service = std::make_shared<HangingService>();
  asio::io_context context(1);
  Resolver resolver(context.get_executor(), HangingService::lookup(service));
  test::run_coroutine(context, [&]() -> Task<> {
    for (int i = 0; i < 16; ++i)
      (void)co_await resolver.resolve("h" + std::to_string(i) + ".example", 1, in(1ms));
    const auto found = co_await resolver.resolve("one-more.example", 1, in(5s));
    EXPECT_FALSE(found);
    EXPECT_TRUE(found.error().is(Errc::unreachable)) << found.error().to_string();
  });
  service->let_go_and_wait(16);
  EXPECT_EQ(service->asked, 16);
}

TEST(ResolverTest, ANameThatIsNotThereSaysWhatToLookAtAndIsAskedAgain) {
  std::atomic<int> asked = 0;
  asio::io_context context(1);
  Resolver resolver(context.get_executor(), [&](const std::string&) {
    ++asked;
    LookupResult result;
    result.error = "Name or service not known";
    return result;
  });
  for (int i = 0; i < 2; ++i)
    test::run_coroutine(context, [&]() -> Task<> {
      const auto found = co_await resolver.resolve("gone.example", 443, in(5s));
      EXPECT_FALSE(found);
      EXPECT_TRUE(found.error().is(Errc::unreachable));
      EXPECT_NE(found.error().context().find("gone.example"), std::string::npos);
      EXPECT_NE(found.error().hint().find("DNS"), std::string::npos);
    });
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace bridge::net
