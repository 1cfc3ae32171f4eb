// SPDX-License-Identifier: MIT
// The one way through the house: load, decide, commit, wake, act. Everything that happens to a
// session goes through `apply`; everything that is told to its readers goes out here, after the
// commit.
#pragma once

#include <deque>
#include <functional>
#include <set>
#include <unordered_map>

#include "bridge/async/task_group.hpp"
#include "bridge/handoff/handoff.hpp"
#include "handoff/entry.hpp"
#include "handoff/vitals.hpp"

namespace bridge::handoff {

using EntryPtr = std::shared_ptr<Entry>;

struct Applied {
  session::Verdict verdict = session::Verdict::accepted;
  std::uint64_t send_id = 0;
};

class Engine {
 public:
  /// `act` starts one effect; it must not wait.
  Engine(async::TaskGroup& tasks, const Options& options, const Ports& ports,
         std::function<void(const EntryPtr&, const session::Effect&)> act);

  /// Takes in what the store has kept, once. Those that are to be resumed before anybody is served;
  /// what else was under way goes on with `recheck_all`, before all others.
  std::vector<EntryPtr> take_in(std::vector<StoredSession> all);
  /// The session from the cache or the store. Errors: not_found, or the store's.
  Task<Result<EntryPtr>> entry(session::SessionId id);
  /// Creates a session whose version is 1.
  Task<Result<EntryPtr>> create(session::BridgeSession session);
  /// Decides and commits. After a conflict it loads and decides again.
  Task<Result<Applied>> apply(EntryPtr entry, session::Input input);
  /// The same for what will not come again: if it cannot be stored, it is tried until it can.
  /// Errors: not_found (the session is gone), superseded (another process has it now).
  Task<Result<Applied>> insist(EntryPtr entry, session::Input input);
  /// Forgets a session everywhere. Errors: the store's; then nothing is forgotten.
  Task<Result<>> forget(EntryPtr entry);

  /// Shows a frame that has no place in the order to whoever reads now.
  void show(Entry& entry, std::shared_ptr<const std::string> frame);
  /// Keeps in the state how far readers without a cursor have been handed events.
  void note_plain_place(const EntryPtr& entry);
  /// Registers the session's next due time; call when presence changed.
  void schedule(const EntryPtr& entry);
  /// Gives every session that is due its Tick. Runs until cancelled.
  Task<> run_timer();

  /// Lets every waiting reader look again.
  void wake_readers() {
    for (const auto& [id, entry] : entries_) entry->changed.notify();
  }
  /// All sessions in a chat are read again, after a pause: something may have been missed. A
  /// bounded number at a time, so that whoever says something meanwhile does not wait behind them.
  void recheck_all(session::Recheck how, Millis pause = Millis(0));
  Vitals& vitals() { return vitals_; }

 private:
  struct Check {
    EntryPtr entry;
    session::Recheck how;
  };

  Task<> tick(EntryPtr entry);
  Task<> recheck_some(Millis pause);
  Task<> keep_plain_place(EntryPtr entry);
  Task<Result<>> commit(Commit commit);
  EntryPtr keep(StoredSession stored);
  void publish(const EntryPtr& entry, std::shared_ptr<const session::BridgeSession> next,
               const std::vector<session::LoggedEventPtr>& events, const session::Input* input);
  /// `input`: what brought it about; null if it was another replica.
  void log_change(const session::BridgeSession& before, const session::BridgeSession& after,
                  const session::Input* input);

  async::TaskGroup& tasks_;
  const Options& options_;
  const Ports& ports_;
  std::function<void(const EntryPtr&, const session::Effect&)> act_;
  Vitals vitals_;
  std::unordered_map<session::SessionId, EntryPtr> entries_;
  std::set<std::pair<Time, std::string_view>> due_;  // ids as the entries hold them
  async::Signal due_changed_;
  std::size_t ticks_ = 0;  ///< being committed
  std::deque<Check> checks_;
  std::size_t checkers_ = 0;  ///< of `checks_`
};

}  // namespace bridge::handoff
