// SPDX-License-Identifier: MIT
#include "app/process_limits.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

namespace bridge::app {
namespace {

/// Calls to ServiceNow, the store's files, the log, and room to say no to those who come too late.
constexpr rlim_t kBesides = 256;

constexpr std::size_t kLargePage = std::size_t{2} << 20;

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

void expect_memory(std::size_t bytes) {
#ifdef __GLIBC__
  // The heap grows once by all of it, and keeps it: as addresses, not yet as memory.
  constexpr int kPiece = 1 << 20;
  constexpr std::size_t kMost = std::size_t{512} << 20;
  const int room = static_cast<int>(std::min(bytes, kMost) + 2 * kLargePage);
  mallopt(M_ARENA_MAX, 1);  // the arena of a thread grows by single pages
  mallopt(M_MMAP_THRESHOLD, 4 * kPiece);
  mallopt(M_TRIM_THRESHOLD, 2 * room);
  mallopt(M_TOP_PAD, room);
  void* const piece = std::malloc(kPiece);
  const auto at = reinterpret_cast<std::uintptr_t>(piece) / kLargePage * kLargePage + kLargePage;
  const auto end = reinterpret_cast<std::uintptr_t>(::sbrk(0));
  // Not so where another malloc is at work.
  if (piece && at < end) (void)::madvise(reinterpret_cast<void*>(at), end - at, MADV_HUGEPAGE);
  std::free(piece);
  mallopt(M_TOP_PAD, 128 * 1024);  // as it is by default
#else
  (void)bytes;
#endif
}

}  // namespace bridge::app
