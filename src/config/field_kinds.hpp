// SPDX-License-Identifier: MIT
// The kinds of settings: how each is read, checked and shown. A row of the table names one of these
// and says where the value goes, as a function from Config to the member (`Access`).
#pragma once

#include <algorithm>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bridge/core/json.hpp"
#include "bridge/core/random.hpp"
#include "config/field_readers.hpp"
#include "config/field_table.hpp"
#include "config/values.hpp"

namespace bridge::config {

/// What every row says of itself.
struct Row {
  std::string name;
  std::string default_text;
  std::string doc;
  std::string example = {};
  bool required = false;
};

inline Field base(const Row& row, std::string accepts) {
  Field field;
  field.name = row.name;
  field.default_text = row.default_text;
  field.doc = row.doc;
  field.example = row.example.empty() ? row.default_text : row.example;
  field.required = row.required;
  field.accepts = std::move(accepts);
  return field;
}

/// A text with a reader of its own.
template <class Access>
Field text(const Row& row, std::string accepts, Wrong (*read)(Config&, std::string_view),
           Access at) {
  Field field = base(row, std::move(accepts));
  field.assign = read;
  field.show = [at](const Config& config) { return std::string(at(config)); };
  return field;
}

template <class Access>
Field duration(const Row& row, Millis low, Millis high, Access at) {
  Field field =
      base(row, "a duration from " + format_duration(low) + " to " + format_duration(high) +
                    ", with ms, s, m, h or d (a bare number means seconds)");
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    const auto value = parse_duration(text);
    if (!value) return "is not a duration";
    if (*value < low || *value > high) return "is out of range";
    at(config) = *value;
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return format_duration(at(config)); };
  return field;
}

template <class Access>
Field size(const Row& row, std::size_t low, std::size_t high, Access at) {
  Field field = base(row, "a size from " + format_size(low) + " to " + format_size(high) +
                              ", with B, KB, KiB, MB or MiB");
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    const auto value = parse_size(text);
    if (!value) return "is not a size";
    if (*value < low || *value > high) return "is out of range";
    at(config) = *value;
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return format_size(at(config)); };
  return field;
}

template <class Access>
Field number(const Row& row, std::int64_t low, std::int64_t high, Access at) {
  Field field =
      base(row, "a whole number from " + std::to_string(low) + " to " + std::to_string(high));
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    const auto value = parse_integer(text);
    if (!value) return "is not a whole number";
    if (*value < low || *value > high) return "is out of range";
    auto& place = at(config);
    place = static_cast<std::remove_reference_t<decltype(place)>>(*value);
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return std::to_string(at(config)); };
  return field;
}

template <class Access>
Field on_off(const Row& row, Access at) {
  Field field = base(row, "1 or 0");
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    const auto value = parse_switch(text);
    if (!value) return "is neither 1 nor 0";
    at(config) = *value;
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return std::string(at(config) ? "1" : "0"); };
  return field;
}

/// One word of a few. The first of several words for one value is the one that is shown.
template <class T, class Access>
Field choice(const Row& row, std::string accepts, std::vector<std::pair<std::string, T>> words,
             Access at) {
  Field field = base(row, std::move(accepts));
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    const std::string word = to_lower(trim(text));
    for (const auto& [known, value] : words) {
      if (known != word) continue;
      at(config) = value;
      return std::nullopt;
    }
    return "is none of the accepted words";
  };
  field.show = [=](const Config& config) {
    for (const auto& [known, value] : words)
      if (value == at(config)) return known;
    return std::string();
  };
  return field;
}

template <class Access>
Field upstream_url(const Row& row, std::string accepts, bool origin_only, bool query, Access at) {
  Field field = base(row, std::move(accepts));
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    UrlRule rule;
    rule.allow_http = config.allow_insecure_upstream;
    rule.origin_only = origin_only;
    rule.allow_query = query;
    auto url = parse_url(text, rule);
    if (!url) return url.error().context();
    at(config) = std::move(*url);
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return at(config); };
  return field;
}

template <class Access>
Field sys_id(const Row& row, Access at) {
  Field field = base(row, "a sys_id: 32 hex digits");
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    std::string id = to_lower(trim(text));
    if (!is_hex(id, 32)) return "is not a sys_id";
    at(config) = std::move(id);
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return at(config); };
  return field;
}

template <class Access>
Field secret(const Row& row, std::string accepts, Access at) {
  Field field = base(row, std::move(accepts));
  field.secret = true;
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    if (Wrong wrong = check_secret(text)) return wrong;
    at(config) = Secret(std::string(text));
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return at(config).empty() ? "unset" : "set"; };
  return field;
}

/// A secret that callers present in a header; two values during a rotation.
template <class Access>
Field caller_secret(const Row& row, Access at) {
  Field field =
      base(row,
           "at least 16 printable characters without commas; a second value, after a comma, is "
           "accepted as well during a rotation; make one with: openssl rand -hex 32");
  field.secret = true;
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    std::vector<Secret> values;
    for (const std::string& value : split_list(text)) {
      if (Wrong wrong = check_secret(value)) return wrong;
      if (value.size() < 16) return "is shorter than 16 characters";
      const bool printable =
          std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c < 0x7F; });
      if (!printable) return "holds characters that a header cannot carry";
      values.emplace_back(value);
    }
    if (values.empty()) return "holds no value";
    if (values.size() > 2) return "holds more than two values";
    at(config) = std::move(values);
    return std::nullopt;
  };
  field.show = [at](const Config& config) {
    if (at(config).empty()) return "unset";
    return at(config).size() == 1 ? "set" : "set (two values)";
  };
  return field;
}

}  // namespace bridge::config
