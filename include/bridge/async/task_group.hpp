// SPDX-License-Identifier: MIT
// Who runs in the background, so that a shutdown can end them all and wait. Nothing is spawned
// outside a group: a detached coroutine would swallow its exception and outlive its owner.
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <list>
#include <string>

#include "bridge/async/signal.hpp"
#include "bridge/core/logger.hpp"

namespace bridge::async {

/// Lifetime: the group must outlive its tasks; call `cancel` and `wait` (or run the context dry)
/// before it is destroyed. One thread only.
class TaskGroup {
 public:
  TaskGroup(asio::any_io_executor executor, Logger& logger);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts `task`. An exception that leaves it is logged as `task_failed` with `name`, except the
  /// one that a cancellation throws.
  void spawn(std::string name, Task<> task);

  /// Asks every task to end (terminal cancellation). Does not wait.
  void cancel();

  /// Returns when no task is left, or at `deadline`; says whether none is left. Any number may
  /// wait.
  Task<bool> wait(Deadline deadline);

  std::size_t size() const { return members_.size(); }
  asio::any_io_executor executor() const { return executor_; }

 private:
  struct Member {
    asio::cancellation_signal signal;
    bool started = false;
    bool cancelled = false;
  };
  static Task<> run(Task<> task, Member& member);

  asio::any_io_executor executor_;
  Logger& logger_;
  std::list<Member> members_;
  Signal empty_;
};

}  // namespace bridge::async
