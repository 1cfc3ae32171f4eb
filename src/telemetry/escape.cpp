// SPDX-License-Identifier: MIT
#include "telemetry/escape.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <cstdint>
#include <cstdio>

namespace bridge::telemetry {
namespace {

constexpr std::uint32_t kBroken = 0xFFFD;

struct Character {
  std::uint32_t code = kBroken;
  std::size_t bytes = 1;
};

/// The first character of non-empty `text`; `kBroken` and one byte if it is not well formed
/// (RFC 3629: no overlong forms, no surrogates, nothing above 10FFFF).
Character decode(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {lead, 1};
  std::size_t bytes = 0;
  std::uint32_t code = 0;
  std::uint32_t lowest = 0;
  if (lead >= 0xC2 && lead <= 0xDF) {
    bytes = 2, code = lead & 0x1Fu, lowest = 0x80;
  } else if ((lead & 0xF0) == 0xE0) {
    bytes = 3, code = lead & 0x0Fu, lowest = 0x800;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    bytes = 4, code = lead & 0x07u, lowest = 0x10000;
  } else {
    return {};
  }
  if (text.size() < bytes) return {};
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (at(i) & 0x3Fu);
  }
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < lowest || code > 0x10FFFF || surrogate) return {};
  return {code, bytes};
}

bool must_escape(std::uint32_t code) {
  return code < 0x20 || (code >= 0x7F && code <= 0x9F) ||  // C0, DEL, C1
         code == 0x2028 || code == 0x2029 ||               // line and paragraph separator
         (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);  // direction
}

/// What stands for itself, in JSON as in a text line. Nearly every value is made of nothing else.
bool is_plain(char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; }
bool is_plain_word(char c) { return is_plain(c) && c != ' ' && c != '='; }

}  // namespace

std::string clean_utf8(std::string_view text) {
  std::string clean;
  clean.reserve(text.size() < kMaxValueBytes ? text.size() : kMaxValueBytes);
  while (!text.empty()) {
    if (clean.size() >= kMaxValueBytes) return clean + "\u2026";
    const Character next = decode(text);
    if (next.code == kBroken) {
      clean += "\uFFFD";
    } else {
      clean.append(text.substr(0, next.bytes));
    }
    text.remove_prefix(next.bytes);
  }
  return clean;
}

void append_text_value(std::string& out, std::string_view text) {
  if (!text.empty() && text.size() <= kMaxValueBytes &&
      std::all_of(text.begin(), text.end(), is_plain_word)) {
    out.append(text);
    return;
  }
  const std::string clean = clean_utf8(text);
  std::string value;
  bool quote = clean.empty();
  for (std::string_view rest = clean; !rest.empty();) {
    const Character next = decode(rest);
    const char c = rest.front();
    if (c == '"' || c == '\\') {
      value.append({'\\', c});
      quote = true;
    } else if (c == '\n') {
      value += "\\n";
      quote = true;
    } else if (must_escape(next.code)) {
      char escape[12];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(next.code));
      value += escape;
      quote = true;
    } else {
      if (c == ' ' || c == '=') quote = true;
      value.append(rest.substr(0, next.bytes));
    }
    rest.remove_prefix(next.bytes);
  }
  if (quote) out.push_back('"');
  out.append(value);
  if (quote) out.push_back('"');
}

void append_json_string(std::string& out, std::string_view text) {
  if (text.size() <= kMaxValueBytes && std::all_of(text.begin(), text.end(), is_plain)) {
    out.push_back('"');
    out.append(text);
    out.push_back('"');
  } else {
    out.append(boost::json::serialize(boost::json::string(clean_utf8(text))));
  }
}

}  // namespace bridge::telemetry
