// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

using std::chrono::milliseconds;
using std::chrono::minutes;

namespace {

/// A row that counts only with one kind of SN_AUTH.
Field with_auth(Field field, ServiceNowAuth auth) {
  field.only_with = auth == ServiceNowAuth::basic ? "SN_AUTH=basic" : "SN_AUTH=oauth";
  field.applies = [auth](const Config& config) { return config.servicenow.auth == auth; };
  return field;
}

Wrong read_client_id(Config& config, std::string_view given) {
  const std::string_view id = trim(given);
  if (id.find_first_of(" \t") != std::string_view::npos) return "holds blanks";
  if (has_control_characters(id)) return "holds control characters";
  config.servicenow.client_id = id;
  return std::nullopt;
}

}  // namespace

std::vector<Field> servicenow_fields() {
  Field insecure = on_off(
      {"ALLOW_INSECURE_UPSTREAM", "0",
       "Allows http:// for the upstream URLs. For a sandbox on the same machine only: the password "
       "would travel in the clear.",
       "1"},
      [](auto& c) -> auto& { return c.allow_insecure_upstream; });
  insecure.early = true;
  Field auth = choice<ServiceNowAuth>(
      {"SN_AUTH", "basic",
       "How the bridge proves who it is: user name and password, or a token of an OAuth client "
       "(grant client_credentials).",
       "oauth"},
      "basic or oauth", {{"basic", ServiceNowAuth::basic}, {"oauth", ServiceNowAuth::oauth}},
      [](auto& c) -> auto& { return c.servicenow.auth; });
  auth.early = true;
  return in_group(
      "ServiceNow",
      {
          upstream_url(
              {"SN_INSTANCE", "", "The ServiceNow instance.", "https://dev12345.service-now.com",
               true},
              "an https URL without a path", true, false,
              [](auto& c) -> auto& { return c.servicenow.instance; }),
          auth,
          with_auth(
              text(
                  {"SN_USER", "",
                   "User name of the service account that calls ServiceNow. With SN_AUTH=oauth it "
                   "may be left out; the instance is then asked who the client is.",
                   "intranet.bridge", true},
                  "a user name without ':' or '^'", read_user,
                  [](auto& c) -> auto& { return c.servicenow.user; }),
              ServiceNowAuth::basic),
          with_auth(
              secret(
                  {"SN_PASSWORD", "", "Its password.", "the password set for the account", true},
                  "any text", [](auto& c) -> auto& { return c.servicenow.password; }),
              ServiceNowAuth::basic),
          with_auth(text(
                        {"SN_CLIENT_ID", "", "Client ID of the OAuth client in ServiceNow.",
                         "0123456789abcdef0123456789abcdef", true},
                        "the text of the field Client ID, without blanks", read_client_id,
                        [](auto& c) -> auto& { return c.servicenow.client_id; }),
                    ServiceNowAuth::oauth),
          with_auth(secret(
                        {"SN_CLIENT_SECRET", "", "Its client secret.", "the client's secret", true},
                        "any text", [](auto& c) -> auto& { return c.servicenow.client_secret; }),
                    ServiceNowAuth::oauth),
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
          number(
              {"SN_MAX_CONNECTIONS", "16",
               "Connections to ServiceNow at a time; further calls wait for one within their time "
               "limit. An instance node works on few REST calls at once (often 4)."},
              1, 256, [](auto& c) -> auto& { return c.servicenow.max_connections; }),
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

}  // namespace bridge::config
