// SPDX-License-Identifier: MIT
// Who may post to /api/messages: Copilot Studio's connected agent.
#include <algorithm>

#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {
namespace {

constexpr std::string_view kGuidForm = "00000000-0000-0000-0000-000000000000";

/// In lower case; nothing if it is none. Braces, which some tools write around it, are dropped.
std::optional<std::string> read_guid(std::string_view text) {
  std::string id = to_lower(trim(text));
  if (id.size() == kGuidForm.size() + 2 && id.front() == '{' && id.back() == '}')
    id = id.substr(1, kGuidForm.size());
  if (id.size() != kGuidForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < id.size(); ++i)
    if (kGuidForm[i] == '-' ? id[i] != '-' : !is_hex(id.substr(i, 1), 1)) return std::nullopt;
  return id;
}

template <class Access>
Field guid(const Row& row, std::vector<std::string> aliases, Access at) {
  Field field = base(row, "a GUID");
  field.aliases = std::move(aliases);
  field.assign = [=](Config& config, std::string_view text) -> Wrong {
    auto id = read_guid(text);
    if (!id) return "is not a GUID";
    at(config) = std::move(*id);
    return std::nullopt;
  };
  field.show = [at](const Config& config) { return at(config); };
  return field;
}

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& entry : list) text += (text.empty() ? "" : ",") + entry;
  return text;
}

Wrong read_key_header(Config& config, std::string_view text) {
  const std::string name(trim(text));
  // RFC 9110, 5.1. The others are not for whoever calls to choose.
  constexpr std::string_view kSigns = "!#$%&'*+-.^_`|~";
  const bool token = std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           kSigns.find(c) != std::string_view::npos;
  });
  if (!token || name.size() > 64) return "is not the name of a header field";
  for (const std::string_view taken : {"host", "cookie", "content-type", "content-length",
                                       "connection", "transfer-encoding", "origin"})
    if (to_lower(name) == taken) return "is a field that has a meaning of its own";
  config.copilot.api_key_header = name;
  return std::nullopt;
}

Wrong read_callers(Config& config, std::string_view text) {
  std::vector<std::string> callers;
  for (const std::string& entry : split_list(text)) {
    if (entry == "*") return "is '*', which would let every application of the tenant in";
    auto id = read_guid(entry);
    if (!id) return "has an entry that is not a GUID";
    callers.push_back(std::move(*id));
  }
  config.copilot.allowed_callers = std::move(callers);
  return std::nullopt;
}

Wrong read_audiences(Config& config, std::string_view text) {
  std::vector<std::string> audiences = split_list(text);
  for (const std::string& entry : audiences)
    if (entry == "*" || has_control_characters(entry) || entry.find(' ') != std::string::npos)
      return "has an entry that is no application id and no URI";
  config.copilot.audiences = std::move(audiences);
  return std::nullopt;
}

Field list(const Row& row, std::string accepts, Wrong (*read)(Config&, std::string_view),
           std::vector<std::string> CopilotConfig::*member) {
  Field field = base(row, std::move(accepts));
  field.assign = read;
  field.show = [member](const Config& config) { return joined(config.copilot.*member); };
  return field;
}

}  // namespace

std::vector<Field> copilot_fields() {
  return in_group(
      "Copilot Studio's connected agent",
      {
          choice<CopilotAuthMode>(
              {"CS_AUTH", "auto",
               "How Copilot Studio proves who it is when it posts to /api/messages: by a key, by "
               "an access token of Microsoft Entra, or not at all (none: whoever reaches the "
               "bridge may open chats; for trying out only). auto takes whatever of key and token "
               "is set up; with neither /api/messages answers 503 not_configured.",
               "entra"},
              "auto, key, entra or none",
              {{"auto", CopilotAuthMode::automatic},
               {"key", CopilotAuthMode::key},
               {"entra", CopilotAuthMode::entra},
               {"none", CopilotAuthMode::none}},
              [](auto& c) -> auto& { return c.copilot.auth; }),
          caller_secret(
              {"CS_API_KEY", "",
               "The key that the connection of the connected agent sends (authentication type API "
               "key).",
               "the output of: openssl rand -hex 32"},
              [](auto& c) -> auto& { return c.copilot.api_keys; }),
          text(
              {"CS_API_KEY_HEADER", "X-API-Key",
               "The one header field in which that key is looked for. Authorization means "
               "Authorization: Bearer <key>.",
               "X-API-Key"},
              "the name of a header field", read_key_header,
              [](auto& c) -> auto& { return c.copilot.api_key_header; }),
          guid(
              {"CS_TENANT_ID", "",
               "The directory (tenant) whose access tokens are accepted. A2A_TENANT_ID and "
               "SKILL_TENANT_ID, the old bridge's names, are read as well.",
               "72f988bf-86f1-41af-91ab-2d7cd011db47"},
              {"A2A_TENANT_ID", "SKILL_TENANT_ID"},
              [](auto& c) -> auto& { return c.copilot.tenant_id; }),
          guid(
              {"CS_APP_ID", "",
               "Application (client) id of the bridge's app registration: tokens must be for it. "
               "A2A_APP_ID and SKILL_APP_ID are read as well.",
               "6731de76-14a6-49ae-97bc-6eba6914391e"},
              {"A2A_APP_ID", "SKILL_APP_ID"}, [](auto& c) -> auto& { return c.copilot.app_id; }),
          list({"CS_AUDIENCES", "",
                "Audiences that a token may be for besides CS_APP_ID and api://<CS_APP_ID>: a "
                "custom Application ID URI.",
                "api://bridge.example.com"},
               "application ids or Application ID URIs, separated by commas", read_audiences,
               &CopilotConfig::audiences),
          list({"CS_ALLOWED_CALLERS", "",
                "Applications that may call with such a token. Unset: CS_APP_ID itself, because a "
                "connection with client credentials signs in as the very app that it was given. * "
                "is refused.",
                "6731de76-14a6-49ae-97bc-6eba6914391e"},
               "application ids (GUIDs), separated by commas", read_callers,
               &CopilotConfig::allowed_callers),
          upstream_url(
              {"CS_AUTHORITY", "https://login.microsoftonline.com",
               "Where Entra's keys are fetched, from <CS_AUTHORITY>/<CS_TENANT_ID>/v2.0/"
               ".well-known/openid-configuration; another one in national clouds.",
               "https://login.microsoftonline.us"},
              "an https URL without the tenant", false, false,
              [](auto& c) -> auto& { return c.copilot.authority; }),
      });
}

}  // namespace bridge::config
