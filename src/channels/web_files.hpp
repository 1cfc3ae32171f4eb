// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "bridge/core/error.hpp"
#include "bridge/net/http.hpp"

namespace bridge::channels {

/// The files of WEB_DIR. Which there are is found out once, at start; a request only picks from
/// that table, so no path from a URL ever reaches the file system. Contents are read when asked
/// for: an edited page shows at once.
class WebFiles {
 public:
  /// An empty or missing folder serves nothing.
  explicit WebFiles(const std::string& folder);

  /// Errors: not_found.
  Result<net::Response> get(const std::string& path) const;
  bool empty() const { return files_.empty(); }

 private:
  std::map<std::string, std::string, std::less<>> files_;  // URL path -> file
};

}  // namespace bridge::channels
