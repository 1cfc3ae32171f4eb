// SPDX-License-Identifier: MIT
// Set-up, scripts and jobs. Rows are in instance_rows.cpp, rules in instance_rules.cpp, accounts
// in instance_accounts.cpp.
#include "sandbox/glide/instance.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <stdexcept>
#include <thread>
#include <utility>

#include "bridge/core/random.hpp"
#include "sandbox/glide/instance_state.hpp"
#include "sandbox/glide/script_prelude.hpp"
#include "sandbox/glide/script_run.hpp"

namespace bridge::sandbox {
namespace {

using Guard = std::lock_guard<InstanceLock>;

/// Replaces the element with the same sys_id, else appends.
template <class T, class Same>
void put(std::vector<T>& list, T item, Same same) {
  const auto found = std::find_if(list.begin(), list.end(), same);
  if (found != list.end()) {
    *found = std::move(item);
  } else {
    list.push_back(std::move(item));
  }
}

}  // namespace

CallState& call_state() {
  static thread_local CallState state;
  return state;
}

Instance::Instance(InstanceOptions options, Logger& logger)
    : options_(options),
      logger_(logger),
      schema_(Schema::out_of_the_box()),
      state_(std::make_unique<State>(schema_, options_)) {
  if (options_.bridge_session_column) {
    Column column;
    column.name = "u_bridge_session_id";
    column.max_length = 64;
    schema_.add_column("interaction", std::move(column));
  }
  for (const auto& [name, source] :
       {std::pair{"core", kCorePrelude}, std::pair{"records", kRecordPrelude},
        std::pair{"entry", kEntryPrelude}}) {
    const auto added = add_prelude(name, source);
    if (!added) throw std::logic_error(added.error().to_string());
  }
  GlideNatives::install(*this);
}

Instance::~Instance() {
  state_->stopping = true;
  state_->jobs.reset();
}

Result<> Instance::open_data(const std::filesystem::path& file) {
  const Guard guard(lock_);
  if (auto opened = state_->database.open_file(file); !opened) return opened;
  for (const auto& [prefix, last] : remembered("number"))
    state_->numbers[prefix] = std::strtoll(last.c_str(), nullptr, 10);
  return {};
}

void Instance::remember(const std::string& kind, const std::string& key, const std::string& value) {
  const Guard guard(lock_);
  state_->database.set_note(kind, key, value);
}

void Instance::forget(const std::string& kind, const std::string& key) {
  const Guard guard(lock_);
  state_->database.drop_note(kind, key);
}

std::vector<std::pair<std::string, std::string>> Instance::remembered(const std::string& kind) {
  const Guard guard(lock_);
  return state_->database.notes(kind);
}

WholeChange::WholeChange(Instance& instance) : instance_(instance) {
  const Guard guard(instance_.lock_);
  instance_.state_->database.begin();
}

WholeChange::~WholeChange() {
  const Guard guard(instance_.lock_);
  instance_.state_->database.commit();
}

void Instance::set_outbound(OutboundHttp outbound) {
  const Guard guard(lock_);
  state_->outbound = std::move(outbound);
}

void Instance::register_native(std::string name, Native native) {
  const Guard guard(lock_);
  state_->natives.insert_or_assign(std::move(name), std::move(native));
  json::array visible;
  for (const auto& [known, function] : state_->natives)
    if (!known.starts_with('$')) visible.emplace_back(known);
  state_->visible_natives = json::serialize(visible);
}

Result<> Instance::add_prelude(std::string name, std::string source) {
  const Guard guard(lock_);
  auto bytecode = ScriptRun::compile(name, source);
  if (!bytecode) return bytecode.error();
  CompiledPrelude prelude{name, std::move(*bytecode)};
  put(state_->preludes, std::move(prelude),
      [&](const CompiledPrelude& other) { return other.name == name; });
  return {};
}

void Instance::on_change(std::string table, ChangeHook hook) {
  const Guard guard(lock_);
  state_->hooks[std::move(table)].push_back(std::move(hook));
}

bool Instance::add_column(std::string_view table, Column column) {
  const Guard guard(lock_);
  return schema_.add_column(table, std::move(column));
}

void Instance::add_table(Table table) {
  const Guard guard(lock_);
  schema_.add_table(std::move(table));
}

Result<> Instance::add_rule(BusinessRule rule) {
  const Guard guard(lock_);
  if (!schema_.table(rule.table)) return Error(Errc::not_found, "Invalid table " + rule.table);
  for (const std::string* source : {&rule.script, &rule.condition})
    if (auto checked = ScriptRun::check(rule.name, *source, options_.es5_only); !checked)
      return checked;
  if (rule.sys_id.empty()) rule.sys_id = random_hex(16);
  auto shared = std::make_shared<const BusinessRule>(std::move(rule));
  const std::string id = shared->sys_id;
  put(state_->rules, std::move(shared), [&](const auto& other) { return other->sys_id == id; });
  return {};
}

Result<> Instance::add_resource(Resource resource) {
  const Guard guard(lock_);
  const std::string& file = resource.source_file.empty() ? resource.name : resource.source_file;
  if (auto checked = ScriptRun::check(file, resource.script, options_.es5_only); !checked)
    return checked;
  if (resource.sys_id.empty()) resource.sys_id = random_hex(16);
  const std::string id = resource.sys_id;
  put(state_->resources, std::move(resource),
      [&](const Resource& other) { return other.sys_id == id; });
  return {};
}

Result<ScriptFolder> Instance::load_scripts(const std::filesystem::path& folder) {
  auto read = read_script_folder(folder);
  if (!read) return read;
  const Guard guard(lock_);
  for (const ColumnNote& note : read->columns) {
    // The switch stands for an admin who forgot the column.
    if (note.column.name == "u_bridge_session_id" && !options_.bridge_session_column) continue;
    // Every script that uses a column describes it; one of them may know more than the others.
    const bool unique =
        std::any_of(read->columns.begin(), read->columns.end(), [&](const ColumnNote& other) {
          return other.table == note.table && other.column.name == note.column.name &&
                 other.column.unique;
        });
    Column column = note.column;
    column.unique = unique && options_.unique_columns;
    if (!schema_.add_column(note.table, std::move(column)))
      return Error(Errc::malformed, "@column: no table " + note.table);
  }
  for (const Resource& resource : read->resources)
    if (const auto added = add_resource(resource); !added) return added.error();
  for (const BusinessRule& rule : read->rules)
    if (const auto added = add_rule(rule); !added) return added.error();
  for (const PropertyNote& note : read->properties) {
    put(state_->declared_properties, note,
        [&](const PropertyNote& other) { return other.name == note.name; });
    declare_property(note);
  }
  return read;
}

void Instance::declare_property(const PropertyNote& note) {
  if (!find_one("sys_properties", "name", note.name)) set_property(note.name, "", note.type);
}

void Instance::clear_data() {
  {
    const Unlocked unlocked(lock_);
    state_->jobs->clear();
  }
  const Guard guard(lock_);
  state_->database.clear();
  state_->numbers.clear();
  log_.clear();
  clock_.reset();
  for (const PropertyNote& note : state_->declared_properties) declare_property(note);
}

std::vector<Resource> Instance::resources() {
  const Guard guard(lock_);
  return state_->resources;
}

std::vector<BusinessRule> Instance::rules() {
  const Guard guard(lock_);
  std::vector<BusinessRule> all;
  for (const auto& rule : state_->rules) all.push_back(*rule);
  return all;
}

ScriptReply Instance::run_resource(const Resource& resource, const ScriptRequest& request,
                                   Session& session) {
  const Guard guard(lock_);
  ScriptRun run(*this, session, "sys_ws_operation." + resource.sys_id + ".operation_script");
  ScriptReply reply = run.resource(resource, request);
  if (!reply.exception.empty())
    log_.add({clock_.now(), "error", "sys_ws_operation." + resource.name, reply.exception});
  return reply;
}

Result<json::value> Instance::run_script(std::string_view source, Session& session) {
  const Guard guard(lock_);
  return ScriptRun(*this, session, "script").script(source);
}

void Instance::yield_point() {
  if (!options_.interleave || call_state().write_depth > 0 || !lock_.held_by_me()) return;
  // Not always: in lockstep some orders would never be seen.
  if (!std::bernoulli_distribution(0.7)(state_->random)) return;
  const auto start = std::chrono::steady_clock::now();
  { const Unlocked unlocked(lock_); }
  ScriptRun::exclude_from_limits(std::chrono::steady_clock::now() - start);
}

Instance::Stall::Stall(std::function<bool()> over) { call_state().stall_over = std::move(over); }

Instance::Stall::~Stall() { call_state().stall_over = nullptr; }

void Instance::stall_point() {
  if (!call_state().stall_over || call_state().write_depth > 0) return;
  const auto over = std::exchange(call_state().stall_over, nullptr);
  const auto start = std::chrono::steady_clock::now();
  {
    const Unlocked unlocked(lock_);
    while (!state_->stopping && !over()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  ScriptRun::exclude_from_limits(std::chrono::steady_clock::now() - start);
}

std::size_t Instance::pending_jobs() { return state_->jobs->pending(); }

bool Instance::wait_for_jobs(std::chrono::milliseconds limit) {
  const Unlocked unlocked(lock_);
  return state_->jobs->wait_until_idle(limit);
}

}  // namespace bridge::sandbox
