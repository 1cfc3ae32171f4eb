// SPDX-License-Identifier: MIT
#include "bridge/telemetry/metrics.hpp"

#include <array>
#include <charconv>

#include "telemetry/escape.hpp"

namespace bridge::telemetry {
namespace {

constexpr std::string_view kOther = "other";

/// Prometheus data model: [a-zA-Z_:][a-zA-Z0-9_:]*; the prefix takes care of the first character.
std::string metric_name(std::string_view name) {
  std::string safe = "bridge_";
  for (const char c : name) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == ':';
    safe.push_back(allowed ? c : '_');
  }
  return safe;
}

std::string counter_name(std::string_view name) {
  std::string safe = metric_name(name);
  if (!safe.ends_with("_total")) safe += "_total";
  return safe;
}

std::string label_value(std::string_view label) {
  std::string safe;
  for (const char c : clean_utf8(label)) {
    if (c == '\\' || c == '"') safe.push_back('\\');
    if (c == '\n') {
      safe += "\\n";
    } else {
      safe.push_back(c);
    }
  }
  return safe;
}

std::string number(double value) {
  std::array<char, 64> text{};
  const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() ? std::string(text.data(), end) : "NaN";
}

}  // namespace

void CounterMetrics::count(std::string_view name, std::string_view label, std::uint64_t n) {
  std::string key = counter_name(name);
  if (counters_.size() >= kMaxSeries && !counters_.contains(key)) key = counter_name(kOther);
  Series& series = counters_[key];
  auto at = series.find(label);
  if (at == series.end()) {
    const bool full = series.size() >= kMaxSeries;
    at = series.try_emplace(std::string(full ? kOther : label), 0).first;
  }
  at->second += n;
}

void CounterMetrics::set(std::string_view name, double value) {
  const std::string key = metric_name(name);
  if (gauges_.size() < kMaxSeries || gauges_.contains(key)) gauges_[key] = value;
}

std::uint64_t CounterMetrics::value(std::string_view name, std::string_view label) const {
  const auto series = counters_.find(counter_name(name));
  if (series == counters_.end()) return 0;
  const auto at = series->second.find(label);
  return at == series->second.end() ? 0 : at->second;
}

std::string CounterMetrics::prometheus_text() const {
  std::string text;
  for (const auto& [name, series] : counters_) {
    text += "# TYPE " + name + " counter\n";
    for (const auto& [label, value] : series) {
      text += name;
      if (!label.empty()) text += "{kind=\"" + label_value(label) + "\"}";
      text += " " + std::to_string(value) + "\n";
    }
  }
  for (const auto& [name, value] : gauges_) {
    text += "# TYPE " + name + " gauge\n";
    text += name + " " + number(value) + "\n";
  }
  return text;
}

}  // namespace bridge::telemetry
