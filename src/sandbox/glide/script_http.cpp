// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_http.hpp"

#include <boost/json/serialize.hpp>

#include "bridge/core/json.hpp"

namespace bridge::sandbox {
namespace {

std::string envelope(std::string_view message, json::value detail) {
  json::object error{{"message", message}, {"detail", std::move(detail)}};
  return json::serialize(json::object{{"error", std::move(error)}, {"status", "failure"}});
}

}  // namespace

std::string error_envelope(std::string_view message, std::string_view detail) {
  return envelope(message, json::value(detail));
}

std::string error_envelope(std::string_view message) { return envelope(message, nullptr); }

}  // namespace bridge::sandbox
