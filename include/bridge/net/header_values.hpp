// SPDX-License-Identifier: MIT
// Values of header fields that clients of several upstreams need.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/clock.hpp"
#include "bridge/net/http.hpp"

namespace bridge::net {

/// RFC 9110, 10.2.3: seconds or a date; nothing if absent or neither. At most a day.
std::optional<std::chrono::seconds> retry_after(const Response& response, Time now);

/// RFC 4648, section 4, for Basic authentication.
std::string base64(std::string_view bytes);

}  // namespace bridge::net
