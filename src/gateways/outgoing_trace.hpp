// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "bridge/core/trace.hpp"

namespace bridge::gateways {

/// The traceparent of a call made for that trace: the same trace with a span of our own (W3C Trace
/// Context, 2.2). Empty if there is none to go on with.
std::string child_traceparent(const Trace& trace);

}  // namespace bridge::gateways
