// SPDX-License-Identifier: MIT
#include "sandbox/glide/clock.hpp"

#include <cstdio>

namespace bridge::sandbox {

std::string to_glide_time(Time time) {
  const auto days = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - days));
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text;
}

namespace {

/// `count` digits at `at`; -1 if there are others.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::optional<Time> parse_glide_time(std::string_view text) {
  if (text.size() != 10 && text.size() != 19) return std::nullopt;
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  if (year < 0 || month < 0 || day < 0 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return std::nullopt;
  Time time = std::chrono::sys_days(date);
  if (text.size() == 19) {
    const int hour = digits(text, 11, 2), minute = digits(text, 14, 2),
              second = digits(text, 17, 2);
    const bool separated = text[10] == ' ' && text[13] == ':' && text[16] == ':';
    if (!separated || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
        second > 59)
      return std::nullopt;
    time += std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  }
  return time;
}

Time Clock::now() const { return SystemTime().now() + Millis(offset_ms_.load()); }

}  // namespace bridge::sandbox
