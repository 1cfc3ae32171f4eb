// SPDX-License-Identifier: MIT
// What the operating system says of this process, under the names that every Prometheus library
// gives them (process_*), so that ready-made dashboards find them.
#pragma once

#include <string>

namespace bridge::telemetry {

/// In the Prometheus text format. Reads /proc; what cannot be read there is left out.
std::string process_metrics_text();

}  // namespace bridge::telemetry
