// SPDX-License-Identifier: MIT
#include "gateways/servicenow/name_cache.hpp"

namespace bridge::gateways {

std::optional<std::string> NameCache::find(std::string_view id, TimePoint now) {
  const auto at = index_.find(id);
  if (at == index_.end()) return std::nullopt;
  if (now - at->second->since >= max_age_) {
    order_.erase(at->second);
    index_.erase(at);
    return std::nullopt;
  }
  order_.splice(order_.begin(), order_, at->second);
  return at->second->name;
}

void NameCache::put(const std::string& id, std::string name, TimePoint now) {
  if (const auto at = index_.find(id); at != index_.end()) {
    order_.erase(at->second);
    index_.erase(at);
  }
  if (order_.size() >= max_entries_) {
    index_.erase(order_.back().id);
    order_.pop_back();
  }
  order_.push_front(Entry{id, std::move(name), now});
  index_.emplace(id, order_.begin());
}

}  // namespace bridge::gateways
