// SPDX-License-Identifier: MIT
#include "bridge/core/json.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <charconv>

namespace bridge {
namespace {

constexpr std::string_view kBlank = " \t\r\n\f\v";

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7f;
  });
}

}  // namespace

Result<json::object> parse_object(std::string_view body, std::size_t max_depth,
                                  json::storage_ptr memory) {
  if (trim(body).empty()) return json::object();
  json::parse_options options;
  options.max_depth = max_depth;
  boost::system::error_code failed;
  json::value value = json::parse(body, failed, std::move(memory), options);
  if (failed) return Error(Errc::malformed, "the body is not valid JSON");
  if (!value.is_object()) return Error(Errc::invalid_argument, "the body must be a JSON object");
  return std::move(value.get_object());
}

std::size_t count_characters(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

const json::value* Fields::find(std::string_view name) const {
  const json::value* value = object_.if_contains(name);
  return value && !value->is_null() ? value : nullptr;
}

void Fields::complain(std::string_view name, std::string_view what) {
  if (!problem_)
    problem_ = Error(Errc::invalid_argument, std::string(name) + " " + std::string(what));
}

std::optional<std::string> Fields::text(std::string_view name, std::size_t max_characters) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (!value->is_string()) {
    complain(name, "must be a string");
    return std::nullopt;
  }
  const std::string_view text = trim(value->get_string());
  if (text.empty()) return std::nullopt;
  if (count_characters(text) > max_characters) {
    complain(name, "is longer than " + std::to_string(max_characters) + " characters");
    return std::nullopt;
  }
  if (has_control_characters(text)) {
    complain(name, "holds control characters");
    return std::nullopt;
  }
  return std::string(text);
}

std::optional<std::int64_t> Fields::integer(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (value->is_string()) {
    const std::string_view digits = trim(value->get_string());
    if (digits.empty()) return std::nullopt;
    std::int64_t number = 0;
    const auto [end, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (failed == std::errc() && end == digits.data() + digits.size()) return number;
  }
  complain(name, "must be a whole number");
  return std::nullopt;
}

std::optional<bool> Fields::boolean(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  complain(name, "must be true or false");
  return std::nullopt;
}

std::optional<json::object> Fields::object(std::string_view name) {
  const json::value* value = find(name);
  if (!value) return std::nullopt;
  if (value->is_object()) return value->get_object();
  complain(name, "must be an object");
  return std::nullopt;
}

}  // namespace bridge
