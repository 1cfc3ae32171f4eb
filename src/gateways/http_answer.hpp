// SPDX-License-Identifier: MIT
// What every upstream's answer is asked: is it JSON, is it the page of a sleeping instance, how
// long shall we wait.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/clock.hpp"
#include "bridge/core/error.hpp"
#include "bridge/net/header_values.hpp"
#include "bridge/net/http.hpp"

namespace bridge::gateways {

/// By Content-Type: application/json or a +json type (RFC 6839).
bool is_json(const net::Response& response);

/// Whether `text` holds `needle`, which is in lower case, in any case of ASCII letters.
bool contains_ignoring_case(std::string_view text, std::string_view needle);

using net::base64;
using net::retry_after;

/// A client's error with what was being done in front of its context, and `hint` if it has none.
Error transport_error(const Error& error, const std::string& doing, const std::string& hint);

}  // namespace bridge::gateways
