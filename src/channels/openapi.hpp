// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace bridge::channels {

/// src/channels/openapi.yaml, as it was when the program was built.
std::string_view openapi_yaml();

}  // namespace bridge::channels
