// SPDX-License-Identifier: MIT
#include "sandbox/glide/instance_lock.hpp"

#include <cassert>

namespace bridge::sandbox {

void InstanceLock::lock() {
  if (held_by_me()) {
    const std::lock_guard guard(mutex_);
    ++depth_;
    return;
  }
  reacquire(1);
}

void InstanceLock::unlock() {
  const std::lock_guard guard(mutex_);
  assert(owner_ == std::this_thread::get_id() && depth_ > 0);
  if (--depth_ > 0) return;
  owner_ = {};
  ++serving_;
  changed_.notify_all();
}

bool InstanceLock::held_by_me() const {
  const std::lock_guard guard(mutex_);
  return depth_ > 0 && owner_ == std::this_thread::get_id();
}

std::size_t InstanceLock::waiting() const {
  const std::lock_guard guard(mutex_);
  return next_ticket_ - serving_ - (depth_ > 0 ? 1 : 0);
}

std::size_t InstanceLock::release_all() {
  const std::lock_guard guard(mutex_);
  if (depth_ == 0 || owner_ != std::this_thread::get_id()) return 0;
  const std::size_t depth = std::exchange(depth_, 0);
  owner_ = {};
  ++serving_;
  changed_.notify_all();
  return depth;
}

void InstanceLock::reacquire(std::size_t depth) {
  if (depth == 0) return;
  std::unique_lock guard(mutex_);
  const std::size_t ticket = next_ticket_++;
  changed_.wait(guard, [&] { return serving_ == ticket; });
  owner_ = std::this_thread::get_id();
  depth_ = depth;
}

}  // namespace bridge::sandbox
