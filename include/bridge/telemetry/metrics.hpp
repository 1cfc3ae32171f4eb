// SPDX-License-Identifier: MIT
// Counters behind core's Metrics and gauges for `app`, written out in the Prometheus text format
// (version 0.0.4) for /metrics. Names get the prefix `bridge_`; one label, `kind`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "bridge/core/metrics.hpp"

namespace bridge::telemetry {

class CounterMetrics final : public Metrics {
 public:
  /// At most this many label values are kept per name and this many names; later ones are counted
  /// under `other`, so that a mistake in a label cannot eat the memory.
  static constexpr std::size_t kMaxSeries = 200;

  void count(std::string_view name, std::string_view label = {}, std::uint64_t n = 1) override;
  /// A value that goes up and down, set before it is read.
  void set(std::string_view name, double value);

  std::uint64_t value(std::string_view name, std::string_view label = {}) const;
  std::string prometheus_text() const;

 private:
  using Series = std::map<std::string, std::uint64_t, std::less<>>;
  std::map<std::string, Series, std::less<>> counters_;
  std::map<std::string, double, std::less<>> gauges_;
};

/// The Content-Type that goes with `prometheus_text`.
inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

}  // namespace bridge::telemetry
