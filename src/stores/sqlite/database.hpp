// SPDX-License-Identifier: MIT
// SQLite as we use it: a connection, statements, and what its codes mean to an operator. Codes of
// sqlite3.h travel as int. Not more than one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bridge/core/clock.hpp"
#include "bridge/core/error.hpp"

namespace bridge::stores {

/// Beyond SQLite's own: the file was moved or removed while it was open.
inline constexpr int kFileGone = -1;

/// "disk_full", "io_error", "read_only", "corrupt", "busy", ...: for logs and metrics.
std::string_view reason_of(int code);
/// What the operator does about it.
std::string mend_of(int code, const std::string& path);

class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* connection, const char* sql);

  /// Places count from 1. Texts must live until the next `reset`.
  Statement& bind(int place, std::int64_t value);
  Statement& bind(int place, std::string_view text);
  /// SQLITE_ROW, SQLITE_DONE or a failure.
  int step();
  /// For statements without rows: steps and resets. SQLITE_OK or a failure.
  int run();
  void reset();

  /// Columns count from 0. Views live until the next `step` or `reset`.
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int failed_ = SQLITE_OK;
};

class Database {
 public:
  Database() = default;
  /// SQLITE_OK or a failure.
  int open(const std::string& path, int flags, Millis busy);
  int run(const char* sql);
  /// The one integer that a query answers with; a failure counts as `otherwise`.
  std::int64_t number(const char* sql, std::int64_t otherwise, int* failed = nullptr);
  sqlite3* get() const { return connection_.get(); }
  Statement prepare(const char* sql) const { return Statement(connection_.get(), sql); }
  bool in_transaction() const { return sqlite3_get_autocommit(connection_.get()) == 0; }
  void roll_back();
  /// Whether the file is no longer where it was.
  bool has_moved() const;
  /// Everything from the log into the file, the log emptied. False if a reader is in the way.
  bool empty_log();

 private:
  struct Close {
    void operator()(sqlite3* connection) const { sqlite3_close_v2(connection); }
  };
  std::unique_ptr<sqlite3, Close> connection_;
};

/// Makes the file if it may (`create`), sees that it is ours and not of a later version, brings its
/// tables up to date. Mode 0600. Errors: storage_failed, not_found (only without `create`).
Result<Database> open_session_file(const std::string& path, bool create, Millis busy);

/// An error of the start or the command line, which may name the file.
Error storage_error(const std::string& path, std::string_view what, std::string mend);

}  // namespace bridge::stores
