// SPDX-License-Identifier: MIT
#include "net/http_session.hpp"

#include <algorithm>
#include <utility>

#include "net/error_response.hpp"
#include "net/tls_stream.hpp"

namespace bridge::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRequestReadSize = 4096;
constexpr std::size_t kWriteSize = 64 * 1024;
constexpr std::size_t kDefaultBodyLimit = 64 * 1024;  // for requests that no route takes
constexpr std::chrono::milliseconds kLinger{2'000};
/// A connection that has been idle for so long does not keep a buffer; a busy one keeps it.
constexpr std::chrono::milliseconds kLetGoAfter{1'000};
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
      buffer_(context.options.max_header_bytes + kRequestReadSize),
      registration_(context, *this) {}

void HttpSession::enter(Phase phase, std::chrono::milliseconds limit) {
  phase_ = phase;
  deadline_ = Clock::now() + limit;
  if (phase == Phase::reading) deadline_ = std::min(deadline_, request_deadline_);
}

void HttpSession::cut() {
  if (receipt_ && stream_->unacknowledged() > 0) broken_ = true;
  stream_->cut();
}

/// A reset says that the peer threw away what it had not read; an orderly end says nothing.
void HttpSession::note_break(const boost::system::error_code& ec) {
  broken_ = broken_ || ec == asio::error::connection_reset || ec == asio::error::broken_pipe ||
            ec == asio::error::timed_out;
}

void HttpSession::confirm_last_answer(bool arrived) {
  if (receipt_) std::exchange(receipt_, nullptr)(arrived);
}

void HttpSession::begin_request() {
  confirm_last_answer(true);  // whoever asks on has read what was answered
  begun_ = Clock::now();
  request_deadline_ = begun_ + context_.options.request_timeout;
  let_go_ = Deadline::max();
  phase_ = Phase::reading;
  deadline_ = std::min(begun_ + context_.options.header_timeout, request_deadline_);
}

void HttpSession::on_tick(Deadline now) {
  boost::system::error_code ignored;
  if (now >= let_go_ && now < deadline_) {
    let_go_ = Deadline::max();
    letting_go_ = true;
    stream_->socket().cancel(ignored);  // `fill` gives the buffer back and waits without one
    return;
  }
  if (now < deadline_) return;
  deadline_ = Deadline::max();
  timed_out_ = true;
  if (phase_ == Phase::reading)
    stream_->socket().cancel(ignored);  // the session wakes up and can still say 408
  else if (phase_ == Phase::handling)
    answer_late();
  else
    cut();
}

/// The handler still has the request and is left to finish: what it has begun may be a commit. Its
/// caller need not wait for that. Nothing else is being written now, so this fits.
void HttpSession::answer_late() {
  Response response = error_response(503, "timeout");
  context_.router.finish(*handled_, response);
  HeadRules rules;
  rules.keep_alive = false;
  const std::string head = response_head(response, rules, context_.date);
  const Buffers bytes{asio::buffer(head), asio::buffer(response.body)};
  if (stream_->write_now(bytes) == 0) return cut();
  boost::system::error_code ignored;
  stream_->socket().shutdown(Socket::shutdown_send, ignored);
  report(*handled_, response.status, response.body.size(), "timeout");
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
  if (receipt_ && !upgrade) confirm_last_answer(!broken_ && stream_->unacknowledged() == 0);
  co_return upgrade;
}

Task<bool> HttpSession::handshake() {
  if (!context_.tls) co_return true;
  enter(Phase::ending, context_.options.first_byte_timeout);
  auto& tls = static_cast<TlsStream&>(*stream_);
  const auto [ec] = co_await tls.handshake(asio::ssl::stream_base::server);
  if (ec)
    context_.logger.debug("tls_handshake_failed",
                          {{"peer", peer_address_}, {"reason", ec.message()}});
  co_return !ec;
}

Task<HttpSession::Next> HttpSession::serve_one(bool first, std::unique_ptr<Upgrade>& upgrade) {
  const auto& options = context_.options;
  RequestParser parser(
      {options.max_header_bytes, options.max_header_line, options.max_header_fields});
  Request& request = parser.request();
  route_ = 0;
  if (!co_await read_head(parser, first)) co_return Next::close;
  request.peer_address = peer_address_;
  request.id = context_.ids.next();

  const Router::Match match = context_.router.match(request);
  route_ = match.number;
  const auto state =
      parser.set_body_limit(match.route ? match.route->body_limit : kDefaultBodyLimit);
  if (state == RequestParser::State::failed) {
    (void)co_await refuse(parser);
    co_return Next::close;
  }
  if (!parser.is_done()) {
    const bool whole = co_await read_body(parser);
    if (!whole) co_return Next::close;
  }

  handled_ = &request;
  phase_ = Phase::handling;
  deadline_ = request_deadline_;
  Response response;
  if (match.websocket && parser.wants_upgrade() &&
      equals_ignoring_case(request.headers.get("Upgrade"), "websocket")) {
    if (!refuse_upgrade(request, match, response)) {
      upgrade = begin_upgrade(request, match);
      co_return Next::upgrade;
    }
  } else {
    response = co_await context_.router.handle(request, match, &context_.logger);
  }
  handled_ = nullptr;
  if (timed_out_) {  // it has been answered without the handler
    if (response.receipt) response.receipt(false);
    co_await linger();
    co_return Next::close;
  }

  HeadRules rules = rules_for(parser);
  if (equals_ignoring_case(response.headers.get("Connection"), "close")) rules.keep_alive = false;
  const bool written = co_await answer(request, std::move(response), rules);
  if (!written) co_return Next::close;
  if (rules.keep_alive) co_return Next::request;
  co_await linger();
  co_return Next::close;
}

bool HttpSession::refuse_upgrade(const Request& request, const Router::Match& match,
                                 Response& response) {
  std::optional<Response> refusal;
  if (context_.stopping)
    refusal = error_response(503, "overloaded");
  else if (match.websocket->refuse)
    refusal = match.websocket->refuse(request);
  if (!refusal) return false;
  response = std::move(*refusal);
  context_.router.finish(request, response);
  return true;
}

std::unique_ptr<Upgrade> HttpSession::begin_upgrade(Request& request, const Router::Match& match) {
  auto upgrade = std::make_unique<Upgrade>();
  const auto data = buffer_.cdata();
  upgrade->leftover.assign(static_cast<const char*>(data.data()), data.size());
  upgrade->stream = std::move(stream_);
  upgrade->request = std::move(request);
  upgrade->route = match.websocket;
  upgrade->route_number = match.number;
  upgrade->begun = begun_;
  return upgrade;
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
  for (;;) {
    const std::size_t room = buffer_.max_size() - buffer_.size();
    const auto space = buffer_.prepare(std::min(room, kRequestReadSize));
    const auto [ec, n] = co_await stream_->read_some(space);
    if (letting_go_ && ec == asio::error::operation_aborted && !timed_out_) {
      letting_go_ = false;
      buffer_.clear();
      buffer_.shrink_to_fit();
      const auto [failed] = co_await stream_->socket().async_wait(Socket::wait_read, as_result);
      if (failed || timed_out_) co_return false;
      continue;
    }
    letting_go_ = false;  // bytes came in the same moment
    note_break(ec);
    buffer_.commit(n);
    co_return !ec && n > 0 && !timed_out_;
  }
}

Task<bool> HttpSession::read_head(RequestParser& parser, bool first) {
  const auto& options = context_.options;
  bool begun = buffer_.size() > 0;
  if (begun) {
    begin_request();
  } else {
    enter(Phase::idle, first ? options.first_byte_timeout : options.keep_alive_timeout);
    // TLS reads ahead into buffers of its own, and its reads do not take a cancellation well.
    if (!context_.tls)
      let_go_ = deadline_ - (first ? options.first_byte_timeout : options.keep_alive_timeout) +
                kLetGoAfter;
  }
  if (!begun && context_.stopping) co_return false;
  for (;;) {
    const auto state = buffer_.size() > 0 ? feed(parser) : RequestParser::State::need_more;
    if (state == RequestParser::State::head_done || state == RequestParser::State::done)
      co_return true;
    if (state == RequestParser::State::failed || buffer_.size() == buffer_.max_size()) {
      (void)co_await refuse(parser);
      co_return false;
    }
    const bool more = co_await fill();
    if (!more) {
      if (timed_out_ && begun) (void)co_await refuse(parser);
      co_return false;
    }
    if (!begun) {
      begun = true;
      begin_request();
    }
  }
}

Task<bool> HttpSession::read_body(RequestParser& parser) {
  const auto& options = context_.options;
  enter(Phase::reading, options.receive_grace);
  if (parser.expects_continue() && buffer_.size() == 0) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const bool written = co_await write(kContinue, {});
    if (!written) co_return false;
    enter(Phase::reading, options.receive_grace);
  }
  const Deadline slowest = deadline_;
  std::size_t received = 0;
  for (;;) {
    const auto state = feed(parser);
    if (state == RequestParser::State::done) co_return true;
    if (state == RequestParser::State::failed || buffer_.size() == buffer_.max_size()) {
      (void)co_await refuse(parser);
      co_return false;
    }
    const std::size_t before = buffer_.size();
    const bool more = co_await fill();
    if (!more) {
      if (timed_out_) (void)co_await refuse(parser);
      co_return false;
    }
    // What has come has bought time: so many bytes a second on average, after the grace.
    received += buffer_.size() - before;
    const std::chrono::milliseconds bought(received * 1000 / options.min_receive_rate);
    deadline_ = std::min(slowest + bought, request_deadline_);
  }
}

/// Answers what the parser or the clock refused, and ends the connection: where the next request
/// would begin is not known any more.
Task<bool> HttpSession::refuse(RequestParser& parser) {
  unsigned status = parser.failure_status();
  if (timed_out_) status = 408;
  if (status == 0) status = 431;  // the buffer is full
  if (parser.has_head() && status == 431) status = 400;
  const std::string_view id = id_for(status);
  Response response = error_response(status, id);
  if (!parser.has_head()) parser.request().method = Method::other;
  if (parser.request().id.empty()) parser.request().id = context_.ids.next();
  context_.router.finish(parser.request(), response);
  HeadRules rules;
  rules.keep_alive = false;
  timed_out_ = false;
  const bool written = co_await answer(parser.request(), std::move(response), rules, id);
  if (written) co_await linger();
  co_return written;
}

void HttpSession::report(const Request& request, unsigned status, std::size_t bytes,
                         std::string_view refused) {
  Answered answered;
  answered.route = route_;
  answered.method = request.method;
  answered.status = status;
  answered.bytes = bytes;
  answered.took = Clock::now() - begun_;
  answered.id = request.id;
  answered.peer = peer_address_;
  answered.refused = refused;
  context_.access.answered(answered);
}

Task<bool> HttpSession::answer(const Request& request, Response response, HeadRules rules,
                               std::string_view refused) {
  const std::string head = response_head(response, rules, context_.date);
  std::string_view body = response.body;
  if (request.method == Method::head || !may_have_body(response.status)) body = {};
  std::string_view front = head;
  if (response.cut_after_bytes) {
    const std::size_t allowed = *response.cut_after_bytes;
    front = front.substr(0, allowed);
    body = body.substr(0, allowed - front.size());
  }
  const std::size_t length = body.size();
  receipt_ = std::move(response.receipt);
  broken_ = false;
  bool written = write_now(front, body);
  if (!written) written = co_await write(front, body);
  if (!written) broken_ = true;
  report(request, response.status, length, refused);
  if (response.cut_after_bytes) cut();
  co_return written && !response.cut_after_bytes;
}

/// Takes off what goes out without waiting, which is nearly always everything: then it is true.
bool HttpSession::write_now(std::string_view& front, std::string_view& body) {
  phase_ = Phase::writing;
  deadline_ = Deadline::max();  // until something does not go out at once
  const Buffers bytes{asio::buffer(front), asio::buffer(body)};
  const std::size_t done = stream_->write_now(bytes);
  const std::size_t of_front = std::min(done, front.size());
  front.remove_prefix(of_front);
  body.remove_prefix(done - of_front);
  return front.empty() && body.empty();
}

/// In pieces, the deadline set anew for each, so that a slow but steady reader of a large file gets
/// all of it.
Task<bool> HttpSession::write(std::string_view front, std::string_view body) {
  do {
    std::string_view piece = body.substr(0, kWriteSize);
    body.remove_prefix(piece.size());
    if (!write_now(front, piece)) {
      enter(Phase::writing, context_.options.write_timeout);
      const Buffers rest{asio::buffer(front), asio::buffer(piece)};
      const auto [ec, n] = co_await stream_->write(rest);
      if (ec) co_return false;
    }
    front = {};
  } while (!body.empty());
  co_return true;
}

/// Ends our side and reads on for a moment: closing a socket with unread input resets it, and the
/// reset may overtake the answer (RFC 9112, 9.6).
Task<> HttpSession::linger() {
  enter(Phase::ending, kLinger);
  timed_out_ = false;
  co_await stream_->finish_writing();
  std::size_t total = 0;
  buffer_.clear();
  while (total < kLingerBytes && !timed_out_) {
    const auto [ec, n] = co_await stream_->read_some(buffer_.prepare(kRequestReadSize));
    note_break(ec);
    if (ec) break;
    total += n;
  }
}

}  // namespace bridge::net
