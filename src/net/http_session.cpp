// SPDX-License-Identifier: MIT
#include "net/http_session.hpp"

#include "net/error_response.hpp"
#include "net/tls_stream.hpp"

namespace bridge::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadSize = 4096;
constexpr std::size_t kWriteSize = 64 * 1024;
constexpr std::size_t kDefaultBodyLimit = 64 * 1024;  // for requests that no route takes
constexpr std::chrono::milliseconds kLinger{2'000};
constexpr std::size_t kLingerBytes = 1024 * 1024;

std::string_view id_for(unsigned status) {
  switch (status) {
    case 408:
      return "timeout";
    case 413:
      return "too_large";
    case 431:
      return "header_too_large";
    default:
      return "bad_request";
  }
}

}  // namespace

HttpSession::HttpSession(ServerContext& context, std::unique_ptr<ByteStream> stream,
                         std::string peer_address)
    : context_(context),
      stream_(std::move(stream)),
      peer_address_(std::move(peer_address)),
      // Chunk extensions and trailers must fit too: nothing else bounds them.
      buffer_(context.options.max_header_bytes + kReadSize),
      registration_(context, *this) {}

void HttpSession::enter(Phase phase, std::chrono::milliseconds limit) {
  phase_ = phase;
  deadline_ = Clock::now() + limit;
}

void HttpSession::on_tick(Deadline now) {
  if (now < deadline_) return;
  deadline_ = Deadline::max();
  timed_out_ = true;
  if (phase_ == Phase::reading) {
    boost::system::error_code ignored;
    stream_->socket().cancel(ignored);  // the session wakes up and can still say 408
  } else {
    cut();
  }
}

void HttpSession::begin_stop() {
  if (phase_ == Phase::idle) cut();
}

Task<std::unique_ptr<Upgrade>> HttpSession::run() {
  std::unique_ptr<Upgrade> upgrade;
  if (!co_await handshake()) co_return upgrade;
  bool first = true;
  for (;;) {
    const Next next = co_await serve_one(first, upgrade);
    if (next != Next::request) break;
    first = false;
  }
  co_return upgrade;
}

Task<bool> HttpSession::handshake() {
  if (!context_.tls) co_return true;
  enter(Phase::ending, context_.options.header_timeout);
  auto& tls = static_cast<TlsStream&>(*stream_);
  const auto [ec] = co_await tls.handshake(asio::ssl::stream_base::server);
  if (ec)
    context_.logger.debug("tls_handshake_failed",
                          {{"peer", peer_address_}, {"reason", ec.message()}});
  co_return !ec;
}

Task<HttpSession::Next> HttpSession::serve_one(bool first, std::unique_ptr<Upgrade>& upgrade) {
  RequestParser parser(context_.options.max_header_bytes);
  Request& request = parser.request();
  if (!co_await read_head(parser, first)) co_return Next::close;
  request.peer_address = peer_address_;

  const Router::Match match = context_.router.match(request);
  const auto state =
      parser.set_body_limit(match.route ? match.route->body_limit : kDefaultBodyLimit);
  if (state == RequestParser::State::failed) {
    (void)co_await refuse(parser);
    co_return Next::close;
  }
  if (!co_await read_body(parser)) co_return Next::close;

  phase_ = Phase::handling;
  deadline_ = Deadline::max();
  Response response;
  if (match.websocket && parser.wants_upgrade() &&
      equals_ignoring_case(request.headers.get("Upgrade"), "websocket")) {
    std::optional<Response> refusal;
    if (context_.stopping)
      refusal = error_response(503, "overloaded");
    else if (match.websocket->refuse)
      refusal = match.websocket->refuse(request);
    if (!refusal) {
      upgrade = std::make_unique<Upgrade>();
      const auto data = buffer_.cdata();
      upgrade->leftover.assign(static_cast<const char*>(data.data()), data.size());
      upgrade->stream = std::move(stream_);
      upgrade->request = std::move(request);
      upgrade->route = match.websocket;
      co_return Next::upgrade;
    }
    response = std::move(*refusal);
    context_.router.finish(request, response);
  } else {
    response = co_await context_.router.handle(request, &context_.logger);
  }

  const HeadRules rules = rules_for(parser);
  const bool closing =
      !rules.keep_alive || equals_ignoring_case(response.headers.get("Connection"), "close");
  HeadRules final_rules = rules;
  final_rules.keep_alive = !closing;
  if (!co_await answer(request, std::move(response), final_rules)) co_return Next::close;
  if (!closing) co_return Next::request;
  co_await linger();
  co_return Next::close;
}

HeadRules HttpSession::rules_for(const RequestParser& parser) const {
  HeadRules rules;
  rules.keep_alive = parser.keep_alive() && !context_.stopping;
  rules.http_1_0 = parser.http_1_0();
  return rules;
}

RequestParser::State HttpSession::feed(RequestParser& parser) {
  const auto data = buffer_.cdata();
  std::string_view bytes(static_cast<const char*>(data.data()), data.size());
  std::size_t skipped = 0;
  // RFC 9112, 2.2: empty lines before the request line are to be ignored.
  while (!parser.started() && bytes.starts_with("\r\n")) {
    bytes.remove_prefix(2);
    skipped += 2;
  }
  if (!parser.started() && bytes == "\r") return RequestParser::State::need_more;
  std::size_t used = 0;
  const auto state = parser.put(bytes, used);
  buffer_.consume(skipped + used);
  return state;
}

Task<bool> HttpSession::fill() {
  const std::size_t room = buffer_.max_size() - buffer_.size();
  const auto space = buffer_.prepare(std::min(room, kReadSize));
  const auto [ec, n] = co_await stream_->read_some(space);
  buffer_.commit(n);
  co_return !ec && n > 0 && !timed_out_;
}

Task<bool> HttpSession::read_head(RequestParser& parser, bool first) {
  const auto& options = context_.options;
  bool begun = buffer_.size() > 0;
  if (begun)
    enter(Phase::reading, options.header_timeout);
  else
    enter(Phase::idle, first ? options.header_timeout : options.keep_alive_timeout);
  if (!begun && context_.stopping) co_return false;
  for (;;) {
    const auto state = buffer_.size() > 0 ? feed(parser) : RequestParser::State::need_more;
    if (state == RequestParser::State::head_done || state == RequestParser::State::done)
      co_return true;
    if (state == RequestParser::State::failed || buffer_.size() == buffer_.max_size()) {
      (void)co_await refuse(parser);
      co_return false;
    }
    if (!co_await fill()) {
      if (timed_out_ && begun) (void)co_await refuse(parser);
      co_return false;
    }
    if (!begun) {
      begun = true;
      enter(Phase::reading, options.header_timeout);
    }
  }
}

Task<bool> HttpSession::read_body(RequestParser& parser) {
  if (parser.is_done()) co_return true;
  enter(Phase::reading, context_.options.body_timeout);
  if (parser.expects_continue() && buffer_.size() == 0) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    Buffers bytes{asio::buffer(kContinue), asio::const_buffer()};
    const auto [ec, n] = co_await stream_->write(bytes);
    if (ec) co_return false;
  }
  for (;;) {
    const auto state = feed(parser);
    if (state == RequestParser::State::done) co_return true;
    if (state == RequestParser::State::failed || buffer_.size() == buffer_.max_size()) {
      (void)co_await refuse(parser);
      co_return false;
    }
    if (!co_await fill()) {
      if (timed_out_) (void)co_await refuse(parser);
      co_return false;
    }
  }
}

/// Answers what the parser or the clock refused, and ends the connection: where the next request
/// would begin is not known any more.
Task<bool> HttpSession::refuse(RequestParser& parser) {
  unsigned status = parser.failure_status();
  if (timed_out_) status = 408;
  if (status == 0) status = 431;  // the buffer is full
  if (parser.has_head() && status == 431) status = 400;
  context_.logger.debug("request_refused", {{"peer", peer_address_}, {"status", status}});
  Response response = error_response(status, id_for(status));
  context_.router.finish(parser.request(), response);
  HeadRules rules;
  rules.keep_alive = false;
  timed_out_ = false;
  const bool written = co_await answer(parser.request(), std::move(response), rules);
  if (written) co_await linger();
  co_return written;
}

Task<bool> HttpSession::answer(const Request& request, Response response, HeadRules rules) {
  const std::string head = response_head(response, rules, context_.date);
  context_.logger.debug(
      "http_request",
      {{"method", to_string(request.method)}, {"path", request.path}, {"status", response.status}});
  std::string_view body = response.body;
  if (request.method == Method::head || !may_have_body(response.status)) body = {};
  std::string_view front = head;
  if (response.cut_after_bytes) {
    const std::size_t allowed = *response.cut_after_bytes;
    front = front.substr(0, allowed);
    body = body.substr(0, allowed - front.size());
  }
  do {
    // Re-armed per piece, so that a slow but steady reader of a large file gets all of it.
    enter(Phase::writing, context_.options.write_timeout);
    const std::string_view piece = body.substr(0, kWriteSize);
    const Buffers bytes{asio::buffer(front), asio::buffer(piece)};
    const auto [ec, n] = co_await stream_->write(bytes);
    if (ec) co_return false;
    front = {};
    body.remove_prefix(piece.size());
  } while (!body.empty());
  if (response.cut_after_bytes) cut();
  co_return !response.cut_after_bytes;
}

/// Ends our side and reads on for a moment: closing a socket with unread input resets it, and the
/// reset may overtake the answer (RFC 9112, 9.6).
Task<> HttpSession::linger() {
  enter(Phase::ending, kLinger);
  co_await stream_->finish_writing();
  std::size_t total = 0;
  buffer_.clear();
  while (total < kLingerBytes && !timed_out_) {
    const auto [ec, n] = co_await stream_->read_some(buffer_.prepare(kReadSize));
    if (ec) break;
    total += n;
  }
}

}  // namespace bridge::net
