// SPDX-License-Identifier: MIT
#pragma once

#include <mutex>

#include "bridge/core/logger.hpp"

namespace bridge::sandbox {

/// Lets several threads share a logger that is made for one.
class LockedLogger final : public Logger {
 public:
  explicit LockedLogger(Logger& inner) : inner_(inner) {}
  bool enabled(Level level) const override {
    const std::lock_guard guard(mutex_);
    return inner_.enabled(level);
  }
  void write(Level level, std::string_view event, std::span<const Field> fields) override {
    const std::lock_guard guard(mutex_);
    inner_.write(level, event, fields);
  }

 private:
  mutable std::mutex mutex_;
  Logger& inner_;
};

}  // namespace bridge::sandbox
