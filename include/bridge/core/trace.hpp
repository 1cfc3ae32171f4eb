// SPDX-License-Identifier: MIT
// On whose behalf something is done. It starts with a request that comes in, is kept with what
// that request set going, and leaves with every call made for it, so that one id finds the lines of
// the bridge's log, ServiceNow's and whatever traces run through both.
#pragma once

#include <string>
#include <utility>

namespace bridge {

class Trace {
 public:
  Trace() = default;
  Trace(std::string id, std::string parent)
      : request_id(std::move(id)), traceparent(std::move(parent)) {}

  std::string request_id;   ///< the `ref` of answers and log lines; empty: nobody asked for it
  std::string traceparent;  ///< W3C Trace Context, checked; empty if the caller sent none
};

}  // namespace bridge
