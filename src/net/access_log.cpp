// SPDX-License-Identifier: MIT
#include "net/access_log.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bridge/core/random.hpp"

namespace bridge::net {
namespace {

/// Files and what there is not: their paths are the caller's invention and no label.
constexpr std::string_view kNoRoute = "other";

std::uint64_t random_start() {
  const std::string hex = random_hex(8);
  std::uint64_t value = 0;
  std::from_chars(hex.data(), hex.data() + hex.size(), value, 16);
  return value;
}

}  // namespace

RequestIds::RequestIds() : state_(random_start()) {}

std::string RequestIds::next() {
  // splitmix64: a counter, mixed; every value comes once before any comes twice.
  state_ += 0x9E3779B97F4A7C15U;
  std::uint64_t mixed = state_;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
  mixed ^= mixed >> 31;
  std::string id(16, '0');
  for (char& digit : id) {
    digit = "0123456789abcdef"[mixed >> 60];
    mixed <<= 4;
  }
  return id;
}

AccessLog::AccessLog(const Router& router, Logger& logger, Metrics& metrics,
                     const std::vector<std::string>& quiet_routes)
    : router_(router),
      logger_(logger),
      metrics_(metrics),
      quiet_routes_(quiet_routes),
      connections_(metrics.gauge("http_connections")),
      websockets_(metrics.gauge("websockets")) {}

AccessLog::Series& AccessLog::series(std::size_t route) {
  if (route >= series_.size()) series_.resize(std::max(route + 1, router_.size()));
  Series& found = series_[route];
  if (!found.seconds) {
    const std::string_view pattern = router_.pattern(route);
    found.route = pattern.empty() ? kNoRoute : pattern;
    if (std::find(quiet_routes_.begin(), quiet_routes_.end(), found.route) != quiet_routes_.end())
      found.level = Level::debug;
    found.seconds = &metrics_.histogram("http_request_seconds", {{"route", found.route}});
  }
  return found;
}

Counter& AccessLog::counter(Series& series, Method method, unsigned status) {
  for (const Count& known : series.counts)
    if (known.status == status && known.method == method) return *known.counter;
  Counter& made = metrics_.counter("http_requests", {{"route", series.route},
                                                     {"method", std::string(to_string(method))},
                                                     {"status", std::to_string(status)}});
  series.counts.push_back({method, status, &made});
  return made;
}

void AccessLog::answered(const Answered& one) {
  const double seconds = std::chrono::duration<double>(one.took).count();
  Series& mine = series(one.route);
  counter(mine, one.method, one.status).add();
  mine.seconds->observe(seconds);
  if (!one.refused.empty()) refused(one.refused);
  if (!logger_.enabled(mine.level)) return;
  logger_.log(mine.level, "request",
              {{"method", to_string(one.method)},
               {"route", mine.route},
               {"status", one.status},
               {"bytes", one.bytes},
               {"ms", std::round(seconds * 1e6) / 1e3},
               {"ref", one.id},
               {"peer", one.peer},
               {"refused", one.refused}});
}

}  // namespace bridge::net
