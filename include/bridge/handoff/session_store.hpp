// SPDX-License-Identifier: MIT
// The port to where sessions live. One commit writes state, events and outbox (which is part of
// the state) or nothing; versions tell when another writer was faster. What a store keeps it keeps
// in memory, in a file, or on a server: nothing above this line knows.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/async/task.hpp"
#include "bridge/session/bridge_session.hpp"
#include "bridge/session/event_log.hpp"

namespace bridge::handoff {

struct StoredSession {
  std::shared_ptr<const session::BridgeSession> state;
  session::EventLog log;
};

class Commit {
 public:
  Commit() = default;
  /// `next->version` is the version to be: 1 creates the session, n replaces n - 1.
  std::shared_ptr<const session::BridgeSession> next;
  std::vector<session::LoggedEventPtr> events;  ///< appended to the log
  std::uint64_t first_kept_seq = 0;             ///< events before it may be forgotten; 0: none
};

/// What a session can be found by, besides its id. Each value names at most one session, but for
/// the browser, which may hold several.
enum class Index {
  interaction,
  conversation,
  browser,
  directline_conversation,
  activity_conversation,  ///< session::conversation_key of its surface
};

class SessionStore {
 public:
  virtual ~SessionStore() = default;

  /// Errors: not_found.
  virtual Task<Result<StoredSession>> load(session::SessionId id) = 0;
  /// On return the commit is as durable as the store can make it.
  /// Errors: conflict (the stored version is not `next->version - 1`; load again), overloaded.
  virtual Task<Result<>> commit(Commit commit) = 0;
  virtual Task<Result<std::optional<session::SessionId>>> find(Index index, std::string value) = 0;
  /// Forgets a session and its events. Succeeds when there is none.
  virtual Task<Result<>> erase(session::SessionId id) = 0;
  /// Ids in `state`, least recently active first, at most `limit`.
  virtual Task<Result<std::vector<session::SessionId>>> oldest(session::State state,
                                                               std::size_t limit) = 0;
  /// All sessions: asked for once at start, to resume what was under way.
  virtual Task<Result<std::vector<StoredSession>>> all() = 0;
  virtual Task<Result<std::size_t>> count() = 0;
  /// Ids of what keeps it from storing at the moment, for /readyz; empty if nothing does.
  virtual std::vector<std::string> degraded() const { return {}; }
};

}  // namespace bridge::handoff
