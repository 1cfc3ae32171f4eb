// SPDX-License-Identifier: MIT
#include "bridge/identity/client_credentials.hpp"

#include "bridge/async/task_group.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"
#include "unit/gateways/fake_http_client.hpp"

namespace bridge::identity {
namespace {

using namespace std::chrono_literals;

class ClientCredentialsTest : public testing::Test {
 protected:
  ClientCredentialsTest() {
    options.token_url = "https://dev1.example/oauth_token.do";
    options.client_id = "client";
    options.client_secret = Secret("s&cret=1");
    options.refused_hint = "look at the client";
    options.path_hint = "look at the address";
    options.now = [this] { return now; };
  }

  ClientCredentials& credentials() {
    if (!made) made = std::make_unique<ClientCredentials>(http, options);
    return *made;
  }
  void grant(const std::string& token, const std::string& life) {
    http.answer(200, R"({"access_token":")" + token + R"(","token_type":"Bearer","expires_in":)" +
                         life + "}");
  }
  /// The token, or the id of the error.
  std::string token() {
    std::string text;
    test::run_coroutine([&]() -> Task<> {
      const auto got = co_await credentials().token(in(5s));
      if (got)
        text = (*got)->reveal();
      else
        text = id_of((error = got.error()).errc());
    });
    return text;
  }
  std::size_t asked() const { return http.requests.size(); }

  test::FakeHttpClient http;
  test::RecordingLogger logger;
  ClientCredentialsOptions options;
  std::unique_ptr<ClientCredentials> made;
  Deadline now{24h};
  Error error;
};

TEST_F(ClientCredentialsTest, AsksByFormAndKeepsTheTokenUntilItsMargin) {
  grant("one", "1800");
  EXPECT_EQ(token(), "one");
  const net::ClientRequest& request = http.requests.at(0);
  EXPECT_EQ(request.method, net::Method::post);
  EXPECT_EQ(request.url, "https://dev1.example/oauth_token.do");
  EXPECT_EQ(request.headers.get("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(request.body,
            "grant_type=client_credentials&client_id=client&client_secret=s%26cret%3D1");
  now += 1739s;
  EXPECT_EQ(token(), "one");
  EXPECT_EQ(asked(), 1u);
  now += 2s;
  grant("two", "1800");
  EXPECT_EQ(token(), "two");
  EXPECT_EQ(asked(), 2u);
}

TEST_F(ClientCredentialsTest, TheSameTokenWithLessTimeLeftIsAskedForAHandfulOfTimesOnly) {
  grant("one", "1800");
  EXPECT_EQ(token(), "one");
  // A call every second until the token has ended; the instance repeats it with what is left.
  int left = 1800;
  while (left > 1) {
    now += 1s;
    --left;
    http.answers.clear();
    grant("one", std::to_string(left));
    EXPECT_EQ(token(), "one");
  }
  EXPECT_LE(asked(), 10u);
  http.answers.clear();
  now += 1s;
  grant("two", "1800");
  EXPECT_EQ(token(), "two");
}

TEST_F(ClientCredentialsTest, OneCallAsksAndTheOthersWaitForIt) {
  asio::io_context context(1);
  http.hold(context.get_executor());
  grant("one", "1800");
  int good = 0;
  bool late = false;
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    auto one = [&]() -> Task<> {
      const auto got = co_await credentials().token(in(5s));
      good += got && (*got)->reveal() == "one" ? 1 : 0;
    };
    auto impatient = [&]() -> Task<> {
      const auto got = co_await credentials().token(in(20ms));
      late = !got && got.error().is(Errc::timed_out) && got.error().outcome() == Outcome::failed;
      http.release();
    };
    for (int i = 0; i < 10; ++i) group.spawn("call", one());
    group.spawn("impatient", impatient());
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  EXPECT_EQ(good, 10);
  EXPECT_TRUE(late);
  EXPECT_EQ(asked(), 1u);
}

/// Three calls at once, of which the first asks; the ids of their outcomes.
std::vector<std::string> three_at_once(ClientCredentials& credentials, test::FakeHttpClient& http,
                                       Logger& logger) {
  std::vector<std::string> outcomes;
  asio::io_context context(1);
  http.hold(context.get_executor());
  test::run_coroutine(context, [&]() -> Task<> {
    async::TaskGroup group(context.get_executor(), logger);
    auto call = [&]() -> Task<> {
      const auto got = co_await credentials.token(in(5s));
      outcomes.push_back(got ? std::string((*got)->reveal())
                             : std::string(id_of(got.error().errc())));
    };
    for (int i = 0; i < 3; ++i) group.spawn("call", call());
    while (http.requests.empty()) {
      co_await async::sleep_for(1ms);
    }
    http.release();
    EXPECT_TRUE(co_await group.wait(in(5s)));
  });
  return outcomes;
}

TEST_F(ClientCredentialsTest, WhenTheAskersTimeIsOverTheNextOneAsks) {
  http.fail(Error(Errc::timed_out, "dev1.example"));
  grant("one", "1800");
  EXPECT_EQ(three_at_once(credentials(), http, logger),
            (std::vector<std::string>{"timed_out", "one", "one"}));
  EXPECT_EQ(asked(), 2u);
}

TEST_F(ClientCredentialsTest, AnyOtherFailureIsSharedByThoseWhoWaited) {
  http.fail(Error(Errc::unreachable, "dev1.example"));
  EXPECT_EQ(three_at_once(credentials(), http, logger),
            (std::vector<std::string>(3, "unreachable")));
  EXPECT_EQ(asked(), 1u);
}

TEST_F(ClientCredentialsTest, ARefusedClientIsNotAskedAboutAgainBeforeAGrowingPause) {
  const std::string denied = R"({"error":"server_error","error_description":"access_denied LEAK"})";
  for (const auto pause : {10s, 20s, 40s}) {
    http.answer(401, denied);
    EXPECT_EQ(token(), "upstream_credentials");
    EXPECT_EQ(error.outcome(), Outcome::failed);
    EXPECT_EQ(error.hint(), "look at the client");
    EXPECT_EQ(error.retry_after(), pause);
    EXPECT_EQ(error.to_string().find("LEAK"), std::string::npos);
    const std::size_t before = asked();
    now += pause - 1s;
    EXPECT_EQ(token(), "upstream_credentials");
    EXPECT_EQ(error.retry_after(), 1s);
    EXPECT_EQ(credentials().paused(), 1s);
    EXPECT_EQ(asked(), before) << "nobody asked";
    now += 1s;
  }
  grant("one", "1800");
  EXPECT_EQ(token(), "one");
  EXPECT_FALSE(credentials().paused());
}

TEST_F(ClientCredentialsTest, WhileRenewingFailsTheOldTokenServesToItsEnd) {
  grant("one", "100");
  EXPECT_EQ(token(), "one");
  now += 60s;  // within the margin of half its life
  http.fail(Error(Errc::unreachable, "dev1.example"));
  EXPECT_EQ(token(), "one");
  EXPECT_EQ(asked(), 2u);
  EXPECT_EQ(token(), "one") << "and it is not tried in every call";
  EXPECT_EQ(asked(), 2u);
  now += 2s;
  http.answer(401, "{}");
  EXPECT_EQ(token(), "one");
  now += 40s;
  http.fail(Error(Errc::connection_lost, "dev1.example").with_outcome(Outcome::unknown));
  EXPECT_EQ(token(), "connection_lost");
  EXPECT_EQ(error.outcome(), Outcome::failed) << "nothing was asked of the resource";
}

TEST_F(ClientCredentialsTest, ATokenThatWasNotAcceptedIsDroppedOnce) {
  grant("one", "1800");
  EXPECT_EQ(token(), "one");
  ClientCredentials::Token old;
  test::run_coroutine([&]() -> Task<> {
    const auto got = co_await credentials().token(in(5s));
    if (got) old = *got;
  });
  credentials().refused(old);
  grant("two", "1800");
  EXPECT_EQ(token(), "two");
  credentials().refused(old);  // somebody slow
  EXPECT_EQ(token(), "two");
  EXPECT_EQ(asked(), 2u);
}

TEST_F(ClientCredentialsTest, EveryOtherAnswerIsWhatItIs) {
  options.recognise = [](const net::Response& response) -> std::optional<Error> {
    if (response.body.find("asleep") == std::string::npos) return std::nullopt;
    return Error(Errc::upstream_asleep, "asleep");
  };
  http.answer(200, "<html>asleep</html>", "text/html");
  EXPECT_EQ(token(), "upstream_asleep");
  http.answer(200, "<html>log in</html>", "text/html");
  EXPECT_EQ(token(), "upstream_garbled");
  EXPECT_EQ(error.hint(), "look at the address");
  for (const char* body : {"{}", R"({"access_token":""})", R"({"access_token":"a b"})",
                           R"({"access_token":"a\r\nX: y"})", R"({"access_token":5})"}) {
    http.answer(200, body);
    EXPECT_EQ(token(), "upstream_garbled") << body;
  }
  http.answer(404, "{}");
  EXPECT_EQ(token(), "upstream_path");
  http.answer(302, "");
  EXPECT_EQ(token(), "upstream_path");
  http.answer(500, "{}");
  EXPECT_EQ(token(), "upstream_failed");
  auto busy = net::text_response(429, "");
  busy.headers.set("Retry-After", "7");
  http.answers.emplace_back(busy);
  EXPECT_EQ(token(), "upstream_rate_limited");
  EXPECT_EQ(error.retry_after(), 7s);
}

}  // namespace
}  // namespace bridge::identity
