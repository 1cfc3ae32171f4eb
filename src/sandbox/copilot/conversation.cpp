// SPDX-License-Identifier: MIT
#include "sandbox/copilot/conversation.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "sandbox/servicenow/ledger.hpp"

namespace bridge::sandbox::copilot {
namespace {

constexpr std::size_t kMaxValueBytes = 8192;

template <class T>
void keep(std::deque<T>& list, T item, std::size_t limit) {
  list.push_back(std::move(item));
  if (list.size() > limit) list.pop_front();
}

json::object sign_json(const Sign& sign, std::string_view name) {
  json::object out;
  out["at"] = to_iso8601(sign.at);
  out[name] = sign.name;
  if (!sign.text.empty()) out["text"] = sign.text;
  out["value"] = sign.value;
  out["by"] = sign.by;
  return out;
}

}  // namespace

Entry& Conversation::show(Entry entry) {
  entry.n = next_entry_++;
  text_bytes_ += entry.text.size();
  entries_.push_back(std::move(entry));
  while (entries_.size() > 1 && (entries_.size() > kMaxEntries || text_bytes_ > kMaxTextBytes)) {
    text_bytes_ -= entries_.front().text.size();
    entries_.pop_front();
  }
  changed.notify();
  return entries_.back();
}

void Conversation::complain(Time at, std::string code, std::string detail, std::string_view by) {
  ++error_count_;
  detail = printable_utf8(cut_utf8(std::move(detail), 300));
  keep(errors_, ProtocolError{at, std::move(code), std::move(detail), std::string(by)}, kMaxListed);
  changed.notify();
}

void Conversation::add(Sign sign, bool end_of_conversation) {
  if (json::serialize(sign.value).size() > kMaxValueBytes) sign.value = "(too long to be kept)";
  sign.text = cut_utf8(std::move(sign.text), kMaxValueBytes);
  sign.name = cut_utf8(std::move(sign.name), 200);
  keep(end_of_conversation ? hand_backs_ : events_, std::move(sign), kMaxListed / 5);
  changed.notify();
}

void Conversation::add(CallbackCall call) {
  keep(callbacks_, std::move(call), kMaxListed);
  changed.notify();
}

std::shared_ptr<Turn> Conversation::add_turn(Turn turn) {
  auto shared = std::make_shared<Turn>(std::move(turn));
  keep(turns_, shared, kMaxListed);
  return shared;
}

void Conversation::typed(Time at) {
  ++typing_count_;
  typing_at_ = at;
  changed.notify();
}

void Conversation::remember(const std::string& activity_id) {
  if (!knows(activity_id)) keep(ids_, activity_id, kMaxIds);
}

bool Conversation::knows(std::string_view activity_id) const {
  return std::find(ids_.begin(), ids_.end(), activity_id) != ids_.end();
}

json::object Conversation::summary() const {
  json::object out;
  out["id"] = id;
  out["channel"] = channel;
  out["delivery_mode"] = delivery_mode;
  out["locale"] = locale;
  out["user_id"] = user_id;
  out["user_name"] = user_name;
  out["user_email"] = user_email;
  out["bridge_session_id"] = bridge_session_id;
  out["started"] = to_iso8601(started);
  out["delegated"] = delegated;
  out["turns_waiting"] = order.load();
  out["last"] = last_entry();
  out["protocol_error_count"] = error_count_;
  return out;
}

json::array Conversation::entries_after(std::uint64_t after) const {
  json::array list;
  for (const Entry& entry : entries_)
    if (entry.n > after) list.emplace_back(copilot::to_json(entry));
  return list;
}

json::object Conversation::record(std::uint64_t after) const {
  json::object out = summary();
  out["typing_count"] = typing_count_;
  out["typing_at"] = typing_at_ ? json::value(to_iso8601(*typing_at_)) : json::value();
  out["first_kept"] = entries_.empty() ? next_entry_ : entries_.front().n;
  out["record"] = entries_after(after);
  json::array events, hand_backs, callbacks, turns, errors;
  for (const Sign& sign : events_) events.emplace_back(sign_json(sign, "name"));
  for (const Sign& sign : hand_backs_) {
    json::object shown = sign_json(sign, "code");
    shown["ended_delegation"] = sign.ended_delegation;
    hand_backs.emplace_back(std::move(shown));
  }
  for (const CallbackCall& call : callbacks_) {
    json::object shown;
    shown["at"] = to_iso8601(call.at);
    shown["status"] = call.status;
    shown["outcome"] = call.outcome;
    shown["type"] = call.type;
    shown["authorization"] = call.authorization;
    callbacks.emplace_back(std::move(shown));
  }
  for (const auto& turn : turns_) turns.emplace_back(copilot::to_json(*turn));
  for (const ProtocolError& error : errors_) {
    json::object shown;
    shown["at"] = to_iso8601(error.at);
    shown["code"] = error.code;
    shown["detail"] = error.detail;
    shown["by"] = error.by;
    errors.emplace_back(std::move(shown));
  }
  out["events"] = std::move(events);
  out["hand_backs"] = std::move(hand_backs);
  out["callbacks"] = std::move(callbacks);
  out["turns"] = std::move(turns);
  out["protocol_errors"] = std::move(errors);
  return out;
}

json::object to_json(const Entry& entry) {
  json::object out;
  out["n"] = entry.n;
  out["from"] = entry.from;
  out["text"] = entry.text;
  out["activity_id"] = entry.activity_id;
  out["reply_to"] = entry.reply_to.empty() ? json::value() : json::value(entry.reply_to);
  out["by"] = entry.by;
  out["at"] = to_iso8601(entry.at);
  if (entry.attachments > 0) out["attachments"] = entry.attachments;
  return out;
}

json::object to_json(const Turn& turn) {
  json::array attempts;
  for (const Attempt& attempt : turn.attempts) {
    json::object shown;
    shown["status"] = attempt.status;
    shown["outcome"] = attempt.outcome;
    shown["duration_ms"] = attempt.duration_ms;
    shown["activities"] = attempt.activities;
    attempts.emplace_back(std::move(shown));
  }
  json::object out;
  out["activity_id"] = turn.activity_id;
  out["type"] = turn.type;
  out["answered_by"] = turn.to_agent ? "agent" : "assistant";
  out["done"] = turn.done;
  out["failed"] = turn.failed;
  out["attempts"] = std::move(attempts);
  if (!turn.invoke_answer.is_null()) out["invoke_answer"] = turn.invoke_answer;
  return out;
}

std::size_t utf16_units(std::string_view utf8) {
  std::size_t units = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) units += byte >= 0xF0 ? 2 : 1;
  }
  return units;
}

}  // namespace bridge::sandbox::copilot
