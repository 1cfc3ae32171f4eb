// SPDX-License-Identifier: MIT
// When a call may be made again, and after how long. Pure. Made again is what certainly did not
// happen, what changes nothing, and what carries a key by which our scripts know the repeat: then
// asking again is how one finds out what became of it. Without a key a call that creates is never
// sent twice on a guess (DESIGN 4.4).
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "bridge/core/clock.hpp"
#include "bridge/core/error.hpp"
#include "bridge/gateways/servicenow.hpp"
#include "gateways/servicenow/answer.hpp"

namespace bridge::gateways {

/// Why the call may be made again, a label of the metric upstream_retries; empty if it may not.
std::string_view retry_reason(const Error& error, const Call& call, Word word = Word::nobodys);

/// What a failed attempt means for the call: after one whose answer was lost, nothing that a later
/// one fails with is certain, but for the word of our script about them all. `doubtful`: whether
/// there has been such an attempt; kept up to date.
Error in_the_light_of(Error error, Word word, bool& doubtful);

/// How long to wait before attempt number `attempts` + 1: exponential with full jitter, and at
/// least what the other side asked for. Nothing if it is not worth it: too many attempts, or the
/// wait would not leave time for an answer. `random`: in [0, 1).
std::optional<Millis> retry_pause(const Error& error, int attempts, Millis left,
                                  const RetryLimits& limits, double random);

/// Whether a call without an answer says that the other side is not well: unreachable or too late.
/// What fails in our own house does not.
bool is_ill(const Error& error);

}  // namespace bridge::gateways
