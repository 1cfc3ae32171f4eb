// SPDX-License-Identifier: MIT
// One log line as text or as JSON. Written field by field into a string that is used again: every
// request has its line, and a document in between made that the dearest part of a poll.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "bridge/core/clock.hpp"
#include "bridge/core/logger.hpp"

namespace bridge::telemetry {

std::string_view name_of(Level level);

/// What a line says. Views: they live for the call.
struct LogLine {
  Time time{};
  Level level = Level::info;
  std::string_view logger;
  std::string_view event;
  std::span<const Field> fields;
  std::uint64_t suppressed = 0;  ///< lines of this event that were left out before this one
};

/// Both append to `out`, without a line end. Empty texts are left out: there was no hint, no ref.
void append_as_text(std::string& out, const LogLine& line);
void append_as_json(std::string& out, const LogLine& line);

}  // namespace bridge::telemetry
