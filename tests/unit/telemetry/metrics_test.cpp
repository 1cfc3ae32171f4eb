// SPDX-License-Identifier: MIT
#include "bridge/telemetry/metrics.hpp"

#include <gtest/gtest.h>

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
  metrics.gauge("oldest_undelivered_seconds").set(1.5);
  metrics.gauge("sessions_live").add(-1);
  EXPECT_EQ(metrics.prometheus_text(),
            "# TYPE bridge_oldest_undelivered_seconds gauge\n"
            "bridge_oldest_undelivered_seconds 1.5\n"
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

}  // namespace
}  // namespace bridge::telemetry
