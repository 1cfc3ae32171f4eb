// SPDX-License-Identifier: MIT
// /ws/intranet/<sid>: the session as it happens. Frames out only; what a page sends here is read
// and ignored, as it was by the old bridge. DESIGN 4.2, 4.3.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <memory>
#include <vector>

#include "channels/guard.hpp"
#include "channels/reply.hpp"
#include "channels/tracing.hpp"

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
      last_seq_ = event->event.seq;
    } else {
      lost_.push_back(event->event.seq);
    }
    const auto confirmed = static_cast<std::size_t>(socket_->confirmed_frames() - first_);
    if (confirmed == 0) return;
    const auto end = sent_.begin() + static_cast<std::ptrdiff_t>(std::min(confirmed, sent_.size()));
    first_ += static_cast<std::uint64_t>(end - sent_.begin());
    sent_.erase(sent_.begin(), end);
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

  std::uint64_t first_unconfirmed() const override {
    const std::uint64_t confirmed = socket_->confirmed_frames();
    for (std::size_t i = 0; i < sent_.size(); ++i)
      if (first_ + i >= confirmed && sent_[i] != 0)
        return lost_.empty() ? sent_[i] : std::min(sent_[i], lost_.front());
    return lost_.empty() ? 0 : lost_.front();
  }

  /// Of the last event that was handed over; 0 for none.
  std::uint64_t last_seq() const { return last_seq_; }

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
  std::uint64_t last_seq_ = 0;
  std::vector<std::uint64_t> sent_;  // 0 for a frame without a place in the order
  std::uint64_t first_ = 0;          // number of the frame at the front of sent_
  std::vector<std::uint64_t> lost_;
};

Task<> reject(Logger& logger, std::string ref, std::shared_ptr<net::WebSocket> socket,
              std::string_view error, net::CloseCode code) {
  logger.warning("socket_refused",
                 {{"error", error}, {"code", static_cast<int>(code)}, {"ref", ref}});
  // A browser cannot see why a handshake failed, so it is told afterwards.
  socket->send(error_frame(error));
  socket->close(code, error);
  co_await socket->drain();
}

/// What a socket is there for, once its request has been looked at.
class Visit {
 public:
  session::SessionId id;
  std::string epoch;
  std::optional<session::Cursor> after;
  Seats::Seat seat;
  std::string ref;
};

/// Fills `visit`, or turns the socket away. Apart from `serve`, so that what is needed for this
/// does not wait with the socket for hours.
/// Lifetime: `visit` must outlive the task.
Task<bool> admit(Guard& guard, Logger& logger, std::unique_ptr<net::Request> request,
                 std::shared_ptr<net::WebSocket> socket, Visit& visit) {
  visit.ref = trace_of(*request).request_id;
  auto session =
      co_await guard.session(*request, request->parameter("sid"), protocol_token(*request));
  if (!session) {
    guard.upgrade_failed(*request);
    if (session.error().is(Errc::not_found)) {
      co_await reject(logger, visit.ref, socket, "unknown session",
                      net::CloseCode::unknown_session);
      co_return false;
    }
    const std::string_view error =
        session.error().is(Errc::unauthorized) ? "session token required" : "not your session";
    co_await reject(logger, visit.ref, socket, error, net::CloseCode::unauthorized);
    co_return false;
  }
  if (const auto text = request->query("after")) {
    visit.after = session::parse_cursor(*text);
    if (!visit.after) {
      co_await reject(logger, visit.ref, socket, "after must be <epoch>:<seq>",
                      net::CloseCode::policy);
      co_return false;
    }
  }
  // The new one is refused, not the oldest closed: that one would come back at once and push out
  // the next, and no tab would keep its socket.
  auto seat = guard.socket_seat((*session)->id);
  if (!seat) {
    co_await reject(logger, visit.ref, socket, "too many sockets", net::CloseCode::slow);
    co_return false;
  }
  visit.seat = std::move(*seat);
  visit.id = (*session)->id;
  visit.epoch = (*session)->epoch;
  co_return true;
}

Task<> serve(handoff::Handoff& handoff, Guard& guard, Logger& logger,
             std::unique_ptr<net::Request> request, std::shared_ptr<net::WebSocket> socket) {
  Visit visit;
  const bool admitted = co_await admit(guard, logger, std::move(request), socket, visit);
  if (!admitted) co_return;
  SocketReader reader(socket, !visit.after);
  // Where the reader is when this process ends; nothing new was sent to one that is where it began.
  socket->set_farewell([&reader, &visit] {
    if (reader.last_seq() > 0) return session::to_string({visit.epoch, reader.last_seq()});
    return visit.after ? session::to_string(*visit.after) : std::string();
  });
  auto subscription = co_await handoff.subscribe(visit.id, visit.after, reader);
  if (!subscription) {
    co_await reject(logger, visit.ref, socket, "unknown session", net::CloseCode::unknown_session);
    co_return;
  }
  co_await socket->drain();
  subscription->detach(reader.unconfirmed());
}

}  // namespace

void Channels::mount_web_socket(net::Router& router) {
  net::WebSocketRoute route;
  route.pattern = "/ws/intranet/{sid}";
  route.refuse = [this](const net::Request& request) -> std::optional<net::Response> {
    const auto allowed = guard_->upgrade(request);
    if (allowed) return std::nullopt;
    return refuse(logger_, request, allowed.error());
  };
  route.subprotocol = [](const net::Request& request) {
    for (const std::string_view offer : offered_protocols(request))
      if (offer == kProtocol) return std::string(kProtocol);
    return std::string();
  };
  route.run = [this](net::Request request, std::shared_ptr<net::WebSocket> socket) {
    return serve(handoff_, *guard_, logger_, std::make_unique<net::Request>(std::move(request)),
                 std::move(socket));
  };
  router.add(std::move(route));
}

}  // namespace bridge::channels
