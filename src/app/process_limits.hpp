// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "bridge/core/logger.hpp"

namespace bridge::app {

/// Raises the soft limit of open files as far as the system lets us, for so many connections and
/// what a program needs besides. Warns if that is not far enough.
void raise_file_limit(std::size_t connections, Logger& logger);

}  // namespace bridge::app
