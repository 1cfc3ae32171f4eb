// SPDX-License-Identifier: MIT
#include "gateways/servicenow/retry.hpp"

#include <algorithm>

namespace bridge::gateways {
namespace {

constexpr Millis kWorthwhile{250};  // less is not enough for an answer

/// Why a call is asked about again by making it again; empty if nothing would come of that.
std::string_view doubt_reason(const Error& error, Word word) {
  if (word == Word::busy) return "in_progress";
  if (word != Word::nobodys) return {};  // a script said what it had to say
  if (error.is(Errc::timed_out)) return "timed_out";
  if (error.is(Errc::connection_lost)) return "connection_lost";
  if (error.is(Errc::upstream_garbled)) return "garbled";
  if (error.is(Errc::upstream_quota)) return "quota";
  if (error.is(Errc::upstream_failed)) return "failed";
  return {};
}

}  // namespace

std::string_view retry_reason(const Error& error, const Call& call, Word word) {
  if (call.retried_above) return {};
  if (error.outcome() == Outcome::unknown)
    return call.repeatable ? doubt_reason(error, word) : std::string_view();
  // A 429 is said before anything is done (servicenow.md 1.6).
  if (error.is(Errc::upstream_rate_limited)) return "rate_limited";
  if (error.is(Errc::unreachable)) return "unreachable";
  if (error.is(Errc::overloaded)) return "no_connection";
  // A certain failure of a call that creates means here that it never left, or that the platform's
  // front end turned it away; of any other it means just that nothing came of it.
  const bool again = call.creates || call.repeatable;
  if (error.is(Errc::timed_out) && again) return "timed_out";
  // Of a call that creates: the token for it could not be had. One that was lost itself is unknown.
  if (error.is(Errc::connection_lost) && again) return "connection_lost";
  const bool turned_away = error.is(Errc::upstream_failed) && error.retry_after().has_value();
  const bool reads = !call.creates && call.repeatable;
  if (turned_away && again) return "unavailable";
  if (!reads) return {};
  if (error.is(Errc::upstream_failed)) return "failed";
  return {};
}

Error in_the_light_of(Error error, Word word, bool& doubtful) {
  if (word == Word::final) {
    doubtful = false;
  } else if (error.outcome() == Outcome::unknown) {
    doubtful = true;
  } else if (doubtful) {
    error = std::move(error).with_outcome(Outcome::unknown);
  }
  return error;
}

std::optional<Millis> retry_pause(const Error& error, int attempts, Millis left,
                                  const RetryLimits& limits, double random) {
  if (attempts >= limits.attempts) return std::nullopt;
  const int doublings = std::clamp(attempts - 1, 0, 16);
  const Millis range = std::min(limits.first_pause * (1 << doublings), limits.longest_pause);
  auto pause = Millis(static_cast<Millis::rep>(static_cast<double>(range.count()) * random));
  if (const auto asked = error.retry_after()) {
    // Said in whole seconds to everybody alike: a little later is where the others are not.
    pause = Millis(*asked) + pause / 4;
  }
  if (pause + kWorthwhile > left) return std::nullopt;
  return pause;
}

bool is_ill(const Error& error) {
  return error.is(Errc::unreachable) || error.is(Errc::timed_out) ||
         error.is(Errc::connection_lost) || error.is(Errc::upstream_failed);
}

}  // namespace bridge::gateways
