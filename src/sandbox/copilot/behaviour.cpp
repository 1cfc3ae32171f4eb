// SPDX-License-Identifier: MIT
#include "sandbox/copilot/behaviour.hpp"

#include <algorithm>
#include <array>

namespace bridge::sandbox::copilot {
namespace {

constexpr std::size_t kMaxFaults = 20;
constexpr std::int64_t kDay = 24 * 3600 * 1000;
constexpr std::array<std::string_view, 5> kModes = {"refuse", "hang", "status", "slow",
                                                    "accept_then_drop"};

constexpr std::string_view kDeadStatuses = "401|403|404|410";
bool says_that_it_is_dead(std::int64_t status) {
  return status == 401 || status == 403 || status == 404 || status == 410;
}

Error wrong(std::string_view name, std::string_view wanted) {
  return {Errc::invalid_argument, std::string(name) + " must be " + std::string(wanted)};
}

Result<> read_number(const json::object& wish, std::string_view name, std::int64_t low,
                     std::int64_t high, std::int64_t& into) {
  const json::value* value = wish.if_contains(name);
  if (!value) return {};
  if (!value->is_int64() || value->get_int64() < low || value->get_int64() > high)
    return wrong(name, std::to_string(low) + " to " + std::to_string(high));
  into = value->get_int64();
  return {};
}

Result<> read_choice(const json::object& wish, std::string_view name,
                     std::initializer_list<std::string_view> choices, std::string& into) {
  const json::value* value = wish.if_contains(name);
  if (!value) return {};
  std::string all;
  for (const std::string_view choice : choices) {
    if (value->is_string() && value->get_string() == choice) {
      into = choice;
      return {};
    }
    all.append(all.empty() ? "" : "|").append(choice);
  }
  return wrong(name, all);
}

Result<std::optional<double>> read_real(const json::object& wish, std::string_view name, double low,
                                        double high) {
  const json::value* value = wish.if_contains(name);
  if (!value || value->is_null()) return std::optional<double>();
  if (!value->is_number()) return wrong(name, "a number");
  const double number = value->to_number<double>();
  if (number < low || number > high)
    return Error(Errc::invalid_argument, std::string(name) + " is out of range");
  return std::optional<double>(number);
}

}  // namespace

Result<> only_known(const json::object& given, std::initializer_list<std::string_view> known) {
  for (const auto& member : given) {
    const std::string_view name(member.key());
    if (std::find(known.begin(), known.end(), name) == known.end())
      return Error(Errc::invalid_argument, "unknown member " + std::string(name.substr(0, 60)));
  }
  return {};
}

Result<std::optional<Expire>> Behaviour::change(const json::object& wish) {
  if (auto known = only_known(wish, {"callback", "rotate", "old_urls", "url_lifetime_ms",
                                     "refused_status", "redeliver", "turn_limit_ms"});
      !known)
    return known.error();
  Behaviour next = *this;
  std::int64_t refused = refused_status;
  std::string rotate = rotate_each_turn ? "each_turn" : "keep";
  std::string old_urls = old_urls_valid ? "valid" : "expired";
  for (auto& read : {read_choice(wish, "rotate", {"each_turn", "keep"}, rotate),
                     read_choice(wish, "old_urls", {"valid", "expired"}, old_urls),
                     read_number(wish, "url_lifetime_ms", 1, 30 * kDay, next.url_lifetime_ms),
                     read_number(wish, "refused_status", 401, 410, refused),
                     read_number(wish, "turn_limit_ms", 10, 3600 * 1000, next.turn_limit_ms)})
    if (!read) return read.error();
  if (!says_that_it_is_dead(refused)) return wrong("refused_status", kDeadStatuses);
  next.refused_status = static_cast<unsigned>(refused);
  next.rotate_each_turn = rotate == "each_turn";
  next.old_urls_valid = old_urls == "valid";
  Fields fields(wish);
  const auto redeliver = fields.object("redeliver");
  const auto callback_wish = fields.object("callback");
  if (fields.problem()) return *fields.problem();
  if (redeliver)
    if (auto read = next.change_redelivery(*redeliver); !read) return read.error();
  std::optional<Expire> expire;
  if (callback_wish) {
    auto read = next.change_callback(*callback_wish);
    if (!read) return read.error();
    expire = *read;
  }
  *this = std::move(next);
  return expire;
}

Result<> Behaviour::change_redelivery(const json::object& wish) {
  if (auto known = only_known(wish, {"times", "delay_ms", "twice", "forget_answers"}); !known)
    return known;
  for (auto& read : {read_number(wish, "times", 0, 10, redeliver_times),
                     read_number(wish, "delay_ms", 0, 60'000, redeliver_delay_ms),
                     read_choice(wish, "twice", {"off", "after", "at_once"}, twice),
                     read_number(wish, "forget_answers", 0, 1'000'000, forget_answers)})
    if (!read) return read;
  return {};
}

Result<std::optional<Expire>> Behaviour::change_callback(const json::object& wish) {
  if (auto known =
          only_known(wish, {"mode", "value", "retry_after_s", "rate", "count", "conversation"});
      !known)
    return known.error();
  Fields fields(wish);
  const std::string mode = fields.text("mode", 40).value_or("");
  const std::string conversation = fields.text("conversation", 400).value_or("");
  const auto retry_after = fields.integer("retry_after_s");
  if (fields.problem()) return *fields.problem();
  if (mode == "none") {
    if (conversation.empty()) callback.clear();
    std::erase_if(callback, [&](const auto& each) { return each.conversation == conversation; });
    return std::optional<Expire>();
  }
  if (mode == "expire") {
    const auto status = read_real(wish, "value", 401, 410);
    if (!status) return status.error();
    if (*status) {
      const auto code = static_cast<std::int64_t>(**status);
      if (!says_that_it_is_dead(code)) return wrong("value", kDeadStatuses);
      refused_status = static_cast<unsigned>(code);
    }
    return std::optional<Expire>(Expire{conversation});
  }
  if (std::find(kModes.begin(), kModes.end(), mode) == kModes.end())
    return wrong("mode", "expire|refuse|hang|status|slow|accept_then_drop|none");
  const bool status = mode == "status";
  const auto value = read_real(wish, "value", status ? 200 : 0, status ? 599 : 3600);
  if (!value) return value.error();
  const auto rate = read_real(wish, "rate", 0, 1);
  if (!rate) return rate.error();
  CallbackFault fault;
  if (auto read = read_number(wish, "count", 0, 1'000'000, fault.count); !read) return read.error();
  if (retry_after && (*retry_after < 0 || *retry_after > 86'400))
    return wrong("retry_after_s", "0 to 86400");
  if (callback.size() >= kMaxFaults)
    return Error(Errc::overloaded, "too many faults; DELETE /sandbox/copilot/faults");
  fault.mode = mode;
  fault.value = *value;
  fault.retry_after_s = retry_after;
  fault.rate = rate->value_or(1.0);
  fault.conversation = conversation;
  callback.push_back(std::move(fault));
  return std::optional<Expire>();
}

std::optional<CallbackFault> Behaviour::take(std::string_view conversation) {
  for (auto at = callback.begin(); at != callback.end(); ++at) {
    if (!at->conversation.empty() && at->conversation != conversation) continue;
    if (at->rate < 1.0 && std::uniform_real_distribution<>(0, 1)(random_) >= at->rate) continue;
    ++at->hits;
    CallbackFault struck = *at;
    if (at->count > 0 && --at->count == 0) callback.erase(at);
    return struck;
  }
  return std::nullopt;
}

json::object Behaviour::show() const {
  json::array faults;
  for (const CallbackFault& fault : callback) {
    json::object shown;
    shown["mode"] = fault.mode;
    if (fault.value) shown["value"] = *fault.value;
    if (fault.retry_after_s) shown["retry_after_s"] = *fault.retry_after_s;
    shown["rate"] = fault.rate;
    shown["count"] = fault.count;
    if (!fault.conversation.empty()) shown["conversation"] = fault.conversation;
    shown["hits"] = fault.hits;
    faults.emplace_back(std::move(shown));
  }
  json::object redeliver;
  redeliver["times"] = redeliver_times;
  redeliver["delay_ms"] = redeliver_delay_ms;
  redeliver["twice"] = twice;
  redeliver["forget_answers"] = forget_answers;
  json::object out;
  out["callback"] = std::move(faults);
  out["rotate"] = rotate_each_turn ? "each_turn" : "keep";
  out["old_urls"] = old_urls_valid ? "valid" : "expired";
  out["url_lifetime_ms"] = url_lifetime_ms;
  out["refused_status"] = refused_status;
  out["redeliver"] = std::move(redeliver);
  out["turn_limit_ms"] = turn_limit_ms;
  return out;
}

}  // namespace bridge::sandbox::copilot
