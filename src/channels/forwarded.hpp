// SPDX-License-Identifier: MIT
// What proxies in front say about a caller, as far as it can be believed: each proxy adds itself at
// the right end of a list, so with n trusted proxies the n-th element from the right was written by
// one of them, and everything further left by whoever called.
#pragma once

#include <optional>
#include <string_view>

#include "bridge/net/http.hpp"
#include "channels/rate_limit.hpp"

namespace bridge::channels {

/// The n-th element from the right of a list header that may stand in several lines (RFC 9110,
/// 5.3); empty elements do not count. Empty if there are fewer.
/// Lifetime: the view lives as long as the request's headers.
std::string_view element_from_right(const net::Headers& headers, std::string_view name, int n);

/// X-Forwarded-Host or X-Forwarded-Proto as the trusted proxies put it. Many replace it instead of
/// adding to it: if there are fewer elements than proxies, the left-most counts. Empty with 0.
std::string_view forwarded(const net::Request& request, std::string_view name, int trusted_proxies);

/// Whom a request is counted under: the n-th address from the right of X-Forwarded-For with n
/// trusted proxies, otherwise, and if that is no address, the TCP peer.
BucketKey client_key(const net::Request& request, int trusted_proxies);

}  // namespace bridge::channels
