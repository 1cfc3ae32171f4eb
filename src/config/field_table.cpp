// SPDX-License-Identifier: MIT
#include "config/field_table.hpp"

#include "config/field_kinds.hpp"

namespace bridge::config {
namespace {

std::string join(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
  return text;
}

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
constexpr std::size_t kKiB = 1024;

std::vector<Field> in_group(std::string group, std::vector<Field> fields) {
  for (Field& field : fields) field.group = group;
  return fields;
}

std::vector<Field> servicenow_fields() {
  Field insecure = on_off(
      {"ALLOW_INSECURE_UPSTREAM", "0",
       "Allows http:// for the upstream URLs. For a sandbox on the same machine only: the password "
       "would travel in the clear.",
       "1"},
      [](auto& c) -> auto& { return c.allow_insecure_upstream; });
  insecure.early = true;
  return in_group(
      "ServiceNow",
      {
          upstream_url(
              {"SN_INSTANCE", "", "The ServiceNow instance.", "https://dev12345.service-now.com",
               true},
              "an https URL without a path", true, false,
              [](auto& c) -> auto& { return c.servicenow.instance; }),
          text(
              {"SN_USER", "", "User name of the service account that calls ServiceNow.",
               "intranet.bridge", true},
              "a user name without ':' or '^'", read_user,
              [](auto& c) -> auto& { return c.servicenow.user; }),
          secret(
              {"SN_PASSWORD", "", "Its password.", "the password set for the account", true},
              "any text", [](auto& c) -> auto& { return c.servicenow.password; }),
          text(
              {"SN_BRIDGE_API_BASE", "",
               "Base path of the Scripted REST API, as the API's record shows it. It holds "
               "the namespace of the instance.",
               "/api/1833944/intranet_bridge", true},
              "a path that begins with /api/", read_api_base,
              [](auto& c) -> auto& { return c.servicenow.api_base; }),
          sys_id(
              {"SN_DEFAULT_USER_SYS_ID", "",
               "sys_user whom chats are opened for when nobody better is known.",
               "6816f79cc0a8016401c5a33be04be441", true},
              [](auto& c) -> auto& { return c.servicenow.default_user_sys_id; }),
          sys_id(
              {"SN_DEFAULT_QUEUE_SYS_ID", "", "awa_queue that chats are routed to.",
               "3f1dd0320a0a0b99000a53f7604a2ef9", true},
              [](auto& c) -> auto& { return c.servicenow.default_queue_sys_id; }),
          sys_id(
              {"SN_DEFAULT_CHANNEL_SYS_ID", "", "awa_service_channel of chats.",
               "27f675e3739713004a905ee515f6a7c3", true},
              [](auto& c) -> auto& { return c.servicenow.default_channel_sys_id; }),
          duration(
              {"SN_REQUEST_TIMEOUT", "15s", "How long one call to ServiceNow may take."},
              milliseconds(100), minutes(2),
              [](auto& c) -> auto& { return c.servicenow.request_timeout; }),
          text(
              {"SN_CA_FILE", "",
               "Certificates (PEM) to trust besides the system's, for an instance behind a "
               "private certificate authority.",
               "/etc/ssl/private-ca.pem"},
              "a readable file", read_ca_file,
              [](auto& c) -> auto& { return c.servicenow.ca_file; }),
          on_off(
              {"SN_TRUST_EMAIL", "0",
               "Opens the chat as the user whose e-mail the page claims. Only where the page "
               "itself is behind a login.",
               "1"},
              [](auto& c) -> auto& { return c.servicenow.trust_email; }),
          choice<UnresolvedUser>(
              {"SN_UNRESOLVED_USER", "default",
               "What to do when no user, or more than one, has the trusted e-mail: open the chat "
               "as the default user, or refuse.",
               "refuse"},
              "default or refuse",
              {{"default", UnresolvedUser::use_default}, {"refuse", UnresolvedUser::refuse}},
              [](auto& c) -> auto& { return c.servicenow.unresolved_user; }),
          insecure,
      });
}

std::vector<Field> caller_fields() {
  return in_group("Secrets of callers",
                  {
                      caller_secret(
                          {"SN_WEBHOOK_SECRET", "",
                           "What ServiceNow's relay rules send as X-Bridge-Secret. The same text "
                           "as the property of the instance.",
                           "the output of: openssl rand -hex 32", true},
                          [](auto& c) -> auto& { return c.web.webhook_secrets; }),
                      caller_secret(
                          {"AGENT_API_SECRET", "",
                           "What Copilot Studio's tools send as X-Agent-Secret. Without it the "
                           "agent endpoints answer 503 not_configured.",
                           "the output of: openssl rand -hex 32"},
                          [](auto& c) -> auto& { return c.web.agent_secrets; }),
                  });
}

std::vector<Field> directline_fields() {
  return in_group(
      "Direct Line",
      {
          upstream_url(
              {"DIRECTLINE_TOKEN_ENDPOINT", "",
               "Copilot Studio's token endpoint, from the channel page of the assistant. Tried "
               "first.",
               "https://<environment>.environment.api.powerplatform.com/powervirtualagents/"
               "botsbyschema/<schema>/directline/token?api-version=2022-03-01-preview"},
              "an https URL", false, true,
              [](auto& c) -> auto& { return c.directline.token_endpoint; }),
          secret(
              {"DIRECTLINE_SECRET", "",
               "Web channel secret of the assistant; used when there is no token endpoint, or it "
               "fails.",
               "the secret from Settings > Security > Web channel security"},
              "any text", [](auto& c) -> auto& { return c.directline.secret; }),
          upstream_url(
              {"DIRECTLINE_ENDPOINT_BASE", "https://directline.botframework.com",
               "Direct Line host for the secret: a regional one for agents whose data must stay in "
               "a region.",
               "https://europe.directline.botframework.com"},
              "an https URL without /v3/directline", true, false,
              [](auto& c) -> auto& { return c.directline.endpoint_base; }),
      });
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
          text(
              {"BRIDGE_STORE",
               "memory:", "Where sessions are kept. With memory: they end with the process."},
              "memory: (the only store of this version)", read_store,
              [](auto& c) -> auto& { return c.store; }),
      });
}

std::vector<Field> timer_fields() {
  return in_group(
      "Times",
      {
          duration(
              {"SEND_DEADLINE", "25s",
               "How long a user's message may take, waiting included, before its sender is told "
               "that it failed."},
              milliseconds(100), minutes(2),
              [](auto& c) -> auto& { return c.timers.send_deadline; }),
          duration(
              {"OPEN_DEADLINE", "25s", "How long opening a chat may take."}, milliseconds(100),
              minutes(2), [](auto& c) -> auto& { return c.timers.open_deadline; }),
          duration(
              {"REORDER_WAIT", "3s", "How long an agent's message waits for the one before it."},
              milliseconds(0), seconds(30), [](auto& c) -> auto& { return c.timers.reorder_wait; }),
          duration(
              {"CLOSE_WAIT", "5s",
               "How long the end of a chat waits for the agent's last message."},
              milliseconds(0), minutes(1), [](auto& c) -> auto& { return c.timers.close_wait; }),
          duration(
              {"LEGACY_CLOSE_WAIT", "2s",
               "The same for an old relay rule, which does not say which message was the last."},
              milliseconds(0), minutes(1),
              [](auto& c) -> auto& { return c.timers.legacy_close_wait; }),
          duration(
              {"ABANDONED_AFTER", "10m",
               "A queued or live chat that nobody reads for so long is ended."},
              seconds(1), hours(24), [](auto& c) -> auto& { return c.timers.abandoned_after; }),
          duration(
              {"BOT_EXPIRY", "2h", "A session without a chat is forgotten after this idle time."},
              seconds(1), days(7), [](auto& c) -> auto& { return c.timers.bot_expiry; }),
          duration(
              {"CLOSED_EXPIRY", "24h", "A closed session is forgotten after this time."},
              seconds(1), days(30), [](auto& c) -> auto& { return c.timers.closed_expiry; }),
          duration(
              {"TOUCH_INTERVAL", "60s",
               "How often, at most, a chat with a reader is touched to hold off ServiceNow's idle "
               "timer, which reminds after 180 s."},
              seconds(1), seconds(170), [](auto& c) -> auto& { return c.timers.touch_interval; }),
      });
}

std::vector<Field> limit_fields() {
  return in_group(
      "Limits",
      {
          number(
              {"MAX_SESSIONS", "20000",
               "Sessions in memory; the oldest ones without a chat go first."},
              1, 1'000'000, [](auto& c) -> auto& { return c.limits.max_sessions; }),
          number(
              {"LOG_MAX_EVENTS", "1000", "Events kept in a session's event log."}, 10, 100'000,
              [](auto& c) -> auto& { return c.limits.log_max_events; }),
          size(
              {"LOG_MAX_BYTES", "256KiB", "Bytes kept in a session's event log."}, 4 * kKiB,
              16 * kKiB * kKiB, [](auto& c) -> auto& { return c.limits.log_max_bytes; }),
          duration(
              {"LOG_MAX_AGE", "24h", "Age at which events leave a session's event log."},
              seconds(1), days(30), [](auto& c) -> auto& { return c.limits.log_max_age; }),
          number(
              {"MAX_TEXT_CHARACTERS", "8000", "Longest message of a user."}, 1, 100'000,
              [](auto& c) -> auto& { return c.limits.max_text_characters; }),
          number(
              {"MAX_QUEUED_MESSAGES", "32",
               "Messages of one session that may wait to be sent; then 429."},
              1, 1000, [](auto& c) -> auto& { return c.limits.max_queued_messages; }),
          size(
              {"MAX_QUEUED_BYTES", "64KiB",
               "Their size together. Must hold one message of the longest kind (4 bytes a "
               "character)."},
              kKiB, 16 * kKiB * kKiB, [](auto& c) -> auto& { return c.limits.max_queued_bytes; }),
      });
}

std::vector<Field> log_fields() {
  return in_group(
      "Program log",
      {
          choice<Level>(
              {"LOG_LEVEL", "info", "How much is logged."}, "debug, info, warning, error or off",
              {{"debug", Level::debug},
               {"info", Level::info},
               {"warning", Level::warning},
               {"warn", Level::warning},
               {"error", Level::error},
               {"critical", Level::error},
               {"off", Level::off}},
              [](auto& c) -> auto& { return c.log.level; }),
          choice<LogFormat>(
              {"LOG_FORMAT", "text", "text for people, json (one object a line) for machines.",
               "json"},
              "text or json", {{"text", LogFormat::text}, {"json", LogFormat::json}},
              [](auto& c) -> auto& { return c.log.format; }),
      });
}

}  // namespace

const std::vector<Field>& field_table() {
  static const std::vector<Field> table = [] {
    std::vector<Field> all;
    for (auto part : {servicenow_fields(), caller_fields(), directline_fields(), web_fields(),
                      timer_fields(), limit_fields(), log_fields()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

const std::vector<IgnoredName>& ignored_names() {
  static const std::vector<IgnoredName> names = {
      {"A2A_APP_ID", "belongs to channels that this version does not serve"},
      {"A2A_APP_PASSWORD", "belongs to channels that this version does not serve"},
      {"A2A_TENANT_ID", "belongs to channels that this version does not serve"},
      {"A2A_PUBLIC_URL", "belongs to channels that this version does not serve"},
      {"CS_API_KEY", "belongs to channels that this version does not serve"},
      {"SKILL_*", "the old bridge's skill relay"},
      {"TEAMS_*", "the old bridge's Teams relay"},
      {"BRIDGE_INTERNAL_URL", "the old bridge's relay programs"},
      {"SN_ADMIN_*", "scripts that set up an instance"},
      {"POWERPLATFORM_*", "scripts that set up Copilot Studio"},
  };
  return names;
}

}  // namespace bridge::config
