// SPDX-License-Identifier: MIT
// Which tables the stand-in instance has and what their columns are: one declaration per table in
// schema.cpp, taken from the schema dump of reference/servicenow.md 4.1 and 4.5. A column that is
// not here does not exist, and writing to it is silently dropped, as on an instance.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bridge::sandbox {

enum class ColumnType { string, boolean, integer, date_time, reference, password };

struct Column {
  std::string name;
  ColumnType type = ColumnType::string;
  /// In UTF-16 units; longer texts are cut on write without an error.
  std::size_t max_length = 40;
  /// The table a reference points to.
  std::string target;
  std::string default_value;
  /// Two rows may not share a value.
  bool unique = false;
  /// Not empty: the platform counts this column up within rows that share the named column.
  std::string counted_within;
};

struct Table {
  std::string name;
  std::string parent;
  std::vector<Column> columns;
  /// What a reference to this table shows.
  std::string display_column = "sys_id";
  /// Not empty: the `number` column is filled on insert, "IMS" giving "IMS0000001".
  std::string number_prefix;
};

/// Not thread-safe: the Instance guards it.
class Schema {
 public:
  /// What an instance has out of the box (without our custom columns).
  static Schema out_of_the_box();

  void add_table(Table table);
  /// Replaces a column of the same name. False if there is no such table.
  bool add_column(std::string_view table, Column column);

  const Table* table(std::string_view name) const;
  /// Also finds inherited and system columns.
  const Column* column(std::string_view table, std::string_view name) const;
  /// All of them: system columns, inherited ones, own ones.
  std::vector<const Column*> columns_of(std::string_view table) const;
  /// The column that stands for a row of `table`, looked for up the hierarchy.
  std::string display_column(std::string_view table) const;
  /// The topmost ancestor: rows of a hierarchy are stored together.
  std::string root_of(std::string_view table) const;
  /// The table itself and everything that extends it.
  std::vector<std::string> family_of(std::string_view table) const;
  std::vector<std::string> table_names() const;

 private:
  std::map<std::string, Table, std::less<>> tables_;
};

/// "string", "boolean", "integer", "glide_date_time", "reference", "password2": the type names of
/// a dictionary entry.
std::string_view glide_name(ColumnType type);
ColumnType column_type_from(std::string_view glide_name);

}  // namespace bridge::sandbox
