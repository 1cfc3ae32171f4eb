// SPDX-License-Identifier: MIT
// What each metric means: the one table, from which the HELP lines of /metrics come. The dashboard
// and the alert rules in docker/monitoring are held against it.
#pragma once

#include <span>
#include <string_view>

namespace bridge::telemetry {

struct MetricHelp {
  std::string_view name;  ///< as exposed, without _bucket, _sum, _count
  std::string_view text;
};

std::span<const MetricHelp> metric_help();

/// Empty if there is no such metric.
std::string_view help_of(std::string_view name);

}  // namespace bridge::telemetry
