// SPDX-License-Identifier: MIT
// The one implementation of core's Logger: coloured text for people, JSON lines for machines, both
// to stderr. `app` makes one per room and hands it down. Whatever a field holds, a line stays one
// line: line ends, escape sequences and broken UTF-8 are escaped or replaced.
#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "bridge/core/clock.hpp"
#include "bridge/core/logger.hpp"

namespace bridge::telemetry {

enum class LogFormat { text, json };

class LogOptions {
 public:
  LogOptions() = default;

  Level level = Level::info;
  LogFormat format = LogFormat::text;
  /// Warnings and errors of one event name beyond this many in `repeat_window` are not written; the
  /// next line of that event says how many were left out (`suppressed`). 0: no limit.
  std::size_t repeat_limit = 0;
  std::chrono::seconds repeat_window{10};
  /// Where lines go instead of stderr; must outlive the logger. For tests and tools.
  std::ostream* stream = nullptr;
  /// The clock; the system's if empty.
  std::function<Time()> now;
};

/// Errors and warnings are flushed at once. The logger may be used from one thread only.
std::unique_ptr<Logger> make_logger(const LogOptions& options, std::string name);

}  // namespace bridge::telemetry
