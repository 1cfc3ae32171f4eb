// SPDX-License-Identifier: MIT
// `handoff-bridge health`: asks the bridge on this machine whether it is alive. The health check of
// the container image, which has no curl.
#pragma once

#include <ostream>

#include "bridge/config/config.hpp"

namespace bridge::tools {

/// Asks `GET /healthz` where `config` says that the bridge listens. Returns the exit code: 0 if it
/// answered 200 within three seconds, else 1 after a word to `err`.
int health(const config::Config& config, std::ostream& err);

}  // namespace bridge::tools
