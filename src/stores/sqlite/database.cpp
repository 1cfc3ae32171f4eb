// SPDX-License-Identifier: MIT
#include "stores/sqlite/database.hpp"

#include <utility>

namespace bridge::stores {

std::string_view reason_of(int code) {
  if (code == kFileGone) return "file_gone";
  if (code == SQLITE_READONLY_DBMOVED) return "file_gone";
  switch (code & 0xFF) {
    case SQLITE_FULL:
      return "disk_full";
    case SQLITE_IOERR:
      return "io_error";
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return "read_only";
    case SQLITE_CANTOPEN:
      return "cannot_open";
    case SQLITE_CORRUPT:
      return "corrupt";
    case SQLITE_NOTADB:
      return "not_a_database";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "busy";
    case SQLITE_NOMEM:
      return "no_memory";
    default:
      return "sqlite_error";
  }
}

std::string mend_of(int code, const std::string& path) {
  const std::string_view reason = reason_of(code);
  if (reason == "disk_full") return "Make room on the disk that holds " + path + ".";
  if (reason == "io_error")
    return "The disk that holds " + path +
           " is full, over its quota, or fails: see the system's log.";
  if (reason == "read_only" || reason == "cannot_open")
    return "The user of the bridge must be able to write " + path + " and its folder.";
  if (reason == "corrupt" || reason == "not_a_database")
    return "Put " + path +
           " aside, with its -wal, and restore a backup or start without it: "
           "docs/09-production-hardening.md.";
  if (reason == "busy") return "Another program holds " + path + " locked: end it.";
  if (reason == "file_gone")
    return path + " was moved or removed while the bridge ran. Put it back and restart.";
  return "SQLite says: " + std::string(sqlite3_errstr(code)) + ".";
}

Statement::Statement(sqlite3* connection, const char* sql) {
  sqlite3_stmt* made = nullptr;
  failed_ = sqlite3_prepare_v3(connection, sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
  statement_.reset(made);
}

Statement& Statement::bind(int place, std::int64_t value) {
  if (failed_ == SQLITE_OK) failed_ = sqlite3_bind_int64(statement_.get(), place, value);
  return *this;
}

Statement& Statement::bind(int place, std::string_view text) {
  if (failed_ == SQLITE_OK)
    failed_ = sqlite3_bind_text64(statement_.get(), place, text.data(), text.size(), SQLITE_STATIC,
                                  SQLITE_UTF8);
  return *this;
}

int Statement::step() {
  if (failed_ != SQLITE_OK) return failed_;
  return sqlite3_step(statement_.get());
}

int Statement::run() {
  int code = step();
  while (code == SQLITE_ROW) code = step();
  reset();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

void Statement::reset() {
  if (!statement_) return;
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  failed_ = SQLITE_OK;
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const {
  const auto* bytes = sqlite3_column_text(statement_.get(), column);
  if (!bytes) return {};
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
  return {reinterpret_cast<const char*>(bytes), size};
}

int Database::open(const std::string& path, int flags, Millis busy) {
  sqlite3* opened = nullptr;
  // Serialised by its owner, not by SQLite.
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  connection_.reset(opened);
  if (code != SQLITE_OK) return code;
  sqlite3_extended_result_codes(opened, 1);
  return sqlite3_busy_timeout(opened, static_cast<int>(busy.count()));
}

int Database::run(const char* sql) {
  return sqlite3_exec(connection_.get(), sql, nullptr, nullptr, nullptr);
}

std::int64_t Database::number(const char* sql, std::int64_t otherwise, int* failed) {
  Statement query = prepare(sql);
  const int code = query.step();
  if (failed) *failed = code == SQLITE_ROW ? SQLITE_OK : code;
  return code == SQLITE_ROW ? query.integer(0) : otherwise;
}

void Database::roll_back() {
  // Some failures have rolled back by themselves.
  if (in_transaction()) (void)run("ROLLBACK");
}

bool Database::has_moved() const {
  int moved = 0;
  sqlite3_file_control(connection_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return moved != 0;
}

bool Database::empty_log() {
  return sqlite3_wal_checkpoint_v2(connection_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                   nullptr) == SQLITE_OK;
}

Error storage_error(const std::string& path, std::string_view what, std::string mend) {
  return Error(Errc::storage_failed, "sqlite:" + path + " " + std::string(what))
      .with_hint(std::move(mend));
}

}  // namespace bridge::stores
