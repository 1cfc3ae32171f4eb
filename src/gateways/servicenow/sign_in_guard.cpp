// SPDX-License-Identifier: MIT
#include "gateways/servicenow/sign_in_guard.hpp"

#include <algorithm>

namespace bridge::gateways {

SignInGuard::Answer SignInGuard::ask(Deadline now) {
  if (proven_) return Answer::go;
  if (now < hold_until_) return Answer::hold;
  if (proving_) return Answer::wait;
  proving_ = true;
  return Answer::prove;
}

void SignInGuard::accepted() {
  proven_ = true;
  proving_ = false;
  refusals_ = 0;
  pauses_ = 0;
  hold_until_ = {};
}

void SignInGuard::refused(Deadline now, bool proving) {
  proven_ = false;
  if (proving) proving_ = false;
  ++refusals_;
  // Many calls may have been under way when the password changed: they count, but they are one
  // reason for one pause.
  if (refusals_ < kFree || now < hold_until_) return;
  hold_until_ = now + kPauses[std::min(pauses_, kPauses.size() - 1)];
  ++pauses_;
}

std::optional<std::chrono::seconds> SignInGuard::hold_left(Deadline now) const {
  if (proven_ || now >= hold_until_) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(hold_until_ - now);
}

}  // namespace bridge::gateways
