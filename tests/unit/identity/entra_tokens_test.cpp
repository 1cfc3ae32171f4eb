// SPDX-License-Identifier: MIT
// The token table: who gets in, and who does not.
#include "bridge/identity/entra_tokens.hpp"

#include <gmock/gmock.h>

#include <boost/json/serialize.hpp>

#include "bridge/async/task_group.hpp"
#include "support/fakes.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"
#include "support/token_maker.hpp"

namespace bridge::identity {
namespace {

using namespace std::chrono_literals;
using test::key_one;
using test::key_two;

const std::string kTenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const std::string kOther = "11111111-2222-3333-4444-555555555555";
const std::string kApp = "6731de76-14a6-49ae-97bc-6eba6914391e";
const std::string kHost = "https://login.microsoftonline.com";

/// Entra's addresses: metadata and keys, each to be changed by a test.
class FakeEntra final : public net::HttpClient {
 public:
  FakeEntra() {
    metadata["issuer"] = kHost + "/" + kTenant + "/v2.0";
    metadata["jwks_uri"] = kHost + "/" + kTenant + "/discovery/v2.0/keys";
    publish({key_one().jwk("k1")});
  }
  void publish(json::array list) { keys = {{"keys", std::move(list)}}; }

  Task<Result<net::Response>> send(net::ClientRequest request, Deadline) override {
    asked.push_back(request.url);
    if (gate) (void)co_await gate->wait(0, in(5s));
    if (failure) co_return *failure;
    if (status != 200) co_return net::text_response(status, "LEAK");
    const bool is_metadata = request.url.ends_with("/.well-known/openid-configuration");
    if (!raw.empty()) co_return net::text_response(200, raw);
    co_return net::text_response(200, json::serialize(is_metadata ? metadata : keys));
  }
  void close() override {}
  /// How often the keys were fetched.
  std::size_t fetches() const { return asked.size() / 2; }

  json::object metadata, keys;
  std::vector<std::string> asked;
  std::optional<Error> failure;
  unsigned status = 200;
  std::string raw;
  std::unique_ptr<async::Signal> gate;
};

class EntraTokensTest : public testing::Test {
 protected:
  EntraTokensTest() {
    options.tenant = kTenant;
    options.audiences = {kApp, "api://" + kApp};
    options.allowed_callers = {kApp};
    options.now = [this] { return now; };
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time.now().time_since_epoch());
    second = seconds.count();
    header = {{"typ", "JWT"}, {"alg", "RS256"}, {"kid", "k1"}};
    v2 = {{"aud", kApp},          {"iss", kHost + "/" + kTenant + "/v2.0"},
          {"iat", second - 300},  {"nbf", second - 300},
          {"exp", second + 3600}, {"azp", kApp},
          {"azpacr", "1"},        {"tid", kTenant},
          {"ver", "2.0"}};
    v1 = {{"aud", "api://" + kApp},
          {"iss", "https://sts.windows.net/" + kTenant + "/"},
          {"iat", second - 300},
          {"nbf", second - 300},
          {"exp", second + 3600},
          {"appid", kApp},
          {"appidacr", "1"},
          {"tid", kTenant},
          {"ver", "1.0"}};
  }

  EntraTokens& tokens() {
    if (!made) made = std::make_unique<EntraTokens>(entra, options, time, logger, metrics);
    return *made;
  }
  /// "ok", or the id of the error; checks that nothing of the token is said or logged.
  std::string verify_header(const std::string& authorization) {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      const auto caller = co_await tokens().verify(authorization, in(10s));
      if (caller) who = *caller;
      error = caller ? Error() : caller.error();
      outcome = caller ? "ok" : id_of(error.errc());
    });
    const auto dot = authorization.find('.');
    if (dot != std::string::npos && authorization.size() > dot + 20) {
      const std::string part = authorization.substr(dot + 1, 16);
      EXPECT_EQ((error.to_string() + error.hint()).find(part), std::string::npos);
      EXPECT_FALSE(logger.contains(part));
    }
    return outcome;
  }
  std::string verify(const std::string& token) { return verify_header("Bearer " + token); }
  std::string verify(const json::object& claims) { return verify(key_one().token(header, claims)); }
  /// With one claim changed; null takes it away.
  std::string verify_with(json::object claims, std::string_view name, json::value value) {
    claims.erase(name);
    if (!value.is_null()) claims[name] = std::move(value);
    return verify(claims);
  }

  FakeEntra entra;
  test::ManualTime time;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
  EntraOptions options;
  std::unique_ptr<EntraTokens> made;
  Deadline now{24h};
  std::int64_t second = 0;
  json::object header, v1, v2;
  Caller who;
  Error error;
};

TEST_F(EntraTokensTest, AcceptsTokensOfBothVersionsAndSaysWhoCalls) {
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(who.app_id, kApp);
  EXPECT_EQ(who.tenant, kTenant);
  EXPECT_EQ(who.version, "2.0");
  EXPECT_EQ(verify(v1), "ok");
  EXPECT_EQ(who.app_id, kApp);
  EXPECT_EQ(who.version, "1.0");
  EXPECT_EQ(entra.asked, (std::vector<std::string>{
                             kHost + "/" + kTenant + "/v2.0/.well-known/openid-configuration",
                             kHost + "/" + kTenant + "/discovery/v2.0/keys"}));
}

TEST_F(EntraTokensTest, ComparesIdsAndTheSchemeWithoutCase) {
  std::string upper = kApp;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  options.allowed_callers = {kOther, upper};
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(verify_with(v2, "azp", json::value(upper)), "ok");
  EXPECT_EQ(who.app_id, kApp) << "in lower case";
  EXPECT_EQ(verify_with(v2, "aud", json::value(upper)), "ok");
  EXPECT_EQ(verify_header("bearer " + key_one().token(header, v2)), "ok");
  EXPECT_EQ(verify_header("BEARER   " + key_one().token(header, v2) + " "), "ok");
}

TEST_F(EntraTokensTest, RefusesWhatIsNoBearerTokenWithoutAskingEntra) {
  const std::string token = key_one().token(header, v2);
  for (const std::string& value :
       {std::string(), std::string("Bearer"), std::string("Bearer "), "Basic " + token, token,
        "Bearer" + token, "Bearer " + token + "," + token, std::string("Bearer x.y"),
        std::string("Bearer ..."), "Bearer " + std::string(20'000, 'a')})
    EXPECT_EQ(verify_header(value), "unauthorized") << value.substr(0, 12);
  EXPECT_TRUE(entra.asked.empty());
}

TEST_F(EntraTokensTest, RefusesEveryAlgorithmButRs256) {
  json::object none = header;
  none["alg"] = "none";
  const std::string unsigned_text =
      test::base64url(json::serialize(none)) + "." + test::base64url(json::serialize(v2));
  EXPECT_EQ(verify(unsigned_text + "."), "unauthorized");
  EXPECT_EQ(verify(unsigned_text + "." + test::base64url("x")), "unauthorized");
  EXPECT_EQ(verify(key_one().token(none, v2)), "unauthorized") << "even if it is signed";

  json::object hs = header;
  hs["alg"] = "HS256";
  const std::string text =
      test::base64url(json::serialize(hs)) + "." + test::base64url(json::serialize(v2));
  const json::object jwk = key_one().jwk("k1");
  for (const std::string& secret :
       {key_one().public_key(), std::string(jwk.at("n").as_string()), std::string()})
    EXPECT_EQ(verify(text + "." + test::base64url(test::hs256(secret, text))), "unauthorized");
  // The same under the name of the algorithm that is expected.
  const std::string disguised =
      test::base64url(json::serialize(header)) + "." + test::base64url(json::serialize(v2));
  EXPECT_EQ(
      verify(disguised + "." + test::base64url(test::hs256(key_one().public_key(), disguised))),
      "unauthorized");
}

TEST_F(EntraTokensTest, TakesNoKeyFromTheTokenItself) {
  const json::object foreign = key_two().jwk("k1");
  for (const char* name : {"jwk", "jku", "x5u", "x5c"}) {
    json::object bringing = header;
    bringing[name] = name == std::string_view("jwk") ? json::value(foreign)
                                                     : json::value("https://evil.example/keys");
    EXPECT_EQ(verify(key_two().token(bringing, v2)), "unauthorized") << name;
    EXPECT_EQ(verify(key_one().token(bringing, v2)), "ok") << name << " is not looked at";
  }
  for (const std::string& url : entra.asked) EXPECT_TRUE(url.starts_with(kHost)) << url;
}

TEST_F(EntraTokensTest, RefusesASignatureOfAnotherKeyOrAnotherText) {
  EXPECT_EQ(verify(key_two().token(header, v2)), "unauthorized");
  const std::string good = key_one().token(header, v2);
  const std::string other = key_one().token(header, v1);
  EXPECT_EQ(verify(good.substr(0, good.rfind('.')) + other.substr(other.rfind('.'))),
            "unauthorized");
}

struct Case {
  std::string name;
  std::string outcome;
  int version;
  std::string claim;
  json::value value;
};

const json::value kAbsent = nullptr;

std::vector<Case> cases() {
  return {
      {"audience_of_another_app", "unauthorized", 2, "aud", kOther.c_str()},
      {"audience_missing", "unauthorized", 2, "aud", kAbsent},
      {"audience_empty", "unauthorized", 2, "aud", ""},
      {"audience_longer", "unauthorized", 2, "aud", (kApp + "0").c_str()},
      {"audience_with_ours_in_a_list", "unauthorized", 2, "aud", json::array{kApp}},
      {"audience_of_graph", "unauthorized", 1, "aud", "https://graph.microsoft.com"},
      {"audience_bot_framework", "unauthorized", 1, "aud", "https://api.botframework.com"},
      {"issuer_of_another_tenant", "unauthorized", 2, "iss",
       (kHost + "/" + kOther + "/v2.0").c_str()},
      {"issuer_on_another_host", "unauthorized", 2, "iss",
       ("https://evil.example/" + kTenant + "/v2.0").c_str()},
      {"issuer_with_a_slash", "unauthorized", 2, "iss", (kHost + "/" + kTenant + "/v2.0/").c_str()},
      {"issuer_missing", "unauthorized", 2, "iss", kAbsent},
      {"issuer_is_a_list", "unauthorized", 2, "iss", json::array{kHost}},
      {"issuer_of_version_1_for_2", "unauthorized", 2, "iss",
       ("https://sts.windows.net/" + kTenant + "/").c_str()},
      {"issuer_of_version_2_for_1", "unauthorized", 1, "iss",
       (kHost + "/" + kTenant + "/v2.0").c_str()},
      {"issuer_v1_without_slash", "unauthorized", 1, "iss",
       ("https://sts.windows.net/" + kTenant).c_str()},
      {"issuer_bot_framework", "unauthorized", 1, "iss", "https://api.botframework.com"},
      {"tenant_of_somebody_else", "forbidden", 2, "tid", kOther.c_str()},
      {"tenant_missing", "unauthorized", 2, "tid", kAbsent},
      {"tenant_is_a_number", "unauthorized", 2, "tid", 72},
      {"version_missing", "unauthorized", 2, "ver", kAbsent},
      {"version_3", "unauthorized", 2, "ver", "3.0"},
      {"version_as_a_number", "unauthorized", 2, "ver", 2.0},
      {"caller_not_on_the_list", "forbidden", 2, "azp", kOther.c_str()},
      {"caller_not_on_the_list_v1", "forbidden", 1, "appid", kOther.c_str()},
      {"caller_missing", "unauthorized", 2, "azp", kAbsent},
      {"caller_missing_v1", "unauthorized", 1, "appid", kAbsent},
      {"caller_empty", "unauthorized", 2, "azp", ""},
      {"caller_is_a_list", "unauthorized", 2, "azp", json::array{kApp}},
      {"of_a_user", "forbidden", 2, "scp", "user_impersonation"},
      {"of_a_user_by_idtyp", "forbidden", 1, "idtyp", "user"},
      {"of_an_app_by_idtyp", "ok", 1, "idtyp", "app"},
      {"end_missing", "unauthorized", 2, "exp", kAbsent},
      {"end_as_text", "unauthorized", 2, "exp", "4000000000"},
      {"end_far_away", "unauthorized", 2, "exp", 1e300},
      {"end_before_time_began", "unauthorized", 2, "exp", -1},
      {"begin_as_text", "unauthorized", 2, "nbf", "0"},
      {"begin_is_true", "unauthorized", 2, "nbf", true},
      {"begin_missing", "ok", 2, "nbf", kAbsent},
      {"more_claims", "ok", 2, "xms_new", json::object{{"a", json::array{1}}}},
  };
}

class ClaimTest : public EntraTokensTest, public testing::WithParamInterface<Case> {};

TEST_P(ClaimTest, DecidesOverTheToken) {
  const Case& each = GetParam();
  EXPECT_EQ(verify_with(each.version == 1 ? v1 : v2, each.claim, each.value), each.outcome)
      << error.to_string();
  if (each.outcome != "ok") {
    EXPECT_FALSE(error.context().empty());
    EXPECT_FALSE(error.hint().empty()) << "what is to be done about it";
  }
}

INSTANTIATE_TEST_SUITE_P(All, ClaimTest, testing::ValuesIn(cases()),
                         [](const auto& each) { return each.param.name; });

TEST_F(EntraTokensTest, TheCallerOfOneVersionIsNotLookedForWhereTheOtherHasIt) {
  json::object claims = v2;
  claims.erase("azp");
  claims["appid"] = kApp;
  EXPECT_EQ(verify(claims), "unauthorized");
  claims = v1;
  claims.erase("appid");
  claims["azp"] = kApp;
  EXPECT_EQ(verify(claims), "unauthorized");
}

TEST_F(EntraTokensTest, AllowsTheClocksFiveMinutesAndNoMore) {
  EXPECT_EQ(verify_with(v2, "exp", second - 299), "ok");
  EXPECT_EQ(verify_with(v2, "exp", second - 300), "unauthorized");
  EXPECT_EQ(verify_with(v2, "exp", static_cast<double>(second) - 299.5), "ok") << "fractions too";
  EXPECT_EQ(verify_with(v2, "exp", second - 86'400), "unauthorized");
  EXPECT_THAT(error.context(), testing::HasSubstr("expired"));
  EXPECT_EQ(verify_with(v2, "nbf", second + 300), "ok");
  EXPECT_EQ(verify_with(v2, "nbf", second + 301), "unauthorized");
  EXPECT_THAT(error.context(), testing::HasSubstr("not hold yet"));
}

TEST_F(EntraTokensTest, NobodyGetsInWhereNobodyIsListed) {
  options.allowed_callers.clear();
  EXPECT_EQ(verify(v2), "forbidden");
  made.reset();
  options.allowed_callers = {""};
  EXPECT_EQ(verify_with(v2, "azp", ""), "unauthorized");
  made.reset();
  options.audiences.clear();
  EXPECT_EQ(verify(v2), "unauthorized");
}

TEST_F(EntraTokensTest, OtherCloudsHaveTheirOwnIssuers) {
  options.authority = "https://login.partner.microsoftonline.cn";
  entra.metadata["issuer"] = options.authority + "/" + kTenant + "/v2.0";
  entra.metadata["jwks_uri"] = options.authority + "/common/discovery/v2.0/keys";
  EXPECT_EQ(verify_with(v2, "iss", entra.metadata["issuer"]), "ok");
  EXPECT_EQ(verify_with(v1, "iss", json::value("https://sts.chinacloudapi.cn/" + kTenant + "/")),
            "ok");
  EXPECT_EQ(verify(v1), "unauthorized");
  EXPECT_EQ(verify(v2), "unauthorized");
}

// --- keys ---

TEST_F(EntraTokensTest, KeepsTheKeysForADay) {
  EXPECT_EQ(verify(v2), "ok");
  now += 23h;
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(entra.fetches(), 1u);
  now += 2h;
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(entra.fetches(), 2u);
}

TEST_F(EntraTokensTest, ARolledKeyIsFetchedOnce) {
  EXPECT_EQ(verify(v2), "ok");
  entra.publish({key_one().jwk("k1"), key_two().jwk("k2")});
  json::object rolled = header;
  rolled["kid"] = "k2";
  EXPECT_EQ(verify(key_two().token(rolled, v2)), "ok");
  EXPECT_EQ(verify(key_two().token(rolled, v2)), "ok");
  EXPECT_EQ(verify(v2), "ok") << "the old key still is one";
  EXPECT_EQ(entra.fetches(), 2u);
}

TEST_F(EntraTokensTest, UnknownKeysMakeOneFetchAMinute) {
  EXPECT_EQ(verify(v2), "ok");
  const auto unknown = [&](const std::string& kid) {
    json::object other = header;
    other["kid"] = kid;
    return verify(key_one().token(other, v2));
  };
  for (int i = 0; i < 20; ++i) EXPECT_EQ(unknown("x" + std::to_string(i)), "unauthorized");
  EXPECT_EQ(entra.fetches(), 2u);
  EXPECT_EQ(verify(v2), "ok");
  now += 59s;
  EXPECT_EQ(unknown("y"), "unauthorized");
  EXPECT_EQ(entra.fetches(), 2u);
  now += 2s;
  EXPECT_EQ(unknown("y"), "unauthorized");
  EXPECT_EQ(entra.fetches(), 3u);
}

/// Ten calls at once, half of them with a key that nobody has: how many were accepted, and refused.
class TenAtOnceTest : public EntraTokensTest {
 protected:
  void ten_at_once(const test::TokenMaker& key, const std::string& kid) {
    json::object good_header = header, forged_header = header;
    good_header["kid"] = kid;
    forged_header["kid"] = "nobody's";
    const std::string token = "Bearer " + key.token(good_header, v2);
    const std::string forged = "Bearer " + key.token(forged_header, v2);
    const std::size_t before = entra.asked.size();
    asio::io_context context(1);
    entra.gate = std::make_unique<async::Signal>(context.get_executor());
    test::run_coroutine(context, [&]() -> Task<> {
      async::TaskGroup group(context.get_executor(), logger);
      auto call = [&](std::string value) -> Task<> {
        const auto caller = co_await tokens().verify(std::move(value), in(8s));
        good += caller ? 1 : 0;
        bad += !caller && caller.error().is(Errc::unauthorized) ? 1 : 0;
      };
      for (int i = 0; i < 10; ++i) group.spawn("call", call(i % 2 == 0 ? token : forged));
      while (entra.asked.size() == before) {
        co_await async::sleep_for(1ms);
      }
      entra.gate->notify();
      EXPECT_TRUE(co_await group.wait(in(8s)));
    });
    entra.gate.reset();
  }
  int good = 0, bad = 0;
};

TEST_F(TenAtOnceTest, FetchTheFirstKeysOnce) {
  ten_at_once(key_one(), "k1");
  EXPECT_EQ(good, 5);
  EXPECT_EQ(bad, 5);
  EXPECT_EQ(entra.fetches(), 1u);
}

TEST_F(TenAtOnceTest, FetchARolledKeyOnce) {
  EXPECT_EQ(verify(v2), "ok");
  entra.publish({key_two().jwk("k2")});
  ten_at_once(key_two(), "k2");
  EXPECT_EQ(good, 5);
  EXPECT_EQ(bad, 5);
  EXPECT_EQ(entra.fetches(), 2u);
}

TEST_F(EntraTokensTest, TheOldKeysServeWhileFetchingFails) {
  EXPECT_EQ(verify(v2), "ok");
  now += 25h;
  entra.failure = Error(Errc::unreachable, "login.microsoftonline.com");
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(entra.asked.size(), 3u);
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(entra.asked.size(), 3u) << "not tried in every call";
  EXPECT_TRUE(logger.contains("entra_keys_failed"));
  now += 11s;
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(entra.asked.size(), 4u);
  now += 24h * 5;
  EXPECT_EQ(verify(v2), "unreachable") << "but not for ever";
  entra.failure.reset();
  now += 11s;
  EXPECT_EQ(verify(v2), "ok");
  EXPECT_EQ(metrics.counters["entra_key_fetches.failed"].value(), 3u);
  EXPECT_EQ(metrics.counters["entra_key_fetches.good"].value(), 2u);
}

TEST_F(EntraTokensTest, WithoutKeysNobodyCanTell) {
  entra.failure = Error(Errc::timed_out, "login.microsoftonline.com");
  EXPECT_EQ(verify(v2), "unreachable");
  EXPECT_EQ(error.retry_after(), 10s);
  EXPECT_EQ(verify(v2), "unreachable");
  EXPECT_EQ(entra.asked.size(), 1u);
  now += 11s;
  entra.failure.reset();
  EXPECT_EQ(verify(v2), "ok");
  // A key that is not among the old ones may be a new one: that cannot be told either.
  entra.failure = Error(Errc::unreachable, "login.microsoftonline.com");
  header["kid"] = "k9";
  EXPECT_EQ(verify(v2), "unreachable");
  header["kid"] = "k1";
  EXPECT_EQ(verify(v2), "ok");
}

TEST_F(EntraTokensTest, AnAskerWithoutTimeSaysNothingAboutEntra) {
  entra.failure = Error(Errc::timed_out, "login.microsoftonline.com");
  test::run_coroutine([&]() -> Task<> {
    std::string value = "Bearer " + key_one().token(header, v2);
    const auto caller = co_await tokens().verify(std::move(value), in(1ms));
    EXPECT_TRUE(!caller && caller.error().is(Errc::unreachable));
  });
  entra.failure.reset();
  EXPECT_EQ(verify(v2), "ok") << "at once";
}

struct BadAnswer {
  std::string name;
  std::function<void(FakeEntra&)> spoil;
};

std::vector<BadAnswer> bad_answers() {
  const auto keys_at = [](std::string url) {
    return [url = std::move(url)](FakeEntra& entra) { entra.metadata["jwks_uri"] = url; };
  };
  const std::string path = "/" + kTenant + "/discovery/v2.0/keys";
  return {
      {"an_error", [](FakeEntra& entra) { entra.status = 500; }},
      {"a_redirect", [](FakeEntra& entra) { entra.status = 302; }},
      {"unknown_tenant", [](FakeEntra& entra) { entra.status = 400; }},
      {"html", [](FakeEntra& entra) { entra.raw = "<html>"; }},
      {"nothing", [](FakeEntra& entra) { entra.raw = " "; }},
      {"another_issuer",
       [](FakeEntra& entra) { entra.metadata["issuer"] = kHost + "/" + kOther + "/v2.0"; }},
      {"no_issuer", [](FakeEntra& entra) { entra.metadata.erase("issuer"); }},
      {"no_address_of_keys", [](FakeEntra& entra) { entra.metadata.erase("jwks_uri"); }},
      {"keys_elsewhere", keys_at("https://evil.example" + path)},
      {"keys_below_a_like_name", keys_at(kHost + ".evil.example" + path)},
      {"keys_behind_a_user_name", keys_at(kHost + "@evil.example" + path)},
      {"keys_on_another_port", keys_at(kHost + ":8443" + path)},
      {"keys_without_tls", keys_at("http://login.microsoftonline.com" + path)},
      {"keys_in_a_file", keys_at("file:///etc/keys")},
      {"keys_at_a_path_alone", keys_at(path)},
      {"keys_with_a_backslash", keys_at("https://evil.example\\@login.microsoftonline.com" + path)},
      {"no_keys", [](FakeEntra& entra) { entra.publish({}); }},
      {"keys_are_no_list",
       [](FakeEntra& entra) {
         entra.keys = {{"keys", "k1"}};
       }},
      {"only_a_weak_key", [](FakeEntra& entra) { entra.publish({test::weak_key().jwk("k1")}); }},
      {"a_key_for_encryption",
       [](FakeEntra& entra) {
         json::object jwk = key_one().jwk("k1");
         jwk["use"] = "enc";
         entra.publish({jwk});
       }},
      {"a_key_for_another_algorithm",
       [](FakeEntra& entra) {
         json::object jwk = key_one().jwk("k1");
         jwk["alg"] = "PS256";
         entra.publish({jwk});
       }},
      {"a_symmetric_key",
       [](FakeEntra& entra) {
         entra.publish({{{"kty", "oct"}, {"kid", "k1"}, {"k", "AAAA"}}});
       }},
  };
}

class BadAnswerTest : public EntraTokensTest, public testing::WithParamInterface<BadAnswer> {};

TEST_P(BadAnswerTest, GivesNoKeysAndSaysWhatToLookAt) {
  GetParam().spoil(entra);
  EXPECT_EQ(verify(v2), "unreachable");
  EXPECT_FALSE(error.hint().empty());
  EXPECT_EQ(error.to_string().find("LEAK"), std::string::npos);
  for (const std::string& url : entra.asked) EXPECT_TRUE(url.starts_with(kHost + "/")) << url;
}

INSTANTIATE_TEST_SUITE_P(All, BadAnswerTest, testing::ValuesIn(bad_answers()),
                         [](const auto& each) { return each.param.name; });

TEST_F(EntraTokensTest, UsesTheGoodKeysAmongOthers) {
  json::array list;
  list.push_back({{"kty", "EC"}, {"kid", "k1"}, {"crv", "P-256"}});
  list.push_back(test::weak_key().jwk("k1"));
  list.push_back("not even an object");
  list.push_back({{"kty", "RSA"}, {"n", "AAAA"}});
  list.push_back(key_one().jwk("k1"));
  entra.publish(std::move(list));
  EXPECT_EQ(verify(v2), "ok");
}

TEST_F(EntraTokensTest, ReadsABoundedNumberOfKeys) {
  json::array list;
  for (int i = 0; i < 64; ++i) list.push_back(key_two().jwk("x" + std::to_string(i)));
  list.push_back(key_one().jwk("k1"));
  entra.publish(std::move(list));
  EXPECT_EQ(verify(v2), "unauthorized");
}

TEST_F(EntraTokensTest, AKeyThatIsBoundToAnIssuerSignsForItAlone) {
  const auto bound = [&](const std::string& issuer) {
    json::object jwk = key_one().jwk("k1");
    jwk["issuer"] = issuer;
    entra.publish({jwk});
    made.reset();
  };
  for (const std::string& name : {kHost + "/{tenantid}/v2.0", kHost + "/" + kTenant + "/v2.0"}) {
    bound(name);
    EXPECT_EQ(verify(v2), "ok") << name;
    EXPECT_EQ(verify(v1), "ok") << name;
  }
  bound("https://sts.windows.net/{tenantid}/");
  EXPECT_EQ(verify(v1), "ok");
  EXPECT_EQ(verify(v2), "unauthorized");
  bound(kHost + "/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0");
  EXPECT_EQ(verify(v2), "unauthorized");
  EXPECT_EQ(verify(v1), "unauthorized");
}

}  // namespace
}  // namespace bridge::identity
