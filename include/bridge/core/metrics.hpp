// SPDX-License-Identifier: MIT
// What is counted, behind an interface: `telemetry` keeps the numbers and writes them out, every
// room may count. One thread. Label values come from small fixed sets (a route, a reason), never
// from ids or from what a caller sent.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bridge {

/// Label names and values of one series, in the order in which they are written out.
using Labels = std::vector<std::pair<std::string, std::string>>;

/// Only goes up.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_ += n; }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

/// Goes up and down.
class Gauge {
 public:
  void set(double value) { value_ = value; }
  void add(double by) { value_ += by; }
  double value() const { return value_; }

 private:
  double value_ = 0;
};

/// How long things took, in seconds, in fixed buckets from half a millisecond to a minute.
class Histogram {
 public:
  static constexpr std::array<double, 16> kBounds = {
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60};

  void observe(double seconds) {
    std::size_t i = 0;
    while (i < kBounds.size() && seconds > kBounds[i]) ++i;
    ++buckets_[i];
    sum_ += seconds;
    ++count_;
  }
  /// Observations up to `kBounds[i]` and above the bound before; the last is beyond all of them.
  const std::array<std::uint64_t, kBounds.size() + 1>& buckets() const { return buckets_; }
  double sum() const { return sum_; }
  std::uint64_t count() const { return count_; }

 private:
  std::array<std::uint64_t, kBounds.size() + 1> buckets_{};
  double sum_ = 0;
  std::uint64_t count_ = 0;
};

class Metrics {
 public:
  virtual ~Metrics() = default;

  /// The series of that name and those labels, made at the first call. Hot paths keep it.
  /// Lifetime: as long as the Metrics.
  virtual Counter& counter(std::string_view name, const Labels& labels = {}) = 0;
  virtual Gauge& gauge(std::string_view name, const Labels& labels = {}) = 0;
  virtual Histogram& histogram(std::string_view name, const Labels& labels = {}) = 0;

  /// Counts under the single label `kind`; for what happens seldom.
  virtual void count(std::string_view name, std::string_view label = {}, std::uint64_t n = 1) {
    Labels labels;
    if (!label.empty()) labels.emplace_back("kind", label);
    counter(name, labels).add(n);
  }
};

/// Keeps nothing that anybody reads; for tests and tools.
class NullMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view, const Labels&) override { return counter_; }
  Gauge& gauge(std::string_view, const Labels&) override { return gauge_; }
  Histogram& histogram(std::string_view, const Labels&) override { return histogram_; }

 private:
  Counter counter_;
  Gauge gauge_;
  Histogram histogram_;
};

}  // namespace bridge
