// SPDX-License-Identifier: MIT
// What is due in the conversation that carries a session's texts, as activities.
#pragma once

#include <string>
#include <vector>

#include "handoff/entry.hpp"

namespace bridge::handoff {

/// One event told, or as many as fit: the activities, and the place in the telling behind them.
struct Telling {
  std::vector<std::string> activities;
  session::Told from;  ///< where it begins: behind what needs no words
  session::Told upto;
  bool of_notice = false;  ///< the event is one of the bridge's own lines
};

/// The next event after `told` that has something to say; no activities if there is none.
Telling next_telling(const Entry& entry, const session::Told& told);

/// All that is due after `told`, up to and including event `last`, within the bounds of one answer.
Telling whole_telling(const Entry& entry, const session::Told& told, std::uint64_t last);

}  // namespace bridge::handoff
