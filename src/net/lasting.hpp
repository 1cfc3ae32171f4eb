// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include "bridge/core/error.hpp"

namespace bridge::net {

/// Marks a failure to connect that somebody has to mend: nobody will within the time of a call, so
/// it says how long not to come back, and whoever retries gives up at once.
inline Error lasting(Error error) {
  return std::move(error).with_retry_after(std::chrono::seconds(60));
}

}  // namespace bridge::net
