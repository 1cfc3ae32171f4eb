// SPDX-License-Identifier: MIT
// The server's limits in time and number, with clumsy and hostile clients on real sockets.
#include <gtest/gtest.h>

#include "support/http_probe.hpp"
#include "support/ws_client.hpp"
#include "unit/net/running_server.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::RawConnection;
using test::route;

std::size_t count_in(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++n;
  return n;
}

class ServerLimitsTest : public testing::Test {
 protected:
  ServerLimitsTest() {
    server.router.add(route(Method::get, "/hello", [](Request&) -> Task<Response> {
      co_return text_response(200, "hello");
    }));
    server.router.add(route(Method::post, "/echo", [](Request& request) -> Task<Response> {
      co_return text_response(200, request.body);
    }));
    server.router.add(route(Method::get, "/held", [this](Request&) -> Task<Response> {
      ++handling;
      while (!released) co_await async::sleep_for(5ms);
      ++handled;
      co_return text_response(200, "late");
    }));
    server.router.add(route(Method::get, "/number/{n}", [this](Request& r) -> Task<Response> {
      ++handling;
      most_at_once = std::max(most_at_once, handling);
      co_await async::sleep_for(0ms);
      --handling;
      co_return text_response(200, r.parameter("n"));
    }));
  }

  int handling = 0, handled = 0, most_at_once = 0;  // on the loop
  bool released = false;
  test::RunningServer server;
};

TEST_F(ServerLimitsTest, ABodyThatDripsIs408AlthoughEveryByteIsInTime) {
  server.options.receive_grace = 150ms;
  server.options.min_receive_rate = 1000;
  server.start();
  RawConnection connection(server.port());
  connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n");
  std::thread drip([&] {
    try {
      for (int i = 0; i < 400; ++i) {
        connection.send("x");
        std::this_thread::sleep_for(10ms);
      }
    } catch (const std::runtime_error&) {
      // the server has closed, as it should
    }
  });
  const auto answer = connection.receive_response();
  EXPECT_EQ(answer.status, 408u);
  EXPECT_EQ(answer.header("Connection"), "close");
  drip.join();
  server.stop();
  EXPECT_EQ(server.metrics.counters["http_refused.timeout"].value(), 1u);
  EXPECT_EQ(server.metrics.counters["http_requests./echo.POST.408"].value(), 1u);
}

TEST_F(ServerLimitsTest, ABodyThatIsFastEnoughMayTakeLongerThanTheGrace) {
  server.options.receive_grace = 100ms;
  server.options.min_receive_rate = 1000;
  server.start();
  RawConnection connection(server.port());
  connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 6000\r\n\r\n");
  for (int i = 0; i < 6; ++i) {
    connection.send(std::string(1000, 'x'));
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(connection.receive_response().body.size(), 6000u);
}

TEST_F(ServerLimitsTest, AFastBodyStillEndsWithTheTimeOfTheWholeRequest) {
  server.options.request_timeout = 200ms;
  server.options.min_receive_rate = 1;
  server.start();
  RawConnection connection(server.port());
  connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 60000\r\n\r\n" +
                  std::string(30'000, 'x'));
  EXPECT_EQ(connection.receive_response().status, 408u);
}

TEST_F(ServerLimitsTest, AHeadThatDripsIs408) {
  server.options.header_timeout = 150ms;
  server.start();
  RawConnection connection(server.port());
  std::thread drip([&] {
    try {
      connection.send("GET /hello HTTP/1.1\r\nHost: h\r\n");
      for (int i = 0; i < 400; ++i) {
        connection.send("X: y\r\n");
        std::this_thread::sleep_for(20ms);
      }
    } catch (const std::runtime_error&) {
      // as it should
    }
  });
  EXPECT_EQ(connection.receive_response().status, 408u);
  drip.join();
}

TEST_F(ServerLimitsTest, AHandlerThatTakesTooLongIsAnswered503AndLeftToFinish) {
  server.options.request_timeout = 100ms;
  server.start();
  RawConnection connection(server.port());
  connection.send("GET /held HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = connection.receive_response();
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(answer.body, R"({"error":"timeout"})");
  EXPECT_EQ(answer.header("Connection"), "close");
  connection.finish();
  EXPECT_TRUE(connection.is_closed_by_peer()) << "neither the late answer nor the next request's";
  EXPECT_EQ(server.connections(), 1u) << "its handler is still running";
  server.on_loop([this] { return released = true; });
  EXPECT_TRUE(server.wait_connections(0));
  server.stop();
  EXPECT_EQ(handled, 1);
  EXPECT_EQ(server.metrics.counters["http_requests./held.GET.503"].value(), 1u);
  EXPECT_EQ(server.metrics.counters["http_requests./held.GET.200"].value(), 0u);
  EXPECT_TRUE(server.logger.contains("request method=GET route=/held status=503"));
}

TEST_F(ServerLimitsTest, AThousandPipelinedRequestsAreAnsweredOneAfterAnotherInOrder) {
  server.start();
  RawConnection connection(server.port());
  std::thread sender([&] {
    std::string all;
    for (int i = 0; i < 1000; ++i)
      all += "GET /number/" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    connection.send(all);
  });
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(connection.receive_response().body, std::to_string(i));
  sender.join();
  server.stop();
  EXPECT_EQ(most_at_once, 1);
}

TEST_F(ServerLimitsTest, AConnectionThatWasIdleForLongStillServes) {
  server.start();
  RawConnection connection(server.port());
  for (int i = 0; i < 2; ++i) {
    std::this_thread::sleep_for(1600ms);  // past the moment at which the buffer is given back
    connection.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(connection.receive_response().body, "hello");
  }
}

TEST_F(ServerLimitsTest, ASilentConnectionEndsWhetherItHasItsBufferOrNot) {
  server.options.first_byte_timeout = 1500ms;
  server.options.keep_alive_timeout = 1500ms;
  server.start();
  RawConnection silent(server.port());
  RawConnection kept(server.port());
  kept.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(kept.receive_response().status, 200u);
  EXPECT_EQ(silent.receive_all(), "");
  EXPECT_TRUE(kept.is_closed_by_peer());
  EXPECT_TRUE(server.wait_connections(0));
}

TEST_F(ServerLimitsTest, HundredsOfSlowClientsDoNotKeepOthersFromBeingServed) {
  server.start();
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<RawConnection>(server.port()));
    if (i % 3 == 0) slow.back()->send("GET /hello HTTP/1.1\r\nHost: h\r\nX-");
    if (i % 3 == 1)
      slow.back()->send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na");
  }
  EXPECT_TRUE(server.wait_connections(300));
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(test::http_probe(server.port(), "GET", "/hello").body, "hello");
}

TEST_F(ServerLimitsTest, EveryRequestIsLoggedAndCountedUnderItsRoute) {
  server.router.add(route(Method::get, "/status", [](Request& request) -> Task<Response> {
    co_return text_response(200, request.id);
  }));
  server.options.quiet_routes = {"/status"};
  server.start();
  std::vector<std::string> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(test::http_probe(server.port(), "GET", "/status").body);
  EXPECT_EQ(test::http_probe(server.port(), "GET", "/number/77?token=canary").body, "77");
  EXPECT_EQ(test::http_probe(server.port(), "HEAD", "/hello").status, 200u);
  EXPECT_EQ(test::http_probe(server.port(), "GET", "/nowhere/canary").status, 404u);
  EXPECT_EQ(test::http_probe(server.port(), "POST", "/echo", {}, std::string(70'000, 'x')).status,
            413u);
  RawConnection garbage(server.port());
  garbage.send("\x01\x02\r\n\r\n");
  EXPECT_EQ(garbage.receive_response().status, 400u);
  {
    RawConnection open(server.port());
    EXPECT_TRUE(server.wait_until(
        [this] { return server.metrics.gauges["http_connections"].value() >= 1.0; }));
  }
  server.stop();

  for (const std::string& id : ids) {
    EXPECT_EQ(id.size(), 16u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    EXPECT_TRUE(server.logger.contains("ref=" + id));
  }
  EXPECT_NE(ids[0], ids[1]);
  EXPECT_NE(ids[1], ids[2]);
  auto& counters = server.metrics.counters;
  EXPECT_EQ(counters["http_requests./status.GET.200"].value(), 3u);
  EXPECT_EQ(counters["http_requests./number/{n}.GET.200"].value(), 1u);
  EXPECT_EQ(counters["http_requests./hello.HEAD.200"].value(), 1u);
  EXPECT_EQ(counters["http_requests.other.GET.404"].value(), 1u);
  EXPECT_EQ(counters["http_requests./echo.POST.413"].value(), 1u);
  EXPECT_EQ(counters["http_requests.other.OTHER.400"].value(), 1u);
  EXPECT_EQ(counters["http_refused.too_large"].value(), 1u);
  EXPECT_EQ(counters["http_refused.bad_request"].value(), 1u);
  EXPECT_EQ(server.metrics.histograms["http_request_seconds./status"].count(), 3u);
  EXPECT_EQ(server.metrics.gauges["http_connections"].value(), 0.0);
  EXPECT_TRUE(server.logger.contains("request method=GET route=/number/{n} status=200 bytes=2"));
  EXPECT_TRUE(server.logger.contains("route=/echo status=413"));
  EXPECT_TRUE(server.logger.contains("refused=too_large"));
  EXPECT_FALSE(server.logger.contains("canary")) << "paths and queries are the callers' words";
}

TEST_F(ServerLimitsTest, WebSocketsAreCountedAndTheirHandshakesLogged) {
  WebSocketRoute socket;
  socket.pattern = "/ws/{sid}";
  socket.run = [](Request, std::shared_ptr<WebSocket> open) -> Task<> {
    for (;;) {
      const auto message = co_await open->receive();
      if (!message) break;
    }
  };
  server.router.add(std::move(socket));
  server.start();
  {
    test::WsClient client(server.port(), "/ws/canary");
    ASSERT_TRUE(client.is_open());
    EXPECT_TRUE(
        server.wait_until([this] { return server.metrics.gauges["websockets"].value() == 1.0; }));
    client.close();
  }
  EXPECT_TRUE(server.wait_connections(0));
  RawConnection refused(server.port());
  refused.send(
      "GET /ws/a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(refused.receive_response().status, 400u);
  EXPECT_TRUE(server.wait_connections(0));
  server.stop();
  EXPECT_EQ(server.metrics.gauges["websockets"].value(), 0.0);
  EXPECT_EQ(server.metrics.counters["http_requests./ws/{sid}.GET.101"].value(), 1u);
  EXPECT_EQ(server.metrics.counters["http_requests./ws/{sid}.GET.400"].value(), 1u);
  EXPECT_FALSE(server.logger.contains("canary"));
}

TEST_F(ServerLimitsTest, ConnectionsOverTheLimitAreCounted) {
  server.options.max_connections = 1;
  server.start();
  RawConnection first(server.port());
  EXPECT_TRUE(server.wait_connections(1));
  RawConnection second(server.port());
  EXPECT_EQ(second.receive_response().status, 503u);
  server.stop();
  EXPECT_EQ(server.metrics.counters["http_refused.overloaded"].value(), 1u);
}

TEST_F(ServerLimitsTest, TheRequestsOfOneConnectionEachHaveTheirOwnTime) {
  server.options.request_timeout = 400ms;
  server.start();
  RawConnection connection(server.port());
  std::string all;
  for (int i = 0; i < 6; ++i) {
    connection.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
    all += connection.receive_response().body;
    std::this_thread::sleep_for(100ms);
  }
  EXPECT_EQ(count_in(all, "hello"), 6u);
}

TEST(ServerOptionsTest, ContradictionsAreRefusedAtTheStart) {
  asio::io_context context;
  Router router;
  test::RecordingLogger logger;
  const auto refuses = [&](auto change) {
    ServerOptions options;
    change(options);
    const auto started = start_server(context.get_executor(), options, router, logger);
    return !started && started.error().is(Errc::invalid_argument);
  };
  EXPECT_TRUE(refuses([](ServerOptions& o) { o.max_header_line = o.max_header_bytes + 1; }));
  EXPECT_TRUE(refuses([](ServerOptions& o) { o.max_connections = 0; }));
  EXPECT_TRUE(refuses([](ServerOptions& o) { o.min_receive_rate = 0; }));
  EXPECT_TRUE(refuses([](ServerOptions& o) { o.write_timeout = 0ms; }));
}

}  // namespace
}  // namespace bridge::net
