// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace bridge {

/// `bytes` bytes from the kernel's generator, as lower-case hex. Good enough for secrets.
/// Throws std::system_error if the kernel refuses.
std::string random_hex(std::size_t bytes);

/// Two lower-case hex digits for each byte.
std::string to_hex(std::span<const unsigned char> bytes);

/// Whether `text` is exactly `digits` lower-case hex digits.
bool is_hex(const std::string& text, std::size_t digits);

}  // namespace bridge
