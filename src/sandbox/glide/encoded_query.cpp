// SPDX-License-Identifier: MIT
#include "sandbox/glide/encoded_query.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace bridge::sandbox {
namespace {

struct OperatorName {
  std::string_view written;
  std::string_view meaning;
};

// Longest first where one is the beginning of another: the first that fits is taken.
constexpr std::array kOperators = {
    OperatorName{"DOES NOT CONTAIN", "NOT LIKE"},
    OperatorName{"NOT LIKE", "NOT LIKE"},
    OperatorName{"NOT IN", "NOT IN"},
    OperatorName{"ISNOTEMPTY", "ISNOTEMPTY"},
    OperatorName{"ISEMPTY", "ISEMPTY"},
    OperatorName{"INSTANCEOF", "INSTANCEOF"},
    OperatorName{"IN", "IN"},
    OperatorName{"LIKE", "LIKE"},
    OperatorName{"CONTAINS", "LIKE"},
    OperatorName{"STARTSWITH", "STARTSWITH"},
    OperatorName{"ENDSWITH", "ENDSWITH"},
    OperatorName{"CHANGESFROM", "CHANGESFROM"},
    OperatorName{"CHANGESTO", "CHANGESTO"},
    OperatorName{"VALCHANGES", "CHANGES"},
    OperatorName{"CHANGES", "CHANGES"},
    OperatorName{"ANYTHING", "ANYTHING"},
    OperatorName{"NSAMEAS", "NSAMEAS"},
    OperatorName{"SAMEAS", "SAMEAS"},
    OperatorName{"GT_FIELD", "GT_FIELD"},
    OperatorName{"LT_FIELD", "LT_FIELD"},
    OperatorName{"!=", "!="},
    OperatorName{">=", ">="},
    OperatorName{"<=", "<="},
    OperatorName{"=", "="},
    OperatorName{">", ">"},
    OperatorName{"<", "<"},
};

bool is_column_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

std::optional<Term> parse_term(std::string_view text) {
  std::size_t end = 0;
  while (end < text.size() && is_column_character(text[end])) ++end;
  if (end == 0) return std::nullopt;
  const std::string_view rest = text.substr(end);
  for (const auto& [written, meaning] : kOperators)
    if (rest.starts_with(written))
      return Term{std::string(text.substr(0, end)), std::string(meaning),
                  std::string(rest.substr(written.size()))};
  return std::nullopt;
}

/// Cuts at `^`; a doubled one is a literal `^` and stays in its piece.
std::vector<std::string> split_terms(std::string_view text) {
  std::vector<std::string> pieces(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '^') {
      pieces.back() += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '^') {
      pieces.back() += text[i++];
    } else {
      pieces.emplace_back();
    }
  }
  return pieces;
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> items(1);
  for (char c : text) {
    if (c == ',') {
      items.emplace_back();
    } else {
      items.back() += c;
    }
  }
  return items;
}

/// -1, 0, 1; as numbers if both are, else as texts.
int compare(const std::string& left, const std::string& right, bool numeric) {
  if (numeric) {
    long long a = 0, b = 0;
    (void)std::from_chars(left.data(), left.data() + left.size(), a);
    (void)std::from_chars(right.data(), right.data() + right.size(), b);
    return a < b ? -1 : a > b ? 1 : 0;
  }
  const int order = left.compare(right);
  return order < 0 ? -1 : order > 0 ? 1 : 0;
}

bool matches_value(const Term& term, const std::string& value, const std::string& wanted,
                   const Column& column) {
  const std::string& op = term.op;
  if (op == "=") return value == wanted;
  if (op == "!=") return value != wanted;
  if (op == "ISEMPTY") return value.empty();
  if (op == "ISNOTEMPTY") return !value.empty();
  if (op == "ANYTHING") return true;
  if (op == "IN" || op == "NOT IN") {
    const auto items = split_list(term.value);
    const bool found = std::any_of(items.begin(), items.end(), [&](const std::string& item) {
      return normalize_value(&column, item) == value;
    });
    return found == (op == "IN");
  }
  if (op == "LIKE") return value.find(wanted) != std::string::npos;
  if (op == "NOT LIKE") return value.find(wanted) == std::string::npos;
  if (op == "STARTSWITH") return value.starts_with(wanted);
  if (op == "ENDSWITH") return value.ends_with(wanted);
  const int order = compare(value, wanted, column.type == ColumnType::integer);
  if (op == ">") return !value.empty() && order > 0;
  if (op == ">=") return !value.empty() && order >= 0;
  if (op == "<") return !value.empty() && order < 0;
  if (op == "<=") return !value.empty() && order <= 0;
  return false;
}

/// Nothing if the term names no column, and so does not count.
std::optional<bool> matches_term(const Term& term, const Record& row, const MatchContext& context) {
  const std::size_t dot = term.column.find('.');
  const std::string own = term.column.substr(0, dot);
  const Column* column = context.schema.column(row.table(), own);
  if (!column) return std::nullopt;
  std::string value = row.text(own);
  std::string before = context.previous ? context.previous->text(own) : std::string();
  if (dot != std::string::npos) {
    const std::string far = term.column.substr(dot + 1);
    if (column->type != ColumnType::reference) return std::nullopt;
    const std::string target = column->target;
    column = context.schema.column(target, far);
    if (!column) return std::nullopt;
    const auto look = [&](const std::string& id) {
      const auto found = context.lookup ? context.lookup(target, id) : std::nullopt;
      return found ? found->text(far) : std::string();
    };
    value = look(value);
    before = look(before);
  }
  const std::string wanted = normalize_value(column, term.value);
  if (term.op == "CHANGES") return value != before;
  if (term.op == "CHANGESTO") return value != before && value == wanted;
  if (term.op == "CHANGESFROM") return value != before && before == wanted;
  if (term.op == "INSTANCEOF") {
    const auto family = context.schema.family_of(term.value);
    return std::find(family.begin(), family.end(), row.table()) != family.end();
  }
  if (term.op == "SAMEAS" || term.op == "NSAMEAS" || term.op == "GT_FIELD" ||
      term.op == "LT_FIELD") {
    if (!context.schema.column(row.table(), term.value)) return std::nullopt;
    const int order = compare(value, row.text(term.value), column->type == ColumnType::integer);
    if (term.op == "SAMEAS") return order == 0;
    if (term.op == "NSAMEAS") return order != 0;
    return term.op == "GT_FIELD" ? order > 0 : order < 0;
  }
  return matches_value(term, value, wanted, *column);
}

bool matches_clause(const Query::Clause& clause, const Record& row, const MatchContext& context) {
  bool counted = false;
  for (const Term& term : clause) {
    const auto result = matches_term(term, row, context);
    if (!result) continue;
    if (*result) return true;
    counted = true;
  }
  return !counted;
}

}  // namespace

void Query::add(Clause clause) {
  if (groups.empty()) groups.emplace_back();
  groups.back().push_back(std::move(clause));
}

void Query::append(Query other) {
  for (std::size_t i = 0; i < other.groups.size(); ++i) {
    if (i > 0 || groups.empty()) groups.emplace_back();
    for (Clause& clause : other.groups[i]) groups.back().push_back(std::move(clause));
  }
  orders.insert(orders.end(), other.orders.begin(), other.orders.end());
  has_invalid_term = has_invalid_term || other.has_invalid_term;
}

Query& Query::where(std::string column, std::string value) {
  return where(std::move(column), "=", std::move(value));
}

Query& Query::where(std::string column, std::string op, std::string value) {
  add({Term{std::move(column), std::move(op), std::move(value)}});
  return *this;
}

Query& Query::order_by(std::string column) {
  orders.push_back({std::move(column), false});
  return *this;
}

Query& Query::order_by_descending(std::string column) {
  orders.push_back({std::move(column), true});
  return *this;
}

Query& Query::first(std::size_t rows) {
  limit = rows;
  return *this;
}

Query parse_encoded_query(std::string_view text) {
  Query query;
  for (const std::string& piece : split_terms(text)) {
    std::string_view term = piece;
    if (term == "EQ") break;
    if (term.empty() || term.starts_with("GROUPBY")) continue;
    if (term.starts_with("ORDERBYDESC")) {
      query.order_by_descending(std::string(term.substr(11)));
      continue;
    }
    if (term.starts_with("ORDERBY")) {
      query.order_by(std::string(term.substr(7)));
      continue;
    }
    const bool either = term.starts_with("OR");
    const bool fresh = term.starts_with("NQ");
    if (either || fresh) term.remove_prefix(2);
    if (fresh) query.groups.emplace_back();
    auto parsed = parse_term(term);
    if (!parsed) {
      query.has_invalid_term = query.has_invalid_term || !term.empty();
      continue;
    }
    const bool has_clause = !query.groups.empty() && !query.groups.back().empty();
    if (either && has_clause) {
      query.groups.back().back().push_back(std::move(*parsed));
    } else {
      query.add({std::move(*parsed)});
    }
  }
  return query;
}

std::optional<std::string> normalize_operator(std::string_view op) {
  std::string upper;
  for (char c : op) upper += (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  if (upper == "==") upper = "=";
  if (upper == "<>") upper = "!=";
  if (upper == "NOTLIKE") upper = "NOT LIKE";
  for (const auto& [written, meaning] : kOperators)
    if (upper == written) return std::string(meaning);
  return std::nullopt;
}

std::string normalize_value(const Column* column, std::string_view value) {
  if (column && column->type == ColumnType::boolean) {
    if (value == "true" || value == "1" || value == "TRUE" || value == "yes") return "1";
    return "0";
  }
  if (value == "NULL") return {};
  return std::string(value);
}

bool matches(const Query& filter, const Record& row, const MatchContext& context) {
  if (filter.groups.empty()) return true;
  for (const Query::Group& group : filter.groups) {
    const bool all = std::all_of(group.begin(), group.end(), [&](const Query::Clause& clause) {
      return matches_clause(clause, row, context);
    });
    if (all) return true;
  }
  return false;
}

}  // namespace bridge::sandbox
