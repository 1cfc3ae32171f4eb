// SPDX-License-Identifier: MIT
#include "gateways/servicenow/gate.hpp"

#include <algorithm>

namespace bridge::gateways {

using Clock = std::chrono::steady_clock;

Gate::Pass::~Pass() {
  if (!permit_) return;
  permit_.reset();
  gate_.settle();
}

void Gate::Pass::succeeded() {
  if (!permit_) return;
  permit_->succeeded();
  permit_.reset();
  gate_.settle();
}

void Gate::Pass::failed() {
  if (!permit_) return;
  permit_->failed(Clock::now());
  permit_.reset();
  if (trial_) ++gate_.failed_trials_;
  gate_.settle();
}

Task<std::unique_ptr<Gate::Pass>> Gate::enter(bool urgent, bool& tried, Deadline deadline) {
  const bool waits = urgent && !tried;
  auto pass = take(waits, tried);
  if (pass || !waits) co_return pass;
  const auto executor = co_await asio::this_coro::executor;
  if (!settled_) settled_ = std::make_unique<async::Signal>(executor);
  tried = true;
  // The one that is being made may have been answered before we came.
  const std::uint64_t enough = failed_trials_ + (state() == State::half_open ? 2 : 1);
  const Deadline last = deadline - kFairChance;
  while (!pass && failed_trials_ < enough) {
    const Deadline next = breaker_.urgent_at();
    const bool unknown = next == Deadline::max();
    if (Clock::now() >= last || (!unknown && next > last)) break;
    (void)co_await settled_->wait(settled_->generation(), std::min(next, last));
    pass = take(waits, tried);
  }
  co_return pass;
}

std::unique_ptr<Gate::Pass> Gate::take(bool urgent, bool& tried) {
  const Deadline now = Clock::now();
  auto permit = urgent ? breaker_.admit_urgent(now) : breaker_.admit(now);
  if (!permit) return nullptr;
  const bool trial = state() == State::half_open;
  tried = tried || trial;
  auto pass = std::make_unique<Pass>(*this, std::move(*permit), trial);
  changed_();
  return pass;
}

void Gate::settle() {
  changed_();
  if (settled_) settled_->notify();
}

}  // namespace bridge::gateways
