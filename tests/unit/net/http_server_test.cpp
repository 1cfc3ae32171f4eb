// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "support/http_probe.hpp"
#include "unit/net/running_server.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::http_probe;
using test::RawConnection;
using test::route;

Task<Response> echo(Request& request) { co_return text_response(200, request.body); }

Task<Response> list_headers(Request& request) {
  std::string names;
  for (const auto& [name, value] : request.headers.entries()) names += name + "=" + value + ";";
  co_return text_response(200, names);
}

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    server.router.add(route(Method::post, "/echo", echo, 1000));
    server.router.add(route(Method::post, "/large", echo, 1024 * 1024));
    server.router.add(route(Method::get, "/headers", list_headers));
    server.router.add(route(Method::post, "/headers", list_headers));
    server.router.add(route(Method::get, "/hello", [](Request& request) -> Task<Response> {
      co_return text_response(200, "hello " + request.peer_address);
    }));
    server.router.add(route(Method::get, "/status/{code}", [](Request& request) -> Task<Response> {
      Response response =
          text_response(static_cast<unsigned>(std::stoul(request.parameter("code"))), "body");
      response.headers.set("Server", "secret/1.0");
      response.headers.set("X-Split", "a\r\nX-Injected: 1");
      co_return response;
    }));
    server.router.add(route(Method::get, "/throw", [](Request&) -> Task<Response> {
      throw std::runtime_error("a bug");
      co_return Response();
    }));
    server.router.add(route(Method::get, "/slow", [this](Request&) -> Task<Response> {
      ++handling;
      co_await async::sleep_for(300ms);
      co_return text_response(200, "slow");
    }));
    server.router.add(route(Method::get, "/stuck", [this](Request&) -> Task<Response> {
      ++handling;
      co_await async::sleep_for(1h);
      co_return text_response(200, "late");
    }));
    server.router.add(route(Method::get, "/big", [](Request&) -> Task<Response> {
      co_return text_response(200, std::string(3'000'000, 'x'));
    }));
    server.router.add(route(Method::get, "/cut/{bytes}", [](Request& request) -> Task<Response> {
      Response response = text_response(200, "0123456789");
      response.cut_after_bytes = std::stoul(request.parameter("bytes"));
      co_return response;
    }));
  }

  std::string raw(std::string_view bytes) {
    RawConnection connection(server.port());
    connection.send(bytes);
    connection.finish();
    return connection.receive_all();
  }

  static bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  }

  int handling = 0;  ///< requests that reached a slow handler; on the loop
  test::RunningServer server;
};

TEST_F(HttpServerTest, AWholeExchangeCarriesDateAndLengthAndNoServerField) {
  server.start();
  const auto answer = http_probe(server.port(), "GET", "/hello");
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.body, "hello 127.0.0.1");
  EXPECT_EQ(answer.header("Content-Length"), "15");
  EXPECT_EQ(answer.header("Connection"), "close");
  EXPECT_TRUE(answer.header("Date").ends_with(" GMT"));
  EXPECT_EQ(answer.header("Date").size(), 29u);
  EXPECT_EQ(answer.count("Server"), 0u);
}

TEST_F(HttpServerTest, HandlersCannotSplitAResponseOrNameTheServer) {
  server.start();
  const auto answer = http_probe(server.port(), "GET", "/status/200");
  EXPECT_EQ(answer.count("X-Injected"), 0u);
  EXPECT_EQ(answer.count("Server"), 0u);
  EXPECT_EQ(answer.count("X-Split"), 1u);
}

TEST_F(HttpServerTest, OneConnectionServesManyRequestsInOrder) {
  server.start();
  RawConnection connection(server.port());
  for (int i = 0; i < 5; ++i) {
    const std::string body = "body " + std::to_string(i);
    connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                    std::to_string(body.size()) + "\r\n\r\n" + body);
    EXPECT_EQ(connection.receive_response().body, body);
  }
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(HttpServerTest, PipelinedRequestsAreAnsweredInOrder) {
  server.start();
  RawConnection connection(server.port());
  connection.send(
      "GET /slow HTTP/1.1\r\nHost: h\r\n\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: "
      "3\r\n\r\nabc"
      "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(connection.receive_response().body, "slow");
  EXPECT_EQ(connection.receive_response().body, "abc");
  EXPECT_EQ(connection.receive_response().body, "hello 127.0.0.1");
}

TEST_F(HttpServerTest, ARequestSplitAtEveryByteIsUnderstood) {
  server.start();
  const std::string request =
      "\r\nPOST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n"
      "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: t\r\n\r\n";
  for (std::size_t cut = 1; cut < request.size(); ++cut) {
    RawConnection connection(server.port());
    connection.send(std::string_view(request).substr(0, cut));
    std::this_thread::sleep_for(100us);
    connection.send(std::string_view(request).substr(cut));
    const auto answer = connection.receive_response();
    ASSERT_EQ(answer.status, 200u) << "cut at " << cut;
    ASSERT_EQ(answer.body, "abcde") << "cut at " << cut;
  }
  RawConnection connection(server.port());
  for (const char c : request) connection.send({&c, 1});
  EXPECT_EQ(connection.receive_response().body, "abcde");
}

TEST_F(HttpServerTest, TrailersAreNotVisibleAsHeaders) {
  server.start();
  RawConnection connection(server.port());
  connection.send(
      "POST /headers HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "1\r\na\r\n0\r\nX-Agent-Secret: stolen\r\n\r\n");
  const auto answer = connection.receive_response();
  EXPECT_EQ(answer.status, 200u);
  EXPECT_TRUE(has(answer.body, "Host=h"));
  EXPECT_FALSE(has(answer.body, "X-Agent-Secret"));
}

TEST_F(HttpServerTest, HeadHasTheLengthButNoBody) {
  server.start();
  RawConnection connection(server.port());
  connection.send("HEAD /hello HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(connection.receive_response(true).header("Content-Length"), "15");
  EXPECT_EQ(connection.receive_response().body, "hello 127.0.0.1");
}

TEST_F(HttpServerTest, NoContentAndNotModifiedHaveNoBody) {
  server.start();
  RawConnection connection(server.port());
  for (const char* code : {"204", "304"}) {
    connection.send("GET /status/" + std::string(code) + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(connection.receive_response().status, std::stoul(code));
  }
  connection.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(connection.receive_response().body, "hello 127.0.0.1");
}

TEST_F(HttpServerTest, ABodyOverTheRoutesLimitIsRefusedBeforeItIsRead) {
  server.start();
  RawConnection connection(server.port());
  connection.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = connection.receive_response();
  EXPECT_EQ(answer.status, 413u);
  EXPECT_EQ(answer.body, R"({"error":"too_large"})");
  EXPECT_EQ(answer.header("Connection"), "close");
  connection.finish();
  EXPECT_TRUE(connection.is_closed_by_peer());
}

TEST_F(HttpServerTest, ABodySentAllTheSameDoesNotHideTheRefusal) {
  server.start();
  RawConnection connection(server.port());
  connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n" +
                  std::string(200'000, 'x'));
  EXPECT_EQ(connection.receive_response().status, 413u);
}

TEST_F(HttpServerTest, ChunksOverTheRoutesLimitAreRefused) {
  server.start();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_TRUE(has(raw(head + "3e9\r\n" + std::string(1001, 'x') + "\r\n0\r\n\r\n"), " 413 "));
  std::string many = head;
  for (int i = 0; i < 101; ++i) many += "a\r\n0123456789\r\n";
  EXPECT_TRUE(has(raw(many + "0\r\n\r\n"), " 413 "));
  EXPECT_TRUE(has(raw(head + "fffffffffffffff\r\n"), " 413 "));
  EXPECT_TRUE(has(raw(head + "3e8\r\n" + std::string(1000, 'x') + "\r\n0\r\n\r\n"), " 200 "));
}

TEST_F(HttpServerTest, EachRouteHasItsOwnLimit) {
  server.start();
  const std::string body(500'000, 'y');
  EXPECT_EQ(http_probe(server.port(), "POST", "/large", {}, body).body, body);
  EXPECT_EQ(http_probe(server.port(), "POST", "/echo", {}, body).status, 413u);
}

TEST_F(HttpServerTest, ATooLargeHeadIsRefusedHoweverItIsCutIntoFields) {
  server.start();
  const std::string one =
      "GET /hello HTTP/1.1\r\nHost: h\r\nX-A: " + std::string(17'000, 'a') + "\r\n\r\n";
  EXPECT_TRUE(has(raw(one), " 431 "));
  std::string many = "GET /hello HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 1000; ++i) many += "X-Field-" + std::to_string(i) + ": 0123456789\r\n";
  EXPECT_TRUE(has(raw(many + "\r\n"), " 431 "));
  EXPECT_TRUE(
      has(raw("GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), " 431 "));
  const std::string fits = "GET /hello HTTP/1.1\r\nHost: h\r\nX-A: " + std::string(8'000, 'a') +
                           "\r\nX-B: " + std::string(8'000, 'b') + "\r\n\r\n";
  EXPECT_TRUE(has(raw(fits), " 200 "));
}

TEST_F(HttpServerTest, EndlessChunkExtensionsAndTrailersAreRefused) {
  server.start();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_TRUE(has(raw(head + "1;" + std::string(30'000, 'e') + "\r\na\r\n0\r\n\r\n"), " 400 "));
  EXPECT_TRUE(
      has(raw(head + "1\r\na\r\n0\r\nX-T: " + std::string(30'000, 'e') + "\r\n\r\n"), " 400 "));
}

struct BadHead {
  const char* name;
  const char* bytes;
};
void PrintTo(const BadHead& head, std::ostream* out) { *out << head.name; }

class BadHeadTest : public HttpServerTest, public testing::WithParamInterface<BadHead> {};

TEST_P(BadHeadTest, IsAnswered400AndTheConnectionEnds) {
  server.start();
  const std::string answer =
      raw(std::string(GetParam().bytes) + "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
  EXPECT_TRUE(has(answer, R"({"error":"bad_request"})"));
  EXPECT_FALSE(has(answer, "hello"));
}

INSTANTIATE_TEST_SUITE_P(
    Framing, BadHeadTest,
    testing::Values(
        BadHead{"TwoHosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
        BadHead{"NoHost", "GET /hello HTTP/1.1\r\n\r\n"},
        BadHead{"Gzip", "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"},
        BadHead{"ChunkedIdentity",
                "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n"},
        BadHead{"GzipChunked",
                "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"},
        BadHead{"ChunkedIn10",
                "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
        BadHead{"LengthAndChunked",
                "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: "
                "chunked\r\n\r\n0\r\n\r\n"},
        BadHead{
            "TwoLengths",
            "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na"},
        BadHead{"NegativeLength", "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n"},
        BadHead{"BrokenPercent", "GET /hello%zz HTTP/1.1\r\nHost: h\r\n\r\n"},
        BadHead{"BadVersion", "GET /hello HTTP/2.0\r\nHost: h\r\n\r\n"},
        BadHead{"SpaceBeforeColon", "GET /hello HTTP/1.1\r\nHost : h\r\n\r\n"},
        BadHead{"Garbage", "\x16\x03\x01\x02\x00\x01\r\n\r\n"},
        BadHead{"BadChunk",
                "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"}),
    [](const auto& one) { return std::string(one.param.name); });

TEST_F(HttpServerTest, ExpectContinueIsAnsweredBeforeTheBody) {
  server.start();
  RawConnection connection(server.port());
  connection.send(
      "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(connection.receive_response().status, 100u);
  connection.send("abcd");
  EXPECT_EQ(connection.receive_response().body, "abcd");
}

TEST_F(HttpServerTest, Http10ClosesUnlessKeepAliveIsAsked) {
  server.start();
  EXPECT_TRUE(has(raw("GET /hello HTTP/1.0\r\n\r\n"), "Connection: close"));
  RawConnection connection(server.port());
  connection.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(connection.receive_response().header("Connection"), "keep-alive");
  connection.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(connection.receive_response().status, 200u);
}

TEST_F(HttpServerTest, ASlowHeadIsAnswered408AndASilentConnectionJustEnds) {
  server.options.header_timeout = 100ms;
  server.options.first_byte_timeout = 100ms;
  server.start();
  RawConnection dripping(server.port());
  dripping.send("GET /hello HT");
  const auto answer = dripping.receive_response();
  EXPECT_EQ(answer.status, 408u);
  EXPECT_EQ(answer.body, R"({"error":"timeout"})");
  RawConnection silent(server.port());
  EXPECT_EQ(silent.receive_all(), "");
}

TEST_F(HttpServerTest, ASlowBodyIsAnswered408) {
  server.options.receive_grace = 100ms;
  server.start();
  RawConnection connection(server.port());
  connection.send("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(connection.receive_response().status, 408u);
}

TEST_F(HttpServerTest, AnIdleKeepAliveConnectionEndsAfterItsTime) {
  server.options.keep_alive_timeout = 100ms;
  server.start();
  RawConnection connection(server.port());
  connection.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(connection.receive_response().status, 200u);
  EXPECT_TRUE(connection.is_closed_by_peer());
}

TEST_F(HttpServerTest, AReaderThatStandsStillIsCutAfterTheWriteTimeout) {
  server.options.write_timeout = 150ms;
  server.start();
  RawConnection connection(server.port());
  for (int i = 0; i < 8; ++i) connection.send("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(server.wait_connections(1));
  EXPECT_TRUE(server.wait_connections(0));
}

TEST_F(HttpServerTest, AnExceptionIsA500AndTheConnectionGoesOn) {
  server.start();
  RawConnection connection(server.port());
  connection.send("GET /throw HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto answer = connection.receive_response();
  EXPECT_EQ(answer.status, 500u);
  EXPECT_EQ(answer.body, R"({"error":"internal"})");
  EXPECT_EQ(connection.receive_response().status, 200u);
  server.stop();
  EXPECT_TRUE(
      server.logger.contains("handler_failed method=GET path=/throw reason=std::runtime_error"));
}

TEST_F(HttpServerTest, UnknownPathsAndMethodsAreJson) {
  server.start();
  EXPECT_EQ(http_probe(server.port(), "GET", "/nowhere").body, R"({"error":"not_found"})");
  const auto refused = http_probe(server.port(), "DELETE", "/hello");
  EXPECT_EQ(refused.status, 405u);
  EXPECT_EQ(refused.header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(http_probe(server.port(), "BREW", "/hello").status, 405u);
  EXPECT_EQ(http_probe(server.port(), "GET", "http://other/hello?x=1").status, 200u);
}

TEST_F(HttpServerTest, TheFinishHookSeesRefusalsToo) {
  server.router.set_finish([](const Request&, Response& r) { r.headers.set("X-Common", "1"); });
  server.start();
  EXPECT_EQ(http_probe(server.port(), "GET", "/hello").header("X-Common"), "1");
  EXPECT_EQ(
      http_probe(server.port(), "POST", "/echo", {}, std::string(2000, 'x')).header("X-Common"),
      "1");
}

TEST_F(HttpServerTest, ConnectionsOverTheCapAreTurnedAwayWith503) {
  server.options.max_connections = 2;
  server.start();
  RawConnection first(server.port());
  RawConnection second(server.port());
  EXPECT_TRUE(server.wait_connections(2));
  RawConnection third(server.port());
  const auto answer = third.receive_response();
  EXPECT_EQ(answer.status, 503u);
  EXPECT_EQ(answer.body, R"({"error":"overloaded"})");
  first.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(first.receive_response().status, 200u);
}

TEST_F(HttpServerTest, AcceptWithoutDescriptorsPausesInsteadOfSpinningAndRecovers) {
  server.start();
  const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{256, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  std::vector<int> taken;
  for (int fd = 0; (fd = ::dup(client)) >= 0;) taken.push_back(fd);
  EXPECT_EQ(errno, EMFILE);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(server.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  const std::clock_t cpu = std::clock();
  std::this_thread::sleep_for(350ms);
  EXPECT_LT(std::clock() - cpu, CLOCKS_PER_SEC / 10) << "the accept loop spins";
  for (const int fd : taken) ::close(fd);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(server.wait_connections(1));
  ::close(client);
  server.stop();
  const auto said =
      std::count_if(server.logger.lines.begin(), server.logger.lines.end(),
                    [](const auto& line) { return line.starts_with("accept_failed"); });
  EXPECT_EQ(said, 1);
}

TEST_F(HttpServerTest, AnAnswerCanBeCutOnPurpose) {
  server.start();
  RawConnection none(server.port());
  none.send("GET /cut/0 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(none.receive_all(), "");
  RawConnection half(server.port());
  half.send("GET /cut/20 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(half.receive_all().size(), 20u);
}

TEST_F(HttpServerTest, StopEndsIdleConnectionsAtOnceAndBusyOnesAfterTheirAnswer) {
  server.start();
  RawConnection idle(server.port());
  idle.send("GET /hello HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(idle.receive_response().status, 200u);
  RawConnection busy(server.port());
  busy.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(server.wait_until([this] { return handling == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  auto stopped = server.begin_stop(5s);
  EXPECT_TRUE(idle.is_closed_by_peer());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s) << "not after the keep-alive time";
  const auto answer = busy.receive_response();
  EXPECT_EQ(answer.body, "slow");
  EXPECT_EQ(answer.header("Connection"), "close");
  busy.finish();
  EXPECT_TRUE(busy.is_closed_by_peer());
  stopped.get();
  EXPECT_THROW(RawConnection(server.port()), std::runtime_error);
}

TEST_F(HttpServerTest, StopCutsWhatIsStillThereAtItsDeadline) {
  server.start();
  RawConnection stuck(server.port());
  stuck.send("GET /stuck HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(server.wait_until([this] { return handling == 1; }));
  const auto begun = std::chrono::steady_clock::now();
  server.begin_stop(200ms).get();
  const auto took = std::chrono::steady_clock::now() - begun;
  EXPECT_GE(took, 150ms);
  EXPECT_LT(took, 3s);
  EXPECT_TRUE(stuck.is_closed_by_peer());
}

TEST(StartServerTest, APortInUseIsAnErrorWithTheAddress) {
  test::RunningServer first;
  first.start();
  asio::io_context context;
  ServerOptions options;
  options.port = first.port();
  const auto second = start_server(context.get_executor(), options, first.router, first.logger);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), boost::system::errc::address_in_use);
  EXPECT_EQ(second.error().context(), "127.0.0.1:" + std::to_string(first.port()));
}

}  // namespace
}  // namespace bridge::net
