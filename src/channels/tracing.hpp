// SPDX-License-Identifier: MIT
// On whose behalf a handler works: the id of its request, and the trace that its caller is in.
#pragma once

#include <string>
#include <string_view>

#include "bridge/core/trace.hpp"
#include "bridge/net/http.hpp"

namespace bridge::channels {

/// The request's trace. Gives the request an id if nobody has drawn one for it yet.
Trace trace_of(net::Request& request);

/// `value` in the form of W3C Trace Context, version 00, or empty if it is no traceparent.
std::string checked_traceparent(std::string_view value);

/// A new id: what `ref` and X-Request-Id say where the connection has drawn none.
std::string draw_request_id();

}  // namespace bridge::channels
