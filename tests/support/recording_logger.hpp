// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "bridge/core/logger.hpp"

namespace bridge::test {

/// Keeps every line as "event name=value ...", so that tests can assert on what was logged and,
/// as important, on what was not.
class RecordingLogger final : public Logger {
 public:
  bool enabled(Level) const override { return true; }
  void write(Level level, std::string_view event, std::span<const Field> fields) override;

  bool contains(std::string_view text) const;
  std::vector<std::string> lines;
};

}  // namespace bridge::test
