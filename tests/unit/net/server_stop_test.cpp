// SPDX-License-Identifier: MIT
// The end of a server with many sockets: in batches, each with its reader's place, and in time.
#include <gtest/gtest.h>

#include "support/http_probe.hpp"
#include "support/ws_client.hpp"
#include "unit/net/running_server.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::RawConnection;

constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

class ServerStopTest : public testing::Test {
 protected:
  ServerStopTest() {
    WebSocketRoute socket;
    socket.pattern = "/ws";
    socket.run = [this](Request, std::shared_ptr<WebSocket> open) { return serve(open); };
    server.router.add(std::move(socket));
  }

  Task<> serve(std::shared_ptr<WebSocket> socket) {
    const std::string name = "place:" + std::to_string(served++);
    socket->set_farewell([this, name] {
      told.push_back(std::chrono::steady_clock::now());
      return name;
    });
    for (;;) {
      const auto message = co_await socket->receive();
      if (!message) break;
    }
  }

  std::vector<std::unique_ptr<RawConnection>> open_sockets(int count) {
    std::vector<std::unique_ptr<RawConnection>> clients;
    for (int i = 0; i < count; ++i) {
      clients.push_back(std::make_unique<RawConnection>(server.port(), 20s));
      clients.back()->send(kUpgrade);
      EXPECT_EQ(clients.back()->receive_response().status, 101u);
    }
    EXPECT_TRUE(server.wait_until([this, count] { return served == count; }));
    return clients;
  }

  int served = 0;                                           // on the loop
  std::vector<std::chrono::steady_clock::time_point> told;  // the same
  test::RunningServer server;
};

/// Close, 1012, and the reason.
std::string close_frame(const std::string& reason) {
  return std::string("\x88") + static_cast<char>(reason.size() + 2) + "\x03\xf4" + reason;
}

TEST_F(ServerStopTest, EachReaderIsToldItsPlaceAndBatchesAreApart) {
  server.options.closes_per_second = 400;  // twenty in each step
  server.start();
  auto clients = open_sockets(300);
  const auto stopped = server.begin_stop(15s);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string wanted = close_frame("place:" + std::to_string(i));
    EXPECT_EQ(clients[i]->receive_exactly(wanted.size()), wanted);
    clients[i]->send(std::string("\x88\x82\x00\x00\x00\x00\x03\xf4", 8));
    EXPECT_TRUE(clients[i]->is_closed_by_peer());
  }
  stopped.get();
  server.stop();
  ASSERT_EQ(told.size(), 300u);
  int pauses = 0;
  for (std::size_t i = 1; i < told.size(); ++i) pauses += told[i] - told[i - 1] > 20ms ? 1 : 0;
  EXPECT_GE(pauses, 14) << "twenty at a time";
}

TEST_F(ServerStopTest, WithLittleTimeTheBatchesAreLarger) {
  server.options.closes_per_second = 1;
  server.start();
  auto clients = open_sockets(100);
  const auto begun = std::chrono::steady_clock::now();
  const auto stopped = server.begin_stop(6s);
  for (auto& client : clients) {
    EXPECT_NE(client->receive_exactly(4), "");
    client->finish();
  }
  stopped.get();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s);
  server.stop();
  EXPECT_EQ(told.size(), 100u);
}

TEST_F(ServerStopTest, AnUpgradeThatComesTooLateIsRefused) {
  server.start();
  RawConnection late(server.port());
  late.send(kUpgrade.substr(0, 40));
  EXPECT_TRUE(server.wait_connections(1));
  // Its first bytes have been read: it is no idle connection any more.
  std::this_thread::sleep_for(50ms);
  const auto stopped = server.begin_stop(5s);
  EXPECT_THROW(
      {
        for (int i = 0; i < 500; ++i) {
          RawConnection refused(server.port());
          std::this_thread::sleep_for(2ms);
        }
      },
      std::runtime_error);
  late.send(kUpgrade.substr(40));
  const auto answer = late.receive_response();
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(answer.header("Connection"), "close");
  late.finish();
  stopped.get();
  server.stop();
  EXPECT_EQ(served, 0);
}

}  // namespace
}  // namespace bridge::net
