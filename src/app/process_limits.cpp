// SPDX-License-Identifier: MIT
#include "app/process_limits.hpp"

#include <sys/resource.h>

namespace bridge::app {
namespace {

/// Calls to ServiceNow, the store's files, the log, and room to say no to those who come too late.
constexpr rlim_t kBesides = 256;

}  // namespace

void raise_file_limit(std::size_t connections, Logger& logger) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = connections + kBesides;
  if (limit.rlim_cur < wanted && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur < wanted)
    logger.warning(
        "few_file_descriptors",
        {{"have", limit.rlim_cur},
         {"wanted", wanted},
         {"hint", "raise the limit of open files (ulimit -n), or lower MAX_CONNECTIONS"}});
}

}  // namespace bridge::app
