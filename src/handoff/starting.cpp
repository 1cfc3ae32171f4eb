// SPDX-License-Identifier: MIT
// What a start does with the sessions of the process before: all are taken in, and what was under
// way goes on, before anybody is served.
#include "bridge/handoff/handoff.hpp"
#include "handoff/engine.hpp"

namespace bridge::handoff {
namespace {

/// Webhooks of the meantime may have found nobody, so the chats are read; but those who wait for
/// the start are served first.
constexpr Millis kFirstReads{100};

/// Sessions that are still to be resumed, and what went wrong first.
struct Resuming {
  explicit Resuming(const asio::any_io_executor& executor) : done(executor) {}
  std::vector<EntryPtr> entries;
  int workers = 0;
  std::optional<Error> error;
  async::Signal done;
};

/// One worker less, however it ends.
class Worker {
 public:
  explicit Worker(std::shared_ptr<Resuming> all) : all_(std::move(all)) { ++all_->workers; }
  Resuming& all() { return *all_; }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    --all_->workers;
    all_->done.notify();
  }

 private:
  std::shared_ptr<Resuming> all_;
};

Task<> resume_some(Engine& engine, std::unique_ptr<Worker> worker) {
  Resuming& all = worker->all();
  while (!all.entries.empty() && !all.error) {
    const EntryPtr entry = std::move(all.entries.back());
    all.entries.pop_back();
    auto resumed = co_await engine.apply(entry, session::Restarted{});
    // Not found: another replica has erased it meanwhile.
    if (!resumed && !resumed.error().is(Errc::not_found)) all.error = resumed.error();
  }
}

/// Many at a time, so that a store that groups commits has something to group.
Task<Result<>> resume(async::TaskGroup& tasks, Engine& engine, std::vector<EntryPtr> interrupted) {
  constexpr std::size_t kWorkers = 64;
  const std::size_t workers = std::min(kWorkers, interrupted.size());
  const auto all = std::make_shared<Resuming>(tasks.executor());
  all->entries = std::move(interrupted);
  for (std::size_t i = 0; i < workers; ++i)
    tasks.spawn("resume", resume_some(engine, std::make_unique<Worker>(all)));
  while (all->workers > 0) (void)co_await all->done.wait(all->done.generation(), Deadline::max());
  if (all->error) co_return *all->error;
  co_return Result<>();
}

}  // namespace

Task<Result<>> Handoff::start() {
  auto stored = co_await ports_.store.all();
  if (!stored) co_return stored.error();
  auto resumed = co_await resume(tasks_, *engine_, engine_->take_in(std::move(*stored)));
  if (!resumed) co_return resumed.error();
  ports_.chat.when_well_again([this] { engine_->recheck_all(session::Recheck()); });
  tasks_.spawn("session_timer", engine_->run_timer());
  session::Recheck first;
  first.once_more = false;
  engine_->recheck_all(first, kFirstReads);
  co_return Result<>();
}

}  // namespace bridge::handoff
