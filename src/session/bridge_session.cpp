// SPDX-License-Identifier: MIT
#include "bridge/session/bridge_session.hpp"

#include <algorithm>

#include "bridge/core/random.hpp"

namespace bridge::session {

namespace {

constexpr std::size_t kMaxId = 0xFFFF;
constexpr std::size_t kHead = 3;

/// Tells nearly all ids apart at a glance, wherever they differ: those of one instance may begin
/// and end alike.
char check_sum(std::string_view id) {
  unsigned sum = 0;
  for (const char c : id) sum = sum * 31 + static_cast<unsigned char>(c);
  return static_cast<char>(sum & 0xFF);
}

std::size_t length_at(const std::string& ids, std::size_t at) {
  return static_cast<std::size_t>(static_cast<unsigned char>(ids[at + 1])) << 8 |
         static_cast<unsigned char>(ids[at + 2]);
}

}  // namespace

bool RecentIds::contains(std::string_view id) const {
  id = id.substr(0, kMaxId);
  const char sum = check_sum(id);
  for (std::size_t at = 0; at < ids_.size();) {
    const std::size_t length = length_at(ids_, at);
    if (ids_[at] == sum && ids_.compare(at + kHead, length, id) == 0) return true;
    at += kHead + length;
  }
  return false;
}

bool RecentIds::insert(std::string_view id) {
  id = id.substr(0, kMaxId);
  if (id.empty() || contains(id)) return false;
  // First out, then in: ids are alike long, and so the block does not grow for it.
  if (count_ == limit_) {
    ids_.erase(0, kHead + length_at(ids_, 0));
    --count_;
  }
  ids_.push_back(check_sum(id));
  ids_.push_back(static_cast<char>(id.size() >> 8));
  ids_.push_back(static_cast<char>(id.size() & 0xFF));
  ids_.append(id);
  ++count_;
  return true;
}

bool SeenSequences::contains(std::int64_t sequence) const {
  // The newest is asked for most: the row before this one.
  return std::find(recent_.rbegin(), recent_.rend(), sequence) != recent_.rend();
}

void SeenSequences::insert(std::int64_t sequence) {
  if (sequence <= 0 || contains(sequence)) return;
  if (recent_.size() >= 128) recent_.erase(recent_.begin());
  recent_.push_back(sequence);
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
