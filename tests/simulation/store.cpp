// SPDX-License-Identifier: MIT
#include "simulation/store.hpp"

namespace bridge::simulation {

using session::LoggedEventPtr;

void Store::commit(SessionPtr next, std::vector<LoggedEventPtr> events, std::function<bool()> alive,
                   std::function<void(Result<>)> done) {
  const bool down = world_.now() < world_.store_down_until;
  if (down || world_.strikes(trouble_.commit_failed)) {
    world_.later(world_.dice.between(Millis(0), Millis(30)),
                 [done = std::move(done)] { done(Error(Errc::storage_failed, "the store")); });
    return;
  }
  // As the memory store does it, or as one that groups its commits.
  const bool at_once = world_.dice.chance(40);
  const Millis before = at_once ? Millis(0) : world_.dice.between(Millis(0), Millis(60));
  const Millis after = at_once ? Millis(0) : world_.dice.between(Millis(0), Millis(20));
  world_.later(before, [this, next = std::move(next), events = std::move(events),
                        alive = std::move(alive), done = std::move(done), after] {
    // A crash before it was durable may still have left it to the disk.
    if (!alive() && world_.dice.chance(60)) return;
    const Result<> written = write(next, events);
    world_.later(after, [done, written] { done(written); });
  });
}

void Store::load(std::function<void(SessionPtr, session::EventLog)> done) {
  world_.later(world_.dice.between(Millis(0), Millis(20)), [this, done = std::move(done)] {
    world_.later(world_.dice.between(Millis(0), Millis(10)),
                 [done, state = state_, log = log_] { done(state, log); });
  });
}

Result<> Store::write(const SessionPtr& next, const std::vector<LoggedEventPtr>& events) {
  if (next->version != state_->version + 1) return Error(Errc::conflict, "another was faster");
  watcher_(*state_, *next, events);
  state_ = next;
  for (const LoggedEventPtr& event : events) log_.append(event);
  return {};
}

}  // namespace bridge::simulation
