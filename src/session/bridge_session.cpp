// SPDX-License-Identifier: MIT
#include "bridge/session/bridge_session.hpp"

#include <algorithm>
#include <array>

#include "bridge/core/random.hpp"

namespace bridge::session {

namespace {

constexpr std::size_t kMaxId = 0xFFFF;
constexpr std::size_t kHead = 3;
constexpr std::size_t kSysId = 32;  // hex digits of a sys_id
constexpr std::size_t kMaxSequences = 128;

/// The digits of random numbers come in no order, so a branch for each would be guessed wrong.
constexpr auto kDigits = [] {
  std::array<signed char, 256> values{};
  for (signed char& value : values) value = -1;
  for (int i = 0; i < 10; ++i)
    values[static_cast<std::size_t>('0' + i)] = static_cast<signed char>(i);
  for (int i = 0; i < 6; ++i)
    values[static_cast<std::size_t>('a' + i)] = static_cast<signed char>(10 + i);
  return values;
}();

int digit(char c) { return kDigits[static_cast<unsigned char>(c)]; }

/// An id as it is kept: a sys_id in half its length, anything else as it is. They are told apart by
/// the length that stands before them, which is 0 for a sys_id.
class Kept {
 public:
  explicit Kept(std::string_view id) : bytes_(id.substr(0, kMaxId)), length_(bytes_.size()) {
    if (id.size() != kSysId) return;
    for (std::size_t at = 0; at < kSysId; at += 2) {
      const int high = digit(id[at]);
      const int low = digit(id[at + 1]);
      if ((high | low) < 0) return;
      packed_[at / 2] = static_cast<char>(high << 4 | low);
    }
    bytes_ = std::string_view(packed_.data(), packed_.size());
    length_ = 0;
  }
  Kept(const Kept&) = delete;
  Kept& operator=(const Kept&) = delete;

  std::string_view bytes() const { return bytes_; }
  /// A check sum and the length. The sum tells nearly all ids apart at a glance, wherever they
  /// differ: those of one instance may begin and end alike.
  std::array<char, kHead> head() const {
    unsigned sum = 0;
    for (const char c : bytes_) sum = sum * 31 + static_cast<unsigned char>(c);
    return {static_cast<char>(sum & 0xFF), static_cast<char>(length_ >> 8),
            static_cast<char>(length_ & 0xFF)};
  }

 private:
  std::array<char, kSysId / 2> packed_{};
  std::string_view bytes_;
  std::size_t length_;
};

std::size_t length_at(const std::string& ids, std::size_t at) {
  const std::size_t length = static_cast<std::size_t>(static_cast<unsigned char>(ids[at + 1]))
                                 << 8 |
                             static_cast<unsigned char>(ids[at + 2]);
  return length == 0 ? kSysId / 2 : length;
}

bool holds(const std::string& ids, const Kept& id, const std::array<char, kHead>& head) {
  for (std::size_t at = 0; at < ids.size(); at += kHead + length_at(ids, at))
    if (ids[at] == head[0] && ids[at + 1] == head[1] && ids[at + 2] == head[2] &&
        ids.compare(at + kHead, id.bytes().size(), id.bytes()) == 0)
      return true;
  return false;
}

}  // namespace

bool RecentIds::contains(std::string_view id) const {
  if (id.empty()) return false;
  const Kept kept(id);
  return holds(ids_, kept, kept.head());
}

bool RecentIds::insert(std::string_view id) {
  if (id.empty() || contains(id)) return false;
  restore(id);
  return true;
}

void RecentIds::restore(std::string_view id) {
  if (id.empty()) return;
  const Kept kept(id);
  const auto head = kept.head();
  // First out, then in: ids are alike long, and so the block does not grow for it.
  if (count_ == limit_) {
    ids_.erase(0, kHead + length_at(ids_, 0));
    --count_;
  }
  ids_.append(head.data(), head.size()).append(kept.bytes());
  ++count_;
}

void RecentIds::reserve(std::size_t ids) {
  ids_.reserve(std::min(ids, limit_) * (kHead + kSysId / 2));
}

std::vector<std::string> RecentIds::all() const {
  std::vector<std::string> ids;
  ids.reserve(count_);
  for (std::size_t at = 0; at < ids_.size(); at += kHead + length_at(ids_, at)) {
    const std::string_view bytes = std::string_view(ids_).substr(at + kHead, length_at(ids_, at));
    const bool packed = ids_[at + 1] == 0 && ids_[at + 2] == 0;
    ids.push_back(packed
                      ? to_hex({reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()})
                      : std::string(bytes));
  }
  return ids;
}

bool SeenSequences::contains(std::int64_t sequence) const {
  // The newest is asked for most: the row before this one.
  return std::find(recent_.rbegin(), recent_.rend(), sequence) != recent_.rend();
}

void SeenSequences::insert(std::int64_t sequence) {
  if (sequence <= 0 || contains(sequence)) return;
  if (recent_.size() >= kMaxSequences) recent_.erase(recent_.begin());
  recent_.push_back(sequence);
}

void SeenSequences::restore(std::vector<std::int64_t> all) {
  recent_ = std::move(all);
  if (recent_.size() > kMaxSequences)
    recent_.erase(recent_.begin(), recent_.end() - static_cast<std::ptrdiff_t>(kMaxSequences));
}

bool has_unfinished_work(const BridgeSession& session) {
  return session.open || !session.ends.empty() || !session.owed_reads.empty() ||
         std::any_of(session.sends.begin(), session.sends.end(), [](const Send& send) {
           return send.settling || send.status == Send::Status::waiting ||
                  send.status == Send::Status::in_flight;
         });
}

bool is_being_settled(const Send& send) { return send.settling && send.settle_at == Time::max(); }

std::string message_key(const Send& send) {
  return send.take <= 1 ? send.client_message_id
                        : send.client_message_id + "~" + std::to_string(send.take);
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
