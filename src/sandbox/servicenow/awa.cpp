// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/awa.hpp"

#include <algorithm>
#include <sstream>

#include "sandbox/servicenow/seed.hpp"

namespace bridge::sandbox {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);
constexpr const char* kRoutableNote = "routable";
constexpr const char* kDeclinedNote = "declined";

std::chrono::seconds age_of(const Record& row, std::string_view column, Time now) {
  const auto since = parse_glide_time(row.text(column));
  if (!since) return std::chrono::seconds(0);
  return std::chrono::duration_cast<std::chrono::seconds>(now - *since);
}

}  // namespace

Record change_of(const Record& row) {
  Record change(row.table());
  change.set("sys_id", row.sys_id());
  return change;
}

Awa::Awa(Instance& instance, Chat& chat, const AwaOptions& options, const ChatOptions& chat_options)
    : instance_(instance), chat_(chat), options_(options), chat_options_(chat_options) {}

void Awa::clear() {
  const std::lock_guard guard(instance_.lock());
  routable_.clear();
  declined_.clear();
  dirty_ = true;
  last_look_ = {};
}

void Awa::restore() {
  const std::lock_guard guard(instance_.lock());
  for (const auto& [item, value] : instance_.remembered(kRoutableNote)) routable_.insert(item);
  for (const auto& [item, agents] : instance_.remembered(kDeclinedNote)) {
    std::istringstream names(agents);
    for (std::string agent; names >> agent;) declined_[item].insert(agent);
  }
}

void Awa::make_routable(const std::string& item) {
  if (routable_.insert(item).second) instance_.remember(kRoutableNote, item, "1");
}

void Awa::note_declined(const std::string& item) {
  std::string agents;
  if (const auto found = declined_.find(item); found != declined_.end())
    for (const std::string& agent : found->second) agents += agent + " ";
  if (agents.empty()) return instance_.forget(kDeclinedNote, item);
  instance_.remember(kDeclinedNote, item, agents);
}

void Awa::on_work_item(const Change& change) {
  dirty_ = true;  // also frees capacity
  if (change.operation == Operation::update && change.changed_to("state", "queued"))
    make_routable(change.after.sys_id());
}

void Awa::tick() {
  const std::lock_guard guard(instance_.lock());
  const Time now = instance_.clock().now();
  const bool due = now - last_look_ >= kLookEvery || now < last_look_;
  if (!dirty_ && !due) return;
  if (due) {
    last_look_ = now;
    take_back_offers();
    end_overdue();
  }
  dirty_ = false;
  const WholeChange whole(instance_);
  offer_waiting();
}

void Awa::offer_waiting() {
  if (routable_.empty()) return;
  Query query;
  query.where("active", "1").where("state", "queued");
  query.order_by("sys_created_on").order_by("sys_id");
  std::set<std::string> waiting;
  for (const Record& item : instance_.find("awa_work_item", query)) {
    if (!routable_.contains(item.sys_id())) continue;
    waiting.insert(item.sys_id());
    if (!obstacle(item).empty()) continue;
    if (const auto agent = choose(item); agent && offer(item, *agent)) waiting.erase(item.sys_id());
  }
  for (const std::string& item : routable_)
    if (!waiting.contains(item)) instance_.forget(kRoutableNote, item);
  routable_ = std::move(waiting);
}

std::string Awa::obstacle(const Record& item) {
  if (!routable_.contains(item.sys_id()))
    return "its state never changed to queued (it was inserted so)";
  const auto queue = instance_.get("awa_queue", item.text("queue"));
  if (!queue) return "it has no queue";
  if (!is_open(*queue)) return "the queue is inactive or closed";
  if (age_of(item, "sys_created_on", instance_.clock().now()) > options_.look_back)
    return "it is older than com.glide.awa.routinglookback";
  if (item.text("document_table") == "interaction") {
    const auto interaction = instance_.get("interaction", item.text("document_id"));
    if (!interaction) return "its interaction does not exist";
    if (interaction->get("assigned_to")) return "interaction.assigned_to is not empty";
  }
  return {};
}

bool Awa::is_open(const Record& queue) {
  if (!queue.flag("active") || instance_.property("glide.awa.enabled") == "false") return false;
  const auto schedule = instance_.get("cmn_schedule", queue.text("schedule"));
  return !schedule || schedule->flag("always_open");
}

std::string Awa::why_waiting(const Record& item) {
  const std::lock_guard guard(instance_.lock());
  if (item.text("state") != "queued") return {};
  if (std::string reason = obstacle(item); !reason.empty()) return reason;
  if (!choose(item)) return "no agent of the queue is available and has capacity";
  return {};
}

std::vector<Awa::Agent> Awa::eligible(const std::string& queue) {
  std::vector<Agent> agents;
  for (const Record& pool : instance_.find("awa_eligibility_pool", "queue=" + queue)) {
    const std::string group =
        pool.get("group") ? pool.text("group") : pool.text("assignment_group");
    for (const Record& member : instance_.find("sys_user_grmember", "group=" + group)) {
      const auto user = instance_.get("sys_user", member.text("user"));
      if (!user || !user->flag("active")) continue;
      Agent agent;
      agent.sys_id = user->sys_id();
      agent.name = user->text("user_name");
      Query busy;
      busy.where("active", "1").where("assigned_to", agent.sys_id);
      busy.where("state", "IN", "pending_accept,accepted");
      agent.load = instance_.count("awa_work_item", busy);
      agents.push_back(std::move(agent));
    }
  }
  std::sort(agents.begin(), agents.end(), [](const Agent& a, const Agent& b) {
    return a.load != b.load ? a.load < b.load : a.name < b.name;
  });
  return agents;
}

bool Awa::is_available(const std::string& agent_sys_id) {
  const auto presence = instance_.find_one("awa_agent_presence", "agent", agent_sys_id);
  if (!presence || !presence->flag("available")) return false;
  const auto channel = instance_.find_one("awa_agent_channel_availability", "agent", agent_sys_id);
  return !channel || channel->flag("available");
}

bool Awa::has_capacity(const Agent& agent) {
  const auto capacity = instance_.find_one("awa_agent_capacity", "user", agent.sys_id);
  return !capacity || agent.load < static_cast<std::size_t>(
                                       std::max<std::int64_t>(0, capacity->number("max_capacity")));
}

std::optional<Awa::Agent> Awa::choose(const Record& item) {
  const auto declined = declined_.find(item.sys_id());
  for (Agent& agent : eligible(item.text("queue"))) {
    if (declined != declined_.end() && declined->second.contains(agent.sys_id)) continue;
    if (is_available(agent.sys_id) && has_capacity(agent)) return std::move(agent);
  }
  return std::nullopt;
}

int Awa::available_agents(const std::string& queue) {
  const std::lock_guard guard(instance_.lock());
  const auto agents = eligible(queue);
  return static_cast<int>(std::count_if(agents.begin(), agents.end(), [&](const Agent& agent) {
    return is_available(agent.sys_id) && has_capacity(agent);
  }));
}

bool Awa::offer(const Record& item, const Agent& agent) {
  Session system = instance_.system_session();
  Record change = change_of(item);
  change.set("state", "pending_accept").set("assigned_to", agent.sys_id);
  change.set("offered_on", instance_.clock().now_text());
  change.set_number("offer_count", item.number("offer_count") + 1);
  change.set_flag("rejected", false).set_flag("timed_out", false);
  return instance_.update(change, system).has_value();
}

void Awa::put_back(const Record& item, const std::string& agent, const char* flag) {
  const WholeChange whole(instance_);
  declined_[item.sys_id()].insert(agent);
  note_declined(item.sys_id());
  Session system = instance_.system_session();
  Record change = change_of(item);
  change.set("state", "queued").set_null("assigned_to").set_flag(flag, true);
  (void)instance_.update(change, system);
}

void Awa::take_back_offers() {
  const Time now = instance_.clock().now();
  Query query;
  query.where("active", "1").where("state", "pending_accept");
  for (const Record& item : instance_.find("awa_work_item", query)) {
    if (age_of(item, "offered_on", now) <= options_.offer_timeout) continue;
    put_back(item, item.text("assigned_to"), "timed_out");
  }
}

void Awa::end_overdue() {
  const Time now = instance_.clock().now();
  for (const Record& queue : instance_.find("awa_queue", "max_wait_time>0")) {
    Query query;
    query.where("active", "1").where("state", "IN", "queued,pending_accept");
    query.where("queue", queue.sys_id());
    for (const Record& item : instance_.find("awa_work_item", query)) {
      if (age_of(item, "sys_created_on", now).count() <= queue.number("max_wait_time")) continue;
      Session system = instance_.system_session();
      Record change = change_of(item);
      change.set("state", "canceled").set_flag("active", false).set("cancel_reason", "Time out");
      (void)instance_.update(change, system);
      const auto interaction = instance_.get("interaction", item.text("document_id"));
      if (!interaction) continue;
      const std::string conversation = interaction->text("channel_metadata_document");
      if (queue.get("max_wait_time_message"))
        (void)chat_.announce(conversation, queue.text("max_wait_time_message"),
                             std::string(kVirtualAgentId));
      (void)chat_.end(conversation, EndedBy::max_wait, system);
    }
  }
}

std::optional<Record> Awa::item_of(const std::string& interaction) {
  const std::lock_guard guard(instance_.lock());
  Query query;
  query.where("document_table", "interaction").where("document_id", interaction);
  // Several are made within one second when a chat is transferred; at most one is active.
  query.order_by_descending("active").order_by_descending("sys_created_on");
  auto items = instance_.find("awa_work_item", query.first(1));
  if (items.empty()) return std::nullopt;
  return std::move(items.front());
}

std::vector<Record> Awa::offered_to(const std::string& agent_sys_id) {
  const std::lock_guard guard(instance_.lock());
  Query query;
  query.where("active", "1").where("state", "pending_accept").where("assigned_to", agent_sys_id);
  return instance_.find("awa_work_item", query);
}

/// sn_awa.Queue.route: re-routes the document's active item, or makes one (4.5).
bool Awa::route(const std::string& queue, const std::string& table, const std::string& document) {
  const std::lock_guard guard(instance_.lock());
  if (!instance_.get("awa_queue", queue) || !instance_.get(table, document)) return false;
  Session system = instance_.system_session();
  Query query;
  query.where("document_table", table).where("document_id", document).where("active", "1");
  std::string id;
  if (const auto active = instance_.find("awa_work_item", query); !active.empty()) {
    id = active.front().sys_id();
  } else {
    Record item("awa_work_item");
    item.set("document_table", table).set("document_id", document).set_flag("active", true);
    item.set("queue", queue);
    const auto made = instance_.insert(item, system);
    if (!made) return false;
    id = made->sys_id();
  }
  Record change("awa_work_item");
  change.set("sys_id", id).set("queue", queue).set("state", "queued").set_null("assigned_to");
  if (!instance_.update(change, system)) return false;
  make_routable(id);
  dirty_ = true;
  return true;
}

Result<> Awa::install() {
  instance_.on_change("awa_work_item", [this](const Change& change) { on_work_item(change); });
  instance_.on_change("interaction", [this](const Change&) { dirty_ = true; });
  instance_.register_native("$awa.exists", [this](ScriptContext&, const json::array& arguments) {
    return json::value(instance_.get("awa_queue", text_argument(arguments, 0)).has_value());
  });
  instance_.register_native("$awa.column", [this](ScriptContext&, const json::array& arguments) {
    const auto queue = instance_.get("awa_queue", text_argument(arguments, 0));
    return json::value(queue ? queue->text(text_argument(arguments, 1)) : std::string());
  });
  instance_.register_native("$awa.available", [this](ScriptContext&, const json::array& arguments) {
    return json::value(available_agents(text_argument(arguments, 0)));
  });
  instance_.register_native("$awa.route", [this](ScriptContext&, const json::array& arguments) {
    return json::value(route(text_argument(arguments, 0), text_argument(arguments, 1),
                             text_argument(arguments, 2)));
  });
  return instance_.add_prelude("sn_awa", R"js(
var sn_awa = (function () {
  function Queue(id) { this.id = id; }
  Queue.get = function (id) {
    var key = String(id);
    return $native('$awa.exists', [key]) ? new Queue(key) : null;
  };
  Queue.prototype.route = function (options) {
    return $native('$awa.route', [this.id, String(options.document_table),
                                  String(options.document_sys_id)]);
  };
  Queue.prototype.getAvailableAgentCount = function () {
    return $native('$awa.available', [this.id]);
  };
  Queue.prototype.getName = function () { return $native('$awa.column', [this.id, 'name']); };
  Queue.prototype.getNumber = function () { return $native('$awa.column', [this.id, 'number']); };
  Queue.prototype.getServiceChannelSysId = function () {
    return $native('$awa.column', [this.id, 'service_channel']);
  };
  return { Queue: Queue };
})();
)js");
}

}  // namespace bridge::sandbox
