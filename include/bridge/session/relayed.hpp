// SPDX-License-Identifier: MIT
// Reading what the scripts on the instance tell: the body of a webhook, or a row that messages.js
// answered with. DESIGN 5.2. Everything that can be understood is taken, since a rule calls once
// and never again.
#pragma once

#include "bridge/core/error.hpp"
#include "bridge/core/json.hpp"
#include "bridge/session/bridge_session.hpp"

namespace bridge::session {

/// Errors: invalid_argument, naming the field.
Result<AgentEvent> read_relayed(const json::object& body);

}  // namespace bridge::session
