// SPDX-License-Identifier: MIT
// Rows in SQLite, in memory. Knows columns, hierarchies and queries; knows nothing of rules,
// defaults or system columns, which are the Instance's business. Guarded by the instance lock.
// What surprises: all tables of a hierarchy share the root's storage, told apart by
// sys_class_name; and empty texts are stored as NULL.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sandbox/glide/encoded_query.hpp"
#include "sandbox/glide/record.hpp"
#include "sandbox/glide/schema.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace bridge::sandbox {

/// Every SQLite failure is a bug of ours and throws std::runtime_error.
class Database {
 public:
  /// Lifetime: `schema` must outlive this; columns added to it later are picked up.
  explicit Database(const Schema& schema);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

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
  void clear();

 private:
  struct Sql {
    std::string text;
    std::vector<std::string> parameters;
  };

  void prepare_storage(const std::string& table);
  void execute(const std::string& sql);
  sqlite3_stmt* statement(const Sql& sql);
  std::string condition(const std::string& table, const Query& query, bool strict, Sql& sql);
  std::optional<std::string> term(const std::string& table, const Term& term, Sql& sql);

  const Schema& schema_;
  sqlite3* connection_ = nullptr;
  std::map<std::string, sqlite3_stmt*> statements_;
  /// Columns that exist in each root's storage.
  std::map<std::string, std::set<std::string>> stored_;
};

}  // namespace bridge::sandbox
