// SPDX-License-Identifier: MIT
// /sandbox/copilot/*: conversations, what people say in them, and what goes wrong. JSON in and out.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "bridge/core/random.hpp"
#include "sandbox/copilot/copilot.hpp"
#include "sandbox/copilot/members.hpp"
#include "sandbox/servicenow/platform.hpp"

namespace bridge::sandbox::copilot {
namespace {

constexpr std::string_view kRoot = "/sandbox/copilot";
constexpr std::size_t kMaxConversations = 500;
constexpr std::uint64_t kMaxTurnsWaiting = 32;
constexpr std::size_t kMaxSaid = 100'000;
constexpr std::size_t kMaxControlBytes = std::size_t{1} << 20;
// Below the server's own limit of 90 s, after which nobody could be answered.
constexpr std::int64_t kMaxWaitMs = 80'000;
constexpr std::int64_t kWaitMs = 60'000;

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

std::int64_t query_number(const net::Request& request, std::string_view name,
                          std::int64_t otherwise, std::int64_t high) {
  const std::string text = request.query(name).value_or("");
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return otherwise;
  return std::clamp<std::int64_t>(number, 0, high);
}

unsigned status_of(const Error& error) {
  if (error.is(Errc::not_found)) return 404;
  if (error.is(Errc::overloaded)) return 429;
  if (error.is(Errc::invalid_argument) || error.is(Errc::malformed)) return 400;
  return 500;
}

Error no_such_path() { return {Errc::not_found, "no such control path; see docs/sandbox.md"}; }

/// 8-4-4-4-12, as activity and directory ids look.
std::string new_guid() {
  std::string hex = random_hex(16);
  for (const std::size_t at : {8U, 13U, 18U, 23U}) hex.insert(at, 1, '-');
  return hex;
}

/// In the form of real ones: long, and full of what must be escaped in a path.
std::string new_conversation_id(const std::string& channel, Time now) {
  return "a:1" + random_hex(24) + "|" + channel +
         ";messageid=" + std::to_string(now.time_since_epoch().count());
}

}  // namespace

Task<net::Response> Copilot::control(net::Request& request) {
  Result<json::value> result = Error(Errc::invalid_argument, "the body is too large");
  if (request.body.size() <= kMaxControlBytes) {
    auto body = parse_object(request.body);
    if (body) {
      Parts parts = parts_of(request.path);
      result = co_await dispatch(request, std::move(parts), std::move(*body));
    } else {
      result = body.error();
    }
  }
  net::Response response;
  if (result) {
    response = json_response(200, json::serialize(*result) + "\n");
  } else {
    const Error error = result.error();
    json::object body;
    body["error"] = id_of(error.errc());
    body["detail"] = error.context();
    response = json_response(status_of(error), json::serialize(body) + "\n");
  }
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

Task<Result<json::value>> Copilot::dispatch(net::Request& request, Parts parts, json::object body) {
  const std::string what = parts.empty() ? "" : parts[0];
  const bool read = request.method == net::Method::get || request.method == net::Method::head;
  const bool post = request.method == net::Method::post;
  if (what == "conversations" && (read || post)) {
    auto result = co_await converse(request, std::move(parts), std::move(body));
    co_return result;
  }
  if (what == "faults" && parts.size() == 1) {
    if (post) co_return change_faults(body);
    if (request.method == net::Method::delete_) {
      behaviour_ = Behaviour();
      faults_changed_.notify();
    } else if (!read) {
      co_return no_such_path();
    }
    co_return json::value(behaviour_.show());
  }
  if (what == "agent" && parts.size() == 1 && (read || post)) {
    if (post) {
      const auto changed = agent_.change(body);
      if (!changed) co_return changed.error();
    }
    co_return json::value(agent_.show());
  }
  co_return no_such_path();
}

Result<json::value> Copilot::change_faults(const json::object& body) {
  const auto changed = behaviour_.change(body);
  if (!changed) return changed.error();
  if (*changed) {
    const std::string& one = (*changed)->conversation;
    for (auto& [id, conversation] : conversations_)
      if (one.empty() || one == id)
        conversation->oldest_valid = conversation->newest_url.number + 1;
  }
  Fields fields(body);
  const auto callback_wish = fields.object("callback");
  if (callback_wish && text_of(*callback_wish, "mode") == "none") faults_changed_.notify();
  return json::value(behaviour_.show());
}

Task<Result<json::value>> Copilot::converse(net::Request& request, Parts parts, json::object body) {
  const bool read = request.method != net::Method::post;
  if (parts.size() == 1 && read) {
    std::vector<Shared> all;
    for (const auto& each : conversations_) all.push_back(each.second);
    std::stable_sort(all.begin(), all.end(),
                     [](const Shared& a, const Shared& b) { return a->started < b->started; });
    json::array list;
    for (const Shared& each : all) list.emplace_back(each->summary());
    co_return json::value(std::move(list));
  }
  if (parts.size() == 1) co_return open(body);
  const auto at = conversations_.find(parts[1]);
  if (at == conversations_.end()) co_return Error(Errc::not_found, "no such conversation");
  const Shared conversation = at->second;
  if (parts.size() == 2 && read) {
    json::value record = co_await watch(conversation, request);
    co_return record;
  }
  if (parts.size() != 3 || read) co_return no_such_path();

  if (parts[2] == "control") {
    const auto known = only_known(body, {"delegated"});
    if (!known) co_return known.error();
    Fields fields(body);
    const auto delegated = fields.boolean("delegated");
    if (fields.problem()) co_return *fields.problem();
    if (delegated) {
      if (*delegated && !conversation->delegated) conversation->first_delegated = true;
      if (!*delegated) conversation->first_words.clear();
      conversation->delegated = *delegated;
      conversation->changed.notify();
    }
    co_return json::value(conversation->summary());
  }
  const bool said = parts[2] == "say";
  if (!said && parts[2] != "activity") co_return no_such_path();
  if (conversation->order.load() >= kMaxTurnsWaiting)
    co_return Error(Errc::overloaded, "too many turns wait in this conversation");
  auto turn = said ? say(conversation, body) : send_raw(conversation, std::move(body));
  if (!turn) co_return turn.error();
  begin(conversation, *turn);
  const std::chrono::milliseconds wait(query_number(request, "wait_ms", kWaitMs, kMaxWaitMs));
  json::value shown = co_await outcome(conversation, *turn, in(wait));
  co_return shown;
}

bool Copilot::make_room() {
  if (conversations_.size() < kMaxConversations) return true;
  auto oldest = conversations_.end();
  for (auto at = conversations_.begin(); at != conversations_.end(); ++at) {
    const Conversation& each = *at->second;
    if (each.delegated || each.order.load() > 0) continue;
    if (oldest == conversations_.end() || each.number < oldest->second->number) oldest = at;
  }
  if (oldest == conversations_.end()) return false;
  oldest->second->gone = true;
  oldest->second->changed.notify();
  conversations_.erase(oldest);
  return true;
}

Result<json::value> Copilot::open(const json::object& body) {
  if (auto known =
          only_known(body, {"channel", "user_id", "user_name", "user_email", "aad_object_id",
                            "locale", "delivery_mode", "bridge_session_id"});
      !known)
    return known.error();
  Fields fields(body);
  const std::string channel = fields.text("channel", 40).value_or("pva-studio");
  const std::string mode = fields.text("delivery_mode", 40).value_or("normal");
  if (channel != "pva-studio" && channel != "msteams" && channel != "webchat")
    return Error(Errc::invalid_argument, "channel must be pva-studio|msteams|webchat");
  if (mode != "normal" && mode != "expectReplies" && mode != "stream")
    return Error(Errc::invalid_argument, "delivery_mode must be normal|expectReplies|stream");
  auto made =
      std::make_shared<Conversation>(group_.executor(), new_conversation_id(channel, clock_.now()));
  made->channel = channel;
  made->delivery_mode = mode;
  made->started = clock_.now();
  made->number = ++begun_;
  made->locale = fields.text("locale", 40).value_or("en-US");
  made->user_id = fields.text("user_id", 300)
                      .value_or(channel == "msteams" ? "29:1" + random_hex(20) : new_guid());
  made->user_name = fields.text("user_name", 300).value_or("Abel Tuter");
  made->user_email = fields.text("user_email", 320).value_or("");
  made->aad_object_id =
      fields.text("aad_object_id", 100).value_or(channel == "msteams" ? new_guid() : "");
  made->bridge_session_id = fields.text("bridge_session_id", 300).value_or("");
  if (fields.problem()) return *fields.problem();
  if (!make_room()) return Error(Errc::overloaded, "too many conversations are under way");
  conversations_[made->id] = made;
  return json::value(made->summary());
}

Result<std::shared_ptr<Turn>> Copilot::say(const Shared& conversation, const json::object& body) {
  if (auto known = only_known(body, {"text", "activity_id", "initial_query"}); !known)
    return known.error();
  Fields fields(body);
  const auto id = fields.text("activity_id", 300);
  const auto query = fields.text("initial_query", kMaxSaid);
  if (fields.problem()) return *fields.problem();
  // As it was typed: neither trimmed nor cleaned.
  const std::string text = text_of(body, "text");
  if (text.empty() || text.size() > kMaxSaid)
    return Error(Errc::invalid_argument, "text is required, of at most 100000 bytes");
  Turn turn;
  turn.type = "message";
  turn.activity_id = id.value_or(new_guid());
  turn.text = text;
  turn.initial_query = query;
  // The same id again is the same message, which the window shows once.
  if (!conversation->knows(turn.activity_id)) {
    Entry entry;
    entry.from = "user";
    entry.text = text;
    entry.activity_id = turn.activity_id;
    entry.by = "turn";
    entry.at = clock_.now();
    conversation->show(std::move(entry));
    conversation->remember(turn.activity_id);
  }
  turn.first_entry = conversation->last_entry();
  return conversation->add_turn(std::move(turn));
}

Result<std::shared_ptr<Turn>> Copilot::send_raw(const Shared& conversation, json::object members) {
  if (!members.contains("type")) return Error(Errc::invalid_argument, "type is required");
  Turn turn;
  turn.type = text_of(members, "type");
  const std::string id = text_of(members, "id");
  turn.activity_id = id.empty() ? new_guid() : id;
  const std::string text = text_of(members, "text");
  if (turn.type == "message" && !conversation->knows(turn.activity_id)) {
    Entry entry;
    entry.from = "user";
    entry.text = text;
    entry.activity_id = turn.activity_id;
    entry.by = "turn";
    entry.at = clock_.now();
    conversation->show(std::move(entry));
  }
  conversation->remember(turn.activity_id);
  turn.members = std::move(members);
  turn.first_entry = conversation->last_entry();
  return conversation->add_turn(std::move(turn));
}

Task<json::value> Copilot::outcome(Shared conversation, std::shared_ptr<Turn> turn,
                                   Deadline deadline) {
  for (;;) {
    if (turn->done || conversation->gone || stopping_) break;
    const bool moved =
        co_await conversation->changed.wait(conversation->changed.generation(), deadline);
    if (!moved) break;
  }
  json::object out = to_json(*turn);
  int status = 0;
  for (const Attempt& attempt : turn->attempts)
    if (!attempt.outcome.starts_with("copy")) status = attempt.status;
  out["status"] = status;
  out["delegated"] = conversation->delegated;
  out["last"] = conversation->last_entry();
  json::array shown;
  for (json::value& entry : conversation->entries_after(turn->first_entry))
    if (text_of(entry.get_object(), "from") != "user") shown.push_back(std::move(entry));
  out["shown"] = std::move(shown);
  co_return json::value(std::move(out));
}

/// `after` leaves out earlier entries. `wait` (seconds) holds the answer until there is a later one
/// or, with `revision`, until anything has changed since that one.
Task<json::value> Copilot::watch(Shared conversation, net::Request& request) {
  const auto after = static_cast<std::uint64_t>(query_number(request, "after", 0, 1'000'000'000));
  const std::int64_t wait = query_number(request, "wait", 0, 60);
  const std::int64_t revision = query_number(request, "revision", -1, 1'000'000'000);
  const Deadline deadline = in(std::chrono::seconds(wait));
  while (wait > 0) {
    const auto seen = conversation->changed.generation();
    const bool is_new = revision >= 0 ? seen != static_cast<std::uint64_t>(revision)
                                      : conversation->last_entry() > after;
    if (is_new || conversation->gone || stopping_) break;
    const bool moved = co_await conversation->changed.wait(seen, deadline);
    if (!moved) break;
  }
  json::object out = conversation->record(after);
  const std::string& base = agent_.connection().callback_base;
  out["service_url"] =
      conversation->newest_url.number == 0
          ? json::value()
          : json::value((base.empty() ? url_ : base) +
                        signer_.target(conversation->id, conversation->newest_url));
  out["revision"] = conversation->changed.generation();
  co_return json::value(std::move(out));
}

}  // namespace bridge::sandbox::copilot
