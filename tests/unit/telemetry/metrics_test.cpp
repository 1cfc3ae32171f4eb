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
  metrics.set("sessions_live", 3);
  metrics.set("oldest_undelivered_seconds", 1.5);
  metrics.set("sessions_live", 2);
  EXPECT_EQ(metrics.prometheus_text(),
            "# TYPE bridge_oldest_undelivered_seconds gauge\n"
            "bridge_oldest_undelivered_seconds 1.5\n"
            "# TYPE bridge_sessions_live gauge\n"
            "bridge_sessions_live 2\n");
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
