// SPDX-License-Identifier: MIT
// What the server says of each request: one log line and its series of the metrics. Handles are
// kept per route, so that counting a request is a few additions.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/net/router.hpp"

namespace bridge::net {

/// Ids for requests: 16 hex digits, unlike those of any other process. They are names, not
/// secrets, so the kernel is asked once and not for every request.
class RequestIds {
 public:
  RequestIds();
  std::string next();

 private:
  std::uint64_t state_;
};

/// One answered request. Views: they live for the call.
struct Answered {
  std::size_t route = 0;  ///< Router::Match::number
  Method method = Method::other;
  unsigned status = 0;
  std::size_t bytes = 0;  ///< of the body
  std::chrono::steady_clock::duration took{};
  std::string_view id;
  std::string_view peer;
  std::string_view refused;  ///< the error id if the server itself refused it, else empty
};

class AccessLog {
 public:
  /// Lifetime: all of them must outlive it.
  AccessLog(const Router& router, Logger& logger, Metrics& metrics,
            const std::vector<std::string>& quiet_routes);

  void answered(const Answered& one);
  /// Something that never became a request.
  void refused(std::string_view kind) { metrics_.count("http_refused", kind); }
  Gauge& connections() { return connections_; }
  Gauge& websockets() { return websockets_; }

 private:
  struct Count {
    Method method;
    unsigned status;
    Counter* counter;
  };
  struct Series {
    std::string route;
    Level level = Level::info;
    Histogram* seconds = nullptr;
    std::vector<Count> counts;
  };
  Series& series(std::size_t route);
  Counter& counter(Series& series, Method method, unsigned status);

  const Router& router_;
  Logger& logger_;
  Metrics& metrics_;
  const std::vector<std::string>& quiet_routes_;
  Gauge& connections_;
  Gauge& websockets_;
  std::vector<Series> series_;
};

}  // namespace bridge::net
