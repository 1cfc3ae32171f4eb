// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/faults.hpp"

#include <algorithm>
#include <array>

namespace bridge::sandbox {
namespace {

constexpr std::array<std::string_view, 13> kInboundModes = {
    "status", "hang",     "drop",  "drop_after_commit",
    "quota",  "truncate", "html",  "rate_limit",
    "slow",   "late",     "stall", "cut",
    "refuse"};
constexpr std::array<std::string_view, 7> kWebhookModes = {"drop",   "double", "delay", "reorder",
                                                           "status", "hang",   "refuse"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

template <std::size_t N>
std::string joined(const std::array<std::string_view, N>& list) {
  std::string text;
  for (const std::string_view item : list) text.append(text.empty() ? "" : "|").append(item);
  return text;
}

std::optional<double> number_of(const json::object& wish, std::string_view name) {
  const auto* value = wish.if_contains(name);
  if (!value || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

bool wrong_number(const json::object& wish, std::string_view name, double low, double high) {
  const auto* value = wish.if_contains(name);
  if (!value || value->is_null()) return false;
  const auto number = number_of(wish, name);
  return !number || *number < low || *number > high;
}

}  // namespace

Result<> Faults::add(const json::object& wish) {
  Fields fields(wish);
  const auto target = fields.text("target", 100);
  const auto mode = fields.text("mode", 40);
  if (fields.problem()) return *fields.problem();
  if (!mode) return Error(Errc::invalid_argument, "mode is required");
  if (*mode == "none") {
    clear(target.value_or(""));
    return {};
  }
  if (!target) return Error(Errc::invalid_argument, "target is required");
  const bool webhook = *target == "webhook";
  const bool known = webhook ? is_one_of(kWebhookModes, *mode) : is_one_of(kInboundModes, *mode);
  if (!known)
    return Error(Errc::invalid_argument,
                 "mode must be " + (webhook ? joined(kWebhookModes) : joined(kInboundModes)));
  if (*mode == "refuse" && !webhook && *target != "*")
    return Error(Errc::invalid_argument, "refuse closes the port: its target must be * or webhook");
  const bool status = *mode == "status" || *mode == "html";
  if (wrong_number(wish, "value", status ? 200 : 0, status ? 599 : 100000))
    return Error(Errc::invalid_argument, "value is out of range");
  if (wrong_number(wish, "rate", 0, 1)) return Error(Errc::invalid_argument, "rate must be 0 to 1");
  if (wrong_number(wish, "count", 0, 1e9))
    return Error(Errc::invalid_argument, "count must be a number");

  Fault fault;
  fault.target = *target;
  fault.mode = *mode;
  fault.value = number_of(wish, "value");
  fault.rate = number_of(wish, "rate").value_or(1.0);
  fault.count = static_cast<std::int64_t>(number_of(wish, "count").value_or(0));
  const std::lock_guard guard(mutex_);
  if (faults_.size() >= kMaxFaults)
    return Error(Errc::overloaded, "too many faults; DELETE /sandbox/faults");
  faults_.push_back(std::move(fault));
  return {};
}

void Faults::clear(std::string_view target) {
  const std::lock_guard guard(mutex_);
  ++removals_;
  if (target.empty() || target == "*") {
    faults_.clear();
  } else {
    std::erase_if(faults_, [&](const Fault& fault) { return fault.target == target; });
  }
}

std::optional<Fault> Faults::take(std::string_view target) {
  const std::lock_guard guard(mutex_);
  for (auto at = faults_.begin(); at != faults_.end(); ++at) {
    if (at->target != target && !(at->target == "*" && target != "webhook")) continue;
    if (at->rate < 1.0 && std::uniform_real_distribution<>(0, 1)(random_) >= at->rate) continue;
    ++at->hits;
    const Fault struck = *at;
    if (at->count > 0 && --at->count == 0) faults_.erase(at);
    return struck;
  }
  return std::nullopt;
}

std::vector<Fault> Faults::list() const {
  const std::lock_guard guard(mutex_);
  return faults_;
}

std::uint64_t Faults::removals() const {
  const std::lock_guard guard(mutex_);
  return removals_;
}

std::chrono::milliseconds seconds_of(const Fault& fault, double otherwise) {
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(fault.value.value_or(otherwise) * 1000.0));
}

json::object to_json(const Fault& fault) {
  json::object object;
  object["target"] = fault.target;
  object["mode"] = fault.mode;
  if (fault.value) object["value"] = *fault.value;
  object["rate"] = fault.rate;
  object["count"] = fault.count;
  object["hits"] = fault.hits;
  return object;
}

}  // namespace bridge::sandbox
