// SPDX-License-Identifier: MIT
// Makes a script's text ready for Duktape, which has neither a time limit nor an ES5 mode: every
// loop and function gets a call that counts time, without moving a line; and syntax that the
// platform's ES5 mode refuses is refused. The text that was installed is not altered.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bridge::sandbox {

/// The global function that prepared scripts call at each turn of a loop.
inline constexpr const char* kTickFunction = "__sandboxTick";

struct PreparedScript {
  std::string text;
  /// The first ES2015 construct, as "line 12: arrow function"; nothing for clean ES5.
  std::optional<std::string> beyond_es5;
};

PreparedScript prepare_script(std::string_view source);

/// Duktape's strings hold characters beyond U+FFFF as two surrogates of three bytes each.
std::string to_cesu8(std::string_view utf8);
/// The way back; a lone surrogate becomes U+FFFD.
std::string from_cesu8(std::string_view cesu8);

}  // namespace bridge::sandbox
