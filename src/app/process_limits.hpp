// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "bridge/core/logger.hpp"

namespace bridge::app {

/// Raises the soft limit of open files as far as the system lets us, for so many connections and
/// what a program needs besides. Warns if that is not far enough.
void raise_file_limit(std::size_t connections, Logger& logger);

/// Before about so many bytes are taken in small pieces: lets the kernel hand them out in large
/// pages, where it has such. For 4 KiB at a time its faults cost more than what is done with the
/// memory. Nothing is taken that is not used.
void expect_memory(std::size_t bytes);

}  // namespace bridge::app
