// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "bridge/net/http.hpp"

namespace bridge::net {

/// `{"error":"<id>"}`. `id` is one of ours and needs no escaping.
Response error_response(unsigned status, std::string_view id);

}  // namespace bridge::net
