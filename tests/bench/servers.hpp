// SPDX-License-Identifier: MIT
// Who is measured: the bridge, and the peers that this machine has.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/process.hpp"

namespace bridge::bench {

struct Options {
  std::string bridge;         ///< the program
  std::string self;           ///< our own program, for the floor
  std::string python_bridge;  ///< folder of the old bridge's app.py; empty: none
  std::string python = "python3";
  std::string host_folder;                      ///< of old_bridge_host.py
  std::map<std::string, std::string> settings;  ///< more environment for the bridge
  double seconds = 5;                           ///< of each measurement
  std::size_t sockets = 10'000;
  std::size_t stored = 10'000;  ///< sessions to start with
  std::size_t connections = 16;
  Cores cores;  ///< of the bridge; empty: the first
  bool peers = true;
  std::string only;  ///< one measurement, for a profiler
};

inline constexpr const char* kWebhookSecret = "bench-webhook-secret-0123456789";

class Running {
 public:
  Running(std::unique_ptr<Process> p, std::uint16_t at) : process(std::move(p)), port(at) {}
  std::unique_ptr<Process> process;
  std::uint16_t port;
  double start_ms = 0;      ///< from fork to the first good answer
  double start_cpu_ms = 0;  ///< what the server worked until then, on all cores
};

/// Each waits until the server answers `GET` of its health path with 200; throws
/// std::runtime_error if it does not within half a minute.
Running start_bridge(const Options& options, const std::string& instance_url,
                     const std::string& ca_file);
Running start_floor(const Options& options);
/// Nothing where nginx is not installed.
std::optional<Running> start_nginx(const std::string& folder);
/// Nothing unless a folder was named.
std::optional<Running> start_python(const Options& options, const std::string& instance_url,
                                    const std::string& ca_file);

}  // namespace bridge::bench
