// SPDX-License-Identifier: MIT
// The least that a server on one core can do: epoll, one read, one write of a fixed answer. What a
// real one costs above this is its own.
#pragma once

#include <cstdint>

namespace bridge::bench {

/// Serves until it is killed; an exit code if it cannot.
int serve_floor(std::uint16_t port);

}  // namespace bridge::bench
