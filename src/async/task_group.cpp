// SPDX-License-Identifier: MIT
#include "bridge/async/task_group.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/system/system_error.hpp>
#include <cassert>

namespace bridge::async {

TaskGroup::TaskGroup(asio::any_io_executor executor, Logger& logger)
    : executor_(std::move(executor)), logger_(logger), empty_(executor_, Deadline::max()) {}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(std::string name, Task<> task) {
  const auto signal = signals_.emplace(signals_.end());
  auto finished = [this, signal, name = std::move(name)](std::exception_ptr thrown) {
    if (thrown) {
      try {
        std::rethrow_exception(thrown);
      } catch (const boost::system::system_error& error) {
        if (error.code() != asio::error::operation_aborted)
          logger_.error("task_failed", {{"task", name}, {"reason", error.code().message()}});
      } catch (const std::exception& error) {
        logger_.error("task_failed", {{"task", name}, {"reason", error.what()}});
      }
    }
    signals_.erase(signal);
    if (signals_.empty()) empty_.cancel();
  };
  asio::co_spawn(executor_, std::move(task),
                 asio::bind_cancellation_slot(signal->slot(), std::move(finished)));
}

void TaskGroup::cancel() {
  // Emitting may end a task at once and erase its signal; step first.
  for (auto it = signals_.begin(); it != signals_.end();) (it++)->emit(asio::cancellation_type::terminal);
}

Task<bool> TaskGroup::wait(Deadline deadline) {
  while (!signals_.empty() && std::chrono::steady_clock::now() < deadline) {
    empty_.expires_at(deadline);
    co_await empty_.async_wait(as_result);
  }
  co_return signals_.empty();
}

}  // namespace bridge::async
