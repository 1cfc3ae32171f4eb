// SPDX-License-Identifier: MIT
// TLS on both sides, each against a real other implementation of HTTP: our client against
// `openssl s_server`, curl against our server.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "bridge/async/task_group.hpp"
#include "bridge/net/http_client.hpp"
#include "support/fake_peer.hpp"
#include "support/run_coroutine.hpp"
#include "support/test_certificates.hpp"
#include "unit/net/running_server.hpp"

extern char** environ;

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::FakePeer;
using test::ok_answer;
using test::PeerConnection;
using test::TestAuthority;

void answer_all_secure(PeerConnection& connection) {
  while (!connection.read_request().empty()) connection.send(ok_answer("secure"));
}

/// A child whose standard output we read; killed with the object.
class Child {
 public:
  explicit Child(std::vector<std::string> arguments) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    std::vector<char*> argv;
    for (auto& one : arguments) argv.push_back(one.data());
    argv.push_back(nullptr);
    const int failed = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    out_ = ends[0];
    if (failed != 0) throw std::runtime_error("cannot run " + arguments[0]);
  }
  ~Child() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Reads until `text` has come or ten seconds have passed.
  std::string read_until(std::string_view text) {
    const auto deadline = in(10s);
    while (output_.find(text) == std::string::npos && std::chrono::steady_clock::now() < deadline)
      if (!read_some()) break;
    return output_;
  }
  /// Reads to the end and returns the exit code.
  int wait() {
    while (read_some()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  const std::string& output() const { return output_; }

 private:
  bool read_some() {
    pollfd waiting{out_, POLLIN, 0};
    if (::poll(&waiting, 1, 10'000) <= 0) return false;
    std::array<char, 4096> chunk{};
    const ssize_t n = ::read(out_, chunk.data(), chunk.size());
    if (n > 0) output_.append(chunk.data(), static_cast<std::size_t>(n));
    return n > 0;
  }

  pid_t pid_ = -1;
  int out_ = -1;
  std::string output_;
};

class TlsClientTest : public testing::Test {
 protected:
  Result<Response> get(const std::string& url, const std::string& ca_file) {
    Result<Response> result = Error(Errc::internal);
    ClientOptions options;
    options.ca_file = ca_file;
    test::run_coroutine([&]() -> Task<> {
      const auto executor = co_await asio::this_coro::executor;
      auto client = make_http_client(executor, options, logger);
      EXPECT_TRUE(client);
      ClientRequest request(Method::get, url);
      for (int i = 0; i < calls; ++i) {
        result = co_await (*client)->send(request, in(5s));
        if (pause > 0ms) co_await async::sleep_for(pause);
      }
      (*client)->close();
    });
    return result;
  }

  static void expect_refused(const Result<Response>& result, std::string_view context,
                             std::string_view hint) {
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().is(Errc::unreachable)) << result.error().to_string();
    EXPECT_EQ(result.error().outcome(), Outcome::failed);
    EXPECT_NE(result.error().context().find(context), std::string::npos)
        << result.error().context();
    EXPECT_NE(result.error().hint().find(hint), std::string::npos) << result.error().hint();
  }

  TestAuthority authority;
  test::RecordingLogger logger;
  int calls = 1;
  std::chrono::milliseconds pause{0};
};

TEST_F(TlsClientTest, APrivateAuthorityIsTrustedByItsFileAndTheConnectionIsKept) {
  const auto pair = authority.issue("DNS:localhost");
  FakePeer peer(answer_all_secure, pair.certificate_file, pair.key_file);
  calls = 5;
  const auto answer = get(peer.url(), authority.ca_file());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "secure");
  // "localhost" may be tried by IPv6 first, where nobody listens: that is refused, not accepted.
  EXPECT_EQ(peer.accepted(), 1);
}

/// Where OpenSSL looks for the authorities of the system.
class SystemFile {
 public:
  explicit SystemFile(const std::string& path) {
    if (const char* before = std::getenv(kName)) before_ = before;
    ::setenv(kName, path.c_str(), 1);
  }
  ~SystemFile() { before_ ? ::setenv(kName, before_->c_str(), 1) : ::unsetenv(kName); }
  SystemFile(const SystemFile&) = delete;
  SystemFile& operator=(const SystemFile&) = delete;

 private:
  static constexpr const char* kName = "SSL_CERT_FILE";
  std::optional<std::string> before_;
};

Task<> count_answer(HttpClient& client, std::string url, int& answered) {
  ClientRequest request(Method::get, std::move(url));
  const auto answer = co_await client.send(std::move(request), in(5s));
  EXPECT_TRUE(answer) << answer.error().to_string();
  if (answer) ++answered;
}

TEST_F(TlsClientTest, TheAuthoritiesOfTheSystemAreReadForTheFirstHandshake) {
  const auto pair = authority.issue("DNS:localhost");
  FakePeer peer(answer_all_secure, pair.certificate_file, pair.key_file);
  const SystemFile system(authority.ca_file());
  const auto shared = load_authorities("", logger);
  ASSERT_TRUE(shared);
  test::run_coroutine([&]() -> Task<> {
    const auto executor = co_await asio::this_coro::executor;
    ClientOptions options;
    options.authorities = *shared;
    std::vector<std::unique_ptr<HttpClient>> clients;
    for (int i = 0; i < 3; ++i)
      clients.push_back(std::move(make_http_client(executor, options, logger)).value());
    // At once: only the first one begins to read, and all wait for it.
    int answered = 0;
    async::TaskGroup tasks(executor, logger);
    for (const auto& client : clients)
      tasks.spawn("get", count_answer(*client, peer.url(), answered));
    EXPECT_TRUE(co_await tasks.wait(in(10s)));
    EXPECT_EQ(answered, 3);
    for (const auto& client : clients) client->close();
  });
  // Without a handshake they may be given up at any time.
  const auto unused = load_authorities("", logger);
  ASSERT_TRUE(unused);
  read_ahead(**unused);
}

TEST_F(TlsClientTest, AnAddressIsCheckedAgainstTheAddressesInTheCertificate) {
  const auto good = authority.issue("IP:127.0.0.1");
  FakePeer peer(answer_all_secure, good.certificate_file, good.key_file);
  const auto url = "https://127.0.0.1:" + std::to_string(peer.port()) + "/";
  EXPECT_TRUE(get(url, authority.ca_file()));
  const auto other = authority.issue("IP:127.0.0.2,DNS:127.0.0.1");
  FakePeer wrong(answer_all_secure, other.certificate_file, other.key_file);
  expect_refused(
      get("https://127.0.0.1:" + std::to_string(wrong.port()) + "/", authority.ca_file()),
      "the certificate is for", "issued for");
}

TEST_F(TlsClientTest, ACertificateForAnotherNameIsRefusedAndSaysForWhich) {
  const auto pair = authority.issue("DNS:other.example");
  FakePeer peer(answer_all_secure, pair.certificate_file, pair.key_file);
  expect_refused(get(peer.url(), authority.ca_file()), "the certificate is for other.example",
                 "host name");
}

TEST_F(TlsClientTest, AnUnknownAuthorityIsRefusedAndTheHintNamesTheSetting) {
  const auto pair = authority.issue("DNS:localhost");
  FakePeer peer(answer_all_secure, pair.certificate_file, pair.key_file);
  expect_refused(get(peer.url(), ""), "unknown authority", "SN_CA_FILE");
  const TestAuthority stranger;
  expect_refused(get(peer.url(), stranger.ca_file()), "localhost", "SN_CA_FILE");
}

TEST_F(TlsClientTest, AnExpiredCertificateIsRefused) {
  const auto pair = authority.issue("DNS:localhost", true);
  FakePeer peer(answer_all_secure, pair.certificate_file, pair.key_file);
  expect_refused(get(peer.url(), authority.ca_file()), "has expired", "clock");
}

TEST_F(TlsClientTest, APlainHttpPeerIsRecognised) {
  FakePeer peer([](PeerConnection& connection) {
    connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    connection.wait_for_end();
  });
  expect_refused(get("https://127.0.0.1:" + std::to_string(peer.port()) + "/", authority.ca_file()),
                 "does not speak TLS", "http://");
}

TEST_F(TlsClientTest, ACaFileThatCannotBeReadIsSaidAtTheStart) {
  asio::io_context context;
  ClientOptions options;
  options.ca_file = authority.ca_file() + ".missing";
  const auto client = make_http_client(context.get_executor(), options, logger);
  ASSERT_FALSE(client);
  EXPECT_TRUE(client.error().is(Errc::not_configured));
  EXPECT_NE(client.error().context().find(options.ca_file), std::string::npos);
}

TEST_F(TlsClientTest, ABodyThatEndsWithTheConnectionNeedsTheClosingAlert) {
  const auto pair = authority.issue("DNS:localhost");
  FakePeer rude(
      [](PeerConnection& connection) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\n\r\n{\"result\":[]");
      },
      pair.certificate_file, pair.key_file);
  const auto cut = get(rude.url(), authority.ca_file());
  ASSERT_FALSE(cut);
  EXPECT_TRUE(cut.error().is(Errc::upstream_garbled)) << cut.error().to_string();
  EXPECT_EQ(cut.error().outcome(), Outcome::unknown);
  FakePeer polite(
      [](PeerConnection& connection) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\n\r\nwhole");
        connection.say_goodbye();
      },
      pair.certificate_file, pair.key_file);
  const auto whole = get(polite.url(), authority.ca_file());
  ASSERT_TRUE(whole) << whole.error().to_string();
  EXPECT_EQ(whole->body, "whole");
}

TEST_F(TlsClientTest, ACountedBodyIsWholeWithoutTheClosingAlertAndTheConnectionIsNotReused) {
  const auto pair = authority.issue("DNS:localhost");
  FakePeer peer(
      [](PeerConnection& connection) {
        connection.read_request();
        connection.send(ok_answer("counted"));
        if (connection.index() % 2 == 0) connection.say_goodbye();
      },
      pair.certificate_file, pair.key_file);
  calls = 3;
  pause = 50ms;  // lets the alert or the FIN arrive
  const auto answer = get(peer.url(), authority.ca_file());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->body, "counted");
  EXPECT_EQ(peer.accepted(), 3);
}

TEST_F(TlsClientTest, APeerSilentDuringTheHandshakeTimesOutWithCertainty) {
  FakePeer peer([](PeerConnection& connection) { connection.wait_for_end(); });
  Result<Response> result = Error(Errc::internal);
  test::run_coroutine([&]() -> Task<> {
    const auto executor = co_await asio::this_coro::executor;
    ClientOptions options;
    options.connect_timeout = 100ms;
    auto client = make_http_client(executor, options, logger);
    ClientRequest request(Method::get, "https://127.0.0.1:" + std::to_string(peer.port()) + "/");
    result = co_await (*client)->send(request, in(5s));
    (*client)->close();
  });
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::timed_out));
  EXPECT_EQ(result.error().outcome(), Outcome::failed);
  EXPECT_NE(result.error().context().find("TLS"), std::string::npos) << result.error().context();
}

TEST_F(TlsClientTest, OpenSslsOwnServerIsUnderstood) {
  const auto pair = authority.issue("DNS:localhost");
  Child server({"openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert",
                pair.certificate_file, "-key", pair.key_file});
  std::string greeting = server.read_until("ACCEPT 127.0.0.1:");
  greeting = server.read_until("\n");
  const auto at = greeting.find("ACCEPT 127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << greeting;
  const auto port = std::stoul(greeting.substr(at + 17));
  const auto answer = get("https://localhost:" + std::to_string(port) + "/", authority.ca_file());
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->status, 200u);
  EXPECT_NE(answer->body.find("TLSv1.3"), std::string::npos);
}

class TlsServerTest : public testing::Test {
 protected:
  TlsServerTest() {
    const auto pair = authority.issue("DNS:localhost,IP:127.0.0.1");
    server.options.tls_certificate_file = pair.certificate_file;
    server.options.tls_key_file = pair.key_file;
    server.router.add(test::route(Method::post, "/echo", [](Request& request) -> Task<Response> {
      co_return text_response(200, request.body);
    }));
    WebSocketRoute echo;
    echo.pattern = "/ws";
    echo.run = [](Request, std::shared_ptr<WebSocket> socket) -> Task<> {
      for (;;) {
        auto message = co_await socket->receive();
        if (!message) break;
        (void)socket->send(std::make_shared<const std::string>("echo " + *message));
      }
    };
    server.router.add(std::move(echo));
  }

  std::string url(const std::string& path) {
    return "https://localhost:" + std::to_string(server.port()) + path;
  }

  TestAuthority authority;
  test::RunningServer server;
};

TEST_F(TlsServerTest, CurlTalksToItAndKeepsTheConnection) {
  server.start();
  Child curl({"curl", "-sS", "--max-time", "10", "--noproxy", "*", "--cacert", authority.ca_file(),
              "-d", "one", url("/echo"), "-d", "one", url("/echo"), "-w",
              "[%{num_connects} %{http_code}]"});
  EXPECT_EQ(curl.wait(), 0) << curl.output();
  EXPECT_EQ(curl.output(), "one&one[1 200]one&one[0 200]");
}

TEST_F(TlsServerTest, CurlRefusesItWithoutTheAuthority) {
  server.start();
  Child curl({"curl", "-sS", "--max-time", "10", "--noproxy", "*", url("/echo")});
  EXPECT_EQ(curl.wait(), 60) << curl.output();  // CURLE_PEER_FAILED_VERIFICATION
}

TEST_F(TlsServerTest, CloseIsAnnouncedSoThatNothingLooksTruncated) {
  server.start();
  Child curl({"curl", "-sS", "--max-time", "10", "--noproxy", "*", "--http1.0", "--cacert",
              authority.ca_file(), "-d", "old", url("/echo")});
  EXPECT_EQ(curl.wait(), 0) << curl.output();
  EXPECT_EQ(curl.output(), "old");
}

TEST_F(TlsServerTest, ASilentPeerEndsAtTheHandshakeDeadline) {
  server.options.first_byte_timeout = 100ms;
  server.start();
  asio::io_context context;
  asio::ip::tcp::socket silent(context);
  silent.connect({asio::ip::address_v4::loopback(), server.port()});
  char byte = 0;
  boost::system::error_code ec;
  silent.read_some(asio::buffer(&byte, 1), ec);
  EXPECT_TRUE(ec) << "the server must end it";
}

TEST_F(TlsServerTest, WebSocketsWorkOverTls) {
  server.start();
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), server.port()});
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> tls(SSL_CTX_new(TLS_client_method()),
                                                              SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(tls.get()), SSL_free);
  SSL_set_fd(ssl.get(), socket.native_handle());
  ASSERT_EQ(SSL_connect(ssl.get()), 1);
  const auto write = [&](const std::string& bytes) {
    ASSERT_GT(SSL_write(ssl.get(), bytes.data(), static_cast<int>(bytes.size())), 0);
  };
  std::string all;
  const auto read_until = [&](std::string_view wanted) {
    std::array<char, 4096> chunk{};
    int n = 0;
    while (all.find(wanted) == std::string::npos &&
           (n = SSL_read(ssl.get(), chunk.data(), static_cast<int>(chunk.size()))) > 0)
      all.append(chunk.data(), static_cast<std::size_t>(n));
    return all.find(wanted) != std::string::npos;
  };
  write(
      "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" +
      std::string("\x81\x82\x00\x00\x00\x00hi", 8));  // a text frame, masked with zeros
  EXPECT_TRUE(read_until("echo hi")) << all;
  EXPECT_TRUE(all.starts_with("HTTP/1.1 101 ")) << all;
  write(std::string("\x88\x82\x00\x00\x00\x00\x03\xe8", 8));  // a close frame, 1000
  EXPECT_TRUE(read_until("\x88\x02\x03\xe8")) << "the close is answered";
  SSL_shutdown(ssl.get());
}

TEST_F(TlsServerTest, ACertificateThatCannotBeReadStopsTheStart) {
  server.options.tls_certificate_file += ".missing";
  asio::io_context context;
  const auto started =
      start_server(context.get_executor(), server.options, server.router, server.logger);
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().context().find(".missing"), std::string::npos);
}

}  // namespace
}  // namespace bridge::net
