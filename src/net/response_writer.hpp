// SPDX-License-Identifier: MIT
// Turns a Response into the bytes of its head: the fields that HTTP itself owns (Date, lengths,
// Connection) are set here and nowhere else, and no value can smuggle a line break.
#pragma once

#include <ctime>
#include <string>

#include "bridge/net/http.hpp"

namespace bridge::net {

/// The Date field's value, made once a second.
class DateCache {
 public:
  const std::string& now();

 private:
  std::time_t second_ = -1;
  std::string text_;
};

struct HeadRules {
  bool keep_alive = true;
  bool http_1_0 = false;  ///< such a client must be told that the connection stays open
  bool head_request = false;
};

/// Whether a response of that status has a body at all (RFC 9110, 6.4.1).
bool may_have_body(unsigned status);

std::string response_head(const Response& response, const HeadRules& rules, DateCache& date);

}  // namespace bridge::net
