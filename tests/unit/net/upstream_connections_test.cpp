// SPDX-License-Identifier: MIT
// What a TLS upstream sees of us: few handshakes, most of them resumed, one write per request.
#include <gtest/gtest.h>

#include "bridge/async/task_group.hpp"
#include "bridge/net/http_client.hpp"
#include "support/fake_peer.hpp"
#include "support/fakes.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"
#include "support/test_certificates.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::FakePeer;
using test::ok_answer;
using test::PeerConnection;

class UpstreamConnectionsTest : public testing::Test {
 protected:
  UpstreamConnectionsTest() { options.ca_file = authority.ca_file(); }
  void TearDown() override {
    if (client) client->close();
    context.restart();
    context.run_for(2s);
    EXPECT_TRUE(context.stopped()) << "the client left work behind";
  }

  HttpClient& the_client() {
    if (!client)
      client = std::move(*make_http_client(context.get_executor(), options, logger, &metrics));
    return *client;
  }
  int handshakes() {
    return static_cast<int>(metrics.counters["upstream_handshakes.full"].value() +
                            metrics.counters["upstream_handshakes.resumed"].value());
  }

  asio::io_context context{1};
  test::TestAuthority authority;
  test::TestAuthority::Pair pair = authority.issue("DNS:localhost");
  ClientOptions options;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
  std::unique_ptr<HttpClient> client;
};

TEST_F(UpstreamConnectionsTest, ManyCallsAtOnceMakeNoMoreHandshakesThanThePoolHasPlaces) {
  options.max_connections_per_origin = 3;
  FakePeer peer(
      [](PeerConnection& connection) {
        while (!connection.read_request().empty()) connection.send(ok_answer("x"));
      },
      pair.certificate_file, pair.key_file);
  int good = 0;
  for (int wave = 0; wave < 3; ++wave)
    test::run_coroutine(context, [&]() -> Task<> {
      async::TaskGroup group(context.get_executor(), logger);
      auto one = [&]() -> Task<> {
        ClientRequest request(Method::get, peer.url());
        const auto answer = co_await the_client().send(request, in(8s));
        good += answer ? 1 : 0;
      };
      for (int i = 0; i < 20; ++i) group.spawn("call", one());
      EXPECT_TRUE(co_await group.wait(in(8s)));
    });
  EXPECT_EQ(good, 60);
  EXPECT_LE(peer.accepted(), 3);
  EXPECT_EQ(handshakes(), peer.accepted());
  EXPECT_EQ(metrics.gauges["upstream_connections"].value(), peer.accepted());
  the_client().close();
  EXPECT_EQ(metrics.gauges["upstream_connections"].value(), 0);
}

TEST_F(UpstreamConnectionsTest, ASecondConnectionResumesTheSessionOfTheFirst) {
  FakePeer peer(
      [](PeerConnection& connection) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        connection.say_goodbye();
      },
      pair.certificate_file, pair.key_file);
  for (int i = 0; i < 3; ++i)
    test::run_coroutine(context, [&]() -> Task<> {
      ClientRequest request(Method::get, peer.url());
      const auto answer = co_await the_client().send(request, in(8s));
      EXPECT_TRUE(answer) << answer.error().to_string();
    });
  EXPECT_EQ(peer.accepted(), 3);
  EXPECT_EQ(metrics.counters["upstream_handshakes.full"].value(), 1u);
  EXPECT_EQ(metrics.counters["upstream_handshakes.resumed"].value(), 2u);
}

TEST_F(UpstreamConnectionsTest, ASessionIsOfferedToItsOwnOriginOnly) {
  const auto script = [](PeerConnection& connection) {
    connection.read_request();
    connection.send(ok_answer("x"));
    connection.wait_for_end();
  };
  FakePeer first(script, pair.certificate_file, pair.key_file);
  FakePeer second(script, pair.certificate_file, pair.key_file);
  test::run_coroutine(context, [&]() -> Task<> {
    for (const std::string& url : {first.url(), second.url()}) {
      ClientRequest request(Method::get, url);
      const auto answer = co_await the_client().send(request, in(8s));
      EXPECT_TRUE(answer) << answer.error().to_string();
    }
  });
  EXPECT_EQ(metrics.counters["upstream_handshakes.full"].value(), 2u);
}

TEST_F(UpstreamConnectionsTest, HeadAndBodyLeaveInOneTlsRecord) {
  std::string record;
  FakePeer peer(
      [&](PeerConnection& connection) {
        record = connection.read_some();
        connection.send(ok_answer("x"));
        connection.wait_for_end();
      },
      pair.certificate_file, pair.key_file);
  test::run_coroutine(context, [&]() -> Task<> {
    ClientRequest request(Method::post, peer.url());
    request.body = std::string(2'000, 'b');
    const auto answer = co_await the_client().send(request, in(8s));
    EXPECT_TRUE(answer);
  });
  EXPECT_TRUE(record.starts_with("POST / HTTP/1.1\r\n"));
  EXPECT_TRUE(record.ends_with(std::string(2'000, 'b')));
}

}  // namespace
}  // namespace bridge::net
