// SPDX-License-Identifier: MIT
// Rows in SQLite, in memory or in a file. Knows columns, hierarchies and queries; knows nothing of
// rules, defaults or system columns, which are the Instance's business. Guarded by the instance
// lock. What surprises: all tables of a hierarchy share the root's storage, told apart by
// sys_class_name; and empty texts are stored as NULL.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bridge/core/error.hpp"
#include "sandbox/glide/encoded_query.hpp"
#include "sandbox/glide/record.hpp"
#include "sandbox/glide/schema.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace bridge::sandbox {

/// A SQLite failure other than that of opening a file is a bug of ours, or a disk in trouble, and
/// throws std::runtime_error.
class Database {
 public:
  /// Lifetime: `schema` must outlive this; columns added to it later are picked up.
  explicit Database(const Schema& schema);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  /// From now on rows live in this file, which is made if need be; each write is in it when the
  /// call returns, or when the outermost `begin` is committed. Requires: nothing was written yet.
  /// Errors: invalid_argument (not a file of ours, in use, cannot be opened); it is left as it was.
  Result<> open_file(const std::filesystem::path& file);
  /// Writes in between reach the file together. They nest.
  void begin();
  void commit();

  /// What the sandbox knows besides rows. Kept only in a file, in the order of first writing.
  void set_note(const std::string& kind, const std::string& key, const std::string& value);
  void drop_note(const std::string& kind, const std::string& key);
  std::vector<std::pair<std::string, std::string>> notes(const std::string& kind);

  /// Terms with unknown columns are dropped; with `strict` they make the result empty.
  std::vector<Record> select(const std::string& table, const Query& query, bool strict);
  std::size_t count(const std::string& table, const Query& query, bool strict);
  std::optional<Record> get(const std::string& table, std::string_view sys_id);
  /// The table that the row really belongs to ("incident" for a row seen through "task").
  std::string class_of(const std::string& table, std::string_view sys_id);
  /// Whether another row than `except_sys_id` has this value.
  bool value_taken(const std::string& table, const std::string& column, const std::string& value,
                   const std::string& except_sys_id);
  /// One more than the highest value of `column` among rows whose `within` column is `group`.
  std::int64_t next_count(const std::string& table, const std::string& column,
                          const std::string& within, const std::string& group);

  void insert(const Record& row);
  void update(const std::string& table, const std::string& sys_id, const Record::Values& values);
  void remove(const std::string& table, const std::string& sys_id);
  /// Rows and notes.
  void clear();

 private:
  struct Sql {
    std::string text;
    std::vector<std::string> parameters;
  };

  void prepare_storage(const std::string& table);
  void execute(const std::string& sql);
  void run(const Sql& sql);
  void load_layout();
  void drop_notes();
  sqlite3_stmt* statement(const Sql& sql);
  std::string condition(const std::string& table, const Query& query, bool strict, Sql& sql);
  std::optional<std::string> term(const std::string& table, const Term& term, Sql& sql);

  const Schema& schema_;
  sqlite3* connection_ = nullptr;
  std::map<std::string, sqlite3_stmt*> statements_;
  /// Columns that exist in each root's storage.
  std::map<std::string, std::set<std::string>> stored_;
  bool in_file_ = false;
  int batches_ = 0;
};

}  // namespace bridge::sandbox
