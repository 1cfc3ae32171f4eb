// SPDX-License-Identifier: MIT
// Bodies of activities, separated by a zero byte -> /api/messages, in a conversation that may or
// may not have a chat. Whatever is posted is answered 200, 202, 400 or 403; what is expected in the
// answer is JSON, and the same for the same activity.
#include <boost/json/parse.hpp>

#include "fuzz/front.hpp"

namespace {

using namespace bridge;
using fuzz::require;

bool is_json_with_activities(const std::string& body) {
  boost::system::error_code failed;
  const auto answer = boost::json::parse(body, failed);
  if (failed || !answer.is_object()) return false;
  const auto* activities = answer.get_object().if_contains("activities");
  if (!activities || !activities->is_array()) return false;
  for (const auto& one : activities->get_array()) {
    if (!one.is_object() || !one.get_object().contains("type")) return false;
    for (const char* never : {"id", "serviceUrl", "timestamp", "callerId"})
      if (one.get_object().contains(never)) return false;
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Front front;
  const std::string_view bodies = fuzz::view_of(data, size);
  std::size_t from = 0;
  for (int count = 0; count < 24 && from <= bodies.size(); ++count) {
    const std::size_t end = std::min(bodies.find('\0', from), bodies.size());
    const std::string body(bodies.substr(from, end - from));
    const auto response = front.post("/api/messages", body);
    require(response.status == 200 || response.status == 202 || response.status == 400 ||
                response.status == 403,
            "an activity is taken, malformed, or not to be answered there");
    const bool json = response.headers.get("Content-Type") == "application/json";
    if (response.status == 202) require(response.body.empty(), "what is accepted is empty");
    if (response.status == 200 && json && response.body != "{}")
      require(is_json_with_activities(response.body), "expected replies are activities");
    from = end + 1;
  }
  return 0;
}
