// SPDX-License-Identifier: MIT
#include "telemetry/log_line.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "telemetry/escape.hpp"

namespace bridge::telemetry {
namespace {

bool says_nothing(const Field& field) {
  const auto* text = std::get_if<std::string_view>(&field.value);
  return text && text->empty();
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 64> text{};
  const auto [end, failed] = std::to_chars(text.data(), text.data() + text.size(), number);
  out.append(text.data(), end);
}

struct AppendText {
  std::string& out;

  void operator()(std::string_view v) const { append_text_value(out, v); }
  void operator()(std::int64_t v) const { append_number(out, v); }
  void operator()(double v) const { append_number(out, v); }
  void operator()(bool v) const { out.append(v ? "true" : "false"); }
};

struct AppendJson {
  std::string& out;

  void operator()(std::string_view v) const { append_json_string(out, v); }
  void operator()(std::int64_t v) const { append_number(out, v); }
  void operator()(double v) const {
    if (std::isfinite(v))
      append_number(out, v);
    else
      out.append("null");  // JSON has no other word for it
  }
  void operator()(bool v) const { out.append(v ? "true" : "false"); }
};

/// Whether the name of field `at` is one that we give ourselves, or that a field before it has.
bool is_taken(std::span<const Field> fields, std::size_t at) {
  constexpr std::array<std::string_view, 5> kOurs = {"time", "level", "logger", "event",
                                                     "suppressed"};
  const std::string_view name = fields[at].name;
  const auto before = fields.first(at);
  return std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end() ||
         std::any_of(before.begin(), before.end(), [&](const Field& other) {
           return other.name == name && !says_nothing(other);
         });
}

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warning:
      return "warning";
    case Level::error:
      return "error";
    case Level::off:
      break;
  }
  return "off";
}

void append_as_text(std::string& out, const LogLine& line) {
  out.append(to_iso8601(line.time)).append(" ").append(name_of(line.level)).append(" ");
  out.append(line.logger).append(" ");
  append_text_value(out, line.event);
  for (const Field& field : line.fields) {
    if (says_nothing(field)) continue;
    out.push_back(' ');
    append_text_value(out, field.name);
    out.push_back('=');
    std::visit(AppendText{out}, field.value);
  }
  if (line.suppressed > 0) {
    out.append(" suppressed=");
    append_number(out, line.suppressed);
  }
}

void append_as_json(std::string& out, const LogLine& line) {
  out.append("{\"time\":\"").append(to_iso8601(line.time));
  out.append("\",\"level\":\"").append(name_of(line.level)).append("\",\"logger\":");
  append_json_string(out, line.logger);
  out.append(",\"event\":");
  append_json_string(out, line.event);
  for (std::size_t i = 0; i < line.fields.size(); ++i) {
    const Field& field = line.fields[i];
    if (says_nothing(field)) continue;
    out.push_back(',');
    // A field may not overwrite what we say ourselves.
    if (is_taken(line.fields, i))
      append_json_string(out, "field_" + std::string(field.name));
    else
      append_json_string(out, field.name);
    out.push_back(':');
    std::visit(AppendJson{out}, field.value);
  }
  if (line.suppressed > 0) {
    out.append(",\"suppressed\":");
    append_number(out, line.suppressed);
  }
  out.push_back('}');
}

}  // namespace bridge::telemetry
