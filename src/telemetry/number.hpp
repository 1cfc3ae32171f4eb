// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <charconv>
#include <string>

namespace bridge::telemetry {

/// As Prometheus reads it: the shortest form that gives the same value again.
inline std::string prometheus_number(double value) {
  std::array<char, 64> text{};
  const auto [end, failed] =
      std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::general);
  return failed == std::errc() ? std::string(text.data(), end) : "NaN";
}

}  // namespace bridge::telemetry
