// SPDX-License-Identifier: MIT
// Making any bytes safe to stand in a log line. Values are also cut: a log is no place for a body.
#pragma once

#include <string>
#include <string_view>

namespace bridge::telemetry {

inline constexpr std::size_t kMaxValueBytes = 1024;

/// Valid UTF-8: broken sequences become U+FFFD, and what is over the bound is cut at a character
/// with an ellipsis in its place.
std::string clean_utf8(std::string_view text);

/// For text lines, appended: as `clean_utf8`, and control characters, line and paragraph separators
/// and the characters that turn the writing direction are written as escapes; quoted if the value
/// would otherwise not end at the next space.
void append_text_value(std::string& out, std::string_view text);

/// For JSON lines: as `clean_utf8`, between quotes, escaped by RFC 8259, 7.
void append_json_string(std::string& out, std::string_view text);

}  // namespace bridge::telemetry
