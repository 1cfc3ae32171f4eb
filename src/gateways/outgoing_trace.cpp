// SPDX-License-Identifier: MIT
#include "gateways/outgoing_trace.hpp"

#include "bridge/core/random.hpp"

namespace bridge::gateways {

std::string child_traceparent(const Trace& trace) {
  // version-trace-parent-flags
  constexpr std::size_t kSpan = 36;
  constexpr std::size_t kSpanDigits = 16;
  if (trace.traceparent.size() < 55) return {};
  std::string child = trace.traceparent;
  child.replace(kSpan, kSpanDigits, random_hex(kSpanDigits / 2));
  return child;
}

}  // namespace bridge::gateways
