// SPDX-License-Identifier: MIT
#include "app/options.hpp"

#include <algorithm>

namespace bridge::app {

telemetry::LogOptions log_options(const config::Config& config) {
  telemetry::LogOptions options;
  options.level = config.log.level;
  options.format = config.log.format == config::LogFormat::json ? telemetry::LogFormat::json
                                                                : telemetry::LogFormat::text;
  options.repeat_limit = config.log.repeats;
  return options;
}

net::ServerOptions server_options(const config::Config& config) {
  net::ServerOptions options;
  options.host = config.web.host;
  options.port = config.web.port;
  const config::ConnectionConfig& from = config.connections;
  options.max_connections = from.max_connections;
  options.max_header_bytes = from.max_header_bytes;
  options.max_header_line = from.max_header_line;
  options.max_header_fields = from.max_header_fields;
  options.first_byte_timeout = from.first_byte_timeout;
  options.header_timeout = from.header_timeout;
  options.request_timeout = from.request_timeout;
  options.min_receive_rate = from.min_receive_rate;
  options.receive_grace = from.receive_grace;
  options.keep_alive_timeout = from.keep_alive_timeout;
  options.write_timeout = from.write_timeout;
  options.ping_interval = from.ping_interval;
  options.max_message_bytes = from.max_socket_message;
  // A reader that comes back is handed the whole log at once.
  options.max_queued_bytes =
      std::max(from.max_socket_queue, config.limits.log_max_bytes + 16 * 1024);
  options.quiet_routes = {"/healthz", "/readyz", "/metrics"};
  return options;
}

net::ClientOptions client_options(const config::Config& config) {
  net::ClientOptions options;
  options.ca_file = config.servicenow.ca_file;
  options.allow_http = config.allow_insecure_upstream;
  options.max_connections_per_origin = config.servicenow.max_connections;
  options.https_proxy = config.network.https_proxy;
  options.no_proxy = config.network.no_proxy;
  return options;
}

gateways::ServiceNowOptions servicenow_options(const config::Config& config) {
  const config::ServiceNowConfig& from = config.servicenow;
  gateways::ServiceNowOptions options;
  options.instance = from.instance;
  options.auth = from.auth == config::ServiceNowAuth::oauth ? gateways::ServiceNowAuth::oauth
                                                            : gateways::ServiceNowAuth::basic;
  options.client_id = from.client_id;
  options.client_secret = from.client_secret;
  options.user = from.user;
  options.messages_at_once = std::max<std::size_t>(1, from.max_connections / 4);
  options.password = from.password;
  options.api_base = from.api_base;
  options.queue_sys_id = from.default_queue_sys_id;
  options.channel_sys_id = from.default_channel_sys_id;
  options.request_timeout = from.request_timeout;
  return options;
}

gateways::DirectLineOptions directline_options(const config::Config& config) {
  gateways::DirectLineOptions options;
  options.token_endpoint = config.directline.token_endpoint;
  options.secret = config.directline.secret;
  options.endpoint_base = config.directline.endpoint_base;
  return options;
}

gateways::ConnectorOptions connector_options(const config::Config& config) {
  gateways::ConnectorOptions options;
  options.service_hosts = config.connector.service_hosts;
  options.learn_service_host = config.connector.learn_service_host;
  options.allow_insecure = config.allow_insecure_upstream;
  return options;
}

stores::SqliteOptions sqlite_options(const config::Config& config, const Sealer* sealer) {
  stores::SqliteOptions options;
  options.path = config.sqlite_path;
  options.sealer = sealer;
  return options;
}

handoff::Options handoff_options(const config::Config& config) {
  handoff::Options options;
  session::Policy& policy = options.policy;
  policy.send_deadline = config.timers.send_deadline;
  policy.reorder_wait = config.timers.reorder_wait;
  policy.reconcile_after = config.timers.reconcile_after;
  policy.reconcile_longest = config.timers.reconcile_after * 10;
  policy.close_wait = config.timers.close_wait;
  policy.legacy_close_wait = config.timers.legacy_close_wait;
  policy.abandoned_after = config.timers.abandoned_after;
  policy.bot_expiry = config.timers.bot_expiry;
  policy.closed_expiry = config.timers.closed_expiry;
  policy.carried_expiry = config.timers.carried_expiry;
  policy.touch_interval = config.timers.touch_interval;
  policy.max_waiting_messages = config.limits.max_queued_messages;
  policy.max_waiting_bytes = config.limits.max_queued_bytes;
  options.log.max_events = config.limits.log_max_events;
  options.log.max_bytes = config.limits.log_max_bytes;
  options.log.max_age = std::chrono::duration_cast<std::chrono::seconds>(config.limits.log_max_age);
  options.open_deadline = config.timers.open_deadline;
  options.max_sessions = config.limits.max_sessions;
  options.default_user_sys_id = config.servicenow.default_user_sys_id;
  options.trust_email = config.servicenow.trust_email;
  options.refuse_unresolved = config.servicenow.unresolved_user == config::UnresolvedUser::refuse;
  return options;
}

net::ClientOptions identity_client_options(const config::Config& config) {
  net::ClientOptions options = client_options(config);
  options.max_connections_per_origin = 2;  // one flight at a time
  return options;
}

identity::EntraOptions entra_options(const config::Config& config) {
  const config::CopilotConfig& from = config.copilot;
  identity::EntraOptions options;
  options.authority = from.authority;
  options.tenant = from.tenant_id;
  options.audiences = from.audiences;
  options.audiences.push_back(from.app_id);
  options.audiences.push_back("api://" + from.app_id);
  options.allowed_callers = from.allowed_callers;
  if (options.allowed_callers.empty()) options.allowed_callers.push_back(from.app_id);
  return options;
}

channels::Options channel_options(const config::Config& config) {
  channels::Options options;
  options.webhook_secret = identity::SharedSecret(config.web.webhook_secrets);
  options.agent_secret = identity::SharedSecret(config.web.agent_secrets);
  options.session_token_optional = config.web.session_token == config::SessionToken::optional;
  options.allowed_origins = config.web.allowed_origins;
  options.trusted_proxies = config.web.trusted_proxies;
  options.public_url = config.web.public_url;
  options.max_text_characters = config.limits.max_text_characters;
  options.metrics_token = identity::SharedSecret(config.web.metrics_tokens);
  options.signing_secrets = config.web.webhook_secrets;
  options.signature_required = config.guard.webhook_signature == config::WebhookSignature::required;
  options.rate.on = config.guard.rate_limit;
  options.rate.burst = config.guard.rate_limit_burst;
  options.rate.per_second = config.guard.rate_limit_per_second;
  options.rate.escalations_per_minute = config.guard.escalations_per_minute;
  options.max_sockets_per_session = config.guard.max_sockets_per_session;
  options.copilot.open = config.copilot.auth == config::CopilotAuthMode::none;
  if (config.copilot.takes_keys())
    options.copilot.keys = identity::SharedSecret(config.copilot.api_keys);
  options.copilot.key_header = config.copilot.api_key_header;
  return options;
}

}  // namespace bridge::app
