// SPDX-License-Identifier: MIT
#include "config/field_readers.hpp"

#include <arpa/inet.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "bridge/core/json.hpp"
#include "config/values.hpp"

namespace bridge::config {
namespace {

/// The sample files of the old bridge, and its built-in defaults, hold texts that everybody can
/// read: "replace-with-long-random-string", "replace-me", "dev-shared-secret-change-me".
bool is_placeholder(std::string_view text) {
  const std::string lower = to_lower(text);
  return lower.starts_with("replace-") || lower.find("change-me") != std::string::npos ||
         lower.find("changeme") != std::string::npos ||
         (lower.starts_with('<') && lower.ends_with('>'));
}

}  // namespace

Wrong check_secret(std::string_view text) {
  if (is_placeholder(text)) return "is the placeholder of a sample file";
  if (has_control_characters(text)) return "holds control characters";
  return std::nullopt;
}

Wrong read_user(Config& config, std::string_view text) {
  text = trim(text);
  // RFC 7617: a user-id with a colon cannot be sent by basic authentication.
  if (text.find(':') != std::string_view::npos) return "holds a colon";
  // `^` separates the terms of an encoded query; the account looks itself up by this name.
  if (text.find('^') != std::string_view::npos) return "holds a '^'";
  if (has_control_characters(text)) return "holds control characters";
  config.servicenow.user = text;
  return std::nullopt;
}

Wrong read_api_base(Config& config, std::string_view text) {
  std::string path(trim(text));
  while (path.ends_with('/')) path.pop_back();
  const bool sound =
      path.starts_with("/api/") && path.size() > 5 && path.find("//") == std::string::npos &&
      path.find("..") == std::string::npos && std::all_of(path.begin(), path.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '/' || c == '_' || c == '-' || c == '.';
      });
  if (!sound) return "is not the path of a Scripted REST API";
  config.servicenow.api_base = std::move(path);
  return std::nullopt;
}

Wrong read_ca_file(Config& config, std::string_view text) {
  const std::string path(trim(text));
  if (!std::ifstream(path)) return "names a file that cannot be read";
  config.servicenow.ca_file = path;
  return std::nullopt;
}

Wrong read_host(Config& config, std::string_view text) {
  const std::string host(trim(text));
  unsigned char address[16];
  if (inet_pton(AF_INET, host.c_str(), address) != 1 &&
      inet_pton(AF_INET6, host.c_str(), address) != 1)
    return "is not an IP address";
  config.web.host = host;
  return std::nullopt;
}

Wrong read_public_url(Config& config, std::string_view text) {
  UrlRule rule;
  rule.allow_http = true;
  auto url = parse_url(text, rule);
  if (!url) return url.error().context();
  config.web.public_url = std::move(*url);
  return std::nullopt;
}

Wrong read_web_dir(Config& config, std::string_view text) {
  const std::string path(trim(text));
  struct stat found {};
  if (stat(path.c_str(), &found) != 0 || !S_ISDIR(found.st_mode)) return "is not a folder";
  config.web.web_dir = path;
  return std::nullopt;
}

Wrong read_origins(Config& config, std::string_view text) {
  std::vector<std::string> origins;
  for (const std::string& entry : split_list(text)) {
    auto origin = parse_origin(entry);
    if (!origin) return "has an entry that " + origin.error().context();
    origins.push_back(std::move(*origin));
  }
  config.web.allowed_origins = std::move(origins);
  return std::nullopt;
}

}  // namespace bridge::config
