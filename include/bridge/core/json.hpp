// SPDX-License-Identifier: MIT
// Reading JSON that strangers wrote. `parse_object` bounds size and depth; `Fields` reads members
// by type and length and remembers the first thing that is wrong, so that a handler reads all its
// fields in a row and asks once.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/error.hpp"

namespace bridge {

namespace json = boost::json;

/// An absent or blank body is `{}`; anything else must be one JSON object in valid UTF-8, no
/// deeper than `max_depth`. Errors: malformed, invalid_argument (JSON, but not an object).
/// Lifetime: what `memory` points to must outlive the object.
Result<json::object> parse_object(std::string_view body, std::size_t max_depth = 32,
                                  json::storage_ptr memory = {});

/// The number of Unicode characters in valid UTF-8.
std::size_t count_characters(std::string_view utf8);

/// White space at both ends removed, as the old bridge's `.strip()` did for its fields.
std::string_view trim(std::string_view text);

/// Reads members of one object.
/// Lifetime: keeps a reference to `object`, which must outlive it.
class Fields {
 public:
  explicit Fields(const json::object& object) : object_(object) {}

  /// The trimmed text, or nothing if the member is absent, null or blank. A number is refused.
  /// Control characters other than tab and line ends are refused.
  std::optional<std::string> text(std::string_view name, std::size_t max_characters);
  /// As `text`, for fields that other systems fill with a string or a number alike.
  std::optional<std::int64_t> integer(std::string_view name);
  std::optional<bool> boolean(std::string_view name);
  std::optional<json::object> object(std::string_view name);

  /// What was wrong first, naming the field; nothing if all that was read is sound.
  const std::optional<Error>& problem() const { return problem_; }

 private:
  const json::value* find(std::string_view name) const;
  void complain(std::string_view name, std::string_view what);

  const json::object& object_;
  std::optional<Error> problem_;
};

}  // namespace bridge
