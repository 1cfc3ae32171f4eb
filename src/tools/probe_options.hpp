// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace bridge::tools {

/// What `probe` was told. Check `complaint` before anything else.
class ProbeOptions {
 public:
  std::string url;  ///< without a slash at its end
  std::string ca_file;
  std::chrono::milliseconds timeout{30'000};  ///< of each step
  bool expect_agent = false;
  bool allow_http = false;
  bool json = false;
  bool help = false;
  std::string complaint;  ///< empty if the command line was understood
};

ProbeOptions parse_probe_options(const std::vector<std::string>& words);

}  // namespace bridge::tools
