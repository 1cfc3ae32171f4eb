// SPDX-License-Identifier: MIT
// Calls through an HTTP proxy that works, refuses, hangs, or is none.
#include "net/proxy.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <mutex>

#include "bridge/net/http_client.hpp"
#include "support/fake_peer.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"
#include "support/test_certificates.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::FakePeer;
using test::ok_answer;
using test::PeerConnection;

Proxy proxy(const std::string& url, const std::string& exceptions = {}) {
  auto parsed = Proxy::parse(url, exceptions);
  EXPECT_TRUE(parsed) << url;
  return parsed ? *parsed : Proxy();
}

TEST(ProxyTest, ReadsAddressAndCredentials) {
  const Proxy full = proxy("http://ada:p%40ss%3Aword@Proxy.Example:8080/");
  EXPECT_EQ(full.host(), "proxy.example");
  EXPECT_EQ(full.port(), 8080);
  EXPECT_EQ(full.authorization(), "Basic YWRhOnBAc3M6d29yZA==");
  EXPECT_EQ(full.name(), "proxy.example:8080");
  EXPECT_EQ(proxy("10.0.0.1:3128").host(), "10.0.0.1");
  EXPECT_EQ(proxy("http://proxy").port(), 3128);
  EXPECT_EQ(proxy("http://proxy").authorization(), "");
  EXPECT_EQ(proxy("http://[::1]:3128").host(), "::1");
}

TEST(ProxyTest, RefusesWhatIsNoHttpProxyWithoutShowingThePassword) {
  for (const char* url : {"https://u:LEAK@proxy:443", "socks5://u:LEAK@proxy", "http://",
                          "http://u:LEAK@proxy:0", "http://u:LEAK@proxy:99999", "http://a b/"}) {
    const auto parsed = Proxy::parse(url, "");
    ASSERT_FALSE(parsed) << url;
    EXPECT_TRUE(parsed.error().is(Errc::not_configured));
    EXPECT_EQ(parsed.error().to_string().find("LEAK"), std::string::npos);
    EXPECT_NE(parsed.error().hint().find("HTTPS_PROXY"), std::string::npos);
  }
}

TEST(ProxyTest, NoProxyAndThisMachineGoWithout) {
  EXPECT_FALSE(Proxy().is_for("example.com", 443));
  const Proxy all = proxy("proxy:1");
  EXPECT_TRUE(all.is_for("example.com", 443));
  for (const char* here :
       {"localhost", "LocalHost", "sandbox.localhost", "127.0.0.1", "127.8.9.1", "::1"})
    EXPECT_FALSE(all.is_for(here, 443)) << here;

  const Proxy some = proxy(
      "proxy:1", "corp.example, .dot.example *.star.example,10.1.2.3,port.example:8443,[fd00::1]");
  for (const char* direct : {"corp.example", "a.corp.example", "CORP.example", "dot.example",
                             "a.b.dot.example", "x.star.example", "10.1.2.3", "fd00::1"})
    EXPECT_FALSE(some.is_for(direct, 443)) << direct;
  for (const char* through : {"notcorp.example", "corp.example.org", "10.1.2.30", "port.example"})
    EXPECT_TRUE(some.is_for(through, 443)) << through;
  EXPECT_FALSE(some.is_for("port.example", 8443));
  EXPECT_FALSE(proxy("proxy:1", "*").is_for("anything.example", 443));
  EXPECT_TRUE(proxy("proxy:1", " , ,").is_for("anything.example", 443));
}

/// Carries bytes both ways between the tunnel's client and 127.0.0.1:`port` until either ends.
void carry(PeerConnection& client, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::array<pollfd, 2> ends{pollfd{client.descriptor(), POLLIN, 0}, pollfd{fd, POLLIN, 0}};
  std::array<char, 8192> chunk{};
  for (bool open = true; open;) {
    if (::poll(ends.data(), ends.size(), 10'000) <= 0) break;
    for (std::size_t i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      const ssize_t n = ::recv(ends[i].fd, chunk.data(), chunk.size(), 0);
      if (n <= 0) {
        open = false;
        break;
      }
      (void)::send(ends[1 - i].fd, chunk.data(), static_cast<std::size_t>(n), MSG_NOSIGNAL);
    }
  }
  ::close(fd);
}

class TunnelTest : public testing::Test {
 protected:
  /// A call to https://<host>/ through a proxy that plays `script`.
  Result<Response> call(const std::string& host, FakePeer& at,
                        std::chrono::milliseconds limit = 5s) {
    ClientOptions options;
    options.ca_file = authority.ca_file();
    options.https_proxy =
        Secret("http://" + credentials + "127.0.0.1:" + std::to_string(at.port()));
    options.no_proxy = no_proxy;
    Result<Response> result = Error(Errc::internal);
    test::run_coroutine([&]() -> Task<> {
      const auto executor = co_await asio::this_coro::executor;
      auto client = make_http_client(executor, options, logger);
      EXPECT_TRUE(client);
      if (!client) co_return;
      ClientRequest request(Method::get, "https://" + host + "/path");
      for (int i = 0; i < calls; ++i) result = co_await (*client)->send(request, in(limit));
      (*client)->close();
    });
    return result;
  }
  Result<Response> call_with(FakePeer::Script script, std::chrono::milliseconds limit = 5s) {
    FakePeer at(std::move(script));
    return call("origin.example:8443", at, limit);
  }

  static void expect_unreachable(const Result<Response>& result, std::string_view context,
                                 std::string_view hint) {
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().is(Errc::unreachable)) << result.error().to_string();
    EXPECT_EQ(result.error().outcome(), Outcome::failed);
    EXPECT_NE(result.error().context().find(context), std::string::npos)
        << result.error().context();
    EXPECT_NE(result.error().hint().find(hint), std::string::npos) << result.error().hint();
  }

  test::TestAuthority authority;
  test::RecordingLogger logger;
  std::string credentials;
  std::string no_proxy;
  int calls = 1;
};

/// An origin for a name that only the proxy can reach, and the proxy before it.
class TunnelledTest : public TunnelTest {
 protected:
  explicit TunnelledTest(const std::string& name = "DNS:origin.example")
      : pair(authority.issue(name)),
        origin(
            [](PeerConnection& connection) {
              while (!connection.read_request().empty()) connection.send(ok_answer("through"));
            },
            pair.certificate_file, pair.key_file),
        way([this](PeerConnection& connection) {
          const std::string head = connection.read_request();
          {
            const std::lock_guard lock(mutex);
            seen.push_back(head);
          }
          connection.send("HTTP/1.1 200 Connection est");
          connection.send("ablished\r\nVia: test\r\n\r\n");
          carry(connection, origin.port());
        }) {}

  test::TestAuthority::Pair pair;
  FakePeer origin;
  std::mutex mutex;
  std::vector<std::string> seen;
  FakePeer way;
};

class WrongNameTest : public TunnelledTest {
 protected:
  WrongNameTest() : TunnelledTest("DNS:localhost,IP:127.0.0.1") {}
};

TEST_F(TunnelledTest, CallsGoThroughOneKeptTunnelToTheOriginItself) {
  credentials = "ada:secret@";
  calls = 3;
  const auto answer = call("origin.example:8443", way);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "through");
  EXPECT_EQ(origin.accepted(), 1);
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_TRUE(seen[0].starts_with("CONNECT origin.example:8443 HTTP/1.1\r\n")) << seen[0];
  EXPECT_NE(seen[0].find("\r\nHost: origin.example:8443\r\n"), std::string::npos);
  EXPECT_NE(seen[0].find("\r\nProxy-Authorization: Basic YWRhOnNlY3JldA==\r\n"), std::string::npos);
  EXPECT_EQ(seen[0].find("/path"), std::string::npos);
}

TEST_F(WrongNameTest, TheCertificateMustBeTheOriginsWhoeverTheProxyIs) {
  expect_unreachable(call("origin.example:8443", way), "the certificate is for localhost",
                     "host name");
  EXPECT_EQ(seen.size(), 1u);
}

TEST_F(WrongNameTest, HostsOfNoProxyAreNeverConnectedThrough) {
  const std::string here = "localhost:" + std::to_string(origin.port());
  const auto answer = call(here, way);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(way.accepted(), 0);
}

TEST_F(TunnelTest, AProxyThatWantsCredentialsSaysSo) {
  const auto result = call_with([](PeerConnection& connection) {
    connection.read_request();
    connection.send(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"LEAK\"\r\n"
        "Content-Length: 4\r\n\r\nLEAK");
  });
  expect_unreachable(result, "407", "http://user:password@");
  EXPECT_TRUE(result.error().retry_after()) << "somebody has to mend it";
  EXPECT_EQ(result.error().to_string().find("LEAK"), std::string::npos);
}

TEST_F(TunnelTest, AProxyThatRefusesOrCannotReachTheHostSaysWhich) {
  const auto refuses = call_with([](PeerConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
  });
  expect_unreachable(refuses, "403", "NO_PROXY");
  EXPECT_TRUE(refuses.error().retry_after());
  const auto cannot = call_with([](PeerConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n");
  });
  expect_unreachable(cannot, "504", "does not reach origin.example:8443");
  EXPECT_FALSE(cannot.error().retry_after()) << "a moment later it may";
}

TEST_F(TunnelTest, AProxyThatHangsTimesOutAndIsNamed) {
  const auto result =
      call_with([](PeerConnection& connection) { connection.wait_for_end(); }, 200ms);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::timed_out)) << result.error().to_string();
  EXPECT_EQ(result.error().outcome(), Outcome::failed);
  EXPECT_NE(result.error().hint().find("HTTPS_PROXY"), std::string::npos) << result.error().hint();
}

TEST_F(TunnelTest, WhatIsNoProxyIsRecognised) {
  expect_unreachable(call_with([](PeerConnection& connection) {
                       connection.send("SSH-2.0-OpenSSH_9.2\r\n");
                       connection.wait_for_end();
                     }),
                     "not HTTP", "no HTTP proxy");
  expect_unreachable(call_with([](PeerConnection& connection) { connection.read_request(); }),
                     "ended the connection", "HTTPS_PROXY");
  expect_unreachable(call_with([](PeerConnection& connection) {
                       connection.read_request();
                       connection.send("HTTP/1.1 200 OK\r\n\r\nunasked");
                       connection.wait_for_end();
                     }),
                     "more than was asked for", "no HTTP proxy");
  expect_unreachable(call_with([](PeerConnection& connection) {
                       connection.read_request();
                       connection.send("HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'));
                       connection.wait_for_end();
                     }),
                     "not HTTP", "no HTTP proxy");
}

TEST_F(TunnelTest, AProxyThatIsNotThereIsNamedAsSuch) {
  std::string port;
  {
    FakePeer gone([](PeerConnection&) {});
    port = std::to_string(gone.port());
  }
  ClientOptions options;
  options.https_proxy = Secret("http://127.0.0.1:" + port);
  test::run_coroutine([&]() -> Task<> {
    const auto executor = co_await asio::this_coro::executor;
    auto client = make_http_client(executor, options, logger);
    ClientRequest request(Method::get, "https://origin.example/");
    const auto result = co_await (*client)->send(request, in(5s));
    expect_unreachable(result, "the proxy 127.0.0.1:" + port, "HTTPS_PROXY");
    (*client)->close();
  });
}

TEST_F(TunnelTest, AProxyThatCannotBeReadIsAnErrorAtTheStart) {
  ClientOptions options;
  options.https_proxy = Secret("https://proxy:443");
  asio::io_context context(1);
  const auto client = make_http_client(context.get_executor(), options, logger);
  ASSERT_FALSE(client);
  EXPECT_TRUE(client.error().is(Errc::not_configured));
}

}  // namespace
}  // namespace bridge::net
