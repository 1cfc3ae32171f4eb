// SPDX-License-Identifier: MIT
// /ws/intranet/<sid>: the session as it happens. Frames out only; what a page sends here is read
// and ignored, as it was by the old bridge. DESIGN 4.2, 4.3.
#include <boost/json/serialize.hpp>
#include <deque>

#include "channels/guard.hpp"
#include "channels/reply.hpp"

namespace bridge::channels {
namespace {

constexpr std::string_view kProtocol = "handoff.v1";
constexpr std::string_view kTokenPrefix = "token.";

/// The elements of Sec-WebSocket-Protocol.
std::vector<std::string_view> offered_protocols(const net::Request& request) {
  std::vector<std::string_view> offered;
  std::string_view list = request.headers.get("Sec-WebSocket-Protocol");
  while (!list.empty()) {
    const auto comma = list.find(',');
    offered.push_back(trim(list.substr(0, comma)));
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return offered;
}

std::string protocol_token(const net::Request& request) {
  for (const std::string_view offer : offered_protocols(request))
    if (offer.starts_with(kTokenPrefix)) return std::string(offer.substr(kTokenPrefix.size()));
  return {};
}

std::shared_ptr<const std::string> error_frame(std::string_view error) {
  return std::make_shared<const std::string>(
      json::serialize(json::object{{"type", "error"}, {"error", error}}));
}

/// Hands frames to one socket and remembers which of them are not known to have arrived.
class SocketReader final : public handoff::Subscriber {
 public:
  SocketReader(std::shared_ptr<net::WebSocket> socket, bool plain)
      : socket_(std::move(socket)), plain_(plain) {}

  void on_event(const session::LoggedEventPtr& event) override {
    // A page without a cursor cannot say what it has; its socket's pongs say it instead, and the
    // sooner the less is shown twice after a reset.
    if (plain_) socket_->confirm_soon();
    if (socket_->send(event->frame)) {
      sent_.push_back(event->event.seq);
    } else {
      lost_.push_back(event->event.seq);
    }
    while (!sent_.empty() && first_ < socket_->confirmed_frames()) {
      sent_.pop_front();
      ++first_;
    }
  }
  void on_transient(const std::shared_ptr<const std::string>& frame) override {
    if (socket_->send(frame)) sent_.push_back(0);
  }
  void on_replaced() override {
    socket_->close(net::CloseCode::normal, "replaced by a newer socket");
  }
  void on_forgotten() override {
    socket_->close(net::CloseCode::unknown_session, "session expired");
  }

  /// Seqs of events of which it is not known that they arrived, now that the socket has ended.
  std::vector<std::uint64_t> unconfirmed() const {
    std::vector<std::uint64_t> seqs = lost_;
    if (socket_->ending() != net::Ending::broken) return seqs;
    const std::uint64_t confirmed = socket_->confirmed_frames();
    for (std::size_t i = 0; i < sent_.size(); ++i)
      if (first_ + i >= confirmed && sent_[i] != 0) seqs.push_back(sent_[i]);
    return seqs;
  }

 private:
  std::shared_ptr<net::WebSocket> socket_;
  bool plain_;
  std::deque<std::uint64_t> sent_;  // 0 for a frame without a place in the order
  std::uint64_t first_ = 0;         // number of the frame at the front of sent_
  std::vector<std::uint64_t> lost_;
};

Task<> drain(net::WebSocket& socket) {
  // With the co_await as its condition, g++ 12 makes a loop whose end is a trap.
  for (;;) {
    const auto received = co_await socket.receive();
    if (!received) co_return;
  }
}

Task<> reject(std::shared_ptr<net::WebSocket> socket, std::string_view error, net::CloseCode code) {
  // A browser cannot see why a handshake failed, so it is told afterwards.
  socket->send(error_frame(error));
  socket->close(code, error);
  co_await drain(*socket);
}

Task<> serve(handoff::Handoff& handoff, Guard& guard, net::Request request,
             std::shared_ptr<net::WebSocket> socket) {
  auto session = co_await guard.session(request, request.parameter("sid"), protocol_token(request));
  if (!session) {
    if (session.error().is(Errc::not_found))
      co_return co_await reject(socket, "unknown session", net::CloseCode::unknown_session);
    const std::string_view error =
        session.error().is(Errc::unauthorized) ? "session token required" : "not your session";
    co_return co_await reject(socket, error, net::CloseCode::unauthorized);
  }
  std::optional<session::Cursor> after;
  if (const auto text = request.query("after")) {
    after = session::parse_cursor(*text);
    if (!after)
      co_return co_await reject(socket, "after must be <epoch>:<seq>", net::CloseCode::policy);
  }
  request = net::Request();  // a socket lives for hours; the headers it came with need not
  SocketReader reader(socket, !after);
  auto subscription = co_await handoff.subscribe((*session)->id, after, reader);
  if (!subscription)
    co_return co_await reject(socket, "unknown session", net::CloseCode::unknown_session);
  co_await drain(*socket);
  subscription->detach(reader.unconfirmed());
}

}  // namespace

void Channels::mount_web_socket(net::Router& router) {
  net::WebSocketRoute route;
  route.pattern = "/ws/intranet/{sid}";
  route.refuse = [this](const net::Request& request) -> std::optional<net::Response> {
    if (guard_->origin_is_ours(request)) return std::nullopt;
    Error error = Error(Errc::forbidden, "this Origin may not connect")
                      .with_hint("Add it to ALLOWED_ORIGINS.");
    return refuse(logger_, request, error);
  };
  route.subprotocol = [](const net::Request& request) {
    for (const std::string_view offer : offered_protocols(request))
      if (offer == kProtocol) return std::string(kProtocol);
    return std::string();
  };
  route.run = [this](net::Request request, std::shared_ptr<net::WebSocket> socket) {
    return serve(handoff_, *guard_, std::move(request), std::move(socket));
  };
  router.add(std::move(route));
}

}  // namespace bridge::channels
