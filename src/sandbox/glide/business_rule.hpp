// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "sandbox/glide/record.hpp"
#include "sandbox/glide/session.hpp"

namespace bridge::sandbox {

enum class Operation { insert, update, remove };

/// "insert", "update", "delete"
std::string_view to_string(Operation operation);

/// One row of sys_script: a script that runs beside a write.
struct BusinessRule {
  enum class When { before, after, async };

  std::string sys_id;  ///< filled in by Instance::add_rule if empty
  std::string name;
  std::string table;
  When when = When::async;
  bool on_insert = false;
  bool on_update = false;
  bool on_delete = false;
  int order = 100;
  std::string filter;     ///< an encoded query, may use CHANGES, CHANGESTO, CHANGESFROM
  std::string condition;  ///< a script expression; empty: always
  std::string script;
  bool active = true;
};

/// What a write did to a row, told to C++ hooks after the synchronous rules have run.
struct Change {
  Operation operation = Operation::insert;
  const Record& before;  ///< empty on insert
  const Record& after;   ///< on delete the row as it was
  Session& session;
  /// False when the script said setWorkflow(false): engines stay quiet.
  bool workflow = true;

  bool changed(std::string_view column) const { return before.get(column) != after.get(column); }
  bool changed_to(std::string_view column, std::string_view value) const {
    return changed(column) && after.text(column) == value;
  }
};

}  // namespace bridge::sandbox
