// SPDX-License-Identifier: MIT
#include "support/recording_logger.hpp"

#include <algorithm>

namespace bridge::test {

void RecordingLogger::write(Level, std::string_view event, std::span<const Field> fields) {
  struct Print {
    std::string operator()(std::string_view v) const { return std::string(v); }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return std::to_string(v); }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
  };
  std::string line(event);
  for (const Field& field : fields)
    line.append(" ").append(field.name).append("=").append(std::visit(Print{}, field.value));
  lines.push_back(std::move(line));
}

bool RecordingLogger::contains(std::string_view text) const {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

}  // namespace bridge::test
