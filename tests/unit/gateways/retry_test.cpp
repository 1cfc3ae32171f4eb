// SPDX-License-Identifier: MIT
#include "gateways/servicenow/retry.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace bridge::gateways {
namespace {

using namespace std::chrono_literals;

Call creates(bool keyed = true) {
  Call call("send_message", true, true);
  call.repeatable = keyed;
  return call;
}
Call reads() {
  Call call("table/sys_user", false, false);
  call.repeatable = true;
  return call;
}
Error failure_of(Errc code) { return Error(code, "x"); }
Error unknown_of(Errc code) { return Error(code, "x").with_outcome(Outcome::unknown); }

TEST(RetryReasonTest, WhatMayHaveHappenedIsMadeAgainOnlyUnderAKey) {
  const std::vector<std::pair<Errc, std::string>> lost = {
      {Errc::timed_out, "timed_out"},
      {Errc::connection_lost, "connection_lost"},
      {Errc::upstream_failed, "failed"},
      {Errc::upstream_garbled, "garbled"},
      {Errc::upstream_quota, "quota"}};
  for (const auto& [code, reason] : lost) {
    EXPECT_EQ(retry_reason(unknown_of(code), creates()), reason) << id_of(code);
    EXPECT_EQ(retry_reason(unknown_of(code), creates(false)), "") << id_of(code);
  }
  EXPECT_EQ(retry_reason(unknown_of(Errc::too_large), creates()), "") << "as large the next time";
}

TEST(RetryReasonTest, AScriptThatFailedInsideIsNotAskedAgainButOneThatIsBusyIs) {
  EXPECT_EQ(retry_reason(unknown_of(Errc::upstream_failed), creates(), Word::itself), "");
  EXPECT_EQ(retry_reason(unknown_of(Errc::upstream_failed), creates(), Word::busy), "in_progress");
  EXPECT_EQ(retry_reason(unknown_of(Errc::upstream_failed), creates(false), Word::busy), "");
}

TEST(DoubtTest, StaysUntilOurScriptHasTheLastWord) {
  bool doubtful = false;
  EXPECT_EQ(in_the_light_of(failure_of(Errc::unreachable), Word::nobodys, doubtful).outcome(),
            Outcome::failed);
  EXPECT_EQ(in_the_light_of(unknown_of(Errc::timed_out), Word::nobodys, doubtful).outcome(),
            Outcome::unknown);
  EXPECT_TRUE(doubtful);
  for (const Errc code : {Errc::unreachable, Errc::upstream_rate_limited, Errc::overloaded,
                          Errc::upstream_credentials, Errc::upstream_role, Errc::upstream_path,
                          Errc::upstream_asleep, Errc::upstream_rejected})
    for (const Word word : {Word::nobodys, Word::itself})
      EXPECT_EQ(in_the_light_of(failure_of(code), word, doubtful).outcome(), Outcome::unknown)
          << id_of(code);
  EXPECT_EQ(in_the_light_of(failure_of(Errc::chat_ended), Word::final, doubtful).outcome(),
            Outcome::failed);
  EXPECT_FALSE(doubtful);
}

TEST(RetryReasonTest, WhatCertainlyDidNotHappenIs) {
  EXPECT_EQ(retry_reason(failure_of(Errc::unreachable), creates(false)), "unreachable");
  EXPECT_EQ(retry_reason(failure_of(Errc::overloaded), creates(false)), "no_connection");
  EXPECT_EQ(retry_reason(failure_of(Errc::timed_out), creates(false)), "timed_out");
  EXPECT_EQ(retry_reason(failure_of(Errc::upstream_rate_limited), creates(false)), "rate_limited");
  const Error turned_away = failure_of(Errc::upstream_failed).with_retry_after(3s);
  EXPECT_EQ(retry_reason(turned_away, creates(false)), "unavailable");
}

TEST(RetryReasonTest, AReadIsMadeAgainAfterAnyTrouble) {
  EXPECT_EQ(retry_reason(failure_of(Errc::connection_lost), reads()), "connection_lost");
  EXPECT_EQ(retry_reason(failure_of(Errc::upstream_failed), reads()), "failed");
  EXPECT_EQ(retry_reason(failure_of(Errc::timed_out), reads()), "timed_out");
}

TEST(RetryReasonTest, AClearNoIsANo) {
  for (const Errc code : {Errc::upstream_credentials, Errc::upstream_role, Errc::upstream_path,
                          Errc::upstream_rejected, Errc::upstream_asleep, Errc::chat_ended,
                          Errc::upstream_garbled, Errc::upstream_quota})
    for (const Call& call : {creates(), reads()})
      EXPECT_EQ(retry_reason(failure_of(code), call), "") << id_of(code);
  EXPECT_EQ(retry_reason(failure_of(Errc::upstream_failed), creates()), "") << "a script said so";
}

TEST(RetryReasonTest, LayersDoNotMultiply) {
  Call call = creates();
  call.retried_above = true;
  EXPECT_EQ(retry_reason(failure_of(Errc::unreachable), call), "");
}

TEST(RetryPauseTest, GrowsWithFullJitterUpToItsLimit) {
  const RetryLimits limits{10, 250ms, 1'000ms};
  const Error error = failure_of(Errc::unreachable);
  EXPECT_EQ(retry_pause(error, 1, 25s, limits, 0.0), 0ms);
  EXPECT_EQ(retry_pause(error, 1, 25s, limits, 0.5), 125ms);
  EXPECT_EQ(retry_pause(error, 2, 25s, limits, 0.5), 250ms);
  EXPECT_EQ(retry_pause(error, 3, 25s, limits, 0.5), 500ms);
  EXPECT_EQ(retry_pause(error, 9, 25s, limits, 0.5), 500ms);
  EXPECT_FALSE(retry_pause(error, 10, 25s, limits, 0.5)) << "ten attempts are enough";
}

TEST(RetryPauseTest, TakesTheOtherSidesWordAndGivesUpEarlyWhenItIsTooLong) {
  const RetryLimits limits;
  const Error later = failure_of(Errc::upstream_rate_limited).with_retry_after(3s);
  EXPECT_EQ(retry_pause(later, 1, 25s, limits, 0.0), 3s);
  EXPECT_GT(retry_pause(later, 1, 25s, limits, 0.9), 3s);
  EXPECT_FALSE(retry_pause(later, 1, 3s, limits, 0.0));
  EXPECT_FALSE(retry_pause(later, 1, 2s, limits, 0.0));
  const Error lasting = failure_of(Errc::unreachable).with_retry_after(60s);
  EXPECT_FALSE(retry_pause(lasting, 1, 25s, limits, 0.0)) << "a certificate does not mend itself";
}

TEST(RetryPauseTest, LeavesTimeForAnAnswer) {
  const RetryLimits limits;
  EXPECT_FALSE(retry_pause(failure_of(Errc::unreachable), 1, 200ms, limits, 0.0));
  EXPECT_FALSE(retry_pause(failure_of(Errc::unreachable), 1, -5ms, limits, 0.0));
}

}  // namespace
}  // namespace bridge::gateways
