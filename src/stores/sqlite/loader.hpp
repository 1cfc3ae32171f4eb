// SPDX-License-Identifier: MIT
// Reads all sessions with their events, on as many threads as pay.
#pragma once

#include <string>
#include <vector>

#include "bridge/core/sealer.hpp"
#include "bridge/handoff/session_store.hpp"

namespace bridge::stores {

struct Loaded {
  std::vector<handoff::StoredSession> sessions;
  std::size_t events = 0;
  std::vector<session::SessionId> unreadable;  ///< their rows stay where they are
  std::size_t unopened = 0;                    ///< secrets sealed with another key
};

/// Requires: the file is of our schema. Errors: storage_failed.
Result<Loaded> load_sessions(const std::string& path, const Sealer* sealer, Millis busy);

}  // namespace bridge::stores
