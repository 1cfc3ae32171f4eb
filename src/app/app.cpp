// SPDX-License-Identifier: MIT
#include "bridge/app/app.hpp"

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "app/options.hpp"
#include "app/process_limits.hpp"
#include "bridge/async/task_group.hpp"
#include "bridge/channels/channels.hpp"
#include "bridge/config/environment.hpp"
#include "bridge/gateways/connector.hpp"
#include "bridge/gateways/directline.hpp"
#include "bridge/gateways/servicenow.hpp"
#include "bridge/identity/entra_tokens.hpp"
#include "bridge/identity/store_sealer.hpp"
#include "bridge/net/http_client.hpp"
#include "bridge/net/server.hpp"
#include "bridge/stores/memory_store.hpp"
#include "bridge/stores/sqlite_store.hpp"
#include "bridge/telemetry/logging.hpp"
#include "bridge/telemetry/metrics.hpp"
#include "bridge/telemetry/process.hpp"

namespace bridge::app {
namespace {
constexpr std::chrono::seconds kUnwind{2};
/// Bytes of a file; below, the start is short anyway.
constexpr std::uintmax_t kLargeStore = std::uintmax_t{4} << 20;
}  // namespace

/// Everything that lives as long as the program, in the order in which it is built: each part may
/// use those above it.
struct App::Parts {
  Parts(asio::any_io_executor e, config::Config c) : executor(std::move(e)), config(std::move(c)) {}

  /// What /metrics answers.
  std::string metrics_text() {
    handoff->measure();
    metrics.gauge("ready").set(readiness.ready ? 1 : 0);
    return metrics.prometheus_text() + telemetry::process_metrics_text();
  }

  Result<> make_store() {
    if (config.sqlite_path.empty()) {
      store = stores::make_memory_store();
      return {};
    }
    if (auto free = may_listen(); !free) return free.error();
    std::error_code none;
    const auto stored = std::filesystem::file_size(config.sqlite_path, none);
    if (!none && stored > kLargeStore) expect_memory(2 * stored);
    if (!config.store_keys.empty()) sealer = identity::make_sealer(config.store_keys);
    auto opened = stores::open_sqlite_store(executor, sqlite_options(config, sealer.get()),
                                            *store_log, metrics);
    if (!opened) return opened.error();
    sqlite = opened->get();
    store = std::move(*opened);
    return {};
  }

  /// Whoever could not serve must not take the sessions from a process that does: the same program
  /// started twice by mistake.
  Result<> may_listen() const {
    asio::ip::tcp::acceptor look(executor);
    boost::system::error_code failed;
    const asio::ip::tcp::endpoint at(asio::ip::make_address(config.web.host, failed),
                                     config.web.port);
    if (!failed) look.open(at.protocol(), failed);
    if (!failed) look.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) look.bind(at, failed);
    if (!failed) look.listen(asio::socket_base::max_listen_connections, failed);
    if (!failed) return {};
    return Error(failed, "listen on " + config.web.host + ":" + std::to_string(config.web.port))
        .with_hint("BRIDGE_STORE was not touched. End the other program, or choose another PORT.");
  }

  /// What another process does to the file, and what is found in it.
  void listen_to_store() {
    if (!sqlite) return;
    sqlite->when_unreadable([this](Error error) {
      readiness.ready = false;
      readiness.reason = "storage_failed";
      store_error = std::move(error);
      if (when_lost) when_lost();
    });
    sqlite->when_superseded([this] {
      readiness.ready = false;
      readiness.reason = "superseded";
      if (when_lost) when_lost();
    });
    sqlite->when_asked_to_forget([this](std::vector<session::SessionId> ids) {
      for (session::SessionId& id : ids) tasks->spawn("forget", forget(std::move(id)));
    });
  }

  bool lost() const { return readiness.reason == "superseded" || store_error; }

  Task<> forget(session::SessionId id) {
    const auto forgotten = co_await handoff->forget(id);
    if (!forgotten)
      app_log->error("session_erase_failed",
                     {{"session", id}, {"reason", forgotten.error().to_string()}});
  }

  asio::any_io_executor executor;
  config::Config config;
  SystemTime time;
  telemetry::CounterMetrics metrics;
  std::unique_ptr<Logger> app_log, net_log, gateway_log, handoff_log, api_log, identity_log,
      store_log;
  std::shared_ptr<const net::Authorities> authorities;  ///< that all clients trust
  std::unique_ptr<net::HttpClient> client;
  std::unique_ptr<net::HttpClient> connector_client;  ///< for URLs that others choose
  std::unique_ptr<net::HttpClient> identity_client;   // null unless tokens are accepted
  std::unique_ptr<identity::EntraTokens> entra;       // likewise
  std::unique_ptr<gateways::ServiceNow> servicenow;
  std::unique_ptr<handoff::TokenBroker> tokens;
  std::unique_ptr<handoff::Delivery> delivery;
  std::unique_ptr<Sealer> sealer;  // null without STORE_KEY
  std::unique_ptr<handoff::SessionStore> store;
  stores::SqliteStore* sqlite = nullptr;  ///< the same, if it is that
  std::unique_ptr<handoff::Handoff> handoff;
  std::unique_ptr<async::TaskGroup> tasks;
  std::function<void()> when_lost;
  std::optional<Error> store_error;
  channels::Readiness readiness;
  std::unique_ptr<channels::Channels> channels;
  net::Router router;
  std::unique_ptr<net::Server> server;
};

App::App(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
App::~App() = default;

Result<std::unique_ptr<App>> App::create(asio::any_io_executor executor, config::Config config,
                                         const std::string& program) {
  auto made = std::make_unique<Parts>(std::move(executor), std::move(config));
  Parts& parts = *made;
  const config::Config& settings = parts.config;

  const telemetry::LogOptions logging = log_options(settings);
  parts.app_log = telemetry::make_logger(logging, "app");
  parts.net_log = telemetry::make_logger(logging, "net");
  parts.gateway_log = telemetry::make_logger(logging, "gateways");
  parts.handoff_log = telemetry::make_logger(logging, "handoff");
  parts.api_log = telemetry::make_logger(logging, "api");
  parts.identity_log = telemetry::make_logger(logging, "identity");
  parts.store_log = telemetry::make_logger(logging, "stores");
  for (const config::ConfigWarning& warning : settings.warnings)
    parts.app_log->warning("config_warning",
                           {{"variable", warning.variable}, {"text", warning.text}});

  auto authorities = net::load_authorities(settings.servicenow.ca_file, *parts.net_log);
  if (!authorities) return authorities.error();
  parts.authorities = std::move(*authorities);
  const auto trusting = [&](net::ClientOptions options) {
    options.authorities = parts.authorities;
    return options;
  };
  auto client = net::make_http_client(parts.executor, trusting(client_options(settings)),
                                      *parts.net_log, &parts.metrics);
  if (!client) return client.error();
  parts.client = std::move(*client);
  parts.servicenow = gateways::make_servicenow(*parts.client, servicenow_options(settings),
                                               *parts.gateway_log, parts.metrics);
  parts.tokens = gateways::make_directline(*parts.client, directline_options(settings),
                                           *parts.gateway_log, parts.metrics);
  const gateways::ConnectorOptions connector = connector_options(settings);
  auto connector_client = net::make_http_client(
      parts.executor,
      trusting(gateways::connector_client_options(client_options(settings), connector)),
      *parts.net_log, &parts.metrics);
  if (!connector_client) return connector_client.error();
  parts.connector_client = std::move(*connector_client);
  parts.delivery = gateways::make_connector(*parts.connector_client, connector, *parts.gateway_log,
                                            parts.metrics);
  if (auto stored = parts.make_store(); !stored) return stored.error();
  parts.handoff = std::make_unique<handoff::Handoff>(
      parts.executor, handoff_options(settings),
      handoff::Ports{*parts.store, parts.servicenow->live_chat(), parts.servicenow->ticket_desk(),
                     parts.servicenow->user_directory(), *parts.tokens, *parts.delivery, parts.time,
                     *parts.handoff_log, parts.metrics});

  parts.tasks = std::make_unique<async::TaskGroup>(parts.executor, *parts.app_log);
  parts.listen_to_store();

  channels::Options channel = channel_options(settings);
  if (settings.copilot.takes_tokens()) {
    auto keys = net::make_http_client(parts.executor, trusting(identity_client_options(settings)),
                                      *parts.net_log, &parts.metrics);
    if (!keys) return keys.error();
    parts.identity_client = std::move(*keys);
    parts.entra =
        std::make_unique<identity::EntraTokens>(*parts.identity_client, entra_options(settings),
                                                parts.time, *parts.identity_log, parts.metrics);
    channel.copilot.entra = parts.entra.get();
  }
  parts.metrics.gauge("build_info", {{"version", BRIDGE_VERSION}}).set(1);
  if (settings.web.metrics) channel.metrics_text = [&parts] { return parts.metrics_text(); };
  channel.web_dir = config::find_web_dir(settings.web.web_dir, program).string();
  parts.channels =
      std::make_unique<channels::Channels>(*parts.handoff, std::move(channel), parts.readiness,
                                           *parts.api_log, parts.metrics, parts.time);
  parts.channels->mount(parts.router);
  return std::unique_ptr<App>(new App(std::move(made)));
}

Task<Result<>> App::start() {
  Parts& parts = *parts_;
  auto loaded = co_await parts.handoff->start();
  if (!loaded) co_return loaded.error();
  raise_file_limit(parts.config.connections.max_connections, *parts.app_log);
  auto server = net::start_server(parts.executor, server_options(parts.config), parts.router,
                                  *parts.net_log, parts.metrics);
  if (!server) co_return server.error();
  parts.server = std::move(*server);
  // It may have been taken from us meanwhile.
  parts.readiness.ready = !parts.lost();
  // Not before: a start with many sessions has work for every core.
  net::read_ahead(*parts.authorities);
  parts.app_log->info("listening",
                      {{"host", parts.config.web.host}, {"port", parts.server->port()}});
  co_return Result<>();
}

void App::when_store_is_lost(std::function<void()> told) {
  parts_->when_lost = std::move(told);
  if (parts_->when_lost && parts_->lost()) parts_->when_lost();
}

const std::optional<Error>& App::store_error() const { return parts_->store_error; }

std::uint16_t App::port() const { return parts_->server ? parts_->server->port() : 0; }

Task<> App::stop(Deadline deadline) {
  Parts& parts = *parts_;
  parts.readiness.ready = false;
  if (!parts.lost()) parts.readiness.reason = "draining";
  if (parts.server) {
    parts.app_log->info("draining", {{"connections", parts.server->connections()}});
    const Deadline delayed = in(parts.config.connections.shutdown_delay);
    if (delayed > std::chrono::steady_clock::now())
      co_await async::sleep_until(std::min(delayed, deadline));
    parts.handoff->end_waits();
    // What is cut at the server's deadline needs a moment to unwind before the end.
    const auto left = deadline - std::chrono::steady_clock::now();
    co_await parts.server->stop(deadline - std::min<Deadline::duration>(left / 8, kUnwind));
  }
  parts.tasks->cancel();
  (void)co_await parts.tasks->wait(deadline);
  co_await parts.handoff->stop(deadline);
  parts.client->close();
  parts.connector_client->close();
  if (parts.identity_client) parts.identity_client->close();
  parts.app_log->info("stopped");
}

}  // namespace bridge::app
