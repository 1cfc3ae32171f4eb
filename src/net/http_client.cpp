// SPDX-License-Identifier: MIT
#include "bridge/net/http_client.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/ssl/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>

#include "bridge/async/with_deadline.hpp"
#include "net/client_seams.hpp"
#include "net/client_tls.hpp"
#include "net/connection_pool.hpp"
#include "net/proxy.hpp"
#include "net/public_address.hpp"
#include "net/resolver.hpp"
#include "net/response_parser.hpp"

namespace bridge::net {
namespace {

constexpr std::size_t kAnswerReadSize = 8 * 1024;
constexpr std::size_t kBufferSize = 80 * 1024;  // a whole head must fit
constexpr int kMaxInterim = 8;

/// Where a call goes, taken from its URL.
struct Destination {
  bool tls = false;
  std::string host;  ///< without brackets
  std::uint16_t port = 0;
  std::string authority;  ///< for the Host field
  std::string target;
  std::string origin;  ///< key of the pool
};

constexpr std::string_view kWaiting = "waiting for a connection";
constexpr std::string_view kLookingUp = "looking up the host";
constexpr std::string_view kConnecting = "connecting";
constexpr std::string_view kTunnelling = "waiting for the proxy";
constexpr std::string_view kStartingTls = "starting TLS";

/// How far a call came: decides what an error says about what the peer may have done.
struct Progress {
  bool written = false;   ///< a byte of the request may have left
  bool answered = false;  ///< a byte of the answer has come
  std::string_view stage = kWaiting;
  std::optional<Response> head;  ///< of the answer, where the status suffices
};

/// What to look at when the time ran out in that stage.
struct StageHint {
  std::string_view stage;
  std::string_view hint;
};
constexpr std::array kStageHints = {
    StageHint{kLookingUp, "The name service does not answer: check this machine's DNS servers."},
    StageHint{kConnecting,
              "Nothing answers there, not even with a refusal: most likely a firewall drops the "
              "packets. Have the address allowed, or set HTTPS_PROXY if a proxy is the way out."},
    StageHint{kTunnelling,
              "The proxy of HTTPS_PROXY takes connections but does not answer CONNECT: check its "
              "address, or name the host in NO_PROXY to go without it."},
    StageHint{kStartingTls,
              "The connection stands but TLS does not start: check the port, and whether something "
              "between swallows it."},
};

Outcome outcome_of(const Progress& progress) {
  return progress.written ? Outcome::unknown : Outcome::failed;
}

/// Path and query as they are given, without the fragment: a signature covers the very bytes, and
/// what may stand there is for the other side to say. Nothing that could end the request line.
std::optional<std::string> target_of(std::string_view rest) {
  rest = rest.substr(0, rest.find('#'));
  if (std::any_of(rest.begin(), rest.end(), [](char c) { return c <= ' ' || c >= 0x7F; }))
    return std::nullopt;
  std::string target(rest);
  if (!target.starts_with('/')) target.insert(0, "/");
  return target;
}

Result<Destination> parse_destination(const std::string& text, bool allow_http) {
  const std::size_t mark = text.find("://");
  if (mark == std::string::npos) return Error(Errc::malformed, "URL");
  const std::size_t rest = std::min(text.find_first_of("/?#", mark + 3), text.size());
  const auto target = target_of(std::string_view(text).substr(rest));
  const std::string origin = text.substr(0, rest);
  const auto parsed = boost::urls::parse_uri(origin);
  if (!parsed || !target) return Error(Errc::malformed, "URL");
  const boost::urls::url_view url = *parsed;
  const std::string scheme(url.scheme());
  Destination to;
  to.tls = equals_ignoring_case(scheme, "https");
  if (!to.tls && !equals_ignoring_case(scheme, "http"))
    return Error(Errc::malformed, "URL scheme " + scheme);
  if (url.has_userinfo() || url.encoded_host().empty()) return Error(Errc::malformed, "URL host");
  // Boost.URL 1.81 reads "http://127.0.0.1.example.com" as host 127.0.0.1 and path ".example.com".
  if (!url.encoded_path().empty()) return Error(Errc::malformed, "URL host");
  if (!to.tls && !allow_http)
    return Error(Errc::not_configured,
                 "plain http:// to " + std::string(url.encoded_host()) + " is refused")
        .with_hint("Use https://, or allow insecure upstreams if this is a test.");
  to.host = url.host_type() == boost::urls::host_type::ipv6
                ? std::string(url.host_ipv6_address().to_string())
                : std::string(url.host());
  for (char& c : to.host)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  const std::string port(url.port());
  to.port = to.tls ? 443 : 80;
  if (!port.empty()) {
    // Boost.URL 1.81 wraps numbers above 65535 instead of refusing them.
    const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), to.port);
    if (ec != std::errc() || to.port == 0) return Error(Errc::malformed, "URL port");
  }
  to.authority = std::string(url.encoded_host_and_port());
  to.target = *target;
  to.origin = (to.tls ? "https://" : "http://") + to.host + ":" + std::to_string(to.port);
  return to;
}

bool is_safe_field(const Headers::Entry& entry) {
  const auto breaks = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  const auto bad_in_name = [&](char c) { return breaks(c) || c == ':' || c == ' '; };
  return !entry.first.empty() &&
         std::none_of(entry.first.begin(), entry.first.end(), bad_in_name) &&
         std::none_of(entry.second.begin(), entry.second.end(), breaks);
}

bool is_written_by_client(std::string_view name) {
  return equals_ignoring_case(name, "Host") || equals_ignoring_case(name, "Content-Length") ||
         equals_ignoring_case(name, "Connection") ||
         equals_ignoring_case(name, "Transfer-Encoding");
}

std::string request_head(const ClientRequest& request, const Destination& to) {
  std::string head;
  head.reserve(512);
  head.append(to_string(request.method)).append(" ").append(to.target).append(" HTTP/1.1\r\n");
  head.append("Host: ").append(to.authority).append("\r\n");
  for (const auto& [name, value] : request.headers.entries())
    if (!is_written_by_client(name)) head.append(name).append(": ").append(value).append("\r\n");
  if (!request.headers.has("User-Agent"))
    head.append("User-Agent: handoff-bridge/" BRIDGE_VERSION "\r\n");
  if (!request.headers.has("Accept-Encoding")) head.append("Accept-Encoding: identity\r\n");
  const bool may_be_bare = request.method == Method::get || request.method == Method::head ||
                           request.method == Method::delete_ || request.method == Method::options;
  if (!request.body.empty() || !may_be_bare)
    head.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
  head.append("\r\n");
  return head;
}

/// What every call of one client shares; calls keep it alive.
struct ClientState {
  ClientState(asio::any_io_executor executor, const ClientOptions& o, Metrics* metrics,
              Lookup lookup, AddressRule rule)
      : options(o),
        resolver(executor, std::move(lookup)),
        is_public(std::move(rule)),
        pool(std::make_shared<ConnectionPool>(
            executor, o.max_connections_per_origin, o.idle_limit,
            metrics ? &metrics->gauge("upstream_connections") : nullptr)) {
    if (!metrics) return;
    full_handshakes = &metrics->counter("upstream_handshakes", {{"kind", "full"}});
    resumed_handshakes = &metrics->counter("upstream_handshakes", {{"kind", "resumed"}});
  }

  const ClientOptions options;
  std::shared_ptr<asio::ssl::context> tls;
  std::shared_ptr<const Authorities> authorities;  ///< that `tls` trusts
  Proxy proxy;
  Resolver resolver;
  AddressRule is_public;
  std::shared_ptr<ConnectionPool> pool;
  Counter* full_handshakes = nullptr;
  Counter* resumed_handshakes = nullptr;
};

using StreamResult = Result<std::unique_ptr<ByteStream>>;

bool must_be_public(const ClientState& state, const std::string& host) {
  const auto& exempt = state.options.private_hosts;
  return state.options.public_addresses_only &&
         std::find(exempt.begin(), exempt.end(), host) == exempt.end();
}

Error not_public(const std::string& host) {
  return Error(Errc::forbidden, host + ": no public address")
      .with_hint(
          "The name leads to this machine or into a private network, where calls to URLs "
          "that others chose may not go: check what the name service says of it.");
}

/// Connects to the first address of the host that answers.
Task<Result<Socket>> connect(ClientState& state, std::string host, std::uint16_t port,
                             bool public_only, Deadline deadline, Progress& progress) {
  const auto executor = co_await asio::this_coro::executor;
  progress.stage = kLookingUp;
  auto addresses = co_await state.resolver.resolve(host, port, deadline);
  if (!addresses) co_return addresses.error();
  if (public_only) {
    std::erase_if(*addresses, [&](const auto& one) { return !state.is_public(one.address()); });
    if (addresses->empty()) {
      state.resolver.forget(host);
      co_return not_public(host);
    }
  }
  boost::system::error_code last;
  progress.stage = kConnecting;
  for (const auto& address : *addresses) {
    Socket socket(executor);
    const auto [ec] = co_await socket.async_connect(address, as_result);
    last = ec;
    if (ec) continue;
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    co_return std::move(socket);
  }
  state.resolver.forget(host);
  co_return Error(Errc::unreachable, host + ":" + std::to_string(port) + ": " + last.message())
      .with_hint(
          "Check the address and port, and that the server runs and no firewall is between.");
}

Error through_proxy(const Error& error, const Proxy& proxy) {
  return Error(error.code(), "the proxy " + error.context())
      .with_hint("Check HTTPS_PROXY, and that the proxy " + proxy.name() +
                 " runs and may be reached from here.");
}

Task<StreamResult> open_stream(ClientState& state, const Destination& to, Deadline deadline,
                               Progress& progress) {
  const Proxy& proxy = state.proxy;
  const bool tunnel = to.tls && proxy.is_for(to.host, to.port);
  const std::string& host = tunnel ? proxy.host() : to.host;
  const bool public_only = must_be_public(state, to.host);
  boost::system::error_code no_literal;
  const auto literal = asio::ip::make_address(to.host, no_literal);
  if (public_only && !no_literal && !state.is_public(literal)) co_return not_public(to.host);
  auto socket = co_await connect(state, host, tunnel ? proxy.port() : to.port,
                                 public_only && !tunnel, deadline, progress);
  if (!socket && tunnel) co_return through_proxy(socket.error(), proxy);
  if (!socket) co_return socket.error();
  auto plain = std::make_unique<PlainStream>(std::move(*socket));
  if (tunnel) {
    progress.stage = kTunnelling;
    auto opened = co_await open_tunnel(*plain, proxy, to.host, to.port);
    if (!opened) co_return opened.error();
  }
  if (!to.tls) {
    std::unique_ptr<ByteStream> open = std::move(plain);
    co_return open;
  }
  progress.stage = kStartingTls;
  bool resumed = false;
  auto secure = co_await start_client_tls(std::move(plain->socket()), state.tls, state.authorities,
                                          to.host, to.origin, state.options.ca_setting, resumed);
  if (secure && state.full_handshakes)
    (resumed ? state.resumed_handshakes : state.full_handshakes)->add();
  co_return secure;
}

/// For a call whose time ran out wherever it was.
Error too_late(const ClientState& state, const Destination& to, const Progress& progress) {
  if (progress.stage == kWaiting)
    return Error(Errc::overloaded, to.host + ": no free connection in time")
        .with_hint("All " + std::to_string(state.options.max_connections_per_origin) +
                   " connections are busy (SN_MAX_CONNECTIONS): the upstream is slow, or more are "
                   "needed.");
  std::string hint;
  for (const StageHint& known : kStageHints)
    if (known.stage == progress.stage) hint = known.hint;
  return Error(Errc::timed_out, to.host + ": " + std::string(progress.stage))
      .with_hint(std::move(hint))
      .with_outcome(outcome_of(progress));
}

Error cut_short(const Destination& to, const Progress& progress,
                const boost::system::error_code& ec) {
  if (progress.answered)
    return Error(Errc::upstream_garbled, to.host + ": the answer was cut short")
        .with_outcome(Outcome::unknown);
  const std::string why = ec == asio::error::eof ? "closed before it answered" : ec.message();
  return Error(Errc::connection_lost, to.host + ": " + why).with_outcome(outcome_of(progress));
}

Error not_usable(const Destination& to, ResponseParser::State state) {
  if (state == ResponseParser::State::too_large)
    return Error(Errc::too_large, to.host + ": the answer is larger than allowed")
        .with_outcome(Outcome::unknown);
  return Error(Errc::upstream_garbled, to.host + ": the answer is not HTTP")
      .with_outcome(Outcome::unknown);
}

void keep_head(ResponseParser& parser, Progress& progress) {
  if (progress.head || !parser.head_done() || parser.response().status < 200) return;
  progress.head = Response(parser.response().status);
  progress.head->headers = parser.response().headers;
}

/// Reads one answer; `clean` says whether the connection may carry another call.
Task<Result<Response>> read_answer(ByteStream& stream, const ClientRequest& request,
                                   const Destination& to, Progress& progress, bool& clean) {
  boost::beast::flat_buffer buffer(kBufferSize);
  for (int interim = 0; interim < kMaxInterim; ++interim) {
    ResponseParser parser(request.max_response_bytes, request.method == Method::head);
    auto state = ResponseParser::State::need_more;
    while (state == ResponseParser::State::need_more) {
      if (buffer.size() > 0) {
        const auto data = buffer.cdata();
        std::size_t used = 0;
        state = parser.put({static_cast<const char*>(data.data()), data.size()}, used);
        buffer.consume(used);
        if (request.status_suffices) keep_head(parser, progress);
        if (state != ResponseParser::State::need_more) break;
      }
      const std::size_t room = buffer.max_size() - buffer.size();
      if (room == 0) co_return not_usable(to, ResponseParser::State::too_large);
      const auto [ec, n] =
          co_await stream.read_some(buffer.prepare(std::min(room, kAnswerReadSize)));
      buffer.commit(n);
      if (n > 0) progress.answered = true;
      if (!ec) continue;
      // Over TLS only a close_notify arrives as eof; without it the body may be cut anywhere.
      if (ec == asio::error::eof && parser.put_end() == ResponseParser::State::done) {
        state = ResponseParser::State::done;
        break;
      }
      co_return cut_short(to, progress, ec);
    }
    if (state != ResponseParser::State::done) co_return not_usable(to, state);
    if (parser.response().status < 200) continue;  // 100 Continue, 103 Early Hints
    clean = parser.keep_alive() && buffer.size() == 0;
    co_return std::move(parser.response());
  }
  co_return not_usable(to, ResponseParser::State::garbled);
}

Task<Result<Response>> exchange(ByteStream& stream, const ClientRequest& request,
                                const Destination& to, Progress& progress, bool& clean) {
  const std::string head = request_head(request, to);
  progress.stage = "sending the request";
  progress.written = true;
  const Buffers bytes{asio::buffer(head), asio::buffer(request.body)};
  const auto [ec, n] = co_await stream.write(bytes);
  if (ec && n == 0) {
    co_return cut_short(to, progress, ec);
  }
  // A peer that refuses early answers and closes: the answer may be there although a write failed.
  progress.stage = "waiting for the answer";
  auto answer = co_await read_answer(stream, request, to, progress, clean);
  if (ec) clean = false;
  co_return answer;
}

Task<Result<Response>> call(std::shared_ptr<ClientState> state, const ClientRequest& request,
                            const Destination& to, Deadline deadline, Progress& progress) {
  ConnectionPool::Place place = co_await state->pool->acquire(to.origin, deadline);
  if (!place) co_return too_late(*state, to, progress);
  std::unique_ptr<ByteStream> stream = place.take_idle();
  bool resent = false;
  for (;;) {
    const bool reused = stream != nullptr;
    if (!reused) {
      const auto limit = std::min(deadline, in(state->options.connect_timeout));
      auto opened = co_await async::with_deadline(open_stream(*state, to, limit, progress), limit);
      if (!opened && opened.error().is(Errc::timed_out)) co_return too_late(*state, to, progress);
      // Unknown if this is the second connection for a call that was written to a dying one.
      if (!opened) co_return opened.error().with_outcome(outcome_of(progress));
      stream = std::move(*opened);
    }
    bool clean = false;
    auto answer = co_await exchange(*stream, request, to, progress, clean);
    if (answer && clean) place.keep(std::move(stream));
    stream.reset();
    if (answer) answer->resent = resent;
    if (answer || !reused || progress.answered) co_return answer;
    // The peer closed a kept connection just before or while we wrote (RFC 9112, 9.3.1).
    if (progress.written && !request.repeatable) co_return answer;
    resent = progress.written;
  }
}

class Client final : public HttpClient {
 public:
  explicit Client(std::shared_ptr<ClientState> state) : state_(std::move(state)) {}
  ~Client() override { state_->pool->close(); }

  Task<Result<Response>> send(ClientRequest request, Deadline deadline) override {
    const auto state = state_;
    const auto to = parse_destination(request.url, state->options.allow_http);
    if (!to) co_return to.error();
    const auto& fields = request.headers.entries();
    if (!std::all_of(fields.begin(), fields.end(), is_safe_field) ||
        request.method == Method::other)
      co_return Error(Errc::malformed, "header field or method of a call to " + to->host);
    Progress progress;
    auto answer =
        co_await async::with_deadline(call(state, request, *to, deadline, progress), deadline);
    if (!answer && progress.head) co_return std::move(*progress.head);
    if (!answer && answer.error().is(Errc::timed_out)) co_return too_late(*state, *to, progress);
    co_return answer;
  }

  void close() override { state_->pool->close(); }

 private:
  std::shared_ptr<ClientState> state_;
};

}  // namespace

Result<std::unique_ptr<HttpClient>> make_http_client(asio::any_io_executor executor,
                                                     const ClientOptions& options, Logger& logger,
                                                     Metrics* metrics) {
  return make_http_client_with(std::move(executor), options, logger, metrics, system_lookup,
                               is_public);
}

Result<std::unique_ptr<HttpClient>> make_http_client_with(asio::any_io_executor executor,
                                                          const ClientOptions& options,
                                                          Logger& logger, Metrics* metrics,
                                                          Lookup lookup, AddressRule rule) {
  auto proxy = Proxy::parse(options.https_proxy.reveal(), options.no_proxy);
  if (!proxy) return proxy.error();
  auto state =
      std::make_shared<ClientState>(executor, options, metrics, std::move(lookup), std::move(rule));
  state->proxy = std::move(*proxy);
  std::shared_ptr<const Authorities> authorities = options.authorities;
  if (!authorities) {
    auto loaded = load_authorities(options.ca_file, logger);
    if (!loaded) return loaded.error();
    authorities = std::move(*loaded);
    read_ahead(*authorities);
  }
  state->tls = make_client_tls(*authorities);
  state->authorities = std::move(authorities);
  return std::unique_ptr<HttpClient>(std::make_unique<Client>(std::move(state)));
}

}  // namespace bridge::net
