// SPDX-License-Identifier: MIT
#include "gateways/http_answer.hpp"

#include <algorithm>

#include "bridge/core/json.hpp"

namespace bridge::gateways {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

bool is_json(const net::Response& response) {
  std::string type(response.headers.get("Content-Type"));
  type.resize(std::min(type.find(';'), type.size()));
  std::transform(type.begin(), type.end(), type.begin(), lower);
  const std::string_view name = trim(type);
  return name == "application/json" ||
         (name.starts_with("application/") && name.ends_with("+json"));
}

bool contains_ignoring_case(std::string_view text, std::string_view needle) {
  return std::search(text.begin(), text.end(), needle.begin(), needle.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

Error transport_error(const Error& error, const std::string& doing, const std::string& hint) {
  std::string context = doing;
  if (!error.context().empty()) context += ": " + error.context();
  return Error(error.code(), std::move(context))
      .with_hint(error.hint().empty() ? hint : error.hint())
      .with_outcome(error.outcome())
      .with_retry_after(error.retry_after());
}

}  // namespace bridge::gateways
