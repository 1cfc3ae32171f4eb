// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "support/http_probe.hpp"
#include "support/ws_client.hpp"
#include "unit/net/running_server.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::WsClient;
using test::WsOptions;

async::WriteQueue::Item item(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

/// Every socket that the server accepted, for the tests to look at (on the loop).
struct Accepted {
  std::shared_ptr<WebSocket> socket;
  bool ended = false;
};

class WebSocketServerTest : public testing::Test {
 protected:
  WebSocketServerTest() {
    WebSocketRoute echo;
    echo.pattern = "/echo/{name}";
    echo.refuse = [](const Request& request) -> std::optional<Response> {
      if (request.headers.get("Origin") == "https://evil.example") return text_response(403, "no");
      return std::nullopt;
    };
    echo.subprotocol = [](const Request& request) -> std::string {
      return request.headers.get("Sec-WebSocket-Protocol").find("handoff.v1") !=
                     std::string_view::npos
                 ? "handoff.v1"
                 : "";
    };
    echo.run = [this](Request request, std::shared_ptr<WebSocket> socket) {
      return run_echo(std::move(request), std::move(socket));
    };
    server.router.add(std::move(echo));
    server.router.add(test::route(Method::get, "/hello", [](Request&) -> Task<Response> {
      co_return text_response(200, "hello");
    }));
  }

  Task<> run_echo(Request request, std::shared_ptr<WebSocket> socket) {
    auto mine = std::make_shared<Accepted>();
    mine->socket = socket;
    accepted.push_back(mine);
    (void)socket->send(item("welcome " + request.parameter("name")));
    for (;;) {
      auto message = co_await socket->receive();
      if (!message) break;
      if (*message == "throw") throw std::runtime_error("in the middle");
      if (*message == "return") break;
      if (*message == "confirm") socket->confirm_soon();
      (void)socket->send(item(std::move(*message)));
    }
    mine->ended = true;
  }

  template <class F>
  auto with_socket(std::size_t index, F f) {
    return server.on_loop([&] { return f(*accepted.at(index)->socket); });
  }
  bool ended(std::size_t index) {
    return server.wait_until(
        [this, index] { return accepted.size() > index && accepted[index]->ended; });
  }
  Ending ending(std::size_t index) {
    return with_socket(index, [](WebSocket& s) { return s.ending(); });
  }

  std::vector<std::shared_ptr<Accepted>> accepted;  // outlives the server's coroutines
  test::RunningServer server;
};

TEST_F(WebSocketServerTest, TextGoesBothWaysAndTheRouteSeesTheRequest) {
  server.start();
  WsClient client(server.port(), "/echo/ann?x=1");
  ASSERT_TRUE(client.is_open());
  EXPECT_EQ(client.receive(), "welcome ann");
  client.send_text("one");
  client.send_text("two");
  EXPECT_EQ(client.receive(), "one");
  EXPECT_EQ(client.receive(), "two");
  const std::string large(60'000, 'x');
  client.send_text(large);
  EXPECT_EQ(client.receive(), large);
  client.close();
  EXPECT_TRUE(ended(0));
  EXPECT_EQ(ending(0), Ending::by_peer);
}

TEST_F(WebSocketServerTest, TheSubprotocolIsSelectedOrLeftOut) {
  server.start();
  WsOptions options;
  options.subprotocols = {"handoff.v1", "token.abc"};
  WsClient with(server.port(), "/echo/a", options);
  EXPECT_TRUE(with.is_open());
  EXPECT_EQ(with.response_header("Sec-WebSocket-Protocol"), "handoff.v1");
  EXPECT_EQ(with.response_header("Server").find("Beast"), std::string::npos);
  WsClient without(server.port(), "/echo/a");
  EXPECT_TRUE(without.is_open());
  EXPECT_EQ(without.response_header("Sec-WebSocket-Protocol"), "");
}

TEST_F(WebSocketServerTest, ARefusedUpgradeAnswersWithTheRoutesResponse) {
  server.start();
  WsOptions options;
  options.headers = {{"Origin", "https://evil.example"}};
  WsClient client(server.port(), "/echo/a", options);
  EXPECT_FALSE(client.is_open());
  EXPECT_EQ(client.status(), 403u);
  EXPECT_TRUE(accepted.empty());
}

TEST_F(WebSocketServerTest, BadHandshakesAreRefused) {
  server.start();
  const test::ProbeHeaders upgrade = {{"Upgrade", "websocket"}};
  EXPECT_EQ(test::http_probe(server.port(), "GET", "/echo/a").status, 426u);
  test::RawConnection no_key(server.port());
  no_key.send(
      "GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(no_key.receive_response().status, 400u);
  test::RawConnection old(server.port());
  old.send(
      "GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 8\r\n\r\n");
  const auto answer = old.receive_response();
  EXPECT_EQ(answer.status, 426u);
  EXPECT_EQ(answer.header("Sec-WebSocket-Version"), "13");
}

TEST_F(WebSocketServerTest, FramesSentTogetherWithTheHandshakeAreNotLost) {
  server.start();
  test::RawConnection eager(server.port());
  // A masked text frame "hi" with a zero mask, in the same segment as the request.
  const std::string frame("\x81\x82\x00\x00\x00\x00hi", 8);
  eager.send(
      "GET /echo/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" +
      frame);
  const auto answer = eager.receive_response();
  EXPECT_EQ(answer.status, 101u);
  EXPECT_EQ(answer.header("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  // "return" ends the route: masked with zeros.
  eager.send(std::string("\x81\x86\x00\x00\x00\x00return", 12));
  eager.finish();
  const std::string frames = eager.receive_all();
  EXPECT_NE(frames.find("welcome a"), std::string::npos);
  EXPECT_NE(frames.find("\x81\x02hi"), std::string::npos);
}

TEST_F(WebSocketServerTest, AnOverlongMessageClosesWith1009) {
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  client.send_text(std::string(64 * 1024 + 1, 'x'));
  ASSERT_TRUE(client.wait_closed());
  EXPECT_EQ(client.close_code(), 1009u);
  EXPECT_TRUE(ended(0));
}

TEST_F(WebSocketServerTest, ABinaryFrameClosesWith1008) {
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  client.send_binary("\x01\x02");
  ASSERT_TRUE(client.wait_closed());
  EXPECT_EQ(client.close_code(), 1008u);
  EXPECT_TRUE(ended(0));
  EXPECT_EQ(ending(0), Ending::by_us);
}

TEST_F(WebSocketServerTest, InvalidUtf8EndsTheSocket) {
  server.start();
  WsClient client(server.port(), "/echo/a");
  client.send_text("\xff\xfe");
  ASSERT_TRUE(client.wait_closed());
  EXPECT_EQ(client.close_code(), 1007u);
}

TEST_F(WebSocketServerTest, CloseDeliversQueuedFramesFirst) {
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  with_socket(0, [](WebSocket& socket) {
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(socket.send(item("frame " + std::to_string(i))));
    socket.close(CloseCode::unauthorized, "session token required");
    EXPECT_FALSE(socket.send(item("too late")));
    return 0;
  });
  for (int i = 0; i < 100; ++i) EXPECT_EQ(client.receive(), "frame " + std::to_string(i));
  ASSERT_TRUE(client.wait_closed());
  EXPECT_EQ(client.close_code(), 4401u);
  EXPECT_EQ(client.close_reason(), "session token required");
  EXPECT_TRUE(ended(0));
  EXPECT_EQ(ending(0), Ending::by_us);
  with_socket(0, [](WebSocket& socket) {
    EXPECT_EQ(socket.queued_frames(), 101u);
    EXPECT_EQ(socket.confirmed_frames(), 101u);
    return 0;
  });
}

TEST_F(WebSocketServerTest, TheRoutesReturnClosesWith1000AndAnExceptionWith1011) {
  server.start();
  WsClient normal(server.port(), "/echo/a");
  normal.send_text("return");
  ASSERT_TRUE(normal.wait_closed());
  EXPECT_EQ(normal.close_code(), 1000u);
  WsClient failing(server.port(), "/echo/b");
  failing.send_text("throw");
  ASSERT_TRUE(failing.wait_closed());
  EXPECT_EQ(failing.close_code(), 1011u);
  server.stop();
  EXPECT_TRUE(server.logger.contains("websocket_failed reason=std::runtime_error"));
}

TEST_F(WebSocketServerTest, AnAnsweredPingConfirmsTheFramesWrittenBeforeIt) {
  server.options.ping_interval = 200ms;
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  EXPECT_TRUE(server.wait_until([&] { return accepted[0]->socket->confirmed_frames() == 1; }));
  client.send_text("x");
  EXPECT_EQ(client.receive(), "x");
  EXPECT_TRUE(server.wait_until([&] { return accepted[0]->socket->confirmed_frames() == 2; }));
  std::this_thread::sleep_for(700ms);  // several intervals: a peer that answers stays
  EXPECT_TRUE(client.is_open());
  with_socket(0, [](WebSocket& socket) {
    EXPECT_EQ(socket.queued_frames(), 2u);
    return 0;
  });
}

TEST_F(WebSocketServerTest, ConfirmationIsThereSoonWhenItIsWanted) {
  server.options.ping_interval = 1h;
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  for (const std::uint64_t frames : {2u, 3u}) {
    client.send_text("confirm");
    EXPECT_TRUE(
        server.wait_until([&] { return accepted[0]->socket->confirmed_frames() == frames; }));
  }
}

TEST_F(WebSocketServerTest, APeerThatNeverPongsIsBrokenAndItsFramesAreNotConfirmed) {
  server.options.ping_interval = 60ms;
  server.start();
  WsOptions options;
  options.read = false;
  WsClient client(server.port(), "/echo/a", options);
  EXPECT_TRUE(ended(0));
  EXPECT_EQ(ending(0), Ending::broken);
  with_socket(0, [](WebSocket& socket) {
    EXPECT_EQ(socket.queued_frames(), 1u);
    EXPECT_EQ(socket.confirmed_frames(), 0u);
    return 0;
  });
}

TEST_F(WebSocketServerTest, AResetIsBroken) {
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  client.cut();
  EXPECT_TRUE(ended(0));
  EXPECT_EQ(ending(0), Ending::broken);
}

TEST_F(WebSocketServerTest, ASlowReaderIsCutOffWhileOthersGoOn) {
  server.options.max_queued_bytes = 100'000;
  server.options.write_timeout = 300ms;
  server.start();
  WsOptions options;
  options.read = false;
  options.receive_buffer = 4096;
  WsClient slow(server.port(), "/echo/slow", options);
  WsClient quick(server.port(), "/echo/quick");
  EXPECT_EQ(quick.receive(), "welcome quick");
  ASSERT_TRUE(server.wait_until([this] { return accepted.size() == 2; }));
  // More than every kernel buffer between the two, so that the write stands still.
  bool refused = false;
  const auto deadline = in(5s);
  while (!refused && std::chrono::steady_clock::now() < deadline) {
    refused = with_socket(0, [](WebSocket& socket) {
      for (int i = 0; i < 4; ++i)
        if (!socket.send(item(std::string(20'000, 'z')))) return true;
      return false;
    });
    std::this_thread::sleep_for(100us);
  }
  EXPECT_TRUE(refused);
  quick.send_text("still here");
  EXPECT_EQ(quick.receive(), "still here");
  EXPECT_TRUE(ended(0));
  EXPECT_EQ(ending(0), Ending::broken);
  EXPECT_TRUE(quick.is_open());
}

TEST_F(WebSocketServerTest, AReaderThatCatchesUpInTimeIsTold1013) {
  server.options.max_queued_bytes = 1000;
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  with_socket(0, [](WebSocket& socket) {
    while (socket.send(item(std::string(300, 'z')))) {
    }
    return 0;
  });
  ASSERT_TRUE(client.wait_closed());
  EXPECT_EQ(client.close_code(), 1013u);
}

TEST_F(WebSocketServerTest, ACloseThatIsNotAnsweredEndsBroken) {
  server.start();
  WsOptions options;
  options.read = false;
  WsClient client(server.port(), "/echo/a", options);
  ASSERT_TRUE(server.wait_until([this] { return accepted.size() == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  with_socket(0, [](WebSocket& socket) {
    socket.close(CloseCode::policy, "out");
    return 0;
  });
  EXPECT_TRUE(ended(0));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 4s);
  EXPECT_EQ(ending(0), Ending::broken);
}

TEST_F(WebSocketServerTest, StopClosesWith1012AfterWhatIsQueued) {
  server.start();
  WsClient client(server.port(), "/echo/a");
  EXPECT_EQ(client.receive(), "welcome a");
  with_socket(0, [](WebSocket& socket) { return socket.send(item("restarting")); });
  auto stopped = server.begin_stop();
  EXPECT_EQ(client.receive(), "restarting");
  ASSERT_TRUE(client.wait_closed());
  EXPECT_EQ(client.close_code(), 1012u);
  stopped.get();
  EXPECT_EQ(accepted[0]->socket->ending(), Ending::by_us);
}

TEST_F(WebSocketServerTest, StopCutsASocketThatDoesNotAnswer) {
  server.start();
  WsOptions options;
  options.read = false;
  WsClient client(server.port(), "/echo/a", options);
  ASSERT_TRUE(server.wait_until([this] { return accepted.size() == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  server.begin_stop(300ms).get();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2500ms);
}

}  // namespace
}  // namespace bridge::net
