// SPDX-License-Identifier: MIT
// Writing and reading rows, with GlideRecord's semantics (reference/servicenow.md 3.1).
#include "bridge/core/random.hpp"
#include "sandbox/glide/instance.hpp"
#include "sandbox/glide/instance_state.hpp"

namespace bridge::sandbox {
namespace {

using Guard = std::lock_guard<InstanceLock>;

/// The platform cuts off loops of writes that trigger writes.
constexpr int kMaxWriteDepth = 20;

class Nesting {
 public:
  Nesting() { ++call_state().write_depth; }
  ~Nesting() { --call_state().write_depth; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;
  bool too_deep() const { return call_state().write_depth > kMaxWriteDepth; }
};

Error recursion(const std::string& table) {
  return {Errc::overloaded, "Recursion limit of writes reached on table " + table};
}

/// The first `units` UTF-16 units of a UTF-8 text; a pair is never split.
std::string cut(const std::string& text, std::size_t units) {
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    used += bytes == 4 ? 2 : 1;
    if (used > units) return text.substr(0, i);
    i += bytes;
  }
  return text;
}

bool is_system_column(std::string_view name) {
  return name == "sys_id" || name == "sys_created_on" || name == "sys_created_by" ||
         name == "sys_updated_on" || name == "sys_updated_by" || name == "sys_mod_count" ||
         name == "sys_class_name";
}

Record::Values differences(const Record& before, const Record& after) {
  Record::Values changed;
  for (const auto& [name, value] : after.values())
    if (before.get(name) != after.get(name)) changed[name] = after.get(name);
  return changed;
}

}  // namespace

bool Instance::strict_queries() {
  Query query;
  query.where("name", "glide.invalid_query.returns_no_rows").first(1);
  const auto rows = state_->database.select("sys_properties", query, true);
  return !rows.empty() && rows.front().text("value") == "true";
}

std::string Instance::next_number(const std::string& table) {
  for (const Table* at = schema_.table(table); at; at = schema_.table(at->parent)) {
    if (at->number_prefix.empty()) continue;
    std::string digits = std::to_string(++state_->numbers[at->number_prefix]);
    remember("number", at->number_prefix, digits);
    if (digits.size() < 7) digits.insert(0, 7 - digits.size(), '0');
    return at->number_prefix + digits;
  }
  return {};
}

Record Instance::fitted(const Record& record) {
  Record row(record.table());
  for (const auto& [name, value] : record.values()) {
    const Column* column = schema_.column(record.table(), name);
    if (!column) continue;
    if (column->type == ColumnType::boolean) {
      row.set_flag(name, value == "1" || value == "true");
    } else if (value && !value->empty()) {
      row.set(name, cut(*value, column->max_length));
    } else {
      row.set_null(name);
    }
  }
  return row;
}

std::optional<std::string> Instance::broken_uniqueness(const Record& row, const Record& before) {
  for (const Column* column : schema_.columns_of(row.table())) {
    const auto value = row.get(column->name);
    if (!column->unique || !value || before.get(column->name) == value) continue;
    const std::string except = column->name == "sys_id" ? std::string() : row.sys_id();
    if (state_->database.value_taken(row.table(), column->name, *value, except))
      return "Unique Key violation detected by database (Duplicate entry '" + *value +
             "' for key '" + row.table() + "." + column->name + "')";
  }
  return std::nullopt;
}

Record Instance::blank_row(const std::string& table) {
  const Guard guard(lock_);
  Record row(table);
  for (const Column* column : schema_.columns_of(table))
    if (!column->default_value.empty()) row.set(column->name, column->default_value);
  row.set("sys_id", random_hex(16));
  if (schema_.column(table, "number"))
    if (std::string number = next_number(table); !number.empty())
      row.set("number", std::move(number));
  return row;
}

Result<Record> Instance::insert(const Record& record, Session& session, WriteOptions options) {
  const Guard guard(lock_);
  const Nesting nesting;
  const std::string& table = record.table();
  if (!schema_.table(table)) return Error(Errc::not_found, "Invalid table " + table);
  if (nesting.too_deep()) return recursion(table);
  const WholeChange whole(*this);

  Record row = fitted(record);
  for (const Column* column : schema_.columns_of(table))
    if (!row.has(column->name) && !column->default_value.empty())
      row.set(column->name, column->default_value);
  if (row.sys_id().empty()) row.set("sys_id", random_hex(16));
  if (schema_.column(table, "number") && !row.get("number"))
    if (std::string number = next_number(table); !number.empty())
      row.set("number", std::move(number));
  if (schema_.column(table, "sys_class_name")) row.set("sys_class_name", table);
  if (options.auto_sys_fields) {
    const std::string now = clock_.now_text();
    row.set("sys_created_on", now).set("sys_updated_on", now);
    row.set("sys_created_by", session.user_name).set("sys_updated_by", session.user_name);
    row.set("sys_mod_count", "0");
  }

  Write write{Operation::insert, table, Record(table), std::move(row), session, options, {}};
  if (!run_before_rules(write)) return Error(Errc::forbidden, write.refusal);
  for (const Column* column : schema_.columns_of(table))
    if (!column->counted_within.empty() && !write.after.get(column->name))
      write.after.set_number(
          column->name, state_->database.next_count(table, column->name, column->counted_within,
                                                    write.after.text(column->counted_within)));
  if (const auto broken = broken_uniqueness(write.after, write.before))
    return Error(Errc::conflict, *broken);
  state_->database.insert(write.after);
  write.after = state_->database.get(table, write.after.sys_id()).value();
  run_consequences(write);
  return std::move(write.after);
}

Result<Record> Instance::update(const Record& record, Session& session, WriteOptions options) {
  const Guard guard(lock_);
  const Nesting nesting;
  if (!schema_.table(record.table()))
    return Error(Errc::not_found, "Invalid table " + record.table());
  if (nesting.too_deep()) return recursion(record.table());
  const WholeChange whole(*this);
  const std::string id = record.sys_id();
  // A row seen through its base table is still what it is, and its own rules fire.
  const std::string table = state_->database.class_of(record.table(), id);
  auto before = state_->database.get(table, id);
  if (!before) return Error(Errc::not_found, "No Record found");

  Record after = *before;
  const Record wanted = fitted(record);
  for (const auto& [name, value] : wanted.values()) {
    if (name == "sys_id" || (is_system_column(name) && options.auto_sys_fields)) continue;
    after.set(name, value.value_or(""));
  }
  if (differences(*before, after).empty()) return std::move(*before);

  Write write{Operation::update, table, std::move(*before), std::move(after), session, options, {}};
  if (!run_before_rules(write)) return Error(Errc::forbidden, write.refusal);
  auto changed = differences(write.before, write.after);
  if (changed.empty()) return std::move(write.after);
  if (options.auto_sys_fields) {
    write.after.set("sys_updated_on", clock_.now_text()).set("sys_updated_by", session.user_name);
    write.after.set_number("sys_mod_count", write.before.number("sys_mod_count") + 1);
    changed = differences(write.before, write.after);
  }
  if (const auto broken = broken_uniqueness(write.after, write.before))
    return Error(Errc::conflict, *broken);
  state_->database.update(table, id, changed);
  // A before rule may have called out and let others in meanwhile.
  auto written = state_->database.get(table, id);
  if (!written) return Error(Errc::not_found, "No Record found");
  write.after = std::move(*written);
  run_consequences(write);
  return std::move(write.after);
}

Result<> Instance::remove(const std::string& table, const std::string& sys_id, Session& session,
                          WriteOptions options) {
  const Guard guard(lock_);
  const Nesting nesting;
  if (!schema_.table(table)) return Error(Errc::not_found, "Invalid table " + table);
  if (nesting.too_deep()) return recursion(table);
  const WholeChange whole(*this);
  const std::string real = state_->database.class_of(table, sys_id);
  auto row = state_->database.get(real, sys_id);
  if (!row) return Error(Errc::not_found, "No Record found");
  Write write{Operation::remove, real, *row, *row, session, options, {}};
  if (!run_before_rules(write)) return Error(Errc::forbidden, write.refusal);
  state_->database.remove(real, sys_id);
  run_consequences(write);
  return {};
}

std::optional<Record> Instance::get(const std::string& table, std::string_view sys_id) {
  const Guard guard(lock_);
  return state_->database.get(table, sys_id);
}

std::optional<Record> Instance::find_one(const std::string& table, const std::string& column,
                                         const std::string& value) {
  Query query;
  query.where(column, value).first(1);
  auto rows = find(table, query);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::vector<Record> Instance::find(const std::string& table, const Query& query) {
  const Guard guard(lock_);
  return state_->database.select(table, query, strict_queries());
}

std::vector<Record> Instance::find(const std::string& table, std::string_view encoded_query,
                                   std::size_t limit) {
  Query query = parse_encoded_query(encoded_query);
  query.limit = limit;
  return find(table, query);
}

std::size_t Instance::count(const std::string& table, const Query& query) {
  const Guard guard(lock_);
  return state_->database.count(table, query, strict_queries());
}

std::string Instance::display_value(const Record& row, const std::string& column) {
  const Guard guard(lock_);
  const Column* kind = schema_.column(row.table(), column);
  const std::string value = row.text(column);
  if (!kind) return {};
  if (kind->type == ColumnType::boolean) return value == "1" ? "true" : "false";
  if (kind->type == ColumnType::password) return value.empty() ? "" : "********";
  if (kind->type != ColumnType::reference || value.empty()) return value;
  const auto target = state_->database.get(kind->target, value);
  return target ? display_value(*target, schema_.display_column(kind->target)) : std::string();
}

}  // namespace bridge::sandbox
