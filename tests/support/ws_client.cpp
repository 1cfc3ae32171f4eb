// SPDX-License-Identifier: MIT
#include "support/ws_client.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

namespace bridge::test {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

/// Everything below `mutex` is shared between the two threads; the rest belongs to the client's.
struct WsClient::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  websocket::stream<asio::ip::tcp::socket, false> ws{context};
  beast::flat_buffer buffer;
  std::deque<std::pair<bool, std::string>> outgoing;  // binary?, payload
  bool reading = true;
  std::thread thread;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::string> received;
  bool open = false;
  bool ended = false;
  unsigned status = 0;
  websocket::response_type response;
  websocket::close_reason reason;

  void mark_ended() {
    const std::lock_guard lock(mutex);
    open = false;
    ended = true;
    reason = ws.reason();
    changed.notify_all();
  }

  void read() {
    if (!reading) return;
    ws.async_read(buffer, [this](error_code ec, std::size_t) {
      if (ec) return mark_ended();
      {
        const std::lock_guard lock(mutex);
        received.push_back(beast::buffers_to_string(buffer.cdata()));
        changed.notify_all();
      }
      buffer.consume(buffer.size());
      read();
    });
  }

  void write() {
    ws.binary(outgoing.front().first);
    ws.async_write(asio::buffer(outgoing.front().second), [this](error_code ec, std::size_t) {
      if (ec) return;  // the reader finds out
      outgoing.pop_front();
      if (!outgoing.empty()) write();
    });
  }

  void send(bool binary, std::string payload) {
    asio::post(context, [this, binary, payload = std::move(payload)]() mutable {
      outgoing.emplace_back(binary, std::move(payload));
      if (outgoing.size() == 1) write();
    });
  }

  void handshake(std::uint16_t port, const std::string& target, const WsOptions& options) {
    auto& socket = ws.next_layer();
    error_code ec;
    socket.open(asio::ip::tcp::v4(), ec);
    if (options.receive_buffer > 0)
      socket.set_option(asio::socket_base::receive_buffer_size(options.receive_buffer), ec);
    socket.connect({asio::ip::address_v4::loopback(), port}, ec);
    if (ec) return;
    ws.set_option(websocket::stream_base::decorator([options](websocket::request_type& request) {
      for (const auto& [name, value] : options.headers) request.insert(name, value);
      std::string offered;
      for (const auto& one : options.subprotocols) offered += (offered.empty() ? "" : ", ") + one;
      if (!offered.empty()) request.set("Sec-WebSocket-Protocol", offered);
    }));
    ws.read_message_max(16 * 1024 * 1024);
    websocket::response_type answer;
    ws.handshake(answer, "127.0.0.1:" + std::to_string(port), target, ec);
    const std::lock_guard lock(mutex);
    status = answer.result_int();
    response = std::move(answer);
    open = !ec;
  }
};

WsClient::WsClient(std::uint16_t port, const std::string& target, const WsOptions& options)
    : impl_(std::make_unique<Impl>()) {
  impl_->reading = options.read;
  std::promise<void> shaken;
  asio::post(impl_->context, [&] {
    impl_->handshake(port, target, options);
    if (impl_->open)
      impl_->read();
    else
      impl_->mark_ended();
    shaken.set_value();
  });
  impl_->thread = std::thread([this] { impl_->context.run(); });
  auto done = shaken.get_future();
  if (done.wait_for(options.timeout) != std::future_status::ready) {
    // The handshake blocks its thread: shutting the socket down from here wakes it.
    ::shutdown(impl_->ws.next_layer().native_handle(), SHUT_RDWR);
    done.wait();
  }
}

WsClient::~WsClient() {
  asio::post(impl_->context, [this] {
    error_code ignored;
    impl_->ws.next_layer().close(ignored);
    impl_->work.reset();
  });
  impl_->thread.join();
}

bool WsClient::is_open() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->open;
}

unsigned WsClient::status() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->status;
}

std::string WsClient::response_header(std::string_view name) const {
  const std::lock_guard lock(impl_->mutex);
  return std::string(impl_->response[beast::string_view(name.data(), name.size())]);
}

void WsClient::send_text(std::string text) { impl_->send(false, std::move(text)); }
void WsClient::send_binary(std::string bytes) { impl_->send(true, std::move(bytes)); }

std::optional<std::string> WsClient::receive(std::chrono::milliseconds timeout) {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait_for(lock, timeout, [&] { return !impl_->received.empty() || impl_->ended; });
  if (impl_->received.empty()) return std::nullopt;
  std::string text = std::move(impl_->received.front());
  impl_->received.pop_front();
  return text;
}

bool WsClient::wait_closed(std::chrono::milliseconds timeout) {
  std::unique_lock lock(impl_->mutex);
  return impl_->changed.wait_for(lock, timeout, [&] { return impl_->ended; });
}

unsigned WsClient::close_code() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->reason.code;
}

std::string WsClient::close_reason() const {
  const std::lock_guard lock(impl_->mutex);
  return {impl_->reason.reason.data(), impl_->reason.reason.size()};
}

void WsClient::stop_reading() {
  asio::post(impl_->context, [this] { impl_->reading = false; });
}

void WsClient::close(std::uint16_t code) {
  asio::post(impl_->context, [this, code] {
    impl_->ws.async_close(websocket::close_reason(code),
                          [this](error_code) { impl_->mark_ended(); });
  });
  wait_closed();
}

void WsClient::cut() {
  std::promise<void> done;
  asio::post(impl_->context, [&] {
    error_code ignored;
    impl_->ws.next_layer().set_option(asio::socket_base::linger(true, 0), ignored);
    impl_->ws.next_layer().close(ignored);
    impl_->mark_ended();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace bridge::test
