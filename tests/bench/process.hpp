// SPDX-License-Identifier: MIT
// A server under measurement: a process of its own, pinned to its cores, whose CPU time and memory
// are read from /proc. It dies with the bench, whatever happens. Used by tests/bench alone.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bridge::bench {

using Clock = std::chrono::steady_clock;

using Cores = std::vector<int>;
/// The cores that the bench was begun with: the first is the server's, the last the client's.
const Cores& usable_cores();
/// Asks for `usable_cores` first, which a pinned process could not find out any more.
void pin_this_process(const Cores& cores);

/// CPU time of a process with its threads and children.
struct CpuTime {
  double seconds = 0;  ///< from the scheduler, to the nanosecond
  double user = 0;     ///< in user space, to the clock tick
};

struct Memory {
  double rss_kib = 0;
  double pss_kib = 0;
};

class Process {
 public:
  using Environment = std::map<std::string, std::string>;
  /// Output goes to `log`. Throws std::runtime_error if it cannot be started.
  Process(const std::vector<std::string>& words, const Environment& environment, const Cores& cores,
          const std::string& folder = {}, const std::string& log = "/dev/null");
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  bool running();
  /// Until it has ended. Its exit code; -1 if a signal ended it.
  int wait();
  CpuTime cpu() const;
  Memory memory() const;

 private:
  pid_t pid_ = -1;
};

/// A port that nobody listens on at the moment.
std::uint16_t free_port();

}  // namespace bridge::bench
