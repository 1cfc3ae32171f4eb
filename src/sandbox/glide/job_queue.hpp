// SPDX-License-Identifier: MIT
// The scheduler's workers: run jobs after a delay, several at once. Knows nothing of rules.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace bridge::sandbox {

class JobQueue {
 public:
  using Job = std::function<void()>;

  explicit JobQueue(std::size_t workers);
  /// Drops what has not started and waits for what has.
  ~JobQueue();

  /// With `in_order` the job starts no earlier than any job pushed before it. Jobs must not throw.
  void push(Job job, std::chrono::milliseconds delay, bool in_order);
  /// Waiting and running ones.
  std::size_t pending() const;
  bool wait_until_idle(std::chrono::milliseconds limit);
  /// Drops the waiting jobs, then waits for the running ones.
  void clear();

 private:
  using Instant = std::chrono::steady_clock::time_point;
  void work();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Instant, Job> waiting_;
  Instant last_due_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace bridge::sandbox
