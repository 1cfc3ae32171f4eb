// SPDX-License-Identifier: MIT
#include "bridge/telemetry/metrics.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include "bridge/core/clock.hpp"
#include "bridge/telemetry/process.hpp"
#include "telemetry/help.hpp"

namespace bridge::telemetry {
namespace {

TEST(CounterMetricsTest, CountsByNameAndLabel) {
  CounterMetrics metrics;
  metrics.count("webhooks", "reply");
  metrics.count("webhooks", "reply", 2);
  metrics.count("webhooks", "echo");
  metrics.count("sessions");
  EXPECT_EQ(metrics.value("webhooks", "reply"), 3u);
  EXPECT_EQ(metrics.value("webhooks", "other"), 0u);
  EXPECT_EQ(metrics.prometheus_text(),
            "# TYPE bridge_sessions_total counter\n"
            "bridge_sessions_total 1\n"
            "# TYPE bridge_webhooks_total counter\n"
            "bridge_webhooks_total{kind=\"echo\"} 1\n"
            "bridge_webhooks_total{kind=\"reply\"} 3\n");
}

TEST(CounterMetricsTest, MakesNamesAndLabelsSafe) {
  CounterMetrics metrics;
  metrics.count("a-b c\n", "x\"y\\z\n");
  EXPECT_EQ(metrics.prometheus_text(),
            "# TYPE bridge_a_b_c__total counter\n"
            "bridge_a_b_c__total{kind=\"x\\\"y\\\\z\\n\"} 1\n");
}

TEST(CounterMetricsTest, WritesGauges) {
  CounterMetrics metrics;
  metrics.gauge("sessions_live").set(3);
  metrics.gauge("oldest_seconds").set(1.5);
  metrics.gauge("sessions_live").add(-1);
  EXPECT_EQ(metrics.prometheus_text(),
            "# TYPE bridge_oldest_seconds gauge\n"
            "bridge_oldest_seconds 1.5\n"
            "# TYPE bridge_sessions_live gauge\n"
            "bridge_sessions_live 2\n");
}

TEST(CounterMetricsTest, WritesSeveralLabelsAndHistograms) {
  CounterMetrics metrics;
  metrics.counter("http_requests", {{"route", "/healthz"}, {"status", "200"}}).add();
  Histogram& took = metrics.histogram("http_request_seconds", {{"route", "/healthz"}});
  took.observe(0.001);
  took.observe(0.3);
  took.observe(100);
  const std::string text = metrics.prometheus_text();
  const auto has = [&](std::string_view line) { return text.find(line) != std::string::npos; };
  EXPECT_TRUE(has("bridge_http_requests_total{route=\"/healthz\",status=\"200\"} 1\n"));
  EXPECT_TRUE(has("# TYPE bridge_http_request_seconds histogram\n"));
  EXPECT_TRUE(has("bridge_http_request_seconds_bucket{route=\"/healthz\",le=\"0.0005\"} 0\n"));
  EXPECT_TRUE(has("bridge_http_request_seconds_bucket{route=\"/healthz\",le=\"0.001\"} 1\n"));
  EXPECT_TRUE(has("bridge_http_request_seconds_bucket{route=\"/healthz\",le=\"0.5\"} 2\n"));
  EXPECT_TRUE(has("bridge_http_request_seconds_bucket{route=\"/healthz\",le=\"+Inf\"} 3\n"));
  EXPECT_TRUE(has("bridge_http_request_seconds_count{route=\"/healthz\"} 3\n"));
}

TEST(CounterMetricsTest, ASeriesStaysWhereItIs) {
  CounterMetrics metrics;
  Counter& first = metrics.counter("x", {{"kind", "a"}});
  for (int i = 0; i < 100; ++i) metrics.count("x", std::to_string(i));
  first.add(2);
  EXPECT_EQ(metrics.value("x", "a"), 2u);
}

TEST(CounterMetricsTest, TooManyLabelsAreCountedTogether) {
  CounterMetrics metrics;
  for (std::size_t i = 0; i < CounterMetrics::kMaxSeries + 50; ++i)
    metrics.count("x", std::to_string(i));
  EXPECT_EQ(metrics.value("x", "other"), 50u);
  EXPECT_EQ(metrics.value("x", "0"), 1u);
}

TEST(MetricHelpTest, StandsBeforeEveryKnownFamily) {
  CounterMetrics metrics;
  metrics.counter("sessions_opened").add();
  metrics.count("handoff_events", "webhook_echo");
  const std::string text = metrics.prometheus_text();
  EXPECT_TRUE(text.starts_with("# HELP bridge_handoff_events_total Repeats,")) << text;
  EXPECT_NE(text.find("# HELP bridge_sessions_opened_total Sessions that were made.\n"
                      "# TYPE bridge_sessions_opened_total counter\n"
                      "bridge_sessions_opened_total 1\n"),
            std::string::npos)
      << text;
}

TEST(MetricHelpTest, TheTableHasEachNameOnceAndSaysSomething) {
  std::set<std::string_view> names;
  for (const MetricHelp& row : metric_help()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_TRUE(row.text.ends_with('.')) << row.name;
    EXPECT_EQ(row.text.find_first_of("\n\\"), std::string_view::npos) << row.name;
  }
}

std::string read_tree(const std::string& name) {
  std::ifstream file(std::string(BRIDGE_SOURCE_DIR) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

TEST(MonitoringTest, DashboardAndAlertsAskForMetricsThatThereAre) {
  const std::regex name("\\b(bridge|process)_[a-z_]+");
  for (const char* file :
       {"docker/monitoring/grafana-dashboard.json", "docker/monitoring/alerts.yml"}) {
    const std::string text = read_tree(file);
    std::size_t found = 0;
    for (std::sregex_iterator at(text.begin(), text.end(), name), end; at != end; ++at) {
      std::string metric = at->str();
      for (const std::string_view part : {"_bucket", "_sum", "_count"})
        if (metric.ends_with(part) && help_of(metric).empty())
          metric.resize(metric.size() - part.size());
      EXPECT_FALSE(help_of(metric).empty()) << file << " asks for " << metric;
      ++found;
    }
    EXPECT_GT(found, 15u) << file;
  }
}

TEST(MonitoringTest, TheDashboardIsJsonAndNoPanelIsEmpty) {
  const auto board = boost::json::parse(read_tree("docker/monitoring/grafana-dashboard.json"));
  std::set<std::int64_t> ids;
  for (const auto& panel : board.at("panels").as_array()) {
    EXPECT_TRUE(ids.insert(panel.at("id").as_int64()).second);
    if (panel.at("type") == "row") continue;
    EXPECT_FALSE(panel.at("targets").as_array().empty()) << panel.at("title");
    for (const auto& target : panel.at("targets").as_array())
      EXPECT_FALSE(target.at("expr").as_string().empty()) << panel.at("title");
  }
  EXPECT_GT(ids.size(), 20u);
}

TEST(ProcessMetricsTest, SayWhatTheSystemSaysOfThisProcess) {
  const std::string text = process_metrics_text();
  const auto value = [&](const std::string& name) {
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 2));
  };
  const double before = value("process_open_fds");
  EXPECT_GE(before, 3);
  EXPECT_GT(value("process_max_fds"), before);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_LT(value("process_resident_memory_bytes"), value("process_virtual_memory_bytes"));
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
  const auto now = std::chrono::duration<double>(SystemTime().now().time_since_epoch()).count();
  EXPECT_NEAR(value("process_start_time_seconds"), now, 120);
  const std::ifstream one_more("/proc/self/stat");
  const std::string again = process_metrics_text();
  const auto at = again.find("\nprocess_open_fds ") + 18;
  EXPECT_EQ(std::stod(again.substr(at)), before + 1);
}

}  // namespace
}  // namespace bridge::telemetry
