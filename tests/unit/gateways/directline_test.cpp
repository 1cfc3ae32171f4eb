// SPDX-License-Identifier: MIT
#include "bridge/gateways/directline.hpp"

#include <gmock/gmock.h>

#include "fake_http_client.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::gateways {
namespace {

constexpr const char* kToken =
    R"({"token":"tok","expires_in":3600,"conversationId":"conv-1","extra":[1, 2]})";

class DirectLineTest : public testing::Test {
 protected:
  ~DirectLineTest() override {
    EXPECT_FALSE(logger_.contains("LEAK"));
    EXPECT_FALSE(logger_.contains("the-secret"));
    EXPECT_FALSE(logger_.contains("tok "));
  }

  Result<handoff::DirectLineToken> mint(std::string endpoint, std::string secret,
                                        std::string user = {}) {
    DirectLineOptions options;
    options.token_endpoint = std::move(endpoint);
    options.secret = Secret(std::move(secret));
    options.endpoint_base = "https://europe.example";
    const auto broker = make_directline(http_, std::move(options), logger_, metrics_);
    Result<handoff::DirectLineToken> result = Error(Errc::internal);
    test::run_coroutine(
        [&]() -> Task<> { result = co_await broker->mint(user, in(std::chrono::seconds(10))); });
    return result;
  }

  test::FakeHttpClient http_;
  test::RecordingLogger logger_;
  NullMetrics metrics_;
};

TEST_F(DirectLineTest, AsksTheEndpointWithTheUserAppended) {
  http_.answer(200, kToken);
  auto token = mint("https://env.example/token?api-version=1", "", "dl_a b&c=\u00fc");
  ASSERT_TRUE(token) << token.error().to_string();
  EXPECT_EQ(token->body, kToken) << "passed through as it came";
  EXPECT_EQ(token->conversation_id, "conv-1");
  EXPECT_EQ(token->user_id, "dl_a b&c=\u00fc");
  EXPECT_EQ(http_.requests.at(0).method, net::Method::get);
  EXPECT_EQ(http_.requests.at(0).url,
            "https://env.example/token?api-version=1&userId=dl_a%20b%26c%3D%C3%BC");
  EXPECT_FALSE(http_.requests.at(0).headers.has("Authorization"));
}

TEST_F(DirectLineTest, BeginsAQueryWhereTheEndpointHasNone) {
  http_.answer(200, kToken);
  http_.answer(200, kToken);
  EXPECT_TRUE(mint("https://env.example/token", "", "u1"));
  EXPECT_TRUE(mint("https://env.example/token", "", ""));
  EXPECT_EQ(http_.requests.at(0).url, "https://env.example/token?userId=u1");
  EXPECT_EQ(http_.requests.at(1).url, "https://env.example/token");
}

TEST_F(DirectLineTest, GeneratesFromTheSecret) {
  http_.answer(200, kToken);
  http_.answer(200, kToken);
  EXPECT_TRUE(mint("", "the-secret", "dl_1"));
  EXPECT_TRUE(mint("", "the-secret", ""));
  EXPECT_EQ(http_.requests.at(0).method, net::Method::post);
  EXPECT_EQ(http_.requests.at(0).url, "https://europe.example/v3/directline/tokens/generate");
  EXPECT_EQ(http_.requests.at(0).headers.get("Authorization"), "Bearer the-secret");
  EXPECT_EQ(http_.requests.at(0).headers.get("Content-Type"), "application/json");
  EXPECT_EQ(http_.requests.at(0).body, R"({"user":{"id":"dl_1"}})");
  EXPECT_EQ(http_.requests.at(1).body, "{}");
}

TEST_F(DirectLineTest, IsNotConfiguredWithoutEither) {
  auto token = mint("", "");
  ASSERT_FALSE(token);
  EXPECT_TRUE(token.error().is(Errc::not_configured));
  EXPECT_TRUE(http_.requests.empty());
}

struct FailureRow {
  const char* name;
  unsigned status;
  const char* type;
  const char* body;
  Errc errc;
};
class DirectLineFailureTest : public DirectLineTest,
                              public testing::WithParamInterface<FailureRow> {};

TEST_P(DirectLineFailureTest, OfTheEndpointIsReportedOrMendedByTheSecret) {
  const FailureRow& row = GetParam();
  http_.answer(row.status, row.body, row.type);
  auto alone = mint("https://env.example/token", "");
  ASSERT_FALSE(alone);
  EXPECT_EQ(id_of(alone.error().errc()), id_of(row.errc));
  EXPECT_FALSE(alone.error().hint().empty());
  EXPECT_EQ((alone.error().context() + alone.error().hint()).find("LEAK"), std::string::npos);

  http_.answer(row.status, row.body, row.type);
  http_.answer(200, kToken);
  EXPECT_TRUE(mint("https://env.example/token", "the-secret"));
  EXPECT_EQ(http_.requests.back().url, "https://europe.example/v3/directline/tokens/generate");
  EXPECT_TRUE(logger_.contains("directline_token_failed"));
}

TEST_P(DirectLineFailureTest, OfTheSecretIsReported) {
  http_.answer(GetParam().status, GetParam().body, GetParam().type);
  auto token = mint("", "the-secret");
  ASSERT_FALSE(token);
  EXPECT_EQ(id_of(token.error().errc()), id_of(GetParam().errc));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, DirectLineFailureTest,
    testing::Values(
        FailureRow{"Forbidden", 403, "application/json", R"({"error":{"code":"LEAK"}})",
                   Errc::upstream_credentials},
        FailureRow{"Unauthorized", 401, "application/json", "{}", Errc::upstream_credentials},
        FailureRow{"NotFound", 404, "text/html", "LEAK", Errc::upstream_path},
        FailureRow{"TooMany", 429, "application/json", "{}", Errc::upstream_rate_limited},
        FailureRow{"ServerError", 502, "text/html", "<html>LEAK", Errc::upstream_failed},
        FailureRow{"BadRequest", 400, "application/json", "LEAK", Errc::upstream_rejected},
        FailureRow{"Redirect", 302, "text/html", "", Errc::upstream_garbled},
        FailureRow{"Html", 200, "text/html", "<html>LEAK", Errc::upstream_garbled},
        FailureRow{"BrokenJson", 200, "application/json", "{\"token\":\"LEAK",
                   Errc::upstream_garbled},
        FailureRow{"Array", 200, "application/json", "[]", Errc::upstream_garbled},
        FailureRow{"NoToken", 200, "application/json", R"({"conversationId":"LEAK"})",
                   Errc::upstream_garbled}),
    [](const testing::TestParamInfo<FailureRow>& row) { return row.param.name; });

TEST_F(DirectLineTest, AnUnreachableEndpointIsMendedByTheSecret) {
  http_.fail(Error(Errc::unreachable, "connect env.example"));
  http_.answer(200, kToken);
  EXPECT_TRUE(mint("https://env.example/token", "the-secret"));
  http_.fail(Error(Errc::unreachable, "connect env.example"));
  auto token = mint("https://env.example/token", "");
  ASSERT_FALSE(token);
  EXPECT_TRUE(token.error().is(Errc::unreachable));
}

}  // namespace
}  // namespace bridge::gateways
