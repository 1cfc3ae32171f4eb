// SPDX-License-Identifier: MIT
#include "bridge/core/clock.hpp"

namespace bridge {

// By hand: every log line has one, and a format string took longer than the rest of such a line.
std::string to_iso8601(Time time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<Millis> clock(time - day);
  std::string text = "0000-00-00T00:00:00.000Z";
  const auto put = [&text](std::size_t at, std::size_t digits, auto number) {
    auto rest = static_cast<unsigned>(number);
    for (std::size_t i = digits; i-- > 0; rest /= 10)
      text[at + i] = static_cast<char>('0' + rest % 10);
  };
  put(0, 4, static_cast<int>(date.year()));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(8, 2, static_cast<unsigned>(date.day()));
  put(11, 2, clock.hours().count());
  put(14, 2, clock.minutes().count());
  put(17, 2, clock.seconds().count());
  put(20, 3, clock.subseconds().count());
  return text;
}

}  // namespace bridge
