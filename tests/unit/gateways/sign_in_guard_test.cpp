// SPDX-License-Identifier: MIT
#include "gateways/servicenow/sign_in_guard.hpp"

#include <gtest/gtest.h>

namespace bridge::gateways {
namespace {

using namespace std::chrono_literals;
using Answer = SignInGuard::Answer;

class SignInGuardTest : public testing::Test {
 protected:
  void refuse() {
    ASSERT_EQ(guard.ask(now), Answer::prove);
    guard.refused(now, true);
  }
  Deadline now{24h};
  SignInGuard guard;
};

TEST_F(SignInGuardTest, OneCallProvesNewCredentialsAndThenAllGo) {
  EXPECT_EQ(guard.ask(now), Answer::prove);
  EXPECT_EQ(guard.ask(now), Answer::wait);
  guard.abandoned();
  EXPECT_EQ(guard.ask(now), Answer::prove) << "the next one";
  guard.accepted();
  EXPECT_EQ(guard.ask(now), Answer::go);
  EXPECT_EQ(guard.ask(now), Answer::go);
  EXPECT_FALSE(guard.hold_left(now));
}

TEST_F(SignInGuardTest, AfterTwoRefusalsInARowThePausesGrow) {
  refuse();
  EXPECT_FALSE(guard.hold_left(now)) << "one may be a slip of the other side";
  refuse();
  for (const auto pause : {30s, 120s, 600s, 1800s, 1800s}) {
    EXPECT_EQ(guard.hold_left(now), pause);
    EXPECT_EQ(guard.ask(now), Answer::hold);
    now += pause - 1s;
    EXPECT_EQ(guard.ask(now), Answer::hold);
    now += 1s;
    refuse();
  }
  now += 1800s;
  EXPECT_EQ(guard.ask(now), Answer::prove);
  guard.accepted();
  EXPECT_EQ(guard.ask(now), Answer::go);
  guard.refused(now, false);
  refuse();
  EXPECT_EQ(guard.hold_left(now), 30s) << "an acceptance forgives";
}

TEST_F(SignInGuardTest, ManyRefusalsOfCallsUnderWayAreOneReasonForOnePause) {
  EXPECT_EQ(guard.ask(now), Answer::prove);
  guard.accepted();
  for (int i = 0; i < 16; ++i) EXPECT_EQ(guard.ask(now), Answer::go);
  for (int i = 0; i < 16; ++i) guard.refused(now, false);
  EXPECT_EQ(guard.hold_left(now), 30s);
  now += 30s;
  refuse();
  EXPECT_EQ(guard.hold_left(now), 120s);
}

TEST_F(SignInGuardTest, AnAcceptanceUnderWayLiftsTheHold) {
  EXPECT_EQ(guard.ask(now), Answer::prove);
  guard.accepted();
  guard.refused(now, false);
  guard.refused(now, false);
  EXPECT_EQ(guard.ask(now), Answer::hold);
  guard.accepted();
  EXPECT_EQ(guard.ask(now), Answer::go);
}

}  // namespace
}  // namespace bridge::gateways
