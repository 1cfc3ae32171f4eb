// SPDX-License-Identifier: MIT
// What posting to a signed URL asks of the client: the URL goes out as it is, and the status counts
// whatever becomes of the body.
#include <gtest/gtest.h>

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

class SignedUrlTest : public testing::Test {
 protected:
  void TearDown() override {
    if (client) client->close();
    context.restart();
    context.run_for(2s);
    EXPECT_TRUE(context.stopped()) << "the client left work behind";
  }
  Result<Response> post(const std::string& url, bool status_suffices,
                        std::chrono::milliseconds limit = 3s) {
    ClientOptions options;
    options.allow_http = true;
    if (!client) client = std::move(*make_http_client(context.get_executor(), options, logger));
    ClientRequest request(Method::post, url);
    request.body = "{}";
    request.status_suffices = status_suffices;
    request.max_response_bytes = 1000;
    Result<Response> result = Error(Errc::internal);
    test::run_coroutine(context,
                        [&]() -> Task<> { result = co_await client->send(request, in(limit)); });
    return result;
  }

  asio::io_context context{1};
  test::RecordingLogger logger;
  std::unique_ptr<HttpClient> client;
};

TEST_F(SignedUrlTest, PathAndQueryAreSentByteForByte) {
  std::string line;
  FakePeer peer([&](PeerConnection& connection) {
    for (;;) {
      const std::string request = connection.read_request();
      if (request.empty()) return;
      line = request.substr(0, request.find("\r\n"));
      connection.send(ok_answer(""));
    }
  });
  const std::string origin = "http://127.0.0.1:" + std::to_string(peer.port());
  for (const std::string target : {
           "/a%2Fb/%7euser/%7Euser?sig=a%2Bb+c%20d~e%3D%3d&x=%C3%BC&x=&&y",
           "/external-agent;v=1/.//../x?conversationId=a:1|29;messageid=[7]{2}^`\\\"<>&sig=Ab%2bcD",
           "/%zz?%",
           "/?/?://user@host:1/",
           "//double",
       }) {
    ASSERT_TRUE(post(origin + target, true)) << target;
    EXPECT_EQ(line, "POST " + target + " HTTP/1.1");
  }
  ASSERT_TRUE(post(origin + "?only=query", true));
  EXPECT_EQ(line, "POST /?only=query HTTP/1.1");
  ASSERT_TRUE(post(origin, true));
  EXPECT_EQ(line, "POST / HTTP/1.1");
}

TEST_F(SignedUrlTest, NothingThatCouldEndTheRequestLineIsSent) {
  FakePeer peer([](PeerConnection& connection) { connection.read_request(); });
  const std::string origin = "http://127.0.0.1:" + std::to_string(peer.port());
  for (const char* target : {"/a b", "/a\r\nX: y", "/a\tb", "/a\x7f", "/\xc3\xbc", "/a?b c"}) {
    const auto result = post(origin + target, true);
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().is(Errc::malformed)) << target;
  }
  const auto nul = post(origin + std::string("/a\0b", 4), true);
  ASSERT_FALSE(nul);
  EXPECT_TRUE(nul.error().is(Errc::malformed));
  EXPECT_EQ(peer.accepted(), 0);
}

struct Row {
  const char* name;
  std::string bytes;
  bool hang = false;
};

class StatusSufficesTest : public SignedUrlTest, public testing::WithParamInterface<Row> {};

TEST_P(StatusSufficesTest, WhateverBecomesOfTheBody) {
  FakePeer peer([](PeerConnection& connection) {
    if (connection.read_request().empty()) return;
    connection.send(GetParam().bytes);
    if (GetParam().hang) connection.wait_for_end();
  });
  const auto limit = GetParam().hang ? 200ms : 3s;
  const auto result = post(peer.url(), true, limit);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->status, 202u);
  EXPECT_EQ(result->headers.get("X-Seen"), "yes");
  EXPECT_EQ(result->body, "");
  EXPECT_FALSE(post(peer.url(), false, limit)) << "the body counts for everybody else";
  EXPECT_EQ(peer.accepted(), 2) << "such a connection is not used again";
}

const std::string kHead = "HTTP/1.1 202 Accepted\r\nX-Seen: yes\r\n";
INSTANTIATE_TEST_SUITE_P(
    All, StatusSufficesTest,
    testing::Values(
        Row{"too_large", kHead + "Content-Length: 5000\r\n\r\n" + std::string(5000, 'x')},
        Row{"too_large_unannounced",
            kHead + "Transfer-Encoding: chunked\r\n\r\n1388\r\n" + std::string(5000, 'x')},
        Row{"cut", kHead + "Content-Length: 10\r\n\r\nabc"},
        Row{"broken_chunks", kHead + "Transfer-Encoding: chunked\r\n\r\nnonsense\r\n"},
        Row{"late", kHead + "Content-Length: 10\r\n\r\nabc", true}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(SignedUrlTest, AHeadCutShortIsNoStatus) {
  FakePeer peer([](PeerConnection& connection) {
    if (!connection.read_request().empty()) connection.send("HTTP/1.1 202 Accepted\r\nX-Se");
  });
  const auto result = post(peer.url(), true);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().is(Errc::upstream_garbled)) << result.error().to_string();
}

TEST_F(SignedUrlTest, AnInterimAnswerIsNoStatus) {
  FakePeer peer([](PeerConnection& connection) {
    if (!connection.read_request().empty())
      connection.send(
          "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\n");
  });
  const auto result = post(peer.url(), true);
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->status, 503u);
}

}  // namespace
}  // namespace bridge::net
