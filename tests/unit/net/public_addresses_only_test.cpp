// SPDX-License-Identifier: MIT
// Calls to URLs that others chose, over real sockets: what is checked is what is connected to.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>

#include "net/client_seams.hpp"
#include "net/public_address.hpp"
#include "support/fake_peer.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::FakePeer;
using test::ok_answer;
using test::PeerConnection;

void answer_once(PeerConnection& connection) {
  if (!connection.read_request().empty()) connection.send(ok_answer("in"));
}

/// A name service that answers its n-th question with the n-th list, and then with the last.
/// Its look-ups run on threads of their own, which may outlive a test.
struct NameService {
  std::vector<std::vector<std::string>> answers;
  std::atomic<std::size_t> asked = 0;

  static Lookup lookup(const std::shared_ptr<NameService>& service) {
    return [service](const std::string&) {
      const std::size_t question = service->asked++;
      LookupResult result;
      for (const auto& address :
           service->answers.at(std::min(question, service->answers.size() - 1)))
        result.addresses.push_back(asio::ip::make_address(address));
      return result;
    };
  }
};

class PublicAddressesOnlyTest : public testing::Test {
 protected:
  PublicAddressesOnlyTest() {
    options.allow_http = true;
    options.public_addresses_only = true;
    options.idle_limit = 1ms;
  }
  void TearDown() override {
    if (client) client->close();
    context.restart();
    context.run_for(2s);
    EXPECT_TRUE(context.stopped()) << "the client left work behind";
  }

  Result<Response> get(const std::string& url) {
    if (!client)
      client = std::move(*make_http_client_with(context.get_executor(), options, logger, nullptr,
                                                NameService::lookup(names), rule));
    Result<Response> result = Error(Errc::internal);
    test::run_coroutine(context, [&]() -> Task<> {
      ClientRequest request(Method::get, url);
      result = co_await client->send(std::move(request), in(3s));
    });
    return result;
  }
  static void expect_forbidden(const Result<Response>& result) {
    ASSERT_FALSE(result) << "status " << result->status;
    EXPECT_EQ(id_of(result.error().errc()), "forbidden") << result.error().to_string();
    EXPECT_EQ(result.error().outcome(), Outcome::failed);
    EXPECT_NE(result.error().context().find("no public address"), std::string::npos);
    EXPECT_FALSE(result.error().hint().empty());
  }
  std::string url_of(const FakePeer& peer, const std::string& host) {
    return "http://" + host + ":" + std::to_string(peer.port()) + "/";
  }

  asio::io_context context{1};
  ClientOptions options;
  test::RecordingLogger logger;
  std::shared_ptr<NameService> names = std::make_shared<NameService>();
  AddressRule rule = is_public;
  std::unique_ptr<HttpClient> client;
};

TEST_F(PublicAddressesOnlyTest, ANameThatLeadsInsideIsNotConnectedTo) {
  FakePeer peer(answer_once);
  names->answers = {{"127.0.0.1"}, {"::ffff:127.0.0.1"}, {"127.0.0.1", "::1", "10.0.0.7"}};
  for (int i = 0; i < 3; ++i) expect_forbidden(get(url_of(peer, "bot.example.com")));
  EXPECT_EQ(names->asked, 3u);
  EXPECT_EQ(peer.accepted(), 0);
}

TEST_F(PublicAddressesOnlyTest, AddressesAndLocalNamesNeedNoNameServiceToBeRefused) {
  FakePeer peer(answer_once);
  for (const char* host : {"127.0.0.1", "localhost", "LOCALHOST", "x.localhost", "[::1]",
                           "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "127%2E0.0.1"})
    expect_forbidden(get(url_of(peer, host)));
  EXPECT_EQ(names->asked, 0u);
  EXPECT_EQ(peer.accepted(), 0);
}

TEST_F(PublicAddressesOnlyTest, OtherwiseLoopbackIsAsGoodAsAny) {
  options.public_addresses_only = false;
  FakePeer peer(answer_once);
  names->answers = {{"127.0.0.1"}};
  EXPECT_TRUE(get(url_of(peer, "bot.example.com")));
}

TEST_F(PublicAddressesOnlyTest, AnExemptHostMayBeAnywhereAndOnlyThat) {
  options.private_hosts = {"sandbox", "127.0.0.1"};
  FakePeer peer(answer_once);
  names->answers = {{"127.0.0.1"}};
  EXPECT_TRUE(get(url_of(peer, "Sandbox")));
  EXPECT_TRUE(get(url_of(peer, "127.0.0.1")));
  expect_forbidden(get(url_of(peer, "sandbox.example.com")));
  expect_forbidden(get(url_of(peer, "localhost")));
  EXPECT_EQ(peer.accepted(), 2);
}

TEST_F(PublicAddressesOnlyTest, PrivateAddressesAmongPublicOnesAreNotTried) {
  FakePeer peer(answer_once);  // at 127.0.0.1, which is private here; nobody is at the public one
  rule = [](const asio::ip::address& address) { return address.to_string() == "127.0.0.2"; };
  names->answers = {{"127.0.0.1", "127.0.0.2", "127.0.0.1"}};
  const auto result = get(url_of(peer, "bot.example.com"));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::unreachable)) << result.error().to_string();
  EXPECT_EQ(peer.accepted(), 0);
}

// In these 127.0.0.1 plays the public address and the rest of loopback the private ones.
class RebindingTest : public PublicAddressesOnlyTest {
 protected:
  RebindingTest() {
    rule = [](const asio::ip::address& address) { return address.to_string() == "127.0.0.1"; };
  }
};

TEST_F(RebindingTest, TheAddressThatWasCheckedIsTheOneThatIsConnectedTo) {
  FakePeer peer(answer_once);
  names->answers = {{"127.0.0.1"}, {"127.0.0.2"}};
  // The service would lead inside at a second question: there is none between check and connect.
  EXPECT_TRUE(get(url_of(peer, "bot.example.com")));
  EXPECT_EQ(names->asked, 1u);
}

TEST_F(RebindingTest, ANameThatChangesItsMindIsCheckedAgain) {
  names->answers = {{"127.0.0.1"}, {"127.0.0.2"}};
  FakePeer peer([](PeerConnection& connection) {
    connection.stop_listening();
    answer_once(connection);
  });
  const std::string url = url_of(peer, "bot.example.com");
  EXPECT_TRUE(get(url));
  ASSERT_TRUE(peer.wait_ended(1));
  const auto refused = get(url);  // by the socket: so the name is looked up anew for the next
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::unreachable)) << refused.error().to_string();
  expect_forbidden(get(url));
  EXPECT_EQ(names->asked, 2u);
}

TEST_F(PublicAddressesOnlyTest, AProxyLooksNamesUpButNoAddressOfOursIsAskedOfIt) {
  std::atomic<int> asked = 0;
  FakePeer proxy([&](PeerConnection& connection) {
    if (connection.read_request().empty()) return;
    ++asked;
    connection.send("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n");
  });
  options.https_proxy = Secret(proxy.url(""));
  names->answers = {{"127.0.0.1"}};
  expect_forbidden(get("https://10.0.0.7/"));
  expect_forbidden(get("https://[fd00::7]/"));
  EXPECT_EQ(asked, 0);
  const auto tunnelled = get("https://bot.example.com/");
  ASSERT_FALSE(tunnelled);
  EXPECT_TRUE(tunnelled.error().is(Errc::unreachable)) << tunnelled.error().to_string();
  EXPECT_EQ(asked, 1) << "the proxy itself may stand anywhere";
  EXPECT_EQ(names->asked, 0u);
}

}  // namespace
}  // namespace bridge::net
