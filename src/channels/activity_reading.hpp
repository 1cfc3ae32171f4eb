// SPDX-License-Identifier: MIT
// An inbound Activity (Activity protocol 3.x, as Copilot Studio's connector sends it) read into
// what the handoff understands. Lenient: whatever a channel adds or invents is tolerated; only what
// nothing could be answered without is asked for.
#pragma once

#include <string>

#include "bridge/core/json.hpp"
#include "bridge/handoff/handoff.hpp"

namespace bridge::channels {

/// How the replies to a turn travel.
enum class DeliveryMode { normal, expect_replies, stream };

struct ReadActivity {
  handoff::ActivityTurn turn;
  DeliveryMode mode = DeliveryMode::normal;
  bool invoke = false;  ///< wants a result of its own in the answer
};

/// Errors: invalid_argument, naming the member: no type, no conversation, ids that are no text or
/// too long.
Result<ReadActivity> read_activity(const json::object& activity, std::size_t max_text_characters);

}  // namespace bridge::channels
