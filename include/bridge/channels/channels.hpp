// SPDX-License-Identifier: MIT
// The inbound adapters: HTTP and WebSocket in, use cases out. One file per resource; this is the
// table of contents. To add an endpoint: a handler in one of those files, a line in its `mount`.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/handoff/handoff.hpp"
#include "bridge/identity/secrets.hpp"
#include "bridge/net/router.hpp"

namespace bridge::channels {

struct Options {
  identity::SharedSecret webhook_secret;  ///< X-Bridge-Secret
  identity::SharedSecret agent_secret;    ///< X-Agent-Secret; unset: the agent endpoints are 503
  bool session_token_optional = false;  ///< SESSION_TOKEN=optional: trust by id, as the old bridge
  std::vector<std::string> allowed_origins;  ///< "https://host[:port]"
  bool trust_forwarded_host = false;         ///< TRUSTED_PROXIES > 0
  std::string public_url;                    ///< BRIDGE_PUBLIC_URL
  std::string web_dir;                       ///< static files; empty: none
  std::size_t max_text_characters = 8'000;
  /// What /metrics answers; empty: there is no /metrics.
  std::function<std::string()> metrics_text;
  identity::SharedSecret metrics_token;  ///< METRICS_TOKEN; unset: everybody may read /metrics
};

/// What /readyz tells. Red while starting and draining, never because ServiceNow is down.
struct Readiness {
  bool ready = false;
  std::string reason = "starting";
};

class Guard;
class WebFiles;

/// Lifetime: must outlive the router it is mounted on; `handoff`, `readiness` and `logger` must
/// outlive it.
class Channels {
 public:
  Channels(handoff::Handoff& handoff, Options options, const Readiness& readiness, Logger& logger);
  ~Channels();

  void mount(net::Router& router);

 private:
  void mount_web(net::Router& router);
  void mount_web_socket(net::Router& router);
  void mount_copilot_tools(net::Router& router);
  void mount_servicenow_events(net::Router& router);
  void mount_direct_line(net::Router& router);
  void mount_operations(net::Router& router);
  void mount_web_files(net::Router& router);

  handoff::Handoff& handoff_;
  Options options_;
  const Readiness& readiness_;
  Logger& logger_;
  std::unique_ptr<Guard> guard_;
  std::unique_ptr<WebFiles> files_;
};

}  // namespace bridge::channels
