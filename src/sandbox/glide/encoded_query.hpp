// SPDX-License-Identifier: MIT
// Glide's encoded queries ("state=queued^ORstate=offered^ORDERBYDESCsys_created_on"), parsed once
// and used twice: the Database turns one into SQL, and business rules match one against a row.
// What surprises: `^OR` binds tighter than `^`, and a term that names no column is dropped, which
// makes the result wider (property glide.invalid_query.returns_no_rows turns that off).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/glide/record.hpp"
#include "sandbox/glide/schema.hpp"

namespace bridge::sandbox {

struct Term {
  std::string column;  ///< may be dot-walked by one step: "conversation.state"
  std::string op;      ///< "=", "!=", "IN", "ISEMPTY", ...; aliases are already resolved
  std::string value;
};

struct Order {
  std::string column;
  bool descending = false;
};

struct Query {
  using Clause = std::vector<Term>;   ///< any of them (^OR)
  using Group = std::vector<Clause>;  ///< all of them (^)
  std::vector<Group> groups;          ///< any of them (^NQ); none: every row
  std::vector<Order> orders;
  /// 0: no limit.
  std::size_t limit = 0;
  std::size_t offset = 0;
  /// Some term could not be understood at all ("foo"); it counts as one with an unknown column.
  bool has_invalid_term = false;

  void add(Clause clause);
  /// As textual concatenation with `^` does: its first group joins our last one.
  void append(Query other);
  Query& where(std::string column, std::string value);
  Query& where(std::string column, std::string op, std::string value);
  Query& order_by(std::string column);
  Query& order_by_descending(std::string column);
  Query& first(std::size_t rows);
};

/// Never fails: what cannot be understood sets `has_invalid_term`. `^^` is a literal `^`.
Query parse_encoded_query(std::string_view text);

/// "contains" is "LIKE" and so on; nothing for an operator that does not exist.
std::optional<std::string> normalize_operator(std::string_view op);

/// A value of `column`'s type in stored form: booleans become "1" and "0".
std::string normalize_value(const Column* column, std::string_view value);

/// What matching a rule filter needs besides the row.
struct MatchContext {
  const Schema& schema;
  /// The row as it was; null on insert and where changes are unknown.
  const Record* previous = nullptr;
  /// Finds the row a reference points to, for dot-walked terms.
  std::function<std::optional<Record>(const std::string& table, const std::string& sys_id)> lookup;
};

/// Whether a row satisfies a business rule's filter. Texts compare case-sensitively here (3.4 of
/// the reference), unlike in database queries. Terms with unknown columns are dropped.
bool matches(const Query& filter, const Record& row, const MatchContext& context);

}  // namespace bridge::sandbox
