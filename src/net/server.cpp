// SPDX-License-Identifier: MIT
#include "bridge/net/server.hpp"

#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/ssl/context.hpp>
#include <random>

#include "net/http_session.hpp"
#include "net/tls_stream.hpp"

namespace bridge::net {
namespace {

using Context = std::shared_ptr<ServerContext>;

using UserTimeout = asio::detail::socket_option::integer<IPPROTO_TCP, TCP_USER_TIMEOUT>;

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::string_view kOverloaded =
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: 5\r\n"
    "Content-Length: 22\r\nConnection: close\r\n\r\n{\"error\":\"overloaded\"}";

/// How long the system goes on sending what the peer does not acknowledge. Every phase of a
/// connection has a deadline of its own; this ends what the system still holds after our close,
/// which it would otherwise send to a vanished peer for a quarter of an hour.
constexpr unsigned kUserTimeoutMs = 30'000;
constexpr std::chrono::milliseconds kCloseStep{50};

std::string address_of(const Socket& socket) {
  boost::system::error_code ec;
  const auto endpoint = socket.remote_endpoint(ec);
  if (ec) return "unknown";
  const auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

Task<> run_connection(Context context, Socket socket, ConnectionCount counted) {
  std::string peer = address_of(socket);
  std::unique_ptr<ByteStream> stream;
  if (context->tls)
    stream = std::make_unique<TlsStream>(std::move(socket), *context->tls);
  else
    stream = std::make_unique<PlainStream>(std::move(socket));
  // On the heap, so that a WebSocket does not carry the HTTP session with it for hours.
  auto session = std::make_unique<HttpSession>(*context, std::move(stream), std::move(peer));
  std::unique_ptr<Upgrade> upgrade = co_await session->run();
  session.reset();
  if (!upgrade) co_return;
  upgrade->counted.emplace(std::move(counted));
  // A task of its own, or this one's frames would stay with it for hours.
  if (context->tls)
    context->sessions.spawn("websocket", serve_tls_websocket(context, std::move(upgrade)));
  else
    context->sessions.spawn("websocket", serve_plain_websocket(context, std::move(upgrade)));
}

bool is_shortage(const boost::system::error_code& ec) {
  return ec == asio::error::no_descriptors || ec == asio::error::no_buffer_space ||
         ec == asio::error::no_memory || ec == boost::system::errc::too_many_files_open_in_system;
}

void turn_away(Socket socket) {
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  (void)socket.write_some(asio::buffer(kOverloaded), ignored);
  socket.shutdown(Socket::shutdown_send, ignored);
}

Task<> accept_connections(Context context) {
  bool short_before = false;
  for (;;) {
    Socket socket(context->executor);
    const auto [ec] = co_await context->acceptor.async_accept(socket, as_result);
    if (context->stopping || ec == asio::error::operation_aborted) co_return;
    if (ec) {
      // Accepting again at once would spin: the connection that cannot be taken stays in line.
      if (!is_shortage(ec)) continue;
      if (!short_before) context->logger.error("accept_failed", {{"reason", ec.message()}});
      short_before = true;
      co_await async::sleep_for(kAcceptPause);
      continue;
    }
    short_before = false;
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.set_option(UserTimeout(kUserTimeoutMs), ignored);
    if (context->connections >= context->options.max_connections) {
      context->access.refused("overloaded");
      if (!context->tls) turn_away(std::move(socket));
      continue;
    }
    ConnectionCount counted(context);
    context->sessions.spawn("connection",
                            run_connection(context, std::move(socket), std::move(counted)));
  }
}

Task<> sweep(Context context) {
  const auto& o = context->options;
  const auto least =
      std::min({o.first_byte_timeout, o.header_timeout, o.request_timeout, o.receive_grace,
                o.keep_alive_timeout, o.write_timeout, o.ping_interval});
  const auto tick =
      std::clamp(least / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
  for (;;) {
    co_await async::sleep_for(tick);
    const auto now = std::chrono::steady_clock::now();
    for (Watched* one : context->watched) one->on_tick(now);
  }
}

/// Tells the WebSockets to go, a few at a time with uneven pauses, so that their readers do not all
/// knock at the next process in the same moment. Half of the time is left for their answers.
Task<> close_in_turn(Context context, Deadline deadline) {
  const auto waiting = [](const Watched* one) { return one->stops_in_turn(); };
  const auto& all = context->watched;
  const auto count = static_cast<std::size_t>(std::count_if(all.begin(), all.end(), waiting));
  const auto half = (deadline - std::chrono::steady_clock::now()) / 2;
  const auto steps = static_cast<std::size_t>(std::max<std::int64_t>(half / kCloseStep, 1));
  const auto usual = context->options.closes_per_second * kCloseStep.count() / 1000;
  const std::size_t at_once = std::max({usual, count / steps + 1, std::size_t{1}});
  std::minstd_rand dice{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> pause(kCloseStep.count() / 2,
                                                    kCloseStep.count() * 3 / 2);
  for (;;) {
    std::size_t told = 0;
    for (Watched* one : all) {
      if (told == at_once) break;
      if (!one->stops_in_turn()) continue;
      one->begin_stop();
      ++told;
    }
    if (told < at_once) co_return;
    co_await async::sleep_for(std::chrono::milliseconds(pause(dice)));
  }
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(Context context) : context_(std::move(context)) {
    port_ = context_->acceptor.local_endpoint().port();
  }

  ~ServerImpl() override {
    close_acceptor();
    context_->background.cancel();
    context_->sessions.cancel();
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return context_->connections; }

  Task<> stop(Deadline deadline) override {
    const Context context = context_;
    close_acceptor();
    for (Watched* one : context->watched)
      if (!one->stops_in_turn()) one->begin_stop();
    co_await close_in_turn(context, deadline);
    if (!co_await context->sessions.wait(deadline)) {
      context->logger.warning("connections_cut", {{"count", context->connections}});
      for (Watched* one : context->watched) one->cut();
      context->sessions.cancel();
      (void)co_await context->sessions.wait(in(std::chrono::seconds(2)));
    }
    context->background.cancel();
    (void)co_await context->background.wait(in(std::chrono::seconds(2)));
  }

 private:
  void close_acceptor() {
    context_->stopping = true;
    boost::system::error_code ignored;
    context_->acceptor.close(ignored);
  }

  Context context_;
  std::uint16_t port_ = 0;
};

Result<std::shared_ptr<asio::ssl::context>> load_tls(const ServerOptions& options) {
  auto tls = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(tls->native_handle(), TLS1_2_VERSION);
  boost::system::error_code ec;
  tls->use_certificate_chain_file(options.tls_certificate_file, ec);
  if (ec) return Error(ec, "certificate file " + options.tls_certificate_file);
  tls->use_private_key_file(options.tls_key_file, asio::ssl::context::pem, ec);
  if (ec) return Error(ec, "key file " + options.tls_key_file);
  return tls;
}

Result<asio::ip::tcp::endpoint> find_endpoint(ServerContext& context) {
  const auto& o = context.options;
  const std::string where = o.host + ":" + std::to_string(o.port);
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(o.host, ec);
  if (!ec) return asio::ip::tcp::endpoint(address, o.port);
  // A name to listen on is looked up once, before anything runs: it may block.
  asio::ip::tcp::resolver resolver(context.executor);
  const auto found = resolver.resolve(o.host, std::to_string(o.port), ec);
  if (ec || found.empty()) return Error(ec, where);
  return found.begin()->endpoint();
}

Result<> listen(ServerContext& context) {
  const auto endpoint = find_endpoint(context);
  if (!endpoint) return endpoint.error();
  const std::string where = context.options.host + ":" + std::to_string(context.options.port);
  boost::system::error_code ec;
  auto& acceptor = context.acceptor;
  acceptor.open(endpoint->protocol(), ec);
  if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) acceptor.bind(*endpoint, ec);
  if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return Error(ec, where);
  return {};
}

Result<> check(const ServerOptions& o) {
  const auto wrong = [](std::string what) {
    return Error(Errc::invalid_argument, std::move(what));
  };
  if (o.max_connections == 0 || o.max_header_fields == 0 || o.max_header_line == 0 ||
      o.min_receive_rate == 0)
    return wrong("a limit of the server is 0");
  if (o.max_header_line > o.max_header_bytes)
    return wrong("one header line may be longer than the whole header");
  for (const auto time : {o.first_byte_timeout, o.header_timeout, o.request_timeout,
                          o.receive_grace, o.keep_alive_timeout, o.write_timeout, o.ping_interval})
    if (time <= std::chrono::milliseconds(0))
      return wrong("a time limit of the server is not positive");
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> start_server(asio::any_io_executor executor,
                                             const ServerOptions& options, const Router& router,
                                             Logger& logger, Metrics& metrics) {
  if (auto sound = check(options); !sound) return sound.error();
  auto context = std::make_shared<ServerContext>(executor, options, router, logger, metrics);
  if (!options.tls_certificate_file.empty() && !options.tls_key_file.empty()) {
    auto tls = load_tls(options);
    if (!tls) return tls.error();
    context->tls = *tls;
  }
  if (auto listening = listen(*context); !listening) return listening.error();
  context->background.spawn("accept", accept_connections(context));
  context->background.spawn("sweep", sweep(context));
  return std::unique_ptr<Server>(std::make_unique<ServerImpl>(context));
}

Result<std::unique_ptr<Server>> start_server(asio::any_io_executor executor,
                                             const ServerOptions& options, const Router& router,
                                             Logger& logger) {
  static NullMetrics nowhere;
  return start_server(std::move(executor), options, router, logger, nowhere);
}

}  // namespace bridge::net
