// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/platform.hpp"

#include <algorithm>
#include <cctype>
#include <ctime>

#include "bridge/core/json.hpp"
#include "bridge/core/random.hpp"
#include "sandbox/glide/script_http.hpp"

namespace bridge::sandbox {

net::Response json_response(unsigned status, std::string body) {
  return net::text_response(status, std::move(body), "application/json;charset=UTF-8");
}

net::Response platform_error(unsigned status, std::string_view message, std::string_view detail) {
  return json_response(status, error_envelope(message, detail));
}

net::Response platform_error(unsigned status, std::string_view message) {
  return json_response(status, error_envelope(message));
}

net::Response unknown_path(std::string_view path) {
  return platform_error(400, "Requested URI does not represent any resource", path);
}

net::Response not_authenticated() {
  net::Response response =
      platform_error(401, "User Not Authenticated", "Required to provide Auth information");
  response.headers.add("WWW-Authenticate", "BASIC realm=\"Service-now\"");
  response.headers.add("WWW-Authenticate", "BEARER realm=\"Service-now\"");
  return response;
}

net::Response acl_denied() {
  return platform_error(403, "User Not Authorized", "Failed API level ACL Validation");
}

net::Response rate_limited(std::optional<int> retry_after_s) {
  // With a rate rule: headers and Retry-After. A full semaphore queue: neither (1.6).
  if (!retry_after_s) return platform_error(429, "Too many concurrent requests");
  net::Response response = platform_error(
      429, "Rate limit exceeded",
      "Number of allowed requests per hour exceeded: 1000 requests per hour for this API");
  response.headers.set("Retry-After", std::to_string(*retry_after_s));
  response.headers.set("X-RateLimit-Limit", "1000");
  response.headers.set("X-RateLimit-Reset", std::to_string(std::time(nullptr) + *retry_after_s));
  response.headers.set("X-RateLimit-Rule", "5a0000000000000000000000000a7e00");
  return response;
}

net::Response hibernation_page(unsigned status) {
  return net::text_response(
      status,
      "<!DOCTYPE html><html><head><title>Instance Hibernating page</title></head>"
      "<body><h1>Your instance is hibernating</h1><p>Sign in to the developer "
      "site to wake it up.</p></body></html>",
      "text/html;charset=UTF-8");
}

void add_platform_headers(net::Response& response, bool logged_in) {
  response.headers.set("X-Is-Logged-In", logged_in ? "true" : "false");
  response.headers.set("X-Transaction-ID", random_hex(6));
  response.headers.set("Strict-Transport-Security", "max-age=63072000; includeSubDomains");
  response.headers.set("Cache-Control", "no-cache,no-store,must-revalidate,max-age=-1");
  response.headers.set("Pragma", "no-store,no-cache");
  response.headers.set("Expires", "0");
}

std::string media_type(std::string_view content_type) {
  std::string type(content_type.substr(0, content_type.find(';')));
  while (!type.empty() && type.back() == ' ') type.pop_back();
  std::transform(type.begin(), type.end(), type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

bool accepts_json(std::string_view accept) {
  if (accept.empty()) return true;
  while (!accept.empty()) {
    const auto comma = accept.find(',');
    const std::string type = media_type(trim(accept.substr(0, comma)));
    if (type == "*/*" || type == "application/*" || type == "application/json") return true;
    accept.remove_prefix(comma == std::string_view::npos ? accept.size() : comma + 1);
  }
  return false;
}

}  // namespace bridge::sandbox
