// SPDX-License-Identifier: MIT
// The figures as Markdown, against the aims of docs/performance.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/load.hpp"
#include "bench/store.hpp"

namespace bridge::bench {

struct SocketFigures {
  std::size_t count = 0;
  Memory before;
  Memory with_sessions;
  Memory with_sockets;
};

struct Figures {
  struct Row {
    std::string what;
    std::string server;
    LoadResult result;
  };
  std::vector<Row> requests;
  std::optional<SocketFigures> sockets;
  std::optional<LatencyResult> latency;
  double flat_out = 0;
  std::vector<double> start_ms;
  std::size_t stored = 0;  ///< sessions of the next
  std::vector<double> stored_start_ms, stored_start_cpu_ms;
  std::vector<CommitFigures> commits;
  double binary_mib = 0;
  std::uint64_t handshakes = 0;
  std::vector<std::string> notes;

  const LoadResult* find(const std::string& what, const std::string& server) const;
};

std::string markdown(const Figures& figures);

}  // namespace bridge::bench
