// SPDX-License-Identifier: MIT
// Reads all sessions, on as many threads as pay.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bridge/core/sealer.hpp"
#include "bridge/handoff/session_store.hpp"
#include "stores/sqlite/events_reader.hpp"

namespace bridge::stores {

struct Loaded {
  std::vector<handoff::StoredSession> sessions;
  std::unique_ptr<EventsReader> events;        ///< not begun
  std::vector<session::SessionId> unreadable;  ///< their rows stay where they are
  std::size_t unopened = 0;                    ///< secrets sealed with another key
};

/// Requires: the file is of our schema. Errors: storage_failed.
/// Events are decoded when they are wanted; `unreadable` is then told, by the thread that wants
/// them.
Result<Loaded> load_sessions(const std::string& path, const Sealer* sealer, Millis busy,
                             std::shared_ptr<const Unreadable> unreadable);

}  // namespace bridge::stores
