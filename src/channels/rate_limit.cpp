// SPDX-License-Identifier: MIT
#include "channels/rate_limit.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <random>

namespace bridge::channels {
namespace {

template <class Bytes>
std::uint64_t read_big_endian(const Bytes& bytes, std::size_t from, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[from + i];
  return value;
}

/// The finaliser of MurmurHash3: every bit of the input reaches every bit of the output.
std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  return x ^ x >> 33;
}

std::uint64_t random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

}  // namespace

std::optional<BucketKey> address_key(std::string_view address) {
  constexpr std::uint64_t kMapped = 0xffff'0000'0000ULL;  // RFC 4291, 2.5.5.2
  boost::system::error_code failed;
  // Longest: an IPv6 address with an embedded IPv4 one and a scope.
  if (address.empty() || address.size() > 80) return std::nullopt;
  const auto parsed = boost::asio::ip::make_address(std::string_view(address), failed);
  if (failed) return std::nullopt;
  if (parsed.is_v4()) return BucketKey{0, kMapped | parsed.to_v4().to_uint()};
  const auto bytes = parsed.to_v6().to_bytes();
  if (parsed.to_v6().is_v4_mapped()) return BucketKey{0, read_big_endian(bytes, 8, 8)};
  return BucketKey{read_big_endian(bytes, 0, 8), 0};
}

BucketKey session_key(std::string_view id) {
  BucketKey key;
  if (id.size() != 32) return key;
  for (std::size_t i = 0; i < 32; ++i) {
    const char c = id[i];
    std::uint64_t& half = i < 16 ? key.high : key.low;
    half = half << 4 | static_cast<std::uint64_t>((c <= '9' ? c - '0' : c - 'a' + 10) & 15);
  }
  return key;
}

std::size_t TokenBuckets::Hash::operator()(const BucketKey& key) const {
  // Seeded: a caller chooses addresses of its own network, and must not choose their places here.
  return mix(key.high ^ mix(key.low ^ seed));
}

TokenBuckets::TokenBuckets(Rate rate)
    : rate_(rate),
      depth_(rate.interval * std::max<std::uint32_t>(rate.burst, 1)),
      buckets_(0, Hash{random_seed()}) {}

std::optional<std::chrono::seconds> TokenBuckets::missing(Time full_at, Time now) const {
  // One token is there as long as what is missing leaves room for one more.
  const Millis owed = full_at - now + rate_.interval - depth_;
  if (owed <= Millis(0)) return std::nullopt;
  return std::max(std::chrono::ceil<std::chrono::seconds>(owed), std::chrono::seconds(1));
}

std::optional<std::chrono::seconds> TokenBuckets::wait(const BucketKey& key, Time now) const {
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) return std::nullopt;
  return missing(std::min(found->second->full_at, now + depth_), now);
}

std::optional<std::chrono::seconds> TokenBuckets::take(const BucketKey& key, Time now) {
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    make_room(now);
    order_.push_front({key, now + rate_.interval});
    buckets_.emplace(key, order_.begin());
    return std::nullopt;
  }
  Bucket& bucket = *found->second;
  order_.splice(order_.begin(), order_, found->second);
  // The upper bound matters only after the wall clock was set back.
  bucket.full_at = std::clamp(bucket.full_at, now, now + depth_);
  if (const auto until = missing(bucket.full_at, now)) return until;
  bucket.full_at += rate_.interval;
  return std::nullopt;
}

void TokenBuckets::make_room(Time now) {
  // Full ones are worth nothing. Two at a time keep up with one that comes.
  for (int i = 0; i < 2 && !order_.empty() && order_.back().full_at <= now; ++i) {
    buckets_.erase(order_.back().key);
    order_.pop_back();
  }
  while (buckets_.size() >= rate_.max_keys && !order_.empty()) {
    buckets_.erase(order_.back().key);
    order_.pop_back();
  }
}

}  // namespace bridge::channels
