// SPDX-License-Identifier: MIT
// The instance's syslog: where gs.info and friends write, and where exceptions of business rules
// end up. Bounded, in memory, thread-safe. Not the program's own log: it may hold message texts.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "bridge/core/clock.hpp"

namespace bridge::sandbox {

struct LogEntry {
  Time time;
  std::string level;   ///< "debug", "info", "warning", "error"
  std::string source;  ///< the script or part that spoke
  std::string message;
};

class SystemLog {
 public:
  void add(LogEntry entry);
  std::vector<LogEntry> entries() const;
  /// Whether any entry's message holds `text`.
  bool contains(std::string_view text) const;
  void clear();

 private:
  static constexpr std::size_t kMaxEntries = 5000;
  mutable std::mutex mutex_;
  std::deque<LogEntry> entries_;
};

}  // namespace bridge::sandbox
