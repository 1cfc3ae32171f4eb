// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bridge::sandbox {

std::string base64_encode(std::string_view bytes);
/// Nothing if a character does not belong; padding may be missing.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace bridge::sandbox
