// SPDX-License-Identifier: MIT
// Sessions in a SQLite file of this machine (`BRIDGE_STORE=sqlite:<path>`). Everything is read at
// the start, the events of thousands of sessions right after it, and answered from memory
// afterwards; one thread writes, so that the loop never waits for the disk, and a commit counts
// once it would survive a power cut. One process at a time owns the file: whoever opens it last.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/core/sealer.hpp"
#include "bridge/handoff/session_store.hpp"

namespace bridge::stores {

/// Whether this build has it. Without it the functions below answer not_configured.
bool has_sqlite();

struct SqliteOptions {
  std::string path;
  const Sealer* sealer = nullptr;  ///< null: secrets are not stored
  std::size_t max_group = 64;      ///< commits in one transaction
  std::size_t max_waiting = 4096;  ///< commits not yet written; then overloaded
  Millis look{250};                ///< how often it sees whether it still owns the file
  Millis retry{1000};              ///< how often it tries to write while it cannot
  Millis busy{5000};               ///< how long it waits for somebody else who writes
};

/// Beside the port's errors every write may answer storage_failed (nothing of it is in the file;
/// it may work later) and superseded (another process has the file; it never works again).
class SqliteStore : public handoff::SessionStore {
 public:
  /// Called once, from the executor, when another process has taken the file over.
  virtual void when_superseded(std::function<void()> told) = 0;
  /// Called once, from the executor, if the events of a large file turn out not to be readable.
  /// Whoever asks for one until then is thrown an exception: nobody is told that there are none.
  virtual void when_unreadable(std::function<void(Error)> told) = 0;
  /// Called from the executor with the sessions that `forget` of another process wants erased. That
  /// waits until they are.
  virtual void when_asked_to_forget(std::function<void(std::vector<session::SessionId>)> told) = 0;
};

/// Opens or makes the file, takes it over, and reads it: waits for the disk. Of a large file the
/// events are read afterwards, while others work; whoever wants one waits for that.
/// Lifetime: the executor's context must run out of work before the store is destroyed; the
/// store's destructor writes what is queued. Errors: storage_failed, with a hint: the file cannot
/// be made, written or read, is another program's, or a later version's. It is left as it is then.
Result<std::unique_ptr<SqliteStore>> open_sqlite_store(const asio::any_io_executor& executor,
                                                       SqliteOptions options, Logger& logger,
                                                       Metrics& metrics);

/// Which sessions `erase_from_sqlite` means: one by its id, or all of a person.
struct Erasure {
  std::string session;
  std::string user;  ///< e-mail in any case, Direct Line user, or user id of a carried conversation
};

/// For the command line. Has the process that owns the file erase them, or does it itself if none
/// answers within `patience`; waits at most `limit` for it. On return nothing that they said is
/// left in the file or beside it. The number of sessions that were erased. Errors: storage_failed,
/// not_found (no such file), timed_out (the owner has not finished).
Result<std::size_t> erase_from_sqlite(const std::string& path, const Erasure& which,
                                      Millis patience, Millis limit);

}  // namespace bridge::stores
