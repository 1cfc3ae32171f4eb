// SPDX-License-Identifier: MIT
// Time. Sessions live on wall time, because they outlive the process; deadlines of calls and
// sockets live on the steady clock. Nothing in `session` or `handoff` asks the system for the
// time: it is handed a TimeSource, and tests hold the clock.
#pragma once

#include <chrono>
#include <string>

namespace bridge {

using Millis = std::chrono::milliseconds;
/// Wall time in UTC with millisecond resolution.
using Time = std::chrono::sys_time<Millis>;
/// A point on the steady clock at which somebody gives up.
using Deadline = std::chrono::steady_clock::time_point;

class TimeSource {
 public:
  virtual ~TimeSource() = default;
  virtual Time now() const = 0;
};

class SystemTime final : public TimeSource {
 public:
  Time now() const override {
    return std::chrono::time_point_cast<Millis>(std::chrono::system_clock::now());
  }
};

/// "2026-04-01T12:00:00.123Z"; years 0 to 9999.
std::string to_iso8601(Time time);

inline Deadline in(std::chrono::steady_clock::duration limit) {
  return std::chrono::steady_clock::now() + limit;
}

}  // namespace bridge
