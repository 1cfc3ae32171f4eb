// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace bridge::gateways {

/// Names of people by sys_id, bounded in number and age; the least recently used one goes first.
class NameCache {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  NameCache(std::size_t max_entries, std::chrono::seconds max_age)
      : max_entries_(max_entries), max_age_(max_age) {}

  std::optional<std::string> find(std::string_view id, TimePoint now);
  void put(const std::string& id, std::string name, TimePoint now);
  std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    std::string id;
    std::string name;
    TimePoint since;
  };
  std::size_t max_entries_;
  std::chrono::seconds max_age_;
  std::list<Entry> order_;  // the most recently used first
  std::map<std::string, std::list<Entry>::iterator, std::less<>> index_;
};

}  // namespace bridge::gateways
