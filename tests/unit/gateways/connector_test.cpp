// SPDX-License-Identifier: MIT
// Posting activities, over real sockets: what each answer means, and what leaves in no other way.
#include "bridge/gateways/connector.hpp"

#include <gmock/gmock.h>

#include "fake_http_client.hpp"
#include "gateways/connector/post_answer.hpp"
#include "support/fake_peer.hpp"
#include "support/fakes.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::gateways {
namespace {

using namespace std::chrono_literals;
using handoff::DeliveryAnswer;
using handoff::Posted;
using test::FakePeer;
using test::ok_answer;
using test::PeerConnection;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kPath = "/ext%2Fagent/CANARY;v=1?conversationId=a%3A1&sig=CANARY%2b+%20~%2F";
constexpr const char* kActivity = R"({"type":"message","text":"CANARY text"})";
constexpr const char* kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// Whoever knows the URL can speak in the conversation: no test may leave a trace of it.
class ConnectorTest : public testing::Test {
 protected:
  ConnectorTest() {
    options.service_hosts = {"127.0.0.1", ".api.example.com"};
    options.allow_insecure = true;
  }
  void TearDown() override {
    if (client) client->close();
    context.restart();
    context.run_for(2s);
    EXPECT_TRUE(context.stopped()) << "the client left work behind";
    EXPECT_FALSE(logger.contains("CANARY"));
    EXPECT_FALSE(logger.contains("ext%2F"));
    EXPECT_FALSE(logger.contains("sig="));
  }

  handoff::Delivery& delivery() {
    if (!connector) {
      auto base = net::ClientOptions();
      base.allow_http = false;
      client = std::move(*net::make_http_client(context.get_executor(),
                                                connector_client_options(base, options), logger));
      connector = make_connector(*client, options, logger, metrics);
    }
    return *connector;
  }

  DeliveryAnswer post(const std::string& url, std::chrono::milliseconds limit = 3s,
                      const Trace& trace = Trace("ref-1", kTrace)) {
    DeliveryAnswer answer;
    test::run_coroutine(context, [&]() -> Task<> {
      answer = co_await delivery().post(Secret(url), kActivity, trace, in(limit));
    });
    EXPECT_THAT(answer.error_id + answer.hint, Not(HasSubstr("CANARY")));
    EXPECT_EQ(answer.error_id.empty(), answer.what == Posted::delivered);
    ++posts[std::string(name_of(answer.what))];
    for (const auto& [outcome, count] : posts)
      EXPECT_EQ(metrics.counters["delivery_posts." + outcome].value(), count) << outcome;
    return answer;
  }
  DeliveryAnswer post_to(const FakePeer::Script& script, std::chrono::milliseconds limit = 3s) {
    FakePeer peer(script);
    return post(peer.url(kPath), limit);
  }
  static FakePeer::Script answering(std::string bytes) {
    return [bytes](PeerConnection& connection) {
      if (!connection.read_request().empty()) connection.send(bytes);
    };
  }

  asio::io_context context{1};
  ConnectorOptions options;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
  std::map<std::string, std::uint64_t> posts;
  std::unique_ptr<net::HttpClient> client;
  std::unique_ptr<handoff::Delivery> connector;
};

TEST_F(ConnectorTest, TheActivityIsPostedToTheUrlExactlyAsGiven) {
  std::string seen;
  FakePeer peer([&](PeerConnection& connection) {
    seen = connection.read_request();
    connection.send("HTTP/1.1 202 Accepted\r\nSet-Cookie: a=CANARY\r\nContent-Length: 0\r\n\r\n");
    connection.wait_for_end();
  });
  const auto answer = post(peer.url(kPath));
  EXPECT_EQ(answer.what, Posted::delivered);
  EXPECT_FALSE(answer.retry_after);
  EXPECT_THAT(seen, testing::StartsWith("POST " + std::string(kPath) + " HTTP/1.1\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nAccept: application/json\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(seen, HasSubstr("\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(seen, Not(HasSubstr("b7ad6b7169203331"))) << "a span of our own";
  EXPECT_THAT(seen, Not(HasSubstr("Authorization")));
  EXPECT_THAT(seen, Not(HasSubstr("Cookie")));
  EXPECT_THAT(seen, testing::EndsWith("\r\n\r\n" + std::string(kActivity)));
  EXPECT_EQ(metrics.histograms["delivery_seconds"].count(), 1u);
}

TEST_F(ConnectorTest, WithoutATraceNoneIsSentAndNoCookieComesBack) {
  std::vector<std::string> seen;
  FakePeer peer([&](PeerConnection& connection) {
    for (;;) {
      std::string request = connection.read_request();
      if (request.empty()) return;
      seen.push_back(std::move(request));
      connection.send("HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n");
    }
  });
  for (int i = 0; i < 2; ++i) EXPECT_EQ(post(peer.url(), 3s, Trace()).what, Posted::delivered);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_THAT(seen[1], Not(HasSubstr("traceparent")));
  EXPECT_THAT(seen[1], Not(HasSubstr("Cookie")));
  EXPECT_EQ(peer.accepted(), 1) << "the connection is kept";
}

struct StatusRow {
  unsigned status;
  Posted what;
  const char* error_id;
};
class ConnectorStatusTest : public ConnectorTest, public testing::WithParamInterface<StatusRow> {};

TEST_P(ConnectorStatusTest, DecidesAndTheBodyDoesNot) {
  const StatusRow& row = GetParam();
  const std::string head = "HTTP/1.1 " + std::to_string(row.status) + " X\r\n";
  const std::string fields = row.status == 302
                                 ? "Location: http://127.0.0.1:1/CANARY\r\nRetry-After: 7\r\n"
                                 : "Retry-After: 7\r\n";
  const std::string bodies[] = {
      "Content-Length: 0\r\n\r\n",
      "Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"id\":\"abc\"}",
      "Content-Type: application/json\r\nContent-Length: 6\r\n\r\nCANARY",
      "Content-Type: text/html\r\nContent-Length: 13\r\n\r\n<html>CANARY<",
      "Content-Length: 100000\r\n\r\n" + std::string(100'000, 'x'),
      "Content-Length: 10\r\n\r\ncut",
  };
  for (const std::string& body : bodies) {
    if (row.status == 204 && !body.starts_with("Content-Length: 0")) continue;
    const auto answer = post_to(answering(head + fields + body));
    EXPECT_EQ(answer.what, row.what) << body.substr(0, 80);
    EXPECT_EQ(answer.error_id, row.error_id);
    if (row.what == Posted::retry)
      EXPECT_EQ(answer.retry_after, std::chrono::milliseconds(7000));
    else
      EXPECT_FALSE(answer.retry_after);
    EXPECT_EQ(answer.hint.empty(), row.what == Posted::delivered);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ConnectorStatusTest,
                         testing::Values(StatusRow{200, Posted::delivered, ""},
                                         StatusRow{201, Posted::delivered, ""},
                                         StatusRow{202, Posted::delivered, ""},
                                         StatusRow{204, Posted::delivered, ""},
                                         StatusRow{299, Posted::delivered, ""},
                                         StatusRow{401, Posted::expired, "service_url_expired"},
                                         StatusRow{403, Posted::expired, "service_url_expired"},
                                         StatusRow{404, Posted::expired, "service_url_expired"},
                                         StatusRow{410, Posted::expired, "service_url_expired"},
                                         StatusRow{408, Posted::retry, "upstream_failed"},
                                         StatusRow{412, Posted::retry, "upstream_failed"},
                                         StatusRow{429, Posted::retry, "upstream_rate_limited"},
                                         StatusRow{500, Posted::retry, "upstream_failed"},
                                         StatusRow{502, Posted::retry, "upstream_failed"},
                                         StatusRow{503, Posted::retry, "upstream_failed"},
                                         StatusRow{599, Posted::retry, "upstream_failed"},
                                         StatusRow{302, Posted::refused, "upstream_rejected"},
                                         StatusRow{307, Posted::refused, "upstream_rejected"},
                                         StatusRow{400, Posted::refused, "upstream_rejected"},
                                         StatusRow{405, Posted::refused, "upstream_rejected"},
                                         StatusRow{413, Posted::refused, "upstream_rejected"},
                                         StatusRow{415, Posted::refused, "upstream_rejected"},
                                         StatusRow{422, Posted::refused, "upstream_rejected"}),
                         [](const auto& row) { return std::to_string(row.param.status); });

TEST_F(ConnectorTest, RedirectsAreNotFollowed) {
  FakePeer elsewhere(answering(ok_answer("")));
  for (const int status : {301, 302, 303, 307, 308}) {
    const auto answer = post_to(answering("HTTP/1.1 " + std::to_string(status) +
                                          " Moved\r\nLocation: " + elsewhere.url("/CANARY") +
                                          "\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(answer.what, Posted::refused) << status;
  }
  EXPECT_EQ(elsewhere.accepted(), 0);
}

TEST_F(ConnectorTest, RetryAfterMayBeADate) {
  net::Response busy(503);
  busy.headers.set("Retry-After", "Wed, 01 Apr 2026 12:00:30 GMT");
  const Time now = Time(std::chrono::sys_days(std::chrono::year(2026) / 4 / 1)) + 12h;
  EXPECT_EQ(read_post_answer(busy, now).retry_after, std::chrono::milliseconds(30'000));
  busy.headers.set("Retry-After", "soon");
  EXPECT_FALSE(read_post_answer(busy, now).retry_after);
}

TEST_F(ConnectorTest, NoWholeAnswerIsToBeTriedAgain) {
  EXPECT_EQ(post_to([](PeerConnection& c) { c.wait_for_end(); }, 150ms).error_id, "timed_out");
  EXPECT_EQ(post_to([](PeerConnection& c) { c.read_request(); }).error_id, "connection_lost");
  EXPECT_EQ(post_to(answering("HTTP/1.1 20")).error_id, "upstream_garbled");
  EXPECT_EQ(post_to(answering("220 mail CANARY ready\r\n")).error_id, "upstream_garbled");
  EXPECT_EQ(post("http://127.0.0.1:1/CANARY").error_id, "unreachable");
  EXPECT_EQ(posts, (std::map<std::string, std::uint64_t>{{"retry", 5}}));
  EXPECT_TRUE(logger.contains("activity_not_posted"));
  EXPECT_TRUE(logger.contains("host=127.0.0.1"));
  EXPECT_TRUE(logger.contains("ref=ref-1"));
}

TEST_F(ConnectorTest, AnAnswerWhoseBodyNeverEndsCountsByItsStatus) {
  const auto answer = post_to(
      [](PeerConnection& connection) {
        connection.read_request();
        connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        connection.wait_for_end();
      },
      1s);
  EXPECT_EQ(answer.what, Posted::delivered);
}

TEST_F(ConnectorTest, ThePostHasALimitOfItsOwn) {
  options.request_timeout = 100ms;
  EXPECT_EQ(post_to([](PeerConnection& c) { c.wait_for_end(); }, 60s).error_id, "timed_out");
}

TEST_F(ConnectorTest, WhatTheRulesRefuseIsNotConnectedTo) {
  FakePeer peer(answering(ok_answer("")));
  const std::string port = std::to_string(peer.port());
  for (const std::string host : {"localhost", "127.0.0.2", "127.1", "user@127.0.0.1", "[::1]"}) {
    const std::string url = "http://" + host + ":" + port + "/CANARY?CANARY";
    EXPECT_EQ(post(url).what, Posted::refused) << host;
    const auto admitted = delivery().admit(url);
    ASSERT_FALSE(admitted) << host;
    EXPECT_TRUE(admitted.error().is(Errc::forbidden) ||
                admitted.error().is(Errc::invalid_argument));
    EXPECT_THAT(admitted.error().to_string() + admitted.error().hint(), Not(HasSubstr("CANARY")));
    EXPECT_THAT(admitted.error().hint(), HasSubstr("CS_SERVICE_HOSTS"));
  }
  EXPECT_TRUE(delivery().admit(peer.url(kPath)));
  EXPECT_EQ(peer.accepted(), 0);
}

TEST_F(ConnectorTest, AHostThatLeadsInsideIsRefusedUnlessItIsListedByName) {
  options.service_hosts = {".localhost"};
  FakePeer peer(answering(ok_answer("")));
  const std::string url = "http://inside.localhost:" + std::to_string(peer.port()) + "/CANARY";
  EXPECT_TRUE(delivery().admit(url)) << "a suffix lets the name in";
  const auto answer = post(url);
  EXPECT_EQ(answer.what, Posted::refused);
  EXPECT_EQ(answer.error_id, "forbidden");
  EXPECT_EQ(peer.accepted(), 0);
}

TEST(ConnectorClientOptionsTest, AreBoundToPublicAddresses) {
  net::ClientOptions base;
  base.ca_file = "ca.pem";
  base.allow_http = true;
  base.private_hosts = {"other"};
  ConnectorOptions options;
  options.service_hosts = {"sandbox", ".example.com"};
  options.max_connections_per_host = 5;
  net::ClientOptions made = connector_client_options(base, options);
  EXPECT_TRUE(made.public_addresses_only);
  EXPECT_FALSE(made.allow_http);
  EXPECT_TRUE(made.private_hosts.empty());
  EXPECT_EQ(made.max_connections_per_origin, 5u);
  EXPECT_EQ(made.ca_file, "ca.pem");
  options.allow_insecure = true;
  made = connector_client_options(base, options);
  EXPECT_TRUE(made.public_addresses_only);
  EXPECT_TRUE(made.allow_http);
  EXPECT_EQ(made.private_hosts, std::vector<std::string>{"sandbox"});
}

/// Names and learning, with a client that records.
class ConnectorHostsTest : public testing::Test {
 protected:
  handoff::Delivery& delivery() {
    if (!connector) connector = make_connector(http, options, logger, metrics);
    return *connector;
  }
  DeliveryAnswer post(const std::string& url) {
    DeliveryAnswer answer;
    test::run_coroutine([&]() -> Task<> {
      answer = co_await delivery().post(Secret(url), kActivity, Trace(), in(3s));
    });
    return answer;
  }
  std::size_t lines(std::string_view event) const {
    return static_cast<std::size_t>(
        std::count_if(logger.lines.begin(), logger.lines.end(),
                      [&](const std::string& line) { return line.starts_with(event); }));
  }
  ~ConnectorHostsTest() override { EXPECT_FALSE(logger.contains("CANARY")); }

  ConnectorOptions options;
  test::FakeHttpClient http;
  test::RecordingLogger logger;
  NullMetrics metrics;
  std::unique_ptr<handoff::Delivery> connector;
};

TEST_F(ConnectorHostsTest, ARefusedHostIsLoggedOnceWithTheLineThatMendsIt) {
  options.service_hosts = {".api.example.com"};
  for (int i = 0; i < 3; ++i)
    EXPECT_FALSE(delivery().admit("https://New.Example.net/CANARY?sig=CANARY"));
  EXPECT_EQ(post("https://new.example.net/CANARY").what, Posted::refused);
  EXPECT_EQ(lines("service_host_refused"), 1u);
  EXPECT_TRUE(logger.contains("host=new.example.net"));
  EXPECT_TRUE(logger.contains("set=CS_SERVICE_HOSTS=.api.example.com,new.example.net"));
  EXPECT_TRUE(http.requests.empty());
}

TEST_F(ConnectorHostsTest, StrangersCannotFillTheLogWithNames) {
  for (int i = 0; i < 1000; ++i)
    EXPECT_FALSE(delivery().admit("https://h" + std::to_string(i) + ".example.net/"));
  EXPECT_EQ(lines("service_host_refused"), 64u);
}

TEST_F(ConnectorHostsTest, AMalformedUrlNamesNothing) {
  EXPECT_FALSE(delivery().admit("https://CANARY@h.example.net/CANARY"));
  EXPECT_FALSE(delivery().admit("CANARY"));
  EXPECT_EQ(post("https://CANARY@h.example.net/CANARY").error_id, "invalid_argument");
  EXPECT_EQ(lines("service_host_refused"), 0u);
}

TEST_F(ConnectorHostsTest, LearningLetsTheFirstHostInAndSaysWhatToSet) {
  options.service_hosts = {".api.example.com"};
  options.learn_service_host = true;
  const std::string url = "https://runtime.example.net/CANARY?sig=CANARY";
  EXPECT_EQ(post(url).what, Posted::refused) << "a post teaches nothing";
  EXPECT_TRUE(delivery().admit(url));
  EXPECT_TRUE(delivery().admit(url));
  EXPECT_EQ(lines("service_host_learned"), 1u);
  EXPECT_TRUE(logger.contains("set=CS_SERVICE_HOSTS=.api.example.com,runtime.example.net"));
  http.answer(200, "", "");
  EXPECT_EQ(post(url).what, Posted::delivered);
  ASSERT_EQ(http.requests.size(), 1u);
  EXPECT_EQ(http.requests[0].url, url);
  EXPECT_FALSE(http.requests[0].repeatable)
      << "an activity has no key that makes a repeat harmless";
  EXPECT_FALSE(delivery().admit("https://second.example.net/"));
}

}  // namespace
}  // namespace bridge::gateways
