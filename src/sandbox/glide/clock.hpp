// SPDX-License-Identifier: MIT
// The clock of the stand-in instance: real time plus whatever was advanced by hand. Everything in
// the sandbox that has a time (sys_* stamps, GlideDateTime, chat timers) reads this one, so that
// advancing it moves the whole instance. Glide keeps dates as UTC text with second resolution.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/clock.hpp"

namespace bridge::sandbox {

/// "2026-04-01 12:00:00", the form of every date column.
std::string to_glide_time(Time time);
/// Understands `to_glide_time`'s form and a bare date; nothing for anything else.
std::optional<Time> parse_glide_time(std::string_view text);

/// Thread-safe.
class Clock final : public TimeSource {
 public:
  Time now() const override;
  void advance(std::chrono::seconds step) { offset_ms_ += std::chrono::milliseconds(step).count(); }
  std::chrono::milliseconds offset() const { return std::chrono::milliseconds(offset_ms_.load()); }
  void set_offset(std::chrono::milliseconds offset) { offset_ms_ = offset.count(); }
  /// Back to real time.
  void reset() { offset_ms_ = 0; }
  std::string now_text() const { return to_glide_time(now()); }

 private:
  std::atomic<std::int64_t> offset_ms_{0};
};

}  // namespace bridge::sandbox
