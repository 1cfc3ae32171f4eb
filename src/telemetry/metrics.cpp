// SPDX-License-Identifier: MIT
#include "bridge/telemetry/metrics.hpp"

#include "telemetry/escape.hpp"
#include "telemetry/help.hpp"
#include "telemetry/number.hpp"

namespace bridge::telemetry {
namespace {

constexpr std::string_view kOther = "other";

/// Prometheus data model: [a-zA-Z_:][a-zA-Z0-9_:]*; the prefix takes care of the first character.
std::string metric_name(std::string_view name) {
  std::string safe = name.starts_with("bridge_") ? "" : "bridge_";
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

std::string label_text(const Labels& labels) {
  if (labels.empty()) return {};
  std::string text = "{";
  for (const auto& [name, value] : labels) {
    if (text.size() > 1) text.push_back(',');
    text.append(name).append("=\"").append(label_value(value)).append("\"");
  }
  return text + "}";
}

/// `{route="/x"}` and `le="0.1"` -> `{route="/x",le="0.1"}`
std::string with_label(std::string_view labels, const std::string& more) {
  if (labels.empty()) return "{" + more + "}";
  return std::string(labels.substr(0, labels.size() - 1)) + "," + more + "}";
}

void write(std::string& text, const std::string& name, const std::string& labels,
           const Counter& counter) {
  text += name + labels + " " + std::to_string(counter.value()) + "\n";
}

void write(std::string& text, const std::string& name, const std::string& labels,
           const Gauge& gauge) {
  text += name + labels + " " + prometheus_number(gauge.value()) + "\n";
}

void write(std::string& text, const std::string& name, const std::string& labels,
           const Histogram& histogram) {
  std::uint64_t so_far = 0;
  for (std::size_t i = 0; i < histogram.buckets().size(); ++i) {
    so_far += histogram.buckets()[i];
    const std::string bound = i < Histogram::kBounds.size()
                                  ? prometheus_number(Histogram::kBounds[i])
                                  : std::string("+Inf");
    text += name + "_bucket" + with_label(labels, "le=\"" + bound + "\"") + " " +
            std::to_string(so_far) + "\n";
  }
  text += name + "_sum" + labels + " " + prometheus_number(histogram.sum()) + "\n";
  text += name + "_count" + labels + " " + std::to_string(histogram.count()) + "\n";
}

template <class Families>
void write(std::string& text, const Families& families, std::string_view type) {
  for (const auto& [name, series] : families) {
    if (const std::string_view help = help_of(name); !help.empty())
      text.append("# HELP ").append(name).append(" ").append(help).append("\n");
    text.append("# TYPE ").append(name).append(" ").append(type).append("\n");
    for (const auto& [labels, value] : series) write(text, name, labels, value);
  }
}

}  // namespace

template <class Value>
Value& CounterMetrics::series(Families<Value>& families, std::string name, const Labels& labels) {
  if (families.size() >= kMaxSeries && !families.contains(name)) name = metric_name(kOther);
  Series<Value>& all = families[name];
  std::string key = label_text(labels);
  if (all.size() >= kMaxSeries && !all.contains(key)) {
    Labels others = labels;
    for (auto& label : others) label.second = kOther;
    key = label_text(others);
  }
  return all[key];
}

Counter& CounterMetrics::counter(std::string_view name, const Labels& labels) {
  return series(counters_, counter_name(name), labels);
}

Gauge& CounterMetrics::gauge(std::string_view name, const Labels& labels) {
  return series(gauges_, metric_name(name), labels);
}

Histogram& CounterMetrics::histogram(std::string_view name, const Labels& labels) {
  return series(histograms_, metric_name(name), labels);
}

std::uint64_t CounterMetrics::value(std::string_view name, std::string_view kind) const {
  const auto family = counters_.find(counter_name(name));
  if (family == counters_.end()) return 0;
  Labels labels;
  if (!kind.empty()) labels.emplace_back("kind", kind);
  const auto at = family->second.find(label_text(labels));
  return at == family->second.end() ? 0 : at->second.value();
}

std::string CounterMetrics::prometheus_text() const {
  std::string text;
  write(text, counters_, "counter");
  write(text, gauges_, "gauge");
  write(text, histograms_, "histogram");
  return text;
}

}  // namespace bridge::telemetry
