// SPDX-License-Identifier: MIT
// One row as Glide sees it: a table name and text values. Booleans are "1" and "0", dates UTC text,
// references a sys_id. An empty text and null are the same thing here, as they are for getValue.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bridge::sandbox {

class Record {
 public:
  using Values = std::map<std::string, std::optional<std::string>, std::less<>>;

  Record() = default;
  explicit Record(std::string table) : table_(std::move(table)) {}

  const std::string& table() const { return table_; }
  std::string sys_id() const { return text("sys_id"); }

  /// Nothing for null, empty and absent alike.
  std::optional<std::string> get(std::string_view column) const;
  /// As `get`, with "" for nothing.
  std::string text(std::string_view column) const;
  bool flag(std::string_view column) const;
  /// 0 if it is not a number.
  std::int64_t number(std::string_view column) const;

  /// Setters only note the value; unknown columns are dropped when the row is written.
  Record& set(std::string column, std::string value);
  Record& set_flag(std::string column, bool value) {
    return set(std::move(column), value ? "1" : "0");
  }
  Record& set_number(std::string column, std::int64_t value) {
    return set(std::move(column), std::to_string(value));
  }
  Record& set_null(std::string column);
  void erase(std::string_view column);

  bool has(std::string_view column) const { return values_.find(column) != values_.end(); }
  const Values& values() const { return values_; }

 private:
  std::string table_;
  Values values_;
};

}  // namespace bridge::sandbox
