// SPDX-License-Identifier: MIT
// The numbers behind core's Metrics, written out in the Prometheus text format (version 0.0.4) for
// /metrics. Names get the prefix `bridge_`, counters the ending `_total`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bridge/core/metrics.hpp"

namespace bridge::telemetry {

class CounterMetrics final : public Metrics {
 public:
  /// At most this many series are kept per name and this many names; later ones share a series
  /// whose label values are all `other`, so that a mistake in a label cannot eat the memory.
  static constexpr std::size_t kMaxSeries = 200;

  Counter& counter(std::string_view name, const Labels& labels = {}) override;
  Gauge& gauge(std::string_view name, const Labels& labels = {}) override;
  Histogram& histogram(std::string_view name, const Labels& labels = {}) override;

  /// Of the counter with the single label `kind`; 0 if there is none.
  std::uint64_t value(std::string_view name, std::string_view kind = {}) const;
  std::string prometheus_text() const;

 private:
  /// By the label part of its line, `{route="/x",status="200"}`. Series do not move.
  template <class Value>
  using Series = std::map<std::string, Value, std::less<>>;
  template <class Value>
  using Families = std::map<std::string, Series<Value>, std::less<>>;

  template <class Value>
  static Value& series(Families<Value>& families, std::string name, const Labels& labels);

  Families<Counter> counters_;
  Families<Gauge> gauges_;
  Families<Histogram> histograms_;
};

/// The Content-Type that goes with `prometheus_text`.
inline constexpr std::string_view kPrometheusContentType =
    "text/plain; version=0.0.4; charset=utf-8";

}  // namespace bridge::telemetry
