// SPDX-License-Identifier: MIT
#include "bridge/net/circuit_breaker.hpp"

#include <algorithm>
#include <utility>

namespace bridge::net {

CircuitBreaker::Permit::Permit(Permit&& other) noexcept
    : breaker_(std::exchange(other.breaker_, nullptr)), generation_(other.generation_) {}

CircuitBreaker::Permit::~Permit() {
  if (breaker_) breaker_->abandon(generation_);
}

void CircuitBreaker::Permit::succeeded() {
  if (breaker_) std::exchange(breaker_, nullptr)->succeed(generation_);
}

void CircuitBreaker::Permit::failed(Deadline now) {
  if (breaker_) std::exchange(breaker_, nullptr)->fail(generation_, now);
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::admit(Deadline now) {
  return admit_from(open_until_, now);
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::admit_urgent(Deadline now) {
  return admit_from(std::min(urgent_from_, open_until_), now);
}

Deadline CircuitBreaker::urgent_at() const {
  if (state_ == State::half_open) return Deadline::max();
  return std::min(urgent_from_, open_until_);
}

std::optional<CircuitBreaker::Permit> CircuitBreaker::admit_from(Deadline earliest, Deadline now) {
  if (state_ == State::half_open) return std::nullopt;
  if (state_ == State::open) {
    if (now < earliest) return std::nullopt;
    state_ = State::half_open;
    ++generation_;
  }
  return Permit(*this, generation_);
}

std::chrono::seconds CircuitBreaker::retry_in(Deadline now) const {
  const auto left = std::chrono::ceil<std::chrono::seconds>(open_until_ - now);
  return std::max(left, std::chrono::seconds(1));
}

void CircuitBreaker::succeed(std::uint64_t generation) {
  if (generation != generation_) return;
  failures_ = 0;
  if (state_ == State::closed) return;
  state_ = State::closed;
  pause_ = limits_.first_pause;
  ++generation_;
}

void CircuitBreaker::fail(std::uint64_t generation, Deadline now) {
  if (generation != generation_) return;
  if (state_ == State::closed && ++failures_ < limits_.failures) return;
  const bool early = state_ == State::half_open && now < open_until_;
  if (state_ == State::half_open && !early) pause_ = std::min(pause_ * 2, limits_.longest_pause);
  if (!early) open_until_ = now + pause_;
  urgent_from_ = now + limits_.urgent_pause;
  state_ = State::open;
  failures_ = 0;
  ++generation_;
}

void CircuitBreaker::abandon(std::uint64_t generation) {
  if (generation != generation_ || state_ != State::half_open) return;
  state_ = State::open;  // the next call that may will probe
  ++generation_;
}

}  // namespace bridge::net
