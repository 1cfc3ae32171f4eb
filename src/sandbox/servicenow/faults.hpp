// SPDX-License-Identifier: MIT
// What has been told to go wrong. A fault names a target (a scripted resource, "table", "oauth",
// "webhook" or "*"), a mode, how often (rate) and how many times (count).
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/error.hpp"
#include "bridge/core/json.hpp"

namespace bridge::sandbox {

struct Fault {
  std::string target;
  std::string mode;
  /// Status, seconds or bytes, by mode.
  std::optional<double> value;
  double rate = 1.0;
  /// How many more times; 0: no limit.
  std::int64_t count = 0;
  std::int64_t hits = 0;
};

/// Thread-safe.
class Faults {
 public:
  explicit Faults(unsigned seed) : random_(seed) {}

  /// Reads {"target","mode","value","rate","count"}; mode "none" removes the target's faults.
  /// Errors: invalid_argument, naming the field.
  Result<> add(const json::object& wish);
  /// "" and "*": all of them.
  void clear(std::string_view target);
  /// The fault that strikes this call, if one does. "*" means every inbound call, never a webhook.
  std::optional<Fault> take(std::string_view target);
  std::vector<Fault> list() const;
  /// Rises with every removal: calls that hang are let go when it does.
  std::uint64_t removals() const;

 private:
  static constexpr std::size_t kMaxFaults = 100;
  mutable std::mutex mutex_;
  std::vector<Fault> faults_;
  std::mt19937 random_;
  std::uint64_t removals_ = 0;
};

/// For the modes whose value is a time.
std::chrono::milliseconds seconds_of(const Fault& fault, double otherwise);
json::object to_json(const Fault& fault);

}  // namespace bridge::sandbox
