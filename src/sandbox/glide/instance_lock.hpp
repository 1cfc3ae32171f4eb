// SPDX-License-Identifier: MIT
// The one lock of an instance. Recursive, because rules write rows whose hooks write rows; and it
// can be let go entirely and taken again at the same depth, because a script that calls out must
// not stop the instance that the callee may be asking at that moment.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <utility>

namespace bridge::sandbox {

/// Works with std::unique_lock and std::lock_guard. Waiters are served in order of arrival.
class InstanceLock {
 public:
  void lock();
  void unlock();
  bool held_by_me() const;
  /// How many threads stand in line, without the one that holds it.
  std::size_t waiting() const;

  /// Lets go of every level held by this thread and returns how many there were.
  std::size_t release_all();
  void reacquire(std::size_t depth);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::thread::id owner_;
  std::size_t depth_ = 0;
  std::size_t next_ticket_ = 0;
  std::size_t serving_ = 0;
};

/// Lets go of the lock for its lifetime, and takes it again at the same depth.
class Unlocked {
 public:
  explicit Unlocked(InstanceLock& lock) : lock_(lock), depth_(lock.release_all()) {}
  ~Unlocked() { lock_.reacquire(depth_); }
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  InstanceLock& lock_;
  std::size_t depth_;
};

}  // namespace bridge::sandbox
