// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/control.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "sandbox/servicenow/platform.hpp"
#include "sandbox/servicenow/seed.hpp"
#include "sandbox/servicenow/switches.hpp"

namespace bridge::sandbox {
namespace {

constexpr std::string_view kRoot = "/sandbox";
constexpr std::size_t kMaxListed = 500;

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  path.remove_prefix(kRoot.size());
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) parts.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

unsigned status_of(const Error& error) {
  switch (error.errc()) {
    case Errc::invalid_argument:
    case Errc::malformed:
      return 400;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
    case Errc::wrong_state:
    case Errc::chat_ended:
      return 409;
    case Errc::overloaded:
      return 429;
    case Errc::timed_out:
      return 504;
    default:
      return 500;
  }
}

net::Response failure(unsigned status, std::string_view id, const std::string& detail) {
  json::object body;
  body["error"] = id;
  body["detail"] = detail;
  return json_response(status, json::serialize(body));
}

Error no_such_path() { return {Errc::not_found, "no such control path; see docs/sandbox.md"}; }

}  // namespace

json::value done() {
  json::object body;
  body["ok"] = true;
  return body;
}

bool Control::is_mine(const std::string& path) {
  return path == kRoot || path.starts_with(std::string(kRoot) + "/");
}

Reply Control::handle(const net::Request& request) {
  Reply reply;
  const Parts parts = parts_of(request.path);
  if (parts.size() == 1 && parts[0] == "env" && request.method == net::Method::get) {
    reply.response = net::text_response(200, environment_for_bridge(sn_.options(), sn_.url()));
    return reply;
  }
  const bool write = request.method == net::Method::post || request.method == net::Method::delete_;
  if (!write && request.method != net::Method::get && request.method != net::Method::head) {
    reply.response = failure(405, "method_not_allowed", "GET, POST or DELETE");
    return reply;
  }
  const auto body = parse_object(request.body);
  if (!body) {
    reply.response = failure(400, "malformed", "the body must be a JSON object");
    return reply;
  }
  const auto result = dispatch(request, parts, *body, reply);
  if (result) {
    reply.response = json_response(200, json::serialize(*result) + "\n");
  } else {
    const Error error = result.error();
    reply.response = failure(status_of(error), id_of(error.errc()), error.context());
  }
  return reply;
}

Result<json::value> Control::dispatch(const net::Request& request, const Parts& parts,
                                      const json::object& body, Reply& reply) {
  const std::string what = parts.empty() ? "" : parts[0];
  const bool read = request.method == net::Method::get || request.method == net::Method::head;
  const bool post = request.method == net::Method::post;
  if (what == "interactions") return interactions(parts, read, body);
  if (what == "faults" && parts.size() == 1) return faults(request, body, reply);
  if (what == "switches" && parts.size() == 1) return switches(read, body);
  if (what == "calls" && parts.size() == 1 && read) {
    std::uint64_t after = 0;
    const std::string text = request.query("after").value_or("");
    if (!text.empty() && text.size() < 18 &&
        text.find_first_not_of("0123456789") == std::string::npos)
      after = std::stoull(text);
    json::array calls;
    for (const Call& call : sn_.ledger().calls(after)) calls.emplace_back(to_json(call));
    return json::value(std::move(calls));
  }
  if (what == "log" && parts.size() == 1 && read) return json::value(show_log());
  if (what == "clock" && parts.size() == 1) {
    if (post) return advance(body);
    json::object now;
    now["now"] = to_iso8601(sn_.instance().clock().now());
    return json::value(std::move(now));
  }
  if (!post) return no_such_path();
  if (what == "agents" && parts.size() == 3 && parts[2] == "presence") {
    Fields fields(body);
    const auto state = fields.text("state", 40);
    if (auto set = sn_.awa().set_presence(parts[1], state.value_or("")); !set) return set.error();
    sn_.tick();
    return done();
  }
  if (what == "reset" && parts.size() == 1) {
    sn_.reset();
    return done();
  }
  if (what == "settle" && parts.size() == 1) {
    if (!sn_.instance().wait_for_jobs(std::chrono::seconds(30)))
      return Error(Errc::timed_out, "async rules are still running after 30 s");
    return done();
  }
  if (what == "users" && parts.size() == 2) return change_user(parts[1], body);
  if (what == "properties" && parts.size() == 1) return set_properties(body);
  return no_such_path();
}

Result<json::value> Control::interactions(const Parts& parts, bool read, const json::object& body) {
  Instance& instance = sn_.instance();
  if (parts.size() == 1) {
    if (!read) return no_such_path();
    sn_.tick();
    const std::lock_guard guard(instance.lock());
    Query query;
    query.order_by_descending("number");
    auto rows = instance.find("interaction", query.first(kMaxListed));
    std::reverse(rows.begin(), rows.end());
    json::array list;
    for (const Record& row : rows) list.emplace_back(show(row));
    return json::value(std::move(list));
  }
  auto interaction = instance.find_one("interaction", "number", parts[1]);
  if (!interaction) interaction = instance.get("interaction", parts[1]);
  if (!interaction) return Error(Errc::not_found, "no interaction " + parts[1]);
  if (parts.size() == 2 && read) return json::value(show(*interaction));
  if (parts.size() != 3) return no_such_path();
  if (read) {
    if (parts[2] != "pane") return no_such_path();
    return json::value(show_pane(*interaction));
  }
  return act(*interaction, parts[2], body);
}

json::object Control::show(const Record& row) {
  Instance& instance = sn_.instance();
  const auto user_name = [&](const std::string& id) {
    const auto user = instance.get("sys_user", id);
    return user ? user->text("user_name") : id;
  };
  json::object out;
  for (const char* column :
       {"number", "sys_id", "state", "state_reason", "short_description", "opened_at", "closed_at"})
    out[column] = row.text(column);
  out["assigned_to"] = user_name(row.text("assigned_to"));
  out["opened_for"] = user_name(row.text("opened_for"));
  out["bridge_session_id"] = row.text("u_bridge_session_id");
  const std::string conversation = row.text("channel_metadata_document");
  out["conversation_sys_id"] = conversation;
  out["user_typing_at"] = sn_.chat().typing_since(conversation);
  const auto item = sn_.awa().item_of(row.sys_id());
  out["queue"] = item ? instance.display_value(*item, "queue") : std::string();
  out["work_item_state"] = item ? item->text("state") : std::string();
  out["offered_to"] = item && item->text("state") == "pending_accept"
                          ? user_name(item->text("assigned_to"))
                          : std::string();
  out["waiting_because"] =
      item && !is_over_state(row.text("state")) ? sn_.awa().why_waiting(*item) : std::string();
  return out;
}

json::array Control::show_pane(const Record& interaction) {
  json::array pane;
  for (const PaneEntry& entry : sn_.chat().pane(interaction.text("channel_metadata_document"))) {
    json::object shown;
    shown["sys_id"] = entry.sys_id;
    shown["sequence"] = entry.sequence;
    shown["from"] = entry.from;
    shown["sender_name"] = entry.sender_name;
    shown["text"] = entry.text;
    shown["internal"] = entry.internal;
    pane.emplace_back(std::move(shown));
  }
  return pane;
}

json::array Control::show_log() {
  json::array log;
  for (const LogEntry& entry : sn_.instance().system_log().entries()) {
    json::object shown;
    shown["time"] = to_iso8601(entry.time);
    shown["level"] = entry.level;
    shown["source"] = entry.source;
    shown["message"] = printable_utf8(entry.message);
    log.emplace_back(std::move(shown));
  }
  return log;
}

Result<json::value> Control::faults(const net::Request& request, const json::object& body,
                                    Reply& reply) {
  if (request.method == net::Method::delete_) {
    Fields fields(body);
    sn_.faults().clear(fields.text("target", 100).value_or(""));
    return done();
  }
  if (request.method == net::Method::post) {
    const auto* mode = body.if_contains("mode");
    const auto* target = body.if_contains("target");
    const bool refuse = mode && *mode == "refuse" && target && *target == "*";
    if (refuse) {
      // Nobody listens for a while: not a matter of single calls.
      const auto* value = body.if_contains("value");
      const double seconds = value && value->is_number() ? value->to_number<double>() : 5.0;
      if (seconds <= 0 || seconds > 600)
        return Error(Errc::invalid_argument, "value is out of range");
      reply.refuse_for = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
      return done();
    }
    if (auto added = sn_.faults().add(body); !added) return added.error();
  }
  json::array list;
  for (const Fault& fault : sn_.faults().list()) list.emplace_back(to_json(fault));
  return json::value(std::move(list));
}

Result<json::value> Control::switches(bool read, const json::object& body) {
  const std::lock_guard guard(sn_.instance().lock());
  auto& chat = sn_.options().chat;
  auto& instance = sn_.instance().options();
  if (!read) {
    for (const auto& [name, value] : body) {
      if (!value.is_string())
        return Error(Errc::invalid_argument, std::string(name) + " must be a text");
      const std::string text(value.get_string());
      if (auto set = set_switch(std::string(name), text, chat, instance); !set) return set.error();
    }
  }
  json::array list;
  for (const SwitchState& state : list_switches(chat, instance)) {
    json::object shown;
    shown["name"] = state.name;
    shown["value"] = state.value;
    shown["values"] = state.values;
    shown["about"] = state.about;
    list.emplace_back(std::move(shown));
  }
  return json::value(std::move(list));
}

Result<json::value> Control::change_user(const std::string& user_name, const json::object& body) {
  Instance& instance = sn_.instance();
  const std::lock_guard guard(instance.lock());
  const auto user = instance.find_one("sys_user", "user_name", user_name);
  if (!user) return Error(Errc::not_found, "no user " + user_name);
  Record change("sys_user");
  change.set("sys_id", user->sys_id());
  for (const auto& [key, value] : body) {
    const std::string name(key);
    if ((name == "grant_role" || name == "revoke_role") && value.is_string()) {
      const std::string role(value.get_string());
      if (name == "grant_role") instance.grant_role(user->sys_id(), role);
      if (name == "revoke_role") instance.revoke_role(user->sys_id(), role);
    } else if (name == "password" && value.is_string()) {
      change.set("user_password", Instance::encrypt_password2(std::string(value.get_string())));
    } else if (!instance.schema().column("sys_user", name)) {
      return Error(Errc::invalid_argument, "sys_user has no column " + name);
    } else if (value.is_bool()) {
      change.set_flag(name, value.get_bool());
    } else if (value.is_string()) {
      change.set(name, std::string(value.get_string()));
    } else {
      return Error(Errc::invalid_argument, name + " must be a text or true or false");
    }
  }
  Session system = instance.system_session();
  if (auto written = instance.update(change, system); !written) return written.error();
  return done();
}

Result<json::value> Control::set_properties(const json::object& body) {
  for (const auto& [name, value] : body) {
    if (!value.is_string())
      return Error(Errc::invalid_argument, std::string(name) + " must be a text");
    sn_.instance().set_property(std::string(name), std::string(value.get_string()));
  }
  return done();
}

Result<json::value> Control::advance(const json::object& body) {
  Fields fields(body);
  const auto seconds = fields.integer("advance_s");
  if (fields.problem()) return *fields.problem();
  if (!seconds || *seconds < 0 || *seconds > 31 * 24 * 3600)
    return Error(Errc::invalid_argument, "advance_s must be 0 to 2678400");
  sn_.advance_clock(std::chrono::seconds(*seconds));
  json::object now;
  now["now"] = to_iso8601(sn_.instance().clock().now());
  return json::value(std::move(now));
}

}  // namespace bridge::sandbox
