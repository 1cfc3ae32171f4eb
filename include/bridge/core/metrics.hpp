// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>

namespace bridge {

/// What is counted, behind an interface: `telemetry` keeps the numbers, every room may count.
/// `label` is one value from a small fixed set (a reason, an outcome), never an id.
class Metrics {
 public:
  virtual ~Metrics() = default;
  virtual void count(std::string_view name, std::string_view label = {}, std::uint64_t n = 1) = 0;
};

class NullMetrics final : public Metrics {
 public:
  void count(std::string_view, std::string_view, std::uint64_t) override {}
};

}  // namespace bridge
