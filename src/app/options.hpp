// SPDX-License-Identifier: MIT
// One Config becomes the Options of each room. The only place that knows both sides.
#pragma once

#include "bridge/channels/channels.hpp"
#include "bridge/config/config.hpp"
#include "bridge/gateways/connector.hpp"
#include "bridge/gateways/directline.hpp"
#include "bridge/gateways/servicenow.hpp"
#include "bridge/identity/entra_tokens.hpp"
#include "bridge/net/http_client.hpp"
#include "bridge/net/server.hpp"
#include "bridge/stores/sqlite_store.hpp"
#include "bridge/telemetry/logging.hpp"

namespace bridge::app {

telemetry::LogOptions log_options(const config::Config& config);
net::ServerOptions server_options(const config::Config& config);
net::ClientOptions client_options(const config::Config& config);
gateways::ServiceNowOptions servicenow_options(const config::Config& config);
gateways::DirectLineOptions directline_options(const config::Config& config);
gateways::ConnectorOptions connector_options(const config::Config& config);
/// Only with a `sqlite_path`.
stores::SqliteOptions sqlite_options(const config::Config& config, const Sealer* sealer);
handoff::Options handoff_options(const config::Config& config);
/// Of the client that fetches Entra's keys.
net::ClientOptions identity_client_options(const config::Config& config);
/// Only if `takes_tokens`.
identity::EntraOptions entra_options(const config::Config& config);
channels::Options channel_options(const config::Config& config);

}  // namespace bridge::app
