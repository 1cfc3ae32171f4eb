// SPDX-License-Identifier: MIT
// Two kinds of load from one thread: closed (each connection asks again as soon as it is answered)
// for throughput and CPU time, and open (asked at fixed times, answered or not) for latency.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/connection.hpp"
#include "bench/process.hpp"

namespace bridge::bench {

struct Extent {
  std::size_t requests = 0;  ///< at most
  double seconds = 0;        ///< at most
};

struct LoadResult {
  std::size_t requests = 0;
  std::size_t failed = 0;  ///< not 200
  double seconds = 0;
  double cpu_us = 0;     ///< of the server, per request
  double user_us = 0;    ///< the part of it in user space
  double core_busy = 0;  ///< share of its core that the server used
  double per_second() const { return seconds > 0 ? static_cast<double>(requests) / seconds : 0; }
  double full_core() const { return cpu_us > 0 ? 1e6 / cpu_us : 0; }
};

/// Writes the next request of a connection.
using NextRequest = std::function<void(std::size_t connection, std::string& into)>;

/// After a tenth as warm-up. Throws std::runtime_error if the server ends or stops answering.
LoadResult run_closed(Process& server, std::uint16_t port, std::size_t connections,
                      const NextRequest& next, Extent extent);

struct LatencyResult {
  double rate = 0;
  std::size_t sent = 0;
  std::size_t arrived = 0;
  std::vector<double> micros;  ///< sorted
  double quantile(double q) const;
};

/// Sends what `next` writes at `rate`, on whichever connection is free, and waits for frames on
/// `sockets` that hold "t=<n>;" as request n did. Time counts from when a request was due, not from
/// when it could be sent.
LatencyResult run_open(std::uint16_t port, std::size_t connections,
                       std::vector<Connection>& sockets,
                       const std::function<void(std::size_t n, std::string& into)>& next,
                       double rate, double seconds);

/// The same traffic without pauses, for the maximum: requests a second with all frames read.
double run_flat_out(std::uint16_t port, std::size_t connections, std::vector<Connection>& sockets,
                    const std::function<void(std::size_t n, std::string& into)>& next,
                    double seconds);

}  // namespace bridge::bench
