// SPDX-License-Identifier: MIT
#include "bridge/async/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <cassert>

#include "bridge/core/exception.hpp"

namespace bridge::async {
namespace {

bool is_cancellation(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& error) {
    return error.code() == asio::error::operation_aborted;
  } catch (...) {
    return false;
  }
}

}  // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor, Logger& logger)
    : executor_(std::move(executor)), logger_(logger), empty_(executor_) {}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string name, Task<> task) {
  const auto member = members_.emplace(members_.end());
  auto finished = [this, member, name = std::move(name)](std::exception_ptr thrown) {
    if (thrown && !is_cancellation(thrown))
      logger_.error("task_failed", {{"task", name}, {"reason", describe(thrown)}});
    members_.erase(member);
    if (members_.empty()) empty_.notify();
  };
  asio::co_spawn(executor_, run(std::move(task), *member),
                 asio::bind_cancellation_slot(member->signal.slot(), std::move(finished)));
}

Task<> TaskGroup::run(Task<> task, Member& member) {
  member.started = true;
  if (!member.cancelled) co_await std::move(task);
}

void TaskGroup::cancel() {
  // Emitting may end a task at once and erase its member; step first.
  for (auto it = members_.begin(); it != members_.end();) {
    Member& member = *it++;
    member.cancelled = true;
    // Newer Boost throws out of the context's run when a task is cancelled before its first step.
    if (member.started) member.signal.emit(asio::cancellation_type::terminal);
  }
}

Task<bool> TaskGroup::wait(Deadline deadline) {
  bool in_time = true;
  while (in_time && !members_.empty()) {
    // Not `if (!co_await ...) break;` as the whole body: g++ 12 makes that an illegal instruction.
    in_time = co_await empty_.wait(empty_.generation(), deadline);
  }
  co_return members_.empty();
}

}  // namespace bridge::async
