// SPDX-License-Identifier: MIT
// The natives behind GlideRecord: rows go to the script as objects of texts.
#include "sandbox/glide/instance_state.hpp"
#include "sandbox/glide/script_run.hpp"

namespace bridge::sandbox {
namespace {

Record record_from(const std::string& table, const json::value& values) {
  Record record(table);
  if (const auto* object = values.if_object()) {
    for (const auto& [name, value] : *object) {
      if (const auto* text = value.if_string()) {
        record.set(name, std::string(*text));
      } else {
        record.set_null(name);
      }
    }
  }
  return record;
}

/// What the script collected with addQuery, addEncodedQuery and orderBy, in that order.
Query query_from(const json::array& parts) {
  Query query;
  for (const json::value& part : parts) {
    const json::object& object = part.as_object();
    if (const auto* encoded = object.if_contains("encoded")) {
      query.append(parse_encoded_query(std::string(encoded->as_string())));
    } else if (const auto* order = object.if_contains("order")) {
      query.orders.push_back({std::string(order->as_string()), object.at("descending").as_bool()});
    } else {
      Query::Clause clause;
      for (const json::value& term : object.at("any").as_array()) {
        const json::array& triple = term.as_array();
        const auto op = normalize_operator(text_argument(triple, 1));
        if (op) {
          clause.push_back({text_argument(triple, 0), *op, text_argument(triple, 2)});
        } else {
          query.has_invalid_term = true;
        }
      }
      if (!clause.empty()) query.add(std::move(clause));
    }
  }
  return query;
}

/// getEncodedQuery.
std::string encode(const json::array& parts) {
  std::string text;
  const auto add = [&](const std::string& piece) { text += (text.empty() ? "" : "^") + piece; };
  for (const json::value& part : parts) {
    const json::object& object = part.as_object();
    if (const auto* encoded = object.if_contains("encoded")) {
      add(std::string(encoded->as_string()));
    } else if (const auto* order = object.if_contains("order")) {
      add((object.at("descending").as_bool() ? "ORDERBYDESC" : "ORDERBY") +
          std::string(order->as_string()));
    } else {
      bool first = true;
      for (const json::value& term : object.at("any").as_array()) {
        const json::array& triple = term.as_array();
        std::string value;
        for (const char c : text_argument(triple, 2))
          value += c == '^' ? std::string("^^") : std::string(1, c);
        add((first ? "" : "OR") + text_argument(triple, 0) + text_argument(triple, 1) + value);
        first = false;
      }
    }
  }
  return text;
}

json::value describe(ScriptContext& context, const json::array& arguments) {
  const std::string table = text_argument(arguments, 0);
  const Schema& schema = context.instance.schema();
  if (!schema.table(table)) return nullptr;
  json::object columns;
  for (const Column* column : schema.columns_of(table)) {
    json::object told{{"type", glide_name(column->type)}};
    if (column->type == ColumnType::reference) told["target"] = column->target;
    columns[column->name] = std::move(told);
  }
  return json::object{{"columns", std::move(columns)}, {"display", schema.display_column(table)}};
}

json::value query(ScriptContext& context, const json::array& arguments) {
  Query wanted = query_from(arguments.at(1).as_array());
  const auto size = [&](std::size_t index) {
    const auto number =
        arguments.at(index).is_number() ? arguments.at(index).to_number<double>() : 0.0;
    return number > 0 ? static_cast<std::size_t>(number) : std::size_t{0};
  };
  wanted.limit = size(2);
  wanted.offset = size(3);
  json::array rows;
  for (const Record& row : context.instance.find(text_argument(arguments, 0), wanted))
    rows.push_back(row_json(row));
  return rows;
}

json::value get(ScriptContext& context, const json::array& arguments) {
  const std::string table = text_argument(arguments, 0), value = text_argument(arguments, 1);
  auto row = context.instance.get(table, value);
  const std::string display = context.instance.schema().display_column(table);
  if (!row && display != "sys_id") row = context.instance.find_one(table, display, value);
  if (!row) return nullptr;
  return row_json(*row);
}

json::value first(ScriptContext& context, const json::array& arguments) {
  const auto row = context.instance.find_one(
      text_argument(arguments, 0), text_argument(arguments, 1), text_argument(arguments, 2));
  if (!row) return nullptr;
  return row_json(*row);
}

json::value display(ScriptContext& context, const json::array& arguments) {
  const std::string table = text_argument(arguments, 0), id = text_argument(arguments, 1);
  const auto row = context.instance.get(table, id);
  if (!row) return json::value("");
  return json::value(
      context.instance.display_value(*row, context.instance.schema().display_column(table)));
}

json::value by_display(ScriptContext& context, const json::array& arguments) {
  const std::string table = text_argument(arguments, 0);
  const auto row = context.instance.find_one(table, context.instance.schema().display_column(table),
                                             text_argument(arguments, 1));
  if (!row) return nullptr;
  return json::value(row->sys_id());
}

/// What insert, update and deleteRecord give the script. It gets no exception, only a null; that a
/// unique value is taken stands in the system log.
template <class T>
json::value answer(ScriptContext& context, const Result<T>& result) {
  if (!result && result.error().is(Errc::conflict))
    context.instance.system_log().add(
        {context.instance.clock().now(), "error", context.source, result.error().context()});
  if (!result) return json::object{{"error", result.error().context()}};
  if constexpr (std::is_void_v<T>) {
    return json::object{};
  } else {
    return json::object{{"row", row_json(*result)}};
  }
}

}  // namespace

void GlideNatives::install_records(Instance& instance) {
  instance.register_native("$table", describe);
  instance.register_native("$gr.query", query);
  instance.register_native("$gr.get", get);
  instance.register_native("$gr.first", first);
  instance.register_native("$gr.display", display);
  instance.register_native("$gr.byDisplay", by_display);
  instance.register_native("$gr.encode", [](ScriptContext&, const json::array& arguments) {
    return json::value(encode(arguments.at(0).as_array()));
  });
  instance.register_native(
      "$gr.defaults", [](ScriptContext& context, const json::array& arguments) {
        return json::value(row_json(context.instance.blank_row(text_argument(arguments, 0))));
      });
  instance.register_native("$gr.insert", [](ScriptContext& context, const json::array& arguments) {
    const WriteOptions options{flag_argument(arguments, 2), flag_argument(arguments, 3)};
    return answer(context,
                  context.instance.insert(record_from(text_argument(arguments, 0), arguments.at(1)),
                                          context.session, options));
  });
  instance.register_native("$gr.update", [](ScriptContext& context, const json::array& arguments) {
    const WriteOptions options{flag_argument(arguments, 3), flag_argument(arguments, 4)};
    Record record = record_from(text_argument(arguments, 0), arguments.at(2));
    record.set("sys_id", text_argument(arguments, 1));
    return answer(context, context.instance.update(record, context.session, options));
  });
  instance.register_native("$gr.delete", [](ScriptContext& context, const json::array& arguments) {
    const WriteOptions options{flag_argument(arguments, 2), true};
    return answer(context,
                  context.instance.remove(text_argument(arguments, 0), text_argument(arguments, 1),
                                          context.session, options));
  });
}

}  // namespace bridge::sandbox
