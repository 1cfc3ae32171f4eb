// SPDX-License-Identifier: MIT
// The inbound adapters: HTTP and WebSocket in, use cases out. One file per resource; this is the
// table of contents. To add an endpoint: a handler in one of those files, a line in its `mount`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/core/metrics.hpp"
#include "bridge/core/secret.hpp"
#include "bridge/handoff/handoff.hpp"
#include "bridge/identity/entra_tokens.hpp"
#include "bridge/identity/secrets.hpp"
#include "bridge/net/router.hpp"

namespace bridge::channels {

/// Token buckets of DESIGN 4.4. Callers with a valid secret are never counted.
struct RateLimits {
  bool on = true;                            ///< RATE_LIMIT
  std::uint32_t burst = 60;                  ///< calls at once, per client address
  std::uint32_t per_second = 1;              ///< and then so many
  std::uint32_t escalations_per_minute = 5;  ///< per session
};

/// Who may post to /api/messages. Nothing set up: 503.
struct CopilotAccess {
  bool open = false;                       ///< CS_AUTH=none: everybody
  identity::SharedSecret keys;             ///< CS_API_KEY, if keys are accepted
  std::string key_header = "X-API-Key";    ///< CS_API_KEY_HEADER
  identity::EntraTokens* entra = nullptr;  ///< null: tokens are not accepted; outlives the channels
};

struct Options {
  identity::SharedSecret webhook_secret;  ///< X-Bridge-Secret
  identity::SharedSecret agent_secret;    ///< X-Agent-Secret; unset: the agent endpoints are 503
  bool session_token_optional = false;  ///< SESSION_TOKEN=optional: trust by id, as the old bridge
  std::vector<std::string> allowed_origins;  ///< "https://host[:port]"
  int trusted_proxies = 0;                   ///< whose X-Forwarded-* headers are believed
  std::string public_url;                    ///< BRIDGE_PUBLIC_URL
  std::string web_dir;                       ///< static files; empty: none
  std::size_t max_text_characters = 8'000;
  /// What /metrics answers; empty: there is no /metrics.
  std::function<std::string()> metrics_text;
  identity::SharedSecret metrics_token;  ///< METRICS_TOKEN; unset: everybody may read /metrics
  std::vector<Secret> signing_secrets;   ///< what X-Bridge-Signature may be made with
  bool signature_required = false;  ///< WEBHOOK_SIGNATURE=required: the secret alone is refused
  RateLimits rate;
  std::size_t max_sockets_per_session = 16;  ///< and as many waiting polls
  CopilotAccess copilot;
};

/// What /readyz tells. Red while starting and draining, never because ServiceNow is down.
struct Readiness {
  bool ready = false;
  std::string reason = "starting";
};

class Guard;
class WebFiles;

/// Lifetime: must outlive the router it is mounted on; what it is given must outlive it.
class Channels {
 public:
  Channels(handoff::Handoff& handoff, Options options, const Readiness& readiness, Logger& logger,
           Metrics& metrics, const TimeSource& time);
  ~Channels();

  void mount(net::Router& router);

 private:
  void mount_web(net::Router& router);
  void mount_web_socket(net::Router& router);
  void mount_copilot_tools(net::Router& router);
  void mount_activity(net::Router& router);
  void mount_servicenow_events(net::Router& router);
  void mount_direct_line(net::Router& router);
  void mount_operations(net::Router& router);
  void mount_web_files(net::Router& router);

  handoff::Handoff& handoff_;
  Options options_;
  const Readiness& readiness_;
  Logger& logger_;
  Metrics& metrics_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<WebFiles> files_;
};

}  // namespace bridge::channels
