// SPDX-License-Identifier: MIT
#include "sandbox/glide/system_log.hpp"

#include <algorithm>

namespace bridge::sandbox {

void SystemLog::add(LogEntry entry) {
  const std::lock_guard guard(mutex_);
  if (entries_.size() == kMaxEntries) entries_.pop_front();
  entries_.push_back(std::move(entry));
}

std::vector<LogEntry> SystemLog::entries() const {
  const std::lock_guard guard(mutex_);
  return {entries_.begin(), entries_.end()};
}

bool SystemLog::contains(std::string_view text) const {
  const std::lock_guard guard(mutex_);
  return std::any_of(entries_.begin(), entries_.end(), [&](const LogEntry& entry) {
    return entry.message.find(text) != std::string::npos;
  });
}

void SystemLog::clear() {
  const std::lock_guard guard(mutex_);
  entries_.clear();
}

}  // namespace bridge::sandbox
