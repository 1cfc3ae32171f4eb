// SPDX-License-Identifier: MIT
// Token buckets (DESIGN 4.4): so many calls at once, then so many a second, for each key. A bucket
// is one point in time, the time at which it is full again; the map of them is bounded, and the one
// that was not used for the longest time goes first. Time is handed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "bridge/core/clock.hpp"

namespace bridge::channels {

/// Whose bucket it is: an address, or a session id, as 128 bits.
struct BucketKey {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  friend bool operator==(const BucketKey&, const BucketKey&) = default;
};

/// An IPv6 host has its /64 to itself, so all of that is one key; IPv4 also as "::ffff:192.0.2.1".
/// Nothing if it is no address.
std::optional<BucketKey> address_key(std::string_view address);
/// Of 32 hex digits; anything else shares one key.
BucketKey session_key(std::string_view id);

class TokenBuckets {
 public:
  struct Rate {
    std::uint32_t burst = 1;  ///< calls at once; at least 1
    Millis interval{1'000};   ///< until one more is allowed
    std::size_t max_keys = 20'000;
  };

  explicit TokenBuckets(Rate rate);

  /// Takes one token. If there is none: how long until there is one, in whole seconds, at least 1.
  std::optional<std::chrono::seconds> take(const BucketKey& key, Time now);
  /// As `take`, but takes nothing.
  std::optional<std::chrono::seconds> wait(const BucketKey& key, Time now) const;

  std::size_t keys() const { return buckets_.size(); }

 private:
  struct Bucket {
    BucketKey key;
    Time full_at;
  };
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(const BucketKey& key) const;
  };
  std::optional<std::chrono::seconds> missing(Time full_at, Time now) const;
  void make_room(Time now);

  Rate rate_;
  Millis depth_;             // how long a drained bucket takes to fill
  std::list<Bucket> order_;  // last used first
  std::unordered_map<BucketKey, std::list<Bucket>::iterator, Hash> buckets_;
};

}  // namespace bridge::channels
