// SPDX-License-Identifier: MIT
#include "bridge/net/circuit_breaker.hpp"

#include <gtest/gtest.h>

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using State = CircuitBreaker::State;

class CircuitBreakerTest : public testing::Test {
 protected:
  static CircuitBreaker::Limits limits() {
    CircuitBreaker::Limits five;
    five.failures = 5;
    return five;
  }
  void fail(int times) {
    for (int i = 0; i < times; ++i) {
      auto permit = breaker.admit(now);
      ASSERT_TRUE(permit);
      permit->failed(now);
    }
  }

  Deadline now{1h};
  CircuitBreaker breaker{limits()};
};

TEST_F(CircuitBreakerTest, OpensAfterFiveFailuresInARowOnly) {
  fail(4);
  breaker.admit(now)->succeeded();
  fail(4);
  EXPECT_EQ(breaker.state(), State::closed);
  fail(1);
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_FALSE(breaker.admit(now));
  EXPECT_EQ(breaker.retry_in(now), 5s);
}

TEST_F(CircuitBreakerTest, AfterThePauseOneCallProbesAndItsSuccessCloses) {
  fail(5);
  now += 5s;
  auto probe = breaker.admit(now);
  ASSERT_TRUE(probe);
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_FALSE(breaker.admit(now)) << "one probe at a time";
  EXPECT_GE(breaker.retry_in(now), 1s);
  probe->succeeded();
  EXPECT_EQ(breaker.state(), State::closed);
  EXPECT_TRUE(breaker.admit(now));
  fail(4);
  EXPECT_EQ(breaker.state(), State::closed) << "the count begins anew";
}

TEST_F(CircuitBreakerTest, AFailedProbeDoublesThePauseUpToItsLimit) {
  fail(5);
  for (const auto pause : {5s, 10s, 20s, 40s, 60s, 60s}) {
    EXPECT_FALSE(breaker.admit(now + pause - 1ms));
    now += pause;
    auto probe = breaker.admit(now);
    ASSERT_TRUE(probe) << pause.count();
    probe->failed(now);
    EXPECT_EQ(breaker.state(), State::open);
  }
  now += 60s;
  breaker.admit(now)->succeeded();
  fail(5);
  EXPECT_EQ(breaker.retry_in(now), 5s) << "a success forgives";
}

TEST_F(CircuitBreakerTest, AProbeWithoutVerdictLeavesThePlaceToTheNext) {
  fail(5);
  now += 5s;
  { const auto cancelled = breaker.admit(now); }
  EXPECT_EQ(breaker.state(), State::open);
  EXPECT_TRUE(breaker.admit(now));
}

TEST_F(CircuitBreakerTest, AnUrgentCallNeedNotSitOutThePause) {
  fail(5);
  EXPECT_FALSE(breaker.admit_urgent(now));
  EXPECT_EQ(breaker.urgent_at(), now + 1s);
  now += 1s;
  EXPECT_FALSE(breaker.admit(now)) << "the others do";
  auto probe = breaker.admit_urgent(now);
  ASSERT_TRUE(probe);
  EXPECT_EQ(breaker.state(), State::half_open);
  EXPECT_EQ(breaker.urgent_at(), Deadline::max());
  EXPECT_FALSE(breaker.admit_urgent(now)) << "one at a time";
  probe->succeeded();
  EXPECT_TRUE(breaker.admit(now));
}

TEST_F(CircuitBreakerTest, UrgentCallsThatFailAreFewAndDoNotProlongThePause) {
  fail(5);
  const Deadline until = now + 5s;
  int probes = 0;
  for (; now < until; now += 100ms) {
    auto probe = breaker.admit_urgent(now);
    if (!probe) continue;
    ++probes;
    probe->failed(now);
    EXPECT_EQ(breaker.urgent_at(), std::min(now + 1s, until));
  }
  EXPECT_EQ(probes, 4) << "one a second";
  auto probe = breaker.admit(now);
  ASSERT_TRUE(probe);
  probe->failed(now);
  EXPECT_EQ(breaker.retry_in(now), 10s) << "that was the second pause, whoever asked meanwhile";
}

TEST_F(CircuitBreakerTest, AnEarlyProbeThatFailsAfterThePauseIsOneOfTheOrdinaryKind) {
  fail(5);
  now += 4s;
  auto probe = breaker.admit_urgent(now);
  ASSERT_TRUE(probe);
  now += 2s;
  EXPECT_FALSE(breaker.admit(now));
  probe->failed(now);
  EXPECT_EQ(breaker.retry_in(now), 10s);
}

TEST_F(CircuitBreakerTest, AnEarlyProbeWithoutVerdictLeavesThePauseToTheOthers) {
  fail(5);
  now += 1s;
  { const auto cancelled = breaker.admit_urgent(now); }
  EXPECT_FALSE(breaker.admit(now));
  EXPECT_TRUE(breaker.admit_urgent(now));
}

TEST_F(CircuitBreakerTest, WhoWasLetThroughBeforeHasNoSayAfterwards) {
  auto slow_failure = breaker.admit(now);
  auto slow_success = breaker.admit(now);
  fail(5);
  slow_success->succeeded();
  EXPECT_EQ(breaker.state(), State::open) << "its question is older than the trouble";
  now += 5s;
  auto probe = breaker.admit(now);
  slow_failure->failed(now);
  EXPECT_EQ(breaker.state(), State::half_open);
  probe->succeeded();
  EXPECT_EQ(breaker.state(), State::closed);
}

}  // namespace
}  // namespace bridge::net
