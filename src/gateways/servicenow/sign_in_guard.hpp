// SPDX-License-Identifier: MIT
// Keeps us from locking our own account. ServiceNow locks a user after a few wrong passwords in a
// row (five, as delivered), and says the same 401 for a wrong password as for a locked user. So
// credentials that have not been accepted yet are tried by one call at a time, and after the second
// refusal in a row nobody tries for a pause that grows. Pure: it is told the time.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>

#include "bridge/core/clock.hpp"

namespace bridge::gateways {

class SignInGuard {
 public:
  enum class Answer {
    go,     ///< accepted before: any number at a time
    prove,  ///< go, and say what came of it; nobody else goes meanwhile
    wait,   ///< somebody is proving
    hold    ///< refused: not before `hold_left` is over
  };

  /// `prove` makes the caller the one who proves.
  Answer ask(Deadline now);
  void accepted();
  /// Refused; `proving` as `ask` had said.
  void refused(Deadline now, bool proving);
  /// The one who was proving never learned it.
  void abandoned() { proving_ = false; }

  std::optional<std::chrono::seconds> hold_left(Deadline now) const;

 private:
  static constexpr int kFree = 2;  ///< refusals in a row without a pause
  static constexpr std::array<std::chrono::seconds, 4> kPauses = {
      std::chrono::seconds(30), std::chrono::minutes(2), std::chrono::minutes(10),
      std::chrono::minutes(30)};

  bool proven_ = false;
  bool proving_ = false;
  int refusals_ = 0;
  std::size_t pauses_ = 0;  ///< taken since the last acceptance
  Deadline hold_until_{};
};

}  // namespace bridge::gateways
