// SPDX-License-Identifier: MIT
#include "bridge/session/bridge_session.hpp"

#include <algorithm>

#include "bridge/core/random.hpp"

namespace bridge::session {

bool RecentIds::contains(const std::string& id) const {
  return std::find(ids_.begin(), ids_.end(), id) != ids_.end();
}

bool RecentIds::insert(std::string id) {
  if (id.empty() || contains(id)) return false;
  ids_.push_back(std::move(id));
  if (ids_.size() > limit_) ids_.pop_front();
  return true;
}

bool SeenSequences::contains(std::int64_t sequence) const {
  return std::find(recent_.begin(), recent_.end(), sequence) != recent_.end();
}

void SeenSequences::insert(std::int64_t sequence) {
  if (sequence <= 0 || contains(sequence)) return;
  recent_.push_back(sequence);
  if (recent_.size() > 128) recent_.pop_front();
}

std::string chat_key(const SessionId& id, int number) {
  return number <= 1 ? id : id + "-" + std::to_string(number);
}

SessionId session_of_key(const std::string& key) {
  const std::string id = key.substr(0, 32);
  const bool plain = key.size() == 32;
  const bool numbered =
      key.size() > 33 && key.size() < 40 && key[32] == '-' &&
      std::all_of(key.begin() + 33, key.end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_hex(id, 32) && (plain || numbered) ? id : SessionId();
}

}  // namespace bridge::session
