// SPDX-License-Identifier: MIT
#include "sandbox/glide/database.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <stdexcept>

namespace bridge::sandbox {
namespace {

constexpr std::size_t kMaxStatements = 256;
constexpr const char* kClass = "sys_class_name";

std::string identifier(std::string_view name) {
  std::string text = "\"";
  for (char c : name)
    if (c != '"') text += c;
  return text + "\"";
}

bool wants_index(const Column& column) {
  static const std::set<std::string> often_searched = {"channel_metadata_document", "document_id",
                                                       "device_id", "correlation_id"};
  // Custom columns hold the keys by which integrations find their rows again.
  return column.type == ColumnType::reference || column.unique || column.name.starts_with("u_") ||
         often_searched.contains(column.name);
}

std::string like_pattern(std::string_view text) {
  std::string pattern;
  for (char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

std::string placeholders(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += i == 0 ? "?" : ",?";
  return text;
}

}  // namespace

Database::Database(const Schema& schema) : schema_(schema) {
  if (sqlite3_open_v2(":memory:", &connection_,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                      nullptr) != SQLITE_OK) {
    sqlite3_close(connection_);
    throw std::runtime_error("cannot open an in-memory SQLite database");
  }
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(connection_);
}

void Database::execute(const std::string& sql) {
  char* message = nullptr;
  if (sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, &message) == SQLITE_OK) return;
  const std::string text = message ? message : "unknown";
  sqlite3_free(message);
  throw std::runtime_error("SQLite: " + text + " in " + sql);
}

void Database::prepare_storage(const std::string& table) {
  const std::string root = schema_.root_of(table);
  auto found = stored_.find(root);
  if (found == stored_.end()) {
    execute("CREATE TABLE IF NOT EXISTS " + identifier(root) +
            " (sys_id TEXT PRIMARY KEY COLLATE NOCASE, sys_class_name TEXT)");
    found = stored_.emplace(root, std::set<std::string>{"sys_id", kClass}).first;
  }
  for (const Column* column : schema_.columns_of(table)) {
    if (!found->second.insert(column->name).second) continue;
    execute("ALTER TABLE " + identifier(root) + " ADD COLUMN " + identifier(column->name) +
            " TEXT COLLATE NOCASE");
    // Of a unique column rows may still share the empty value: it is stored as NULL.
    if (wants_index(*column))
      execute(
          (column->unique ? "CREATE UNIQUE INDEX IF NOT EXISTS " : "CREATE INDEX IF NOT EXISTS ") +
          identifier(root + "." + column->name) + " ON " + identifier(root) + "(" +
          identifier(column->name) + ")");
  }
}

sqlite3_stmt* Database::statement(const Sql& sql) {
  auto found = statements_.find(sql.text);
  if (found == statements_.end()) {
    if (statements_.size() >= kMaxStatements) {
      for (const auto& [text, old] : statements_) sqlite3_finalize(old);
      statements_.clear();
    }
    sqlite3_stmt* fresh = nullptr;
    if (sqlite3_prepare_v2(connection_, sql.text.c_str(), -1, &fresh, nullptr) != SQLITE_OK)
      throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(connection_) + " in " +
                               sql.text);
    found = statements_.emplace(sql.text, fresh).first;
  }
  sqlite3_stmt* ready = found->second;
  sqlite3_reset(ready);
  sqlite3_clear_bindings(ready);
  for (std::size_t i = 0; i < sql.parameters.size(); ++i)
    sqlite3_bind_text(ready, static_cast<int>(i + 1), sql.parameters[i].data(),
                      static_cast<int>(sql.parameters[i].size()), SQLITE_TRANSIENT);
  return ready;
}

namespace {

/// True while there are rows; resets the statement at the end so that no lock lingers.
bool step(sqlite3_stmt* statement) {
  const int code = sqlite3_step(statement);
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(statement);
  if (code != SQLITE_DONE)
    throw std::runtime_error(std::string("SQLite: ") +
                             sqlite3_errmsg(sqlite3_db_handle(statement)));
  return false;
}

std::optional<std::string> column_text(sqlite3_stmt* statement, int index) {
  const void* data = sqlite3_column_blob(statement, index);
  if (!data) return std::nullopt;
  const int size = sqlite3_column_bytes(statement, index);
  return std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

}  // namespace

void Database::run(const Sql& sql) { (void)step(statement(sql)); }

std::vector<std::pair<std::string, std::string>> Database::notes(const std::string& kind) {
  std::vector<std::pair<std::string, std::string>> found;
  if (!in_file_) return found;
  sqlite3_stmt* ready =
      statement({"SELECT key, value FROM sandbox_memory WHERE kind=? ORDER BY rowid", {kind}});
  while (step(ready))
    found.emplace_back(column_text(ready, 0).value_or(""), column_text(ready, 1).value_or(""));
  return found;
}

std::optional<std::string> Database::term(const std::string& table, const Term& term, Sql& sql) {
  const std::size_t dot = term.column.find('.');
  const std::string own = term.column.substr(0, dot);
  const Column* column = schema_.column(table, own);
  if (!column) return std::nullopt;
  std::string value = "t." + identifier(own);
  if (dot != std::string::npos) {
    const std::string far = term.column.substr(dot + 1);
    const std::string target = column->target;
    if (column->type != ColumnType::reference || !schema_.column(target, far)) return std::nullopt;
    prepare_storage(target);
    column = schema_.column(target, far);
    value = "(SELECT r." + identifier(far) + " FROM " + identifier(schema_.root_of(target)) +
            " r WHERE r.sys_id = " + value + ") COLLATE NOCASE";
  }
  const std::string& op = term.op;
  if (op == "ISEMPTY") return value + " IS NULL";
  if (op == "ISNOTEMPTY") return value + " IS NOT NULL";
  if (op == "ANYTHING") return "1";
  if (op == "INSTANCEOF") {
    const auto family = schema_.family_of(term.value);
    sql.parameters.insert(sql.parameters.end(), family.begin(), family.end());
    return std::string("t.sys_class_name IN (") + placeholders(family.size()) + ")";
  }
  static const std::map<std::string, std::string> field_operators = {
      {"SAMEAS", "="}, {"NSAMEAS", "<>"}, {"GT_FIELD", ">"}, {"LT_FIELD", "<"}};
  if (const auto found = field_operators.find(op); found != field_operators.end()) {
    if (!schema_.column(table, term.value)) return std::nullopt;
    return value + " " + found->second + " t." + identifier(term.value);
  }

  const std::string stored =
      column->type == ColumnType::boolean ? "COALESCE(" + value + ",'0')" : value;
  const std::string wanted = normalize_value(column, term.value);
  if (op == "=" || op == "!=") {
    if (wanted.empty()) return value + (op == "=" ? " IS NULL" : " IS NOT NULL");
    sql.parameters.push_back(wanted);
    if (op == "=") return stored + " = ?";
    return "(" + value + " IS NULL OR " + value + " <> ?)";
  }
  if (op == "IN" || op == "NOT IN") {
    std::size_t count = 0;
    for (std::size_t from = 0; from <= term.value.size(); ++count) {
      const std::size_t comma = std::min(term.value.find(',', from), term.value.size());
      sql.parameters.push_back(
          normalize_value(column, std::string_view(term.value).substr(from, comma - from)));
      from = comma + 1;
    }
    const std::string list =
        "COALESCE(" + value + ",'') COLLATE NOCASE IN (" + placeholders(count) + ")";
    return op == "IN" ? list : "NOT (" + list + ")";
  }
  static const std::map<std::string, std::pair<bool, bool>> like_operators = {
      {"LIKE", {true, true}},
      {"NOT LIKE", {true, true}},
      {"STARTSWITH", {false, true}},
      {"ENDSWITH", {true, false}}};
  if (const auto found = like_operators.find(op); found != like_operators.end()) {
    const auto [before, after] = found->second;
    sql.parameters.push_back((before ? "%" : "") + like_pattern(wanted) + (after ? "%" : ""));
    const std::string like = "COALESCE(" + value + ",'') LIKE ? ESCAPE '\\'";
    return op == "NOT LIKE" ? "NOT (" + like + ")" : like;
  }
  if (op == ">" || op == ">=" || op == "<" || op == "<=") {
    sql.parameters.push_back(wanted);
    if (column->type == ColumnType::integer)
      return "CAST(" + value + " AS INTEGER) " + op + " CAST(? AS INTEGER)";
    return value + " " + op + " ?";
  }
  // CHANGES and its kin mean nothing outside a rule's filter.
  return std::nullopt;
}

std::string Database::condition(const std::string& table, const Query& query, bool strict,
                                Sql& sql) {
  bool invalid = query.has_invalid_term;
  std::string any;
  for (const Query::Group& group : query.groups) {
    std::string all;
    for (const Query::Clause& clause : group) {
      std::string either;
      for (const Term& one : clause) {
        const auto text = term(table, one, sql);
        if (!text) {
          invalid = true;
          continue;
        }
        either += (either.empty() ? "" : " OR ") + *text;
      }
      if (!either.empty()) all += (all.empty() ? "(" : " AND (") + either + ")";
    }
    // A group whose terms were all dropped is no condition at all, and so holds for every row.
    any += (any.empty() ? "(" : " OR (") + (all.empty() ? std::string("1") : all) + ")";
  }
  std::string where = any.empty() ? "1" : "(" + any + ")";
  if (invalid && strict) where = "0 AND " + where;
  if (schema_.root_of(table) != table) {
    const auto family = schema_.family_of(table);
    where += " AND t.sys_class_name IN (" + placeholders(family.size()) + ")";
    sql.parameters.insert(sql.parameters.end(), family.begin(), family.end());
  }
  return where;
}

std::vector<Record> Database::select(const std::string& table, const Query& query, bool strict) {
  std::vector<Record> rows;
  if (!schema_.table(table)) return rows;
  prepare_storage(table);
  const auto columns = schema_.columns_of(table);
  Sql sql;
  std::string list;
  for (const Column* column : columns)
    list += (list.empty() ? "t." : ",t.") + identifier(column->name);
  const std::string where = condition(table, query, strict, sql);
  sql.text = "SELECT " + list + " FROM " + identifier(schema_.root_of(table)) + " t WHERE " +
             where + " ORDER BY ";
  for (const Order& order : query.orders) {
    const Column* column = schema_.column(table, order.column);
    if (!column) continue;
    const std::string value = "t." + identifier(column->name);
    sql.text += column->type == ColumnType::integer ? "CAST(" + value + " AS INTEGER)" : value;
    sql.text += order.descending ? " DESC," : ",";
  }
  sql.text += "t.rowid";
  if (query.limit > 0 || query.offset > 0)
    sql.text += " LIMIT " + (query.limit > 0 ? std::to_string(query.limit) : std::string("-1")) +
                " OFFSET " + std::to_string(query.offset);
  sqlite3_stmt* ready = statement(sql);
  while (step(ready)) {
    Record& row = rows.emplace_back(table);
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (auto value = column_text(ready, static_cast<int>(i))) {
        row.set(columns[i]->name, std::move(*value));
      } else {
        row.set_null(columns[i]->name);
      }
    }
  }
  return rows;
}

std::size_t Database::count(const std::string& table, const Query& query, bool strict) {
  if (!schema_.table(table)) return 0;
  prepare_storage(table);
  Sql sql;
  const std::string where = condition(table, query, strict, sql);
  sql.text = "SELECT COUNT(*) FROM " + identifier(schema_.root_of(table)) + " t WHERE " + where;
  sqlite3_stmt* ready = statement(sql);
  if (!step(ready)) return 0;
  const auto rows = static_cast<std::size_t>(sqlite3_column_int64(ready, 0));
  sqlite3_reset(ready);
  return rows;
}

std::optional<Record> Database::get(const std::string& table, std::string_view sys_id) {
  if (sys_id.empty()) return std::nullopt;
  Query query;
  query.where("sys_id", std::string(sys_id)).first(1);
  auto rows = select(table, query, true);
  if (rows.empty()) return std::nullopt;
  return std::move(rows.front());
}

std::string Database::class_of(const std::string& table, std::string_view sys_id) {
  if (!schema_.table(table)) return table;
  prepare_storage(table);
  Sql sql{"SELECT sys_class_name FROM " + identifier(schema_.root_of(table)) + " WHERE sys_id = ?",
          {std::string(sys_id)}};
  sqlite3_stmt* ready = statement(sql);
  if (!step(ready)) return table;
  const std::string name = column_text(ready, 0).value_or(table);
  sqlite3_reset(ready);
  return name;
}

bool Database::value_taken(const std::string& table, const std::string& column,
                           const std::string& value, const std::string& except_sys_id) {
  prepare_storage(table);
  Sql sql{"SELECT 1 FROM " + identifier(schema_.root_of(table)) + " WHERE " + identifier(column) +
              " = ? AND sys_id <> ? LIMIT 1",
          {value, except_sys_id}};
  sqlite3_stmt* ready = statement(sql);
  const bool taken = step(ready);
  sqlite3_reset(ready);
  return taken;
}

std::int64_t Database::next_count(const std::string& table, const std::string& column,
                                  const std::string& within, const std::string& group) {
  prepare_storage(table);
  const std::string same = group.empty() ? " IS NULL AND ?=''" : " = ?";
  Sql sql{"SELECT COALESCE(MAX(CAST(" + identifier(column) + " AS INTEGER)),0) FROM " +
              identifier(schema_.root_of(table)) + " WHERE " + identifier(within) + same,
          {group}};
  sqlite3_stmt* ready = statement(sql);
  std::int64_t highest = 0;
  if (step(ready)) highest = sqlite3_column_int64(ready, 0);
  sqlite3_reset(ready);
  return highest + 1;
}

void Database::insert(const Record& row) {
  prepare_storage(row.table());
  std::string names = kClass, marks = "?";
  Sql sql;
  sql.parameters.push_back(row.table());
  for (const auto& [name, value] : row.values()) {
    if (!value || value->empty() || name == kClass) continue;
    names += "," + identifier(name);
    marks += ",?";
    sql.parameters.push_back(*value);
  }
  sql.text = "INSERT INTO " + identifier(schema_.root_of(row.table())) + " (" + names +
             ") VALUES (" + marks + ")";
  run(sql);
}

void Database::update(const std::string& table, const std::string& sys_id,
                      const Record::Values& values) {
  if (values.empty()) return;
  prepare_storage(table);
  Sql sql;
  std::string list;
  for (const auto& [name, value] : values) {
    list += (list.empty() ? "" : ",") + identifier(name) + " = NULLIF(?,'')";
    sql.parameters.push_back(value.value_or(""));
  }
  sql.parameters.push_back(sys_id);
  sql.text = "UPDATE " + identifier(schema_.root_of(table)) + " SET " + list + " WHERE sys_id = ?";
  run(sql);
}

void Database::remove(const std::string& table, const std::string& sys_id) {
  prepare_storage(table);
  Sql sql{"DELETE FROM " + identifier(schema_.root_of(table)) + " WHERE sys_id = ?", {sys_id}};
  run(sql);
}

void Database::clear() {
  begin();
  for (const auto& [root, columns] : stored_) execute("DELETE FROM " + identifier(root));
  drop_notes();
  commit();
}

}  // namespace bridge::sandbox
