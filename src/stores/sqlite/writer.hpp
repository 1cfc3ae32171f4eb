// SPDX-License-Identifier: MIT
// The thread that writes. It takes what is queued, up to a group, writes it in one transaction, and
// reports; nobody waits for a group to fill, since commits gather while the one before is written.
// It also looks whether the file is still ours, and what other processes left for us to do.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bridge/stores/sqlite_store.hpp"
#include "stores/sqlite/database.hpp"

namespace bridge::stores {

/// Who waits for a job.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void done(Result<> result) = 0;
};

/// One commit, or one erasure (if `erased` is not empty).
struct Job {
  handoff::Commit commit;
  bool drops = false;  ///< there are events before commit.first_kept_seq
  session::SessionId erased;
  std::unique_ptr<Waiter> waiter;
  Errc result{};  ///< 0: it is in the file

  const session::SessionId& session() const { return erased.empty() ? commit.next->id : erased; }
  bool written() const { return result == Errc{}; }
};
using Group = std::vector<std::unique_ptr<Job>>;

/// What the thread has to tell the loop.
struct Report {
  Group group;                              ///< with their results
  int code = SQLITE_OK;                     ///< why nothing of the group was written
  bool tried = false;                       ///< `code` says something
  bool superseded = false;                  ///< from now on
  std::vector<session::SessionId> errands;  ///< to be forgotten
};

class Writer {
 public:
  /// Requires: `file` is ours (its owner row holds `owner`). `report` is called on the thread.
  Writer(Database file, const SqliteOptions& options, std::string owner,
         std::function<void(Report)> report);
  /// Writes what is queued, gives the file back.
  ~Writer();

  void add(std::unique_ptr<Job> job);

 private:
  using Steady = std::chrono::steady_clock;

  void run();
  void write(Group group);
  int transact(Group& group);
  int write_job(Job& job);
  void look();
  void try_again();
  int take_errands(std::vector<session::SessionId>& ids);
  void finish_errands();
  void clean_log();
  bool is_owner(int& code);
  void tell(Report report);

  const SqliteOptions options_;
  const std::string owner_;
  const std::function<void(Report)> report_;

  // Of the thread alone.
  Database file_;
  Statement begin_, commit_, owned_, create_, update_, append_, drop_, erase_, erase_events_;
  Statement data_version_, touch_;
  std::int64_t seen_version_ = 0;
  bool failing_ = false;
  bool superseded_ = false;
  bool errands_open_ = false;
  bool erased_ = false;  ///< since the log was last emptied
  Steady::time_point last_erased_{}, last_try_{}, next_look_{}, errands_told_{};

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Job>> queue_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace bridge::stores
