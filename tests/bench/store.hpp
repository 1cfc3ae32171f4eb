// SPDX-License-Identifier: MIT
// The SQLite store by itself, in this process: what a commit costs, and a file full of sessions to
// start from.
#pragma once

#include <string>
#include <vector>

namespace bridge::bench {

struct CommitFigures {
  std::size_t at_once = 0;  ///< sessions that commit all the time
  double per_second = 0;
  std::vector<double> micros;  ///< sorted
  double quantile(double q) const;
};

/// Each session commits its next event as soon as the one before is on the disk.
CommitFigures measure_commits(const std::string& folder, std::size_t at_once, double seconds);

/// A file with so many sessions of twenty events, half of them in a chat.
void fill_store(const std::string& path, std::size_t sessions);

}  // namespace bridge::bench
