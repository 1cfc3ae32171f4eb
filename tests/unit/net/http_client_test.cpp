// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "bridge/async/task_group.hpp"
#include "bridge/net/http_client.hpp"
#include "support/fake_peer.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::FakePeer;
using test::ok_answer;
using test::PeerConnection;

/// Answers every request with "answer <n>", n counted per connection.
void answer_all(PeerConnection& connection) {
  for (int n = 0; !connection.read_request().empty(); ++n)
    connection.send(ok_answer("answer " + std::to_string(n)));
}

FakePeer::Script once(std::string bytes) {
  return [bytes](PeerConnection& connection) {
    if (connection.read_request().empty()) return;
    connection.send(bytes);
  };
}

class HttpClientTest : public testing::Test {
 protected:
  HttpClientTest() { options.allow_http = true; }

  /// One context for all calls of a test; at the end nothing may be left in it.
  void TearDown() override {
    if (client) client->close();
    context.restart();
    context.run_for(2s);
    EXPECT_TRUE(context.stopped()) << "the client left work behind";
  }

  HttpClient& the_client() {
    if (!client) client = std::move(*make_http_client(context.get_executor(), options, logger));
    return *client;
  }

  Result<Response> call(ClientRequest request, std::chrono::milliseconds limit = 3s) {
    Result<Response> result = Error(Errc::internal);
    test::run_coroutine(
        context, [&]() -> Task<> { result = co_await the_client().send(request, in(limit)); });
    return result;
  }
  Result<Response> get(const std::string& url, std::chrono::milliseconds limit = 3s) {
    return call(ClientRequest(Method::get, url), limit);
  }
  /// As GET, but safe to repeat.
  Result<Response> get_repeatable(const std::string& url) {
    ClientRequest request(Method::get, url);
    request.repeatable = true;
    return call(request);
  }

  static void expect_error(const Result<Response>& result, Errc code, Outcome outcome) {
    ASSERT_FALSE(result) << "status " << result->status;
    EXPECT_EQ(id_of(result.error().errc()), id_of(code)) << result.error().to_string();
    EXPECT_EQ(result.error().outcome(), outcome) << result.error().to_string();
    EXPECT_FALSE(result.error().context().empty());
  }

  asio::io_context context{1};
  ClientOptions options;
  test::RecordingLogger logger;
  std::unique_ptr<HttpClient> client;
};

TEST_F(HttpClientTest, TheRequestIsWrittenAsHttpAsksForIt) {
  std::string seen;
  FakePeer peer([&](PeerConnection& connection) {
    seen = connection.read_request();
    connection.send(ok_answer("{}"));
    connection.wait_for_end();
  });
  ClientRequest request(Method::post, peer.url("/a%20b?c=d%26e#part"));
  request.headers.add("Content-Type", "application/json");
  request.headers.add("Host", "forged");
  request.headers.add("Transfer-Encoding", "chunked");
  request.body = "{\"x\":1}";
  const auto answer = call(request);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "{}");
  EXPECT_TRUE(seen.starts_with("POST /a%20b?c=d%26e HTTP/1.1\r\n")) << seen;
  EXPECT_NE(seen.find("\r\nHost: 127.0.0.1:" + std::to_string(peer.port()) + "\r\n"),
            std::string::npos);
  EXPECT_NE(seen.find("\r\nContent-Length: 7\r\n"), std::string::npos);
  EXPECT_NE(seen.find("\r\nAccept-Encoding: identity\r\n"), std::string::npos);
  EXPECT_EQ(seen.find("forged"), std::string::npos);
  EXPECT_EQ(seen.find("chunked"), std::string::npos);
  EXPECT_TRUE(seen.ends_with("\r\n\r\n{\"x\":1}"));
}

TEST_F(HttpClientTest, ManyCallsShareOneConnection) {
  FakePeer peer(answer_all);
  for (int i = 0; i < 10; ++i) {
    const auto answer = get(peer.url());
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->body, "answer " + std::to_string(i));
  }
  EXPECT_EQ(peer.accepted(), 1);
}

TEST_F(HttpClientTest, CallsAtOnceUseAtMostTheAllowedConnectionsAndAllSucceed) {
  options.max_connections_per_origin = 3;
  FakePeer peer(answer_all);
  int good = 0;
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    auto one = [&]() -> Task<> {
      ClientRequest request(Method::get, peer.url());
      const auto answer = co_await the_client().send(request, in(5s));
      good += answer ? 1 : 0;
    };
    for (int i = 0; i < 20; ++i) group.spawn("call", one());
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  EXPECT_EQ(good, 20);
  EXPECT_LE(peer.accepted(), 3);
}

TEST_F(HttpClientTest, AConnectionThatTheServerClosedWhileIdleIsNotUsed) {
  FakePeer peer([](PeerConnection& connection) {
    connection.read_request();
    connection.send(ok_answer("once"));  // and ends
  });
  for (int i = 0; i < 3; ++i) {
    const auto answer = get(peer.url());
    ASSERT_TRUE(answer) << answer.error().to_string();
    ASSERT_TRUE(peer.wait_ended(i + 1));  // on loopback its FIN is here now
  }
  EXPECT_EQ(peer.accepted(), 3);
}

/// The first connection answers once, then reads a request and ends without a word.
void die_on_second(PeerConnection& connection) {
  if (connection.index() > 0) return answer_all(connection);
  connection.read_request();
  connection.send(ok_answer("first"));
  connection.read_request();
}

TEST_F(HttpClientTest, ARepeatableCallOnAStaleConnectionIsSentOnceMore) {
  FakePeer peer(die_on_second);
  ASSERT_TRUE(get(peer.url()));
  const auto answer = get_repeatable(peer.url());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "answer 0");
  EXPECT_EQ(peer.accepted(), 2);
}

TEST_F(HttpClientTest, AnyOtherCallOnAStaleConnectionIsUnknown) {
  FakePeer peer(die_on_second);
  ASSERT_TRUE(get(peer.url()));
  expect_error(get(peer.url()), Errc::connection_lost, Outcome::unknown);
  EXPECT_EQ(peer.accepted(), 1);
}

TEST_F(HttpClientTest, AFreshConnectionThatDiesIsNeverRetried) {
  FakePeer peer([](PeerConnection& connection) { connection.read_request(); });
  expect_error(get_repeatable(peer.url()), Errc::connection_lost, Outcome::unknown);
  EXPECT_EQ(peer.accepted(), 1);
}

TEST_F(HttpClientTest, ARepeatIsMadeOnlyOnce) {
  FakePeer peer([](PeerConnection& connection) {
    connection.read_request();
    if (connection.index() == 0) {
      connection.send(ok_answer("first"));
      connection.read_request();
    }
  });
  ASSERT_TRUE(get(peer.url()));
  expect_error(get_repeatable(peer.url()), Errc::connection_lost, Outcome::unknown);
  EXPECT_EQ(peer.accepted(), 2);
}

TEST_F(HttpClientTest, AnIdleConnectionIsDroppedAfterItsTime) {
  options.idle_limit = 50ms;
  FakePeer peer([](PeerConnection& connection) {
    connection.read_request();
    connection.send(ok_answer("x"));
    connection.wait_for_end();
  });
  ASSERT_TRUE(get(peer.url()));
  context.restart();
  context.run_for(1s);  // ends by itself: only the expiry was left
  EXPECT_TRUE(context.stopped());
  EXPECT_TRUE(peer.wait_ended(1));
}

TEST_F(HttpClientTest, ConnectionCloseAndSurplusBytesForbidReuse) {
  FakePeer peer([](PeerConnection& connection) {
    connection.read_request();
    if (connection.index() == 0)
      connection.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na");
    else
      connection.send(ok_answer("b") + "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged");
    connection.wait_for_end();
  });
  EXPECT_EQ(get(peer.url())->body, "a");
  EXPECT_EQ(get(peer.url())->body, "b");
  EXPECT_EQ(get(peer.url())->body, "b");
  EXPECT_EQ(peer.accepted(), 3);
}

TEST_F(HttpClientTest, EveryFramingOfABodyIsUnderstood) {
  const auto answer = [](const std::string& request) -> std::string {
    if (request.find("/chunked") != std::string::npos)
      return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n"
             "0\r\nX-Trailer: 1\r\n\r\n";
    if (request.find("/eof") != std::string::npos) return "HTTP/1.0 200 OK\r\n\r\nto the end";
    if (request.find("/interim") != std::string::npos)
      return "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
             ok_answer("final");
    if (request.find("/none") != std::string::npos) return "HTTP/1.1 204 No Content\r\n\r\n";
    return "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";  // to HEAD
  };
  // A connection that may be used again is: one that closed in the middle of the next request would
  // be another test.
  FakePeer peer([&](PeerConnection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      connection.send(answer(request));
      if (request.find("/eof") != std::string::npos) return;
    }
  });
  const auto chunked = get(peer.url("/chunked"));
  ASSERT_TRUE(chunked) << chunked.error().to_string();
  EXPECT_EQ(chunked->body, "abcdefg");
  EXPECT_FALSE(chunked->headers.has("X-Trailer"));
  EXPECT_EQ(get(peer.url("/eof"))->body, "to the end");
  const auto interim = get(peer.url("/interim"));
  ASSERT_TRUE(interim);
  EXPECT_EQ(interim->body, "final");
  EXPECT_FALSE(interim->headers.has("Link"));
  EXPECT_EQ(get(peer.url("/none"))->status, 204u);
  const auto head = call(ClientRequest(Method::head, peer.url("/")));
  ASSERT_TRUE(head) << head.error().to_string();
  EXPECT_EQ(head->headers.get("Content-Length"), "1000");
  EXPECT_EQ(head->body, "");
}

TEST_F(HttpClientTest, ErrorStatusesAndRedirectsAreAnswers) {
  FakePeer peer([](PeerConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    connection.read_request();
    connection.send("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno");
    connection.wait_for_end();
  });
  EXPECT_EQ(get(peer.url())->status, 302u);
  const auto busy = get(peer.url());
  ASSERT_TRUE(busy);
  EXPECT_EQ(busy->status, 503u);
  EXPECT_EQ(busy->headers.get("retry-after"), "7");
  EXPECT_EQ(peer.accepted(), 1);
}

TEST_F(HttpClientTest, APeerThatHangsTimesOutWithUnknownOutcome) {
  FakePeer peer([](PeerConnection& connection) { connection.wait_for_end(); });
  const auto begun = std::chrono::steady_clock::now();
  expect_error(get(peer.url(), 1s), Errc::timed_out, Outcome::unknown);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
}

TEST_F(HttpClientTest, AKeptConnectionThatHangsIsUnknownToo) {
  FakePeer peer([](PeerConnection& connection) {
    connection.read_request();
    connection.send(ok_answer("x"));
    connection.read_request();
    connection.wait_for_end();
  });
  ASSERT_TRUE(get(peer.url()));
  ClientRequest request(Method::get, peer.url());
  request.repeatable = true;
  expect_error(call(request, 1s), Errc::timed_out, Outcome::unknown);
}

TEST_F(HttpClientTest, ADrippingPeerTimesOutToo) {
  FakePeer peer([](PeerConnection& connection) {
    connection.read_request();
    for (int i = 0; i < 100; ++i) {
      connection.send("H");
      std::this_thread::sleep_for(10ms);
      if (i == 0) connection.send("TTP/1.1 200 OK\r\nX-Long: ");
    }
  });
  expect_error(get(peer.url(), 500ms), Errc::timed_out, Outcome::unknown);
}

TEST_F(HttpClientTest, ARefusedConnectionCertainlyFailed) {
  // Bound but not listening: nobody else can get the port meanwhile.
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto result = get("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/");
  expect_error(result, Errc::unreachable, Outcome::failed);
  EXPECT_NE(result.error().context().find("refused"), std::string::npos);
  EXPECT_FALSE(result.error().hint().empty());
  ::close(fd);
}

TEST_F(HttpClientTest, ABodyCutShortIsGarbledNotShorter) {
  FakePeer by_length(once("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"result\":"));
  expect_error(get(by_length.url()), Errc::upstream_garbled, Outcome::unknown);
  FakePeer by_chunks(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"));
  expect_error(get(by_chunks.url()), Errc::upstream_garbled, Outcome::unknown);
  FakePeer in_head(once("HTTP/1.1 200 OK\r\nContent-Le"));
  expect_error(get(in_head.url()), Errc::upstream_garbled, Outcome::unknown);
  FakePeer by_reset([](PeerConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    connection.reset();
  });
  // The reset may overtake the bytes before it.
  const auto reset = get(by_reset.url());
  ASSERT_FALSE(reset);
  EXPECT_EQ(reset.error().outcome(), Outcome::unknown);
}

TEST_F(HttpClientTest, WhatIsNotHttpIsGarbled) {
  FakePeer html(once("<html><body>Your instance is hibernating</body></html>"));
  expect_error(get(html.url()), Errc::upstream_garbled, Outcome::unknown);
  FakePeer gzip(once("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxxxx"));
  expect_error(get(gzip.url()), Errc::upstream_garbled, Outcome::unknown);
  FakePeer switching(once("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"));
  expect_error(get(switching.url()), Errc::upstream_garbled, Outcome::unknown);
}

TEST_F(HttpClientTest, AnAnswerOverTheLimitIsTooLarge) {
  ClientRequest request;
  request.max_response_bytes = 10;
  FakePeer declared(once("HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world"));
  request.url = declared.url();
  expect_error(call(request), Errc::too_large, Outcome::unknown);
  FakePeer chunked(
      once("HTTP/1.1 200 OK\r\nTransfer-Encoding: "
           "chunked\r\n\r\n6\r\nabcdef\r\n5\r\nghijk\r\n0\r\n\r\n"));
  request.url = chunked.url();
  expect_error(call(request), Errc::too_large, Outcome::unknown);
  FakePeer endless(once("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x')));
  request.url = endless.url();
  expect_error(call(request), Errc::too_large, Outcome::unknown);
}

TEST_F(HttpClientTest, WaitingForAPlaceInThePoolCountsAgainstTheDeadlineAndIsCertain) {
  options.max_connections_per_origin = 1;
  FakePeer peer([](PeerConnection& connection) { connection.wait_for_end(); });
  Result<Response> first = Error(Errc::internal);
  Result<Response> second = Error(Errc::internal);
  HttpClient& pooled = the_client();
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    auto hang = [&]() -> Task<> {
      ClientRequest request(Method::get, peer.url());
      first = co_await pooled.send(request, in(2s));
    };
    group.spawn("hang", hang());
    ClientRequest request(Method::get, peer.url());
    const Deadline limit = in(5s);
    while (peer.accepted() == 0 && std::chrono::steady_clock::now() < limit)
      co_await async::sleep_for(1ms);
    second = co_await pooled.send(request, in(100ms));
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  expect_error(first, Errc::timed_out, Outcome::unknown);
  expect_error(second, Errc::overloaded, Outcome::failed);
  EXPECT_NE(second.error().hint().find("SN_MAX_CONNECTIONS"), std::string::npos);
}

TEST_F(HttpClientTest, ASecondAttemptThatCannotConnectDoesNotMakeTheFirstCertain) {
  auto peer = std::make_unique<FakePeer>([](PeerConnection& connection) {
    connection.read_request();
    connection.send(ok_answer("first"));
    connection.read_request();  // may have been acted upon, but nobody will ever know
    connection.stop_listening();
  });
  ASSERT_TRUE(get(peer->url()));
  expect_error(get_repeatable(peer->url()), Errc::unreachable, Outcome::unknown);
}

TEST_F(HttpClientTest, TheLineForAPlaceIsServedInOrder) {
  options.max_connections_per_origin = 1;
  FakePeer peer(answer_all);
  std::vector<int> order;
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    auto one = [&](int n) -> Task<> {
      ClientRequest request(Method::get, peer.url());
      const auto answer = co_await the_client().send(request, in(3s));
      EXPECT_TRUE(answer);
      order.push_back(n);
    };
    for (int i = 0; i < 8; ++i) group.spawn("call", one(i));
    EXPECT_TRUE(co_await group.wait(in(3s)));
  });
  EXPECT_EQ(order.size(), 8u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(peer.accepted(), 1);
}

TEST_F(HttpClientTest, ACancelledCallDropsItsConnectionAndFreesItsPlace) {
  options.max_connections_per_origin = 1;
  FakePeer peer([](PeerConnection& connection) {
    if (connection.index() > 0) return answer_all(connection);
    connection.wait_for_end();
  });
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    auto hang = [&]() -> Task<> {
      ClientRequest request(Method::get, peer.url());
      (void)co_await the_client().send(request, in(1h));
    };
    group.spawn("hang", hang());
    group.spawn("waits in line", hang());
    while (peer.accepted() == 0) {
      co_await async::sleep_for(1ms);
    }
    group.cancel();
    EXPECT_TRUE(co_await group.wait(in(2s)));
    ClientRequest request(Method::get, peer.url());
    const auto answer = co_await the_client().send(request, in(2s));
    EXPECT_TRUE(answer);
  });
  EXPECT_TRUE(peer.wait_ended(1));
}

TEST_F(HttpClientTest, AnAnswerBeforeTheBodyWasReadIsStillSeen) {
  FakePeer peer([](PeerConnection& connection) {
    connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
    connection.wait_for_end();
  });
  ClientRequest request(Method::post, peer.url());
  request.body.assign(100'000, 'x');
  const auto answer = call(request);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->status, 413u);
}

TEST_F(HttpClientTest, AHostThatBeginsLikeAnAddressIsNotThatAddress) {
  FakePeer peer(answer_all);
  // Boost.URL 1.81 reads it as 127.0.0.1 with a path; newer ones as a name, which nobody has.
  EXPECT_FALSE(get("http://127.0.0.1.invalid:" + std::to_string(peer.port()) + "/"));
  EXPECT_FALSE(get("http://127.0.0.1.invalid/"));
  EXPECT_EQ(peer.accepted(), 0);
}

TEST_F(HttpClientTest, BadUrlsAndFieldsAreRefusedBeforeAnythingIsSent) {
  for (const char* url : {"", "nonsense", "ftp://h/", "http://", "http://user:pw@h/", "https:///x",
                          "http://127.0.0.1:99999/", "http://127.0.0.1/a b"})
    expect_error(get(url), Errc::malformed, Outcome::failed);
  FakePeer peer(answer_all);
  ClientRequest request(Method::get, peer.url());
  request.headers.add("X-A", "b\r\nX-Injected: c");
  expect_error(call(request), Errc::malformed, Outcome::failed);
  EXPECT_EQ(peer.accepted(), 0);
}

TEST_F(HttpClientTest, PlainHttpIsRefusedUnlessAllowed) {
  options.allow_http = false;
  FakePeer peer(answer_all);
  const auto result = get(peer.url());
  expect_error(result, Errc::not_configured, Outcome::failed);
  EXPECT_FALSE(result.error().hint().empty());
  EXPECT_EQ(peer.accepted(), 0);
}

TEST_F(HttpClientTest, LocalhostNeedsNoNameService) {
  FakePeer peer(answer_all);
  for (const std::string name : {"LocalHost", "sandbox.localhost"}) {
    const auto answer = get("http://" + name + ":" + std::to_string(peer.port()) + "/");
    ASSERT_TRUE(answer) << answer.error().to_string();
  }
}

}  // namespace
}  // namespace bridge::net
