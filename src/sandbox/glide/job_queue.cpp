// SPDX-License-Identifier: MIT
#include "sandbox/glide/job_queue.hpp"

#include <algorithm>

namespace bridge::sandbox {

JobQueue::JobQueue(std::size_t workers) {
  for (std::size_t i = 0; i < std::max<std::size_t>(workers, 1); ++i)
    workers_.emplace_back([this] { work(); });
}

JobQueue::~JobQueue() {
  {
    const std::lock_guard guard(mutex_);
    stopping_ = true;
    waiting_.clear();
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void JobQueue::push(Job job, std::chrono::milliseconds delay, bool in_order) {
  {
    const std::lock_guard guard(mutex_);
    if (stopping_) return;
    Instant due = std::chrono::steady_clock::now() + delay;
    if (in_order) due = std::max(due, last_due_);
    last_due_ = std::max(due, last_due_);
    waiting_.emplace(due, std::move(job));
  }
  changed_.notify_all();
}

std::size_t JobQueue::pending() const {
  const std::lock_guard guard(mutex_);
  return waiting_.size() + running_;
}

bool JobQueue::wait_until_idle(std::chrono::milliseconds limit) {
  std::unique_lock guard(mutex_);
  return changed_.wait_for(guard, limit, [&] { return waiting_.empty() && running_ == 0; });
}

void JobQueue::clear() {
  std::unique_lock guard(mutex_);
  waiting_.clear();
  changed_.wait(guard, [&] { return running_ == 0; });
  waiting_.clear();
}

void JobQueue::work() {
  std::unique_lock guard(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      changed_.wait(guard);
      continue;
    }
    const auto first = waiting_.begin();
    if (const Instant due = first->first; due > std::chrono::steady_clock::now()) {
      changed_.wait_until(guard, due);
      continue;
    }
    Job job = std::move(first->second);
    waiting_.erase(first);
    ++running_;
    guard.unlock();
    job();
    // The job's captures go before it counts as done.
    job = nullptr;
    guard.lock();
    --running_;
    changed_.notify_all();
  }
}

}  // namespace bridge::sandbox
