// SPDX-License-Identifier: MIT
// Business rules around a write (reference/servicenow.md 3.4).
#include <algorithm>

#include "sandbox/glide/instance.hpp"
#include "sandbox/glide/instance_state.hpp"
#include "sandbox/glide/script_run.hpp"

namespace bridge::sandbox {
namespace {

using Guard = std::lock_guard<InstanceLock>;

/// Async rules that trigger async rules, one through the other.
constexpr int kMaxJobDepth = 20;

bool fires_on(const BusinessRule& rule, Operation operation) {
  switch (operation) {
    case Operation::insert:
      return rule.on_insert;
    case Operation::update:
      return rule.on_update;
    case Operation::remove:
      return rule.on_delete;
  }
  return false;
}

std::string source_of(const BusinessRule& rule) { return "sys_script." + rule.sys_id + ".script"; }

const Record* previous_of(const Operation operation, const Record& before) {
  return operation == Operation::insert ? nullptr : &before;
}

/// Notes that a rule is at work on a row, so that its own writes do not start it again.
class Activity {
 public:
  Activity(const BusinessRule& rule, const Record& row) {
    call_state().active_rules.emplace_back(rule.sys_id, row.sys_id());
  }
  ~Activity() { call_state().active_rules.pop_back(); }
  Activity(const Activity&) = delete;
  Activity& operator=(const Activity&) = delete;

  static bool is_under_way(const BusinessRule& rule, const Record& row) {
    const auto& active = call_state().active_rules;
    return std::find(active.begin(), active.end(), std::pair(rule.sys_id, row.sys_id())) !=
           active.end();
  }
};

}  // namespace

std::vector<std::shared_ptr<const BusinessRule>> Instance::rules_for(const Write& write,
                                                                     BusinessRule::When when) {
  std::vector<std::shared_ptr<const BusinessRule>> found;
  if (!write.options.workflow) return found;
  for (const auto& rule : state_->rules) {
    if (!rule->active || rule->when != when || !fires_on(*rule, write.operation)) continue;
    const auto family = schema_.family_of(rule->table);
    if (std::find(family.begin(), family.end(), write.table) != family.end()) found.push_back(rule);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& left, const auto& right) { return left->order < right->order; });
  return found;
}

bool Instance::filter_holds(const BusinessRule& rule, const Write& write) {
  if (rule.filter.empty()) return true;
  const MatchContext context{schema_, previous_of(write.operation, write.before),
                             [this](const std::string& table, const std::string& id) {
                               return state_->database.get(table, id);
                             }};
  return matches(parse_encoded_query(rule.filter), write.after, context);
}

void Instance::log_failure(const BusinessRule& rule, const std::string& what) {
  log_.add({clock_.now(), "error", source_of(rule), "Business rule '" + rule.name + "': " + what});
  logger_.warning("business_rule_failed", {{"rule", rule.name}});
}

bool Instance::run_before_rules(Write& write) {
  for (const auto& rule : rules_for(write, BusinessRule::When::before)) {
    if (!filter_holds(*rule, write) || Activity::is_under_way(*rule, write.after)) continue;
    const Activity activity(*rule, write.after);
    const auto outcome = ScriptRun(*this, write.session, source_of(*rule))
                             .rule(*rule, write.operation, write.after,
                                   previous_of(write.operation, write.before), false);
    // An exception does not abort the write.
    if (!outcome.exception.empty()) log_failure(*rule, outcome.exception);
    if (outcome.abort) {
      write.refusal = "Operation against file '" + write.table +
                      "' was aborted by Business Rule '" + rule->name + "^" + rule->sys_id +
                      "'. Business Rule Stack:" + rule->name;
      return false;
    }
    Record changes(write.table);
    for (const auto& [name, value] : outcome.changed)
      value.is_string() ? changes.set(name, std::string(value.as_string()))
                        : changes.set_null(name);
    const Record fitting = fitted(changes);
    for (const auto& [name, value] : fitting.values())
      if (name != "sys_id") write.after.set(name, value.value_or(""));
  }
  return true;
}

void Instance::run_consequences(Write& write) {
  for (const auto& rule : rules_for(write, BusinessRule::When::async))
    if (filter_holds(*rule, write)) enqueue(rule, write);
  for (const auto& rule : rules_for(write, BusinessRule::When::after)) {
    if (!filter_holds(*rule, write)) continue;
    if (Activity::is_under_way(*rule, write.after)) {
      log_failure(*rule, "recursive call skipped");
      continue;
    }
    const Activity activity(*rule, write.after);
    const auto outcome = ScriptRun(*this, write.session, source_of(*rule))
                             .rule(*rule, write.operation, write.after,
                                   previous_of(write.operation, write.before), false);
    if (!outcome.exception.empty()) log_failure(*rule, outcome.exception);
  }
  const Change change{write.operation, write.before, write.after, write.session,
                      write.options.workflow};
  for (const Table* at = schema_.table(write.table); at; at = schema_.table(at->parent)) {
    const auto hooks = state_->hooks.find(at->name);
    if (hooks == state_->hooks.end()) continue;
    for (const ChangeHook& hook : hooks->second) hook(change);
  }
}

void Instance::enqueue(std::shared_ptr<const BusinessRule> rule, const Write& write) {
  const int depth = call_state().job_depth + 1;
  if (depth > kMaxJobDepth) return log_failure(*rule, "recursion of async rules cut off");
  if (!rule->condition.empty()) {
    // Only the condition: whether the rule runs is settled by the transaction that triggers it.
    BusinessRule condition_only = *rule;
    condition_only.script.clear();
    const auto outcome = ScriptRun(*this, write.session, source_of(*rule))
                             .rule(condition_only, write.operation, write.after,
                                   previous_of(write.operation, write.before), false);
    if (!outcome.exception.empty()) log_failure(*rule, outcome.exception);
    if (!outcome.ran || !outcome.exception.empty()) return;
  }
  const auto low = options_.async_delay_min.count();
  const auto high = std::max(low, options_.async_delay_max.count());
  const std::chrono::milliseconds delay(
      std::uniform_int_distribution<std::int64_t>(low, high)(state_->random));
  // Runs as the originator: whoever the session acted as when it wrote.
  const Session originator{write.session.user_id, write.session.user_id, write.session.user_name};
  state_->jobs->push(
      [this, rule = std::move(rule), table = write.table, id = write.after.sys_id(),
       operation = write.operation, originator, depth] {
        call_state().job_depth = depth;
        run_async(*rule, table, id, operation, originator);
        call_state().job_depth = 0;
      },
      delay, !options_.async_reorder);
}

void Instance::run_async(const BusinessRule& rule, const std::string& table,
                         const std::string& sys_id, Operation operation, Session session) {
  const Guard guard(lock_);
  try {
    const auto current = state_->database.get(table, sys_id);
    if (!current) {
      log_.add({clock_.now(), "debug", source_of(rule),
                "row is gone, rule '" + rule.name + "' skipped"});
      return;
    }
    const auto outcome =
        ScriptRun(*this, session, source_of(rule)).rule(rule, operation, *current, nullptr, true);
    if (!outcome.exception.empty()) log_failure(rule, outcome.exception);
  } catch (const std::exception& error) {
    log_failure(rule, error.what());
  }
}

}  // namespace bridge::sandbox
