// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/table_api.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <set>

#include "sandbox/servicenow/platform.hpp"
#include "sandbox/servicenow/scripted_rest.hpp"

namespace bridge::sandbox {

/// How rows are to be shown.
struct TableApi::View {
  std::vector<std::string> fields;  ///< empty: all
  std::string display = "false";    ///< "false", "true" or "all"
  bool links = true;
  std::string user_id;
  bool personal_data = true;  ///< without itil, e-mail addresses come back blank (7.3)
  std::string base;           ///< "http://127.0.0.1:5080"
};

namespace {

constexpr std::string_view kPrefix = "/api/now/";
constexpr std::size_t kDefaultLimit = 10000;

/// "table/x/y" of "/api/now/[v1/]table/x/y", split; empty if it is something else.
std::vector<std::string> path_parts(const std::string& path) {
  if (!path.starts_with(kPrefix)) return {};
  std::vector<std::string> parts;
  std::string_view rest = std::string_view(path).substr(kPrefix.size());
  while (!rest.empty()) {
    const auto slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash + 1);
  }
  if (!parts.empty() && (parts[0] == "v1" || parts[0] == "v2")) parts.erase(parts.begin());
  if (parts.size() < 2 || parts.size() > 3 || parts[0] != "table") return {};
  return parts;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    const auto part = trim(text.substr(0, end));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

std::size_t number_parameter(const net::Request& request, std::string_view name,
                             std::size_t otherwise) {
  const auto text = request.query(name);
  if (!text || text->empty() || text->size() > 9 ||
      text->find_first_not_of("0123456789") != std::string::npos)
    return otherwise;
  return std::stoul(*text);
}

/// "false" and "true" where the stored form is "0" and "1".
std::string api_value(const Record& row, const Column& column) {
  std::string value = row.text(column.name);
  if (column.type == ColumnType::boolean) return value == "1" ? "true" : "false";
  return value;
}

std::string text_of(const json::value& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string(value.get_string());
  return json::serialize(value);
}

net::Response no_record() {
  return platform_error(404, "No Record found",
                        "Record doesn't exist or ACL restricts the record retrieval");
}

net::Response write_refused(const Error& error) {
  // The context of a rule's refusal is already the platform's text.
  return platform_error(403, error.is(Errc::forbidden) ? error.context() : "Operation Failed",
                        error.is(Errc::forbidden) ? "" : error.context());
}

}  // namespace

bool TableApi::is_mine(const std::string& path) { return !path_parts(path).empty(); }

/// A coarse picture of the base ACLs: what an integration user with itil meets.
bool TableApi::allowed(const Session& session, const std::string& table, Access access) {
  const std::string& user = session.user_id;
  if (instance_.has_role(user, "admin")) return true;
  if (!instance_.has_role(user, "snc_internal")) return false;
  if (table == "sys_properties" || table == "oauth_entity" || table == "sys_user_has_role")
    return false;
  const bool itil = instance_.has_role(user, "itil");
  if (access == Access::read) return itil || table == "sys_user" || table == "incident";
  if (access == Access::insert && table == "incident") return true;
  if (access == Access::remove) return false;
  return itil && table != "sys_user";
}

TableApi::View TableApi::view_of(const net::Request& request, const Session& session) {
  View view;
  view.fields = split(request.query("sysparm_fields").value_or(""), ',');
  const std::string display = request.query("sysparm_display_value").value_or("false");
  if (display == "true" || display == "all") view.display = display;
  view.links = request.query("sysparm_exclude_reference_link").value_or("false") != "true";
  view.user_id = session.user_id;
  view.personal_data = instance_.has_role(session.user_id, "itil");
  view.base = "http://" + std::string(request.headers.get("Host"));
  return view;
}

net::Response TableApi::handle(const net::Request& request, std::string& user) {
  const auto parts = path_parts(request.path);
  const std::string method = effective_method(request);
  auto caller = accounts_.authenticate(request);
  if (!caller) return not_authenticated();
  user = caller->user_name;
  const std::lock_guard busy(caller->http->busy);
  Session& session = caller->http->session;

  const auto answer = [&]() -> net::Response {
    if (caller->scoped_token)
      return platform_error(403, "User Not Authorized", "Access to unscoped api is not allowed");
    if (!accepts_json(request.headers.get("Accept")))
      return platform_error(406, "Not Acceptable", "The Accept header names no produced format");
    if (auto refusal = refuse_large_body(request)) return std::move(*refusal);
    const std::string& table = parts[1];
    const std::string sys_id = parts.size() > 2 ? parts[2] : std::string();
    if (!instance_.schema().table(table)) return platform_error(400, "Invalid table " + table);
    const View view = view_of(request, session);
    const bool one = !sys_id.empty();
    if (method == "GET" || method == "HEAD") {
      if (!allowed(session, table, Access::read))
        return one ? no_record()
                   : platform_error(403, "User Not Authorized", "Failed API level ACL Validation");
      return one ? read(table, sys_id, view) : list(request, table, view);
    }
    const auto refuse = [](const char* operation) {
      return platform_error(
          403, "Operation Failed",
          std::string("ACL Exception ") + operation + " Failed due to security constraints");
    };
    if (method == "POST" && !one) {
      if (!allowed(session, table, Access::insert)) return refuse("Insert");
      return create(request, table, view, session);
    }
    if ((method == "PATCH" || method == "PUT") && one) {
      if (!allowed(session, table, Access::update)) return refuse("Update");
      return change(request, table, sys_id, view, session);
    }
    if (method == "DELETE" && one) {
      if (!allowed(session, table, Access::remove)) return refuse("Delete");
      return erase(table, sys_id, session);
    }
    return platform_error(405, "Method not supported",
                          "The method " + method + " is not supported by this resource");
  };
  net::Response response = answer();
  add_platform_headers(response, true);
  Accounts::add_cookies(*caller, response);
  return response;
}

json::object TableApi::show(const Record& row, const View& view) {
  json::object out;
  const Schema& schema = instance_.schema();
  for (const Column* column : schema.columns_of(row.table())) {
    if (!view.fields.empty() &&
        std::find(view.fields.begin(), view.fields.end(), column->name) == view.fields.end())
      continue;
    std::string value = api_value(row, *column);
    std::string display =
        column->type == ColumnType::reference ? instance_.display_value(row, column->name) : value;
    if (column->type == ColumnType::password) value = display = {};
    if (!view.personal_data && row.table() == "sys_user" && column->name == "email")
      value = display = {};
    const bool reference = column->type == ColumnType::reference && !value.empty();
    json::object shown;
    if (view.display == "all") {
      shown["display_value"] = display;
      shown["value"] = value;
    } else if (reference && view.display == "true") {
      shown["display_value"] = display;
    } else if (reference) {
      shown["value"] = value;
    }
    if (reference && view.links)
      shown["link"] = view.base + "/api/now/table/" + column->target + "/" + value;
    const bool as_object = view.display == "all" || (reference && view.links);
    if (as_object) {
      out[column->name] = std::move(shown);
    } else {
      out[column->name] = view.display == "true" ? display : value;
    }
  }
  // Dot-walked fields, one step: "caller_id.email".
  for (const std::string& field : view.fields) {
    const auto dot = field.find('.');
    if (dot == std::string::npos) continue;
    const Column* column = schema.column(row.table(), field.substr(0, dot));
    if (!column || column->type != ColumnType::reference) continue;
    const auto other = instance_.get(column->target, row.text(column->name));
    const Column* last = schema.column(column->target, field.substr(dot + 1));
    if (last) out[field] = other ? api_value(*other, *last) : std::string();
  }
  return out;
}

net::Response TableApi::list(const net::Request& request, const std::string& table,
                             const View& view) {
  const std::lock_guard guard(instance_.lock());
  std::string wanted = request.query("sysparm_query").value_or("");
  // Of the scripts that a query may hold, the one that people use from outside (7.2).
  constexpr std::string_view kMe = "javascript:gs.getUserID()";
  if (const auto at = wanted.find(kMe); at != std::string::npos)
    wanted.replace(at, kMe.size(), view.user_id);
  Query query = parse_encoded_query(wanted);
  // Other parameters are filters: ?active=true (7.2).
  const auto mark = request.target.find('?');
  if (mark != std::string::npos) {
    for (const std::string& pair : split(request.target.substr(mark + 1), '&')) {
      const auto equals = pair.find('=');
      const auto name = net::percent_decode(pair.substr(0, equals), true);
      if (!name || name->starts_with("sysparm_") || !instance_.schema().column(table, *name))
        continue;
      query.where(*name, request.query(*name).value_or(""));
    }
  }
  const std::size_t total = instance_.count(table, query);
  query.first(std::max<std::size_t>(1, number_parameter(request, "sysparm_limit", kDefaultLimit)));
  query.offset = number_parameter(request, "sysparm_offset", 0);
  json::array rows;
  for (const Record& row : instance_.find(table, query)) rows.emplace_back(show(row, view));
  json::object body;
  body["result"] = std::move(rows);
  net::Response response = json_response(200, json::serialize(body));
  if (request.query("sysparm_no_count").value_or("") != "true")
    response.headers.set("X-Total-Count", std::to_string(total));
  return response;
}

net::Response TableApi::read(const std::string& table, const std::string& sys_id,
                             const View& view) {
  const std::lock_guard guard(instance_.lock());
  const auto row = instance_.get(table, sys_id);
  if (!row) return no_record();
  json::object body;
  body["result"] = show(*row, view);
  return json_response(200, json::serialize(body));
}

void TableApi::assign(Record& row, const Column& column, const json::value& value,
                      bool display_input) {
  // sys_* columns are the platform's.
  if (column.name.starts_with("sys_")) return;
  std::string text = text_of(value);
  if (column.type == ColumnType::boolean) text = text == "true" || text == "1" ? "1" : "0";
  if (column.type == ColumnType::reference && display_input && !text.empty()) {
    // Only the display column resolves; for sys_user that is the name, never the e-mail (0.12).
    const auto found =
        instance_.find_one(column.target, instance_.schema().display_column(column.target), text);
    text = found ? found->sys_id() : std::string();
  }
  row.set(column.name, std::move(text));
}

std::optional<net::Response> TableApi::read_body(const net::Request& request, Record& row) {
  const std::string type = media_type(request.headers.get("Content-Type"));
  if (type.empty() && !request.body.empty())
    return platform_error(400, "Exception while reading request", "Content-Type is missing");
  if (!type.empty() && type != "application/json")
    return platform_error(415, "Unsupported Media Type", "The Content-Type is not consumed here");
  boost::system::error_code failed;
  json::value body =
      request.body.empty() ? json::value(json::object()) : json::parse(request.body, failed);
  if (failed)
    return platform_error(400, "Exception while reading request",
                          "The payload is not valid JSON: " + failed.message());
  // Of an array only the first element counts.
  if (body.is_array())
    body =
        body.get_array().empty() ? json::value(json::object()) : json::value(body.get_array()[0]);
  if (!body.is_object())
    return platform_error(400, "Exception while reading request", "The payload is not an object");
  const bool display_input = request.query("sysparm_input_display_value").value_or("") == "true";
  for (const auto& [name, value] : body.get_object()) {
    const Column* column = instance_.schema().column(row.table(), std::string(name));
    if (column) assign(row, *column, value, display_input);  // unknown fields are ignored
  }
  return std::nullopt;
}

net::Response TableApi::create(const net::Request& request, const std::string& table,
                               const View& view, Session& session) {
  const std::lock_guard guard(instance_.lock());
  Record row(table);
  if (auto refusal = read_body(request, row)) return std::move(*refusal);
  const auto made = instance_.insert(row, session);
  if (!made) return write_refused(made.error());
  json::object body;
  body["result"] = show(*made, view);
  net::Response response = json_response(201, json::serialize(body));
  response.headers.set("Location", view.base + "/api/now/table/" + table + "/" + made->sys_id());
  if (request.headers.get("X-no-response-body") == "true") response.body.clear();
  return response;
}

net::Response TableApi::change(const net::Request& request, const std::string& table,
                               const std::string& sys_id, const View& view, Session& session) {
  const std::lock_guard guard(instance_.lock());
  if (!instance_.get(table, sys_id)) return no_record();
  Record row(table);
  if (auto refusal = read_body(request, row)) return std::move(*refusal);
  row.set("sys_id", sys_id);
  const auto written = instance_.update(row, session);
  if (!written) return write_refused(written.error());
  json::object body;
  body["result"] = show(*written, view);
  return json_response(200, json::serialize(body));
}

net::Response TableApi::erase(const std::string& table, const std::string& sys_id,
                              Session& session) {
  const std::lock_guard guard(instance_.lock());
  if (!instance_.get(table, sys_id)) return no_record();
  if (auto removed = instance_.remove(table, sys_id, session); !removed)
    return write_refused(removed.error());
  return net::Response(204);
}

}  // namespace bridge::sandbox
