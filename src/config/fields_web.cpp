// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {
namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

Field allowed_origins() {
  Field field = base(
      {"ALLOWED_ORIGINS", "", "Other sites whose pages may use the bridge (CORS and WebSocket).",
       "https://intranet.example.com,https://portal.example.com"},
      "origins (scheme, host, port) separated by commas; no wildcard");
  field.assign = read_origins;
  field.show = [](const Config& config) { return join(config.web.allowed_origins); };
  return field;
}

}  // namespace

std::vector<Field> web_fields() {
  return in_group(
      "Listening and pages",
      {
          text(
              {"BRIDGE_HOST", "0.0.0.0",
               "Address to listen on. 127.0.0.1 keeps it to this machine, which is enough "
               "behind a dev tunnel; a container needs 0.0.0.0.",
               "127.0.0.1"},
              "an IPv4 or IPv6 address", read_host, [](auto& c) -> auto& { return c.web.host; }),
          number(
              {"PORT", "5000", "Port to listen on; 0 takes a free one and says which."}, 0, 65535,
              [](auto& c) -> auto& { return c.web.port; }),
          text(
              {"BRIDGE_PUBLIC_URL", "",
               "The URL under which browsers and ServiceNow reach the bridge.",
               "https://abc12345-5000.use.devtunnels.ms"},
              "an http or https URL", read_public_url,
              [](auto& c) -> auto& { return c.web.public_url; }),
          text(
              {"WEB_DIR", "",
               "Folder of the static files. Without it: web beside the program, or in the "
               "working directory.",
               "web"},
              "an existing folder", read_web_dir, [](auto& c) -> auto& { return c.web.web_dir; }),
          choice<SessionToken>(
              {"SESSION_TOKEN", "required",
               "optional lets a session id alone open a session, for old pages on other sites. "
               "Anybody who sees an id can then read the chat.",
               "optional"},
              "required or optional",
              {{"required", SessionToken::required}, {"optional", SessionToken::optional}},
              [](auto& c) -> auto& { return c.web.session_token; }),
          allowed_origins(),
          number(
              {"TRUSTED_PROXIES", "0",
               "How many reverse proxies stand in front whose X-Forwarded-* headers are believed. "
               "One on Azure Container Apps and behind a dev tunnel.",
               "1"},
              0, 10, [](auto& c) -> auto& { return c.web.trusted_proxies; }),
      });
}

}  // namespace bridge::config
