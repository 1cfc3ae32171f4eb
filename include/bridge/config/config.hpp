// SPDX-License-Identifier: MIT
// Everything that can be set, as one value that `app` reads at the start, takes apart and hands to
// the rooms in pieces. Plain data: no room but `app` and `tools` knows it. What a field means, its
// default and its range stand in one place only, src/config/field_table.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bridge/core/clock.hpp"
#include "bridge/core/logger.hpp"
#include "bridge/core/secret.hpp"

namespace bridge::config {

enum class ServiceNowAuth { basic, oauth };
enum class UnresolvedUser { use_default, refuse };
enum class SessionToken { required, optional };
enum class LogFormat { text, json };
enum class WebhookSignature { optional, required };
enum class CopilotAuthMode { automatic, none, key, entra };

struct ServiceNowConfig {
  std::string instance;  ///< https://host, no slash at the end
  ServiceNowAuth auth = ServiceNowAuth::basic;
  std::string user;  ///< with oauth it may be empty
  Secret password;
  std::string client_id;
  Secret client_secret;
  std::string api_base;  ///< /api/<namespace>/<api id>
  std::string default_user_sys_id;
  std::string default_queue_sys_id;
  std::string default_channel_sys_id;
  Millis request_timeout{};
  std::size_t max_connections = 0;
  std::string ca_file;  ///< empty: the system's certificates alone
  bool trust_email = false;
  UnresolvedUser unresolved_user = UnresolvedUser::use_default;
};

struct NetworkConfig {
  Secret https_proxy;  ///< a URL that may hold a password; empty if not set
  std::string no_proxy;
};

struct DirectLineConfig {
  std::string token_endpoint;  ///< may carry a query; empty if not set
  Secret secret;
  std::string endpoint_base;

  bool configured() const { return !token_endpoint.empty() || !secret.empty(); }
};

/// Where replies to Copilot Studio's connected agent go.
struct ConnectorConfig {
  std::vector<std::string> service_hosts;  ///< lower case: names, and suffixes with a dot in front
  bool learn_service_host = false;
};

struct WebConfig {
  std::string host;  ///< an IP address
  std::uint16_t port = 0;
  std::string public_url;               ///< empty if not set
  std::string web_dir;                  ///< empty: see find_web_dir
  std::vector<Secret> webhook_secrets;  ///< one, or two during a rotation
  std::vector<Secret> agent_secrets;    ///< none: the agent endpoints are off
  SessionToken session_token = SessionToken::required;
  std::vector<std::string> allowed_origins;  ///< lower case, without a default port
  int trusted_proxies = 0;
  bool metrics = true;                 ///< whether there is a /metrics
  std::vector<Secret> metrics_tokens;  ///< none: everybody may read it
};

struct TimerConfig {
  Millis send_deadline{};
  Millis open_deadline{};
  Millis reorder_wait{};
  Millis reconcile_after{};
  Millis close_wait{};
  Millis legacy_close_wait{};
  Millis abandoned_after{};
  Millis bot_expiry{};
  Millis closed_expiry{};
  Millis carried_expiry{};
  Millis touch_interval{};
};

struct LimitConfig {
  std::size_t max_sessions = 0;
  std::size_t log_max_events = 0;
  std::size_t log_max_bytes = 0;
  Millis log_max_age{};
  std::size_t max_text_characters = 0;
  std::size_t max_queued_messages = 0;
  std::size_t max_queued_bytes = 0;
};

/// What the server takes from anybody who connects.
struct ConnectionConfig {
  std::size_t max_connections = 0;
  std::size_t max_header_bytes = 0;
  std::size_t max_header_line = 0;
  std::size_t max_header_fields = 0;
  Millis first_byte_timeout{};
  Millis header_timeout{};
  Millis request_timeout{};
  Millis keep_alive_timeout{};
  Millis write_timeout{};
  std::size_t min_receive_rate = 0;  ///< bytes a second
  Millis receive_grace{};
  Millis ping_interval{};
  std::size_t max_socket_message = 0;
  std::size_t max_socket_queue = 0;
  Millis shutdown_delay{};
  Millis shutdown_grace{};
};

/// What keeps callers in bounds.
struct GuardConfig {
  bool rate_limit = true;
  std::uint32_t rate_limit_burst = 0;       ///< per client address
  std::uint32_t rate_limit_per_second = 0;  ///< likewise
  std::uint32_t escalations_per_minute = 0;
  std::size_t max_sockets_per_session = 0;
  WebhookSignature webhook_signature = WebhookSignature::optional;
};

/// Who may post to /api/messages.
struct CopilotConfig {
  CopilotAuthMode auth = CopilotAuthMode::automatic;
  std::vector<Secret> api_keys;  ///< one, or two during a rotation
  std::string api_key_header;
  std::string tenant_id;                     ///< GUIDs in lower case; empty if not set
  std::string app_id;                        ///< likewise
  std::vector<std::string> audiences;        ///< besides those of app_id
  std::vector<std::string> allowed_callers;  ///< none: app_id
  std::string authority;

  bool takes_keys() const {
    return !api_keys.empty() &&
           (auth == CopilotAuthMode::key || auth == CopilotAuthMode::automatic);
  }
  bool takes_tokens() const {
    return !tenant_id.empty() && !app_id.empty() &&
           (auth == CopilotAuthMode::entra || auth == CopilotAuthMode::automatic);
  }
};

struct LogConfig {
  Level level = Level::info;
  LogFormat format = LogFormat::text;
  std::size_t repeats = 0;  ///< of one warning or error in ten seconds; 0: no limit
};

/// Something odd that does not stop us, such as a name with one of our prefixes that we do not
/// know.
struct ConfigWarning {
  std::string variable;
  std::string text;
};

struct Config {
  ServiceNowConfig servicenow;
  NetworkConfig network;
  DirectLineConfig directline;
  ConnectorConfig connector;
  WebConfig web;
  TimerConfig timers;
  LimitConfig limits;
  ConnectionConfig connections;
  GuardConfig guard;
  CopilotConfig copilot;
  LogConfig log;
  std::string store;               ///< as it is set: "memory:", "sqlite:<path>"
  std::string sqlite_path;         ///< empty: the store is memory
  std::vector<Secret> store_keys;  ///< none; one; two during a rotation
  bool allow_insecure_upstream = false;
  std::vector<ConfigWarning> warnings;
};

}  // namespace bridge::config
