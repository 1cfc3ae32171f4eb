// SPDX-License-Identifier: MIT
// /ws/intranet/<sid> over a socket that the test holds. DESIGN 4.2, 4.3.
#include "front.hpp"

namespace bridge::channels {
namespace {

class FakeSocket final : public net::WebSocket {
 public:
  explicit FakeSocket(const asio::any_io_executor& executor) : changed_(executor) {}

  bool send(async::WriteQueue::Item text) override {
    if (over) return false;
    frames.push_back(*text);
    return true;
  }
  Task<Result<std::string>> receive() override {
    while (!over) (void)co_await changed_.wait(changed_.generation(), in(std::chrono::seconds(20)));
    co_return Error(Errc::connection_lost);
  }
  Task<> drain() override {
    while (!over) (void)co_await changed_.wait(changed_.generation(), in(std::chrono::seconds(20)));
  }
  void close(net::CloseCode c, std::string_view) override { end(net::Ending::by_us, c); }
  void set_farewell(std::function<std::string()> reason) override { farewell = std::move(reason); }
  void confirm_soon() override { wants_confirmation = true; }
  std::uint64_t confirmed_frames() const override { return confirmed; }
  std::uint64_t queued_frames() const override { return frames.size(); }
  net::Ending ending() const override { return how; }

  void end(net::Ending ending, std::optional<net::CloseCode> c = {}) {
    if (over) return;
    over = true;
    how = ending;
    code = c;
    changed_.notify();
  }

  std::vector<std::string> frames;
  std::function<std::string()> farewell;
  std::uint64_t confirmed = 0;
  bool wants_confirmation = false;
  bool over = false;
  net::Ending how = net::Ending::broken;
  std::optional<net::CloseCode> code;

 private:
  async::Signal changed_;
};

/// Sockets of one front; all are ended with it.
class Sockets {
 public:
  explicit Sockets(Front& front) : front_(front) {}
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
  ~Sockets() {
    for (const auto& socket : all_) socket->end(net::Ending::by_peer);
    front_.settle();
  }
  std::shared_ptr<FakeSocket> connect(Call call) {
    auto socket = std::make_shared<FakeSocket>(front_.context.get_executor());
    all_.push_back(socket);
    const auto match = front_.router.match(call.request);
    EXPECT_TRUE(match.websocket);
    EXPECT_FALSE(match.websocket->refuse(call.request));
    asio::co_spawn(front_.context, match.websocket->run(std::move(call.request), socket),
                   [](std::exception_ptr thrown) { EXPECT_FALSE(thrown); });
    front_.settle();
    return socket;
  }
  void end(const std::shared_ptr<FakeSocket>& socket, net::Ending how) {
    socket->end(how);
    front_.settle();
  }

 private:
  Front& front_;
  std::vector<std::shared_ptr<FakeSocket>> all_;
};

Call ws(const Visitor& visitor, std::string_view query = {}) {
  return get("/ws/intranet/" + visitor.id + std::string(query));
}
Call with_token(const Visitor& visitor, std::string_view query = {}) {
  return ws(visitor, query).with("Sec-WebSocket-Protocol", "handoff.v1, token." + visitor.token);
}
void agent_says(Front& front, const Visitor& visitor, std::string_view text) {
  EXPECT_EQ(
      front
          .ask(post("/api/servicenow/webhook", {{"bridge_session_id", visitor.id}, {"text", text}})
                   .hook())
          .status,
      200u);
}
bool holds(const std::vector<std::string>& frames, std::string_view text) {
  for (const std::string& frame : frames)
    if (frame.find(text) != std::string::npos) return true;
  return false;
}

TEST(WebSocketOwnership, IsProvedBySubprotocolCookieBearerOrAgentSecret) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  for (Call call : {with_token(visitor), ws(visitor).cookie(visitor.cookie),
                    ws(visitor).bearer(visitor.token), ws(visitor).agent()})
    EXPECT_FALSE(sockets.connect(std::move(call))->over);
}

TEST(WebSocketOwnership, ProblemsAreToldAfterTheUpgrade) {
  Front front;
  const Visitor visitor = front.open_live();
  const Visitor other = front.open();
  Sockets sockets(front);
  const auto refused = [&](Call call, std::string_view error, net::CloseCode code) {
    const auto socket = sockets.connect(std::move(call));
    EXPECT_EQ(socket->frames, std::vector<std::string>{R"({"type":"error","error":")" +
                                                       std::string(error) + "\"}"});
    EXPECT_EQ(socket->code, code);
  };
  refused(ws(visitor), "session token required", net::CloseCode::unauthorized);
  refused(ws(visitor).with("Sec-WebSocket-Protocol", "handoff.v1"), "session token required",
          net::CloseCode::unauthorized);
  refused(ws(visitor).with("Sec-WebSocket-Protocol", "handoff.v1, token." + other.token),
          "not your session", net::CloseCode::unauthorized);
  refused(ws(visitor).cookie(other.cookie), "not your session", net::CloseCode::unauthorized);
  refused(get("/ws/intranet/" + std::string(32, '0')).bearer(visitor.token), "unknown session",
          net::CloseCode::unknown_session);
  refused(get("/ws/intranet/abc"), "unknown session", net::CloseCode::unknown_session);
  refused(with_token(visitor, "?after=garbage"), "after must be <epoch>:<seq>",
          net::CloseCode::policy);
}

TEST(WebSocketLimits, OneSocketTooManyIsToldToComeBackLater) {
  Options options = Front::usual();
  options.max_sockets_per_session = 3;
  Front front(std::move(options));
  const Visitor visitor = front.open_live();
  const Visitor other = front.open();
  Sockets sockets(front);
  std::vector<std::shared_ptr<FakeSocket>> open;
  for (int i = 0; i < 3; ++i) open.push_back(sockets.connect(with_token(visitor, "?after=0:0")));
  const auto refused = sockets.connect(with_token(visitor, "?after=0:0"));
  EXPECT_EQ(refused->frames,
            std::vector<std::string>{R"({"type":"error","error":"too many sockets"})"});
  EXPECT_EQ(refused->code, net::CloseCode::slow);
  for (const auto& socket : open) EXPECT_FALSE(socket->over) << "those that are there stay";
  EXPECT_FALSE(sockets.connect(with_token(other, "?after=0:0"))->over) << "another session";
  EXPECT_EQ(front.metrics.counters["rate_limited.sockets"].value(), 1u);

  sockets.end(open[1], net::Ending::broken);
  EXPECT_FALSE(sockets.connect(with_token(visitor, "?after=0:0"))->over) << "its place is free";
  EXPECT_TRUE(sockets.connect(with_token(visitor, "?after=0:0"))->over);
}

TEST(WebSocketLimits, APageWithoutACursorReplacesItsOwnSocketForEver) {
  Options options = Front::usual();
  options.max_sockets_per_session = 2;
  Front front(std::move(options));
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(sockets.connect(with_token(visitor))->over) << i;
}

TEST(WebSocketLimits, WhoeverFailsTooOftenIsRefusedBeforeTheUpgrade) {
  Options options = Front::usual();
  options.rate.on = true;
  options.rate.burst = 3;
  Front front(std::move(options));
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto refused = [&](Call call) {
    const auto match = front.router.match(call.request);
    const auto response = match.websocket->refuse(call.request);
    return response ? response->status : 0u;
  };
  EXPECT_EQ(sockets.connect(ws(visitor))->code, net::CloseCode::unauthorized);
  EXPECT_EQ(sockets.connect(get("/ws/intranet/abc"))->code, net::CloseCode::unknown_session);
  EXPECT_EQ(refused(with_token(visitor).with("Origin", "https://evil.example")), 403u);
  EXPECT_EQ(refused(with_token(visitor)), 429u);
  Call elsewhere = with_token(visitor);
  elsewhere.request.peer_address = "192.0.2.8";
  EXPECT_EQ(refused(std::move(elsewhere)), 0u);
  front.time.pass(std::chrono::seconds(1));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(refused(with_token(visitor)), 0u) << "asking with a proof costs nothing";
  EXPECT_FALSE(sockets.connect(with_token(visitor))->over);
}

TEST(WebSocketProtocol, TheTokenIsNeverSelected) {
  Front front;
  const Visitor visitor = front.open();
  const auto selected = [&](std::string_view offered) {
    Call call = ws(visitor).with("Sec-WebSocket-Protocol", offered);
    return front.router.match(call.request).websocket->subprotocol(call.request);
  };
  EXPECT_EQ(selected("handoff.v1, token.abc"), "handoff.v1");
  EXPECT_EQ(selected("token.abc,handoff.v1"), "handoff.v1");
  EXPECT_EQ(selected("token.abc"), "");
  EXPECT_EQ(selected("chat, superchat"), "");
  Call plain = ws(visitor);
  EXPECT_EQ(front.router.match(plain.request).websocket->subprotocol(plain.request), "");
}

TEST(WebSocketReading, TheFarewellIsThePlaceOfTheReader) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto socket = sockets.connect(with_token(visitor, "?after=0:0"));
  agent_says(front, visitor, "one");
  ASSERT_TRUE(static_cast<bool>(socket->farewell));
  const std::string cursor = socket->farewell();
  const auto page = front.ask(
      get("/api/servicenow/poll/" + visitor.id + "?after=" + cursor).bearer(visitor.token));
  EXPECT_EQ(page["events"], "[]");
  EXPECT_EQ(page["cursor"], cursor);
  // One that has been sent nothing stands where it began.
  const auto later = sockets.connect(with_token(visitor, "?after=" + cursor));
  ASSERT_TRUE(static_cast<bool>(later->farewell));
  EXPECT_EQ(later->farewell(), cursor);
}

TEST(WebSocketReading, ByCursorTheBacklogComesFirstAndThenWhatHappens) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto first = sockets.connect(with_token(visitor, "?after=0:0"));
  const auto second = sockets.connect(with_token(visitor, "?after=0:0"));
  EXPECT_EQ(first->frames.size(), 2u);
  agent_says(front, visitor, "to both");
  EXPECT_EQ(first->frames.size(), 3u);
  EXPECT_EQ(first->frames, second->frames) << "every tab that reads by cursor gets every frame";
  sockets.end(first, net::Ending::by_peer);
  agent_says(front, visitor, "to one");
  EXPECT_EQ(first->frames.size(), 3u);
  EXPECT_EQ(second->frames.size(), 4u);
}

TEST(WebSocketReading, AnotherEpochGetsASnapshot) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto socket = sockets.connect(with_token(visitor, "?after=ffffffff:7"));
  ASSERT_EQ(socket->frames.size(), 3u);
  EXPECT_NE(socket->frames[0].find(R"("type":"resync")"), std::string::npos);
}

TEST(WebSocketReading, TheNewestPlainSocketDeliversAndTheOneBeforeIsClosed) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto first = sockets.connect(with_token(visitor));
  EXPECT_EQ(first->frames.size(), 2u);
  const auto second = sockets.connect(with_token(visitor));
  EXPECT_EQ(first->code, net::CloseCode::normal);
  EXPECT_TRUE(second->frames.empty()) << "handed out already";
  agent_says(front, visitor, "once");
  EXPECT_TRUE(holds(second->frames, "once"));
  EXPECT_FALSE(holds(first->frames, "once"));
  EXPECT_EQ(front.ask(get("/api/servicenow/poll/" + visitor.id).bearer(visitor.token))["events"],
            "[]");
}

TEST(WebSocketReading, WhatADeadPlainSocketSwallowedIsHandedOutAgain) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto dead = sockets.connect(with_token(visitor));
  EXPECT_EQ(dead->frames.size(), 2u);
  EXPECT_TRUE(dead->wants_confirmation) << "only pongs tell what a plain reader has";
  dead->confirmed = 2;
  agent_says(front, visitor, "lost one");
  agent_says(front, visitor, "lost two");
  EXPECT_EQ(dead->frames.size(), 4u);
  sockets.end(dead, net::Ending::broken);
  const Answer poll = front.ask(get("/api/servicenow/poll/" + visitor.id).bearer(visitor.token));
  ASSERT_EQ(poll.body.at("events").as_array().size(), 2u);
  EXPECT_EQ(poll.body.at("events").at(0).at("text").as_string(), "lost one");
  EXPECT_EQ(poll.body.at("events").at(1).at("text").as_string(), "lost two");
}

TEST(WebSocketReading, WhatAClosedPlainSocketReceivedIsNotRepeated) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto socket = sockets.connect(with_token(visitor));
  agent_says(front, visitor, "read");
  sockets.end(socket, net::Ending::by_peer);
  const auto next = sockets.connect(with_token(visitor));
  EXPECT_TRUE(next->frames.empty());
}

TEST(WebSocketReading, TypingIsShownAndNeverKept) {
  Front front;
  const Visitor visitor = front.open_live();
  Sockets sockets(front);
  const auto socket = sockets.connect(with_token(visitor, "?after=0:0"));
  EXPECT_EQ(front
                .ask(post("/api/servicenow/webhook",
                          {{"bridge_session_id", visitor.id}, {"event", "typing"}})
                         .hook())
                .status,
            200u);
  EXPECT_TRUE(holds(socket->frames, R"("type":"typing")"));
  EXPECT_EQ(front.frames(visitor).find("typing"), std::string::npos);
}

}  // namespace
}  // namespace bridge::channels
