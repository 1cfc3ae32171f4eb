// SPDX-License-Identifier: MIT
#include "sandbox/glide/record.hpp"

#include <charconv>

namespace bridge::sandbox {

std::optional<std::string> Record::get(std::string_view column) const {
  const auto found = values_.find(column);
  if (found == values_.end() || !found->second || found->second->empty()) return std::nullopt;
  return found->second;
}

std::string Record::text(std::string_view column) const { return get(column).value_or(""); }

bool Record::flag(std::string_view column) const {
  const std::string value = text(column);
  return value == "1" || value == "true";
}

std::int64_t Record::number(std::string_view column) const {
  const std::string value = text(column);
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), number);
  return problem == std::errc() && end == value.data() + value.size() ? number : 0;
}

Record& Record::set(std::string column, std::string value) {
  values_.insert_or_assign(std::move(column), std::move(value));
  return *this;
}

Record& Record::set_null(std::string column) {
  values_.insert_or_assign(std::move(column), std::nullopt);
  return *this;
}

void Record::erase(std::string_view column) {
  if (const auto found = values_.find(column); found != values_.end()) values_.erase(found);
}

}  // namespace bridge::sandbox
