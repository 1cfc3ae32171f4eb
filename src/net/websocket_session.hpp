// SPDX-License-Identifier: MIT
// The WebSocket of include/bridge/net/websocket.hpp over one kind of stream. Included by exactly
// one file per kind.
//
// Who does what: `receive` is the only reader; `write_next` is the only one that writes messages
// and the close frame; pings may be written beside them (Beast orders the frames); the server's
// sweep looks at the deadlines and cuts the socket, upon which both sides end.
#pragma once

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/error.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <charconv>
#include <optional>

#include "bridge/async/signal.hpp"
#include "bridge/core/exception.hpp"
#include "net/frame_queue.hpp"
#include "net/websocket_upgrade.hpp"

namespace bridge::net {

template <class Layer>
class WebSocketSession final : public WebSocket,
                               public Watched,
                               public std::enable_shared_from_this<WebSocketSession<Layer>> {
  using Clock = std::chrono::steady_clock;
  using Base = boost::beast::websocket::stream_base;
  using error_code = boost::system::error_code;

 public:
  WebSocketSession(std::shared_ptr<ServerContext> context, Layer&& layer)
      : context_(std::move(context)),
        ws_(std::in_place, std::move(layer)),
        queue_(context_->options.max_queued_bytes),
        writer_ended_(context_->executor),
        registration_(std::in_place, *context_, *this) {
    context_->access.websockets().add(1);
  }

  Task<bool> accept(const Request& request, std::string subprotocol, std::string leftover) {
    configure(std::move(subprotocol));
    // Beast can be given bytes that came behind the request only together with a request, and takes
    // no more than 1536 of both: so it gets the five fields that it looks at.
    std::string head =
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade\r\nUpgrade: websocket\r\n";
    for (const char* name : {"Sec-WebSocket-Key", "Sec-WebSocket-Version"})
      if (request.headers.has(name))
        head.append(name).append(": ").append(request.headers.get(name)).append("\r\n");
    head.append("\r\n").append(leftover);
    const auto [ec] = co_await ws_->async_accept(asio::buffer(head), as_result);
    ws_->set_option(Base::decorator([](boost::beast::websocket::response_type&) {}));
    if (ec) {
      end(Ending::broken);
      co_return false;
    }
    ws_->text(true);
    next_ping_ = Clock::now() + context_->options.ping_interval;
    co_return true;
  }

  bool send(async::WriteQueue::Item text) override {
    if (closing_ || ended_) return false;
    if (!queue_.push(std::move(text))) {
      close(CloseCode::slow, "slow reader");
      return false;
    }
    ++queued_;
    write_next();
    return true;
  }

  Task<Result<std::string>> receive() override {
    // An idle socket holds no more than this small string.
    std::string message(kFirstRead, '\0');
    std::size_t used = 0;
    while (!ended_) {
      if (message.size() == used) message.resize(used + kNextRead);
      const auto space = asio::buffer(message.data() + used, message.size() - used);
      const auto [ec, n] = co_await ws_->async_read_some(space, as_result);
      if (ec) {
        co_await conclude(ec);
        break;
      }
      used += n;
      if (!ws_->got_text()) {
        close(CloseCode::policy, "text frames only");
        used = 0;  // read on until the close is answered
      } else if (ws_->is_message_done()) {
        message.resize(used);
        co_return message;
      }
    }
    co_return Error(Errc::connection_lost, "websocket");
  }

  Task<> drain() override {
    std::array<char, 128> dropped;
    while (!ended_) {
      const auto [ec, n] = co_await ws_->async_read_some(asio::buffer(dropped), as_result);
      if (ec)
        co_await conclude(ec);
      else if (!ws_->got_text())
        close(CloseCode::policy, "text frames only");
    }
  }

  void close(CloseCode code, std::string_view reason) override {
    if (closing_ || ended_) return;
    closing_ = true;
    farewell_ = nullptr;
    reason_.code = static_cast<std::uint16_t>(code);
    reason = reason.substr(0, reason_.reason.max_size());
    reason_.reason.assign(reason.data(), reason.size());
    write_next();
  }

  void set_farewell(std::function<std::string()> reason) override {
    if (!closing_ && !ended_) farewell_ = std::move(reason);
  }
  void confirm_soon() override { confirm_soon_ = true; }
  std::uint64_t confirmed_frames() const override { return confirmed_; }
  std::uint64_t queued_frames() const override { return queued_; }
  Ending ending() const override { return ending_; }

  /// After a successful `accept`: from here on what is queued is written.
  void start() {
    open_ = true;
    write_next();
  }

  /// Reads to the end, so that the queue is written and the close answered.
  Task<> finish() {
    co_await drain();
    co_await wait_for_writer();
  }

  /// The socket and its buffers go now, however long somebody keeps this object to look at.
  void release() {
    end(Ending::broken);  // unless it has ended in another way
    registration_.reset();
    ws_.reset();
    if (context_) context_->access.websockets().add(-1);
    context_.reset();
  }

  void on_tick(Deadline now) override {
    if (ended_) return;
    if (now >= write_deadline_) return cut();
    if (closing_ || now < next_ping_) return;
    if (awaiting_pong_) return cut();
    send_ping();
    next_ping_ = now + context_->options.ping_interval;
  }

  bool stops_in_turn() const override { return !closing_ && !ended_; }
  void begin_stop() override {
    const std::string reason = farewell_ ? farewell_() : std::string();
    close(CloseCode::restart, reason.empty() ? "restart" : reason);
  }

  void cut() override {
    if (!ws_) return;
    error_code ignored;
    boost::beast::get_lowest_layer(*ws_).close(ignored);
  }

 private:
  static constexpr std::size_t kFirstRead = 64;
  static constexpr std::size_t kNextRead = 4096;
  /// For the handshake, and for the peer's answer to a close frame.
  static constexpr std::chrono::seconds kHandshake{2};

  void configure(std::string subprotocol) {
    Base::timeout timeouts{kHandshake, Base::none(), false};
    ws_->set_option(timeouts);
    ws_->auto_fragment(false);
    ws_->read_message_max(context_->options.max_message_bytes);
    ws_->set_option(Base::decorator(
        [protocol = std::move(subprotocol)](boost::beast::websocket::response_type& response) {
          if (!protocol.empty()) response.set("Sec-WebSocket-Protocol", protocol);
          response.set("Server", "bridge");  // or Beast would name itself and its version
        }));
    ws_->control_callback(
        [this](boost::beast::websocket::frame_type kind, boost::beast::string_view data) {
          if (kind == boost::beast::websocket::frame_type::pong)
            on_pong({data.data(), data.size()});
        });
  }

  /// One write at a time: each one's end begins the next, and the close frame is the last. Not a
  /// coroutine, since those of an idle socket would be a good part of its memory.
  void write_next() {
    if (!open_ || writing_ || ended_ || close_started_) return;
    const async::WriteQueue::Item item = queue_.pop();
    if (item) {
      writing_ = true;
      write_deadline_ = Clock::now() + context_->options.write_timeout;
      ws_->async_write(asio::buffer(*item),
                       [self = this->shared_from_this(), item](const error_code& ec, std::size_t) {
                         self->on_written(ec);
                       });
    } else if (closing_) {
      writing_ = true;
      close_started_ = true;
      ws_->async_close(reason_, [self = this->shared_from_this()](const error_code& ec) {
        self->closed_by_both_ = !ec;
        self->finish_writing();
      });
    }
  }

  void on_written(const error_code& ec) {
    writing_ = false;
    write_deadline_ = Deadline::max();
    if (ended_) return finish_writing();
    if (ec) return end(Ending::broken);
    ++written_;
    if (queue_.bytes() == 0) ping_if_wanted();
    write_next();
  }

  void finish_writing() {
    writing_ = false;
    writer_done_ = true;
    writer_ended_.notify();
  }

  /// The payload says how many frames were written before this ping; its echo proves that the
  /// peer's stack has read that far.
  void send_ping() {
    awaiting_pong_ = true;
    pinged_ = written_;
    const std::string text = std::to_string(pinged_);
    const boost::beast::websocket::ping_data payload(text.data(), text.size());
    ws_->async_ping(payload, [self = this->shared_from_this()](const error_code&) {});
  }

  void on_pong(std::string_view data) {
    if (!awaiting_pong_ || data != std::to_string(pinged_)) return;
    awaiting_pong_ = false;
    confirmed_ = pinged_;
    ping_if_wanted();
  }

  void ping_if_wanted() {
    if (!confirm_soon_ || awaiting_pong_ || closing_ || ended_ || confirmed_ == written_) return;
    confirm_soon_ = false;
    send_ping();
    next_ping_ = Clock::now() + context_->options.ping_interval;
  }

  /// The reader has failed with `ec`: finds out how the socket ended.
  Task<> conclude(error_code ec) {
    if (close_started_) {
      // Beast aborts our read and reads the peer's answer itself, inside async_close.
      co_await wait_for_writer();
      const bool answered = closed_by_both_ || ec == boost::beast::websocket::error::closed;
      if (answered) confirmed_ = written_;
      end(answered ? Ending::by_us : Ending::broken);
    } else {
      end(ec == boost::beast::websocket::error::closed ? Ending::by_peer : Ending::broken);
    }
  }

  void end(Ending ending) {
    if (ended_) return;
    ended_ = true;
    ending_ = ending;
    farewell_ = nullptr;
    if (ending == Ending::broken) cut();
    if (!writing_) finish_writing();
  }

  Task<> wait_for_writer() {
    while (!writer_done_) {
      (void)co_await writer_ended_.wait(writer_ended_.generation(), Deadline::max());
    }
  }

  std::shared_ptr<ServerContext> context_;
  std::optional<boost::beast::websocket::stream<Layer, false>> ws_;
  FrameQueue queue_;
  async::Signal writer_ended_;
  std::function<std::string()> farewell_;
  boost::beast::websocket::close_reason reason_;
  Deadline write_deadline_ = Deadline::max();
  Deadline next_ping_ = Deadline::max();
  std::uint64_t queued_ = 0;
  std::uint64_t written_ = 0;
  std::uint64_t pinged_ = 0;
  std::uint64_t confirmed_ = 0;
  Ending ending_ = Ending::broken;
  bool open_ = false;
  bool writing_ = false;
  bool closing_ = false;
  bool close_started_ = false;
  bool closed_by_both_ = false;
  bool ended_ = false;
  bool writer_done_ = false;
  bool awaiting_pong_ = false;
  bool confirm_soon_ = false;
  std::optional<Registration> registration_;
};

inline void report(ServerContext& context, const Upgrade& upgrade, bool accepted) {
  Answered answered;
  answered.route = upgrade.route_number;
  answered.method = upgrade.request.method;
  answered.status = accepted ? 101 : 400;  // Beast has answered, possibly 426
  answered.took = std::chrono::steady_clock::now() - upgrade.begun;
  answered.id = upgrade.request.id;
  answered.peer = upgrade.request.peer_address;
  context.access.answered(answered);
}

template <class Layer>
Task<> serve_websocket(std::shared_ptr<ServerContext> context,
                       std::shared_ptr<WebSocketSession<Layer>> socket,
                       std::unique_ptr<Upgrade> upgrade) {
  [[maybe_unused]] const std::optional<ConnectionCount> counted = std::move(upgrade->counted);
  const WebSocketRoute& route = *upgrade->route;
  bool accepted = false;
  {
    std::string subprotocol;
    if (route.subprotocol) subprotocol = route.subprotocol(upgrade->request);
    std::string leftover = std::move(upgrade->leftover);
    accepted =
        co_await socket->accept(upgrade->request, std::move(subprotocol), std::move(leftover));
  }
  report(*context, *upgrade, accepted);
  if (!accepted) {
    socket->release();
    co_return;
  }
  socket->start();
  if (context->stopping) socket->begin_stop();

  std::exception_ptr thrown;
  try {
    // Made first and awaited then, so that the request is in no frame but the route's own.
    Task<> running = route.run(std::move(upgrade->request), socket);
    upgrade.reset();
    co_await std::move(running);
  } catch (...) {
    thrown = std::current_exception();
  }
  const auto state = co_await asio::this_coro::cancellation_state;
  if (state.cancelled() != asio::cancellation_type::none) {
    socket->release();
    co_return;
  }
  if (thrown) {
    context->logger.error("websocket_failed", {{"reason", describe(thrown)}});
    socket->close(CloseCode::internal, "internal error");
  } else {
    socket->close(CloseCode::normal, "");
  }
  co_await socket->finish();
  socket->release();
}

}  // namespace bridge::net
