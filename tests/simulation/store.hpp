// SPDX-License-Identifier: MIT
// One session in memory, behind compare-and-set as every SessionStore keeps it (DESIGN 3.1). A
// commit takes time; it ends durable, or refused, or is cut by the crash of whoever asked for it.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bridge/core/error.hpp"
#include "bridge/session/bridge_session.hpp"
#include "bridge/session/event_log.hpp"
#include "simulation/world.hpp"

namespace bridge::simulation {

using SessionPtr = std::shared_ptr<const session::BridgeSession>;

class Store {
 public:
  using Watcher =
      std::function<void(const session::BridgeSession& before, const session::BridgeSession& after,
                         const std::vector<session::LoggedEventPtr>& events)>;

  Store(World& world, const Trouble& trouble, SessionPtr first, Watcher watcher)
      : world_(world), trouble_(trouble), state_(std::move(first)), watcher_(std::move(watcher)) {}

  /// `alive` says whether the process that asks still is; `done` is its business.
  void commit(SessionPtr next, std::vector<session::LoggedEventPtr> events,
              std::function<bool()> alive, std::function<void(Result<>)> done);
  /// What a process reads takes time as well; it sees one moment of it.
  void load(std::function<void(SessionPtr, session::EventLog)> done);

  const SessionPtr& state() const { return state_; }
  const session::EventLog& log() const { return log_; }

 private:
  Result<> write(const SessionPtr& next, const std::vector<session::LoggedEventPtr>& events);

  World& world_;
  const Trouble& trouble_;
  SessionPtr state_;
  session::EventLog log_;
  Watcher watcher_;
};

}  // namespace bridge::simulation
