// SPDX-License-Identifier: MIT
// The stand-in Entra over real HTTP: how it answers clients, and that the bridge's own check of
// tokens takes what it issues and nothing that is forged.
#include <gmock/gmock.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "bridge/identity/entra_tokens.hpp"
#include "sandbox/entra/directory.hpp"
#include "sandbox/sandbox.hpp"
#include "support/fakes.hpp"
#include "support/http_probe.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::sandbox {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string kOther = "11111111-2222-4333-8444-555555555555";

class EntraTest : public testing::Test {
 protected:
  EntraTest() {
    SandboxOptions options;
    options.servicenow.scripts = std::string(BRIDGE_SOURCE_DIR) + "/servicenow";
    sandbox = std::make_unique<Sandbox>(options, logger);
    const auto started = sandbox->start();
    EXPECT_TRUE(started) << started.error().to_string();
  }

  test::ProbeResponse call(const std::string& method, const std::string& target,
                           const std::string& body = {},
                           const std::string& type = "application/json") {
    return test::http_probe(sandbox->port(), method, target, {{"Content-Type", type}}, body, 10s);
  }
  json::object control(const std::string& what, const json::object& body = {}) {
    const auto answer = call("POST", "/sandbox/entra/" + what, json::serialize(body));
    EXPECT_EQ(answer.status, 200u) << what << ": " << answer.body;
    json::value value = json::parse(answer.body);
    return value.is_object() ? value.get_object() : json::object();
  }
  std::string tenant_path(const std::string& tenant = kEntraTenant) { return "/entra/" + tenant; }
  test::ProbeResponse ask_token(const std::map<std::string, std::string>& changes = {},
                                const std::string& tenant = kEntraTenant) {
    std::map<std::string, std::string> form = {
        {"grant_type", "client_credentials"},
        {"client_id", kEntraClient},
        {"client_secret", kEntraSecret},
        {"scope", "api://" + std::string(kEntraClient) + "/.default"}};
    for (const auto& [name, value] : changes) form[name] = value;
    std::string body;
    for (const auto& [name, value] : form)
      if (!value.empty())
        body += (body.empty() ? "" : "&") + name + "=" + net::percent_encode(value);
    return call("POST", tenant_path(tenant) + "/oauth2/v2.0/token", body,
                "application/x-www-form-urlencoded");
  }
  std::string token(const std::string& tenant = kEntraTenant) {
    const auto answer = ask_token({}, tenant);
    EXPECT_EQ(answer.status, 200u) << answer.body;
    return text(answer.body, "access_token");
  }
  std::string minted(const json::object& wish) {
    return std::string(control("mint", wish).at("access_token").as_string());
  }
  static std::string text(const std::string& body, std::string_view name) {
    const json::value value = json::parse(body);
    const json::value* member = value.as_object().if_contains(name);
    return member && member->is_string() ? std::string(member->get_string()) : std::string();
  }
  /// Calls to one target since the sandbox was started.
  std::size_t calls(std::string_view target) {
    std::size_t count = 0;
    const json::value list = json::parse(call("GET", "/sandbox/calls").body);
    for (const json::value& each : list.as_array())
      count += each.at("target").as_string() == target ? 1 : 0;
    return count;
  }

  NullLogger logger;
  std::unique_ptr<Sandbox> sandbox;
};

/// The bridge's side: a real client, the real check. Its outcomes as text.
class Service {
 public:
  explicit Service(const Sandbox& sandbox, identity::EntraOptions options = {}) {
    net::ClientOptions client;
    client.allow_http = true;
    auto made = net::make_http_client(context_.get_executor(), client, logger_);
    EXPECT_TRUE(made);
    http_ = std::move(*made);
    options.authority = sandbox.url() + "/entra";
    options.tenant = kEntraTenant;
    options.audiences = {kEntraClient, "api://" + std::string(kEntraClient)};
    options.allowed_callers = {kEntraClient};
    tokens_ = std::make_unique<identity::EntraTokens>(*http_, options, time_, logger_, metrics_);
  }
  ~Service() {
    http_->close();
    context_.restart();
    context_.run_for(2s);
  }
  std::string verify(std::string token) {
    std::string outcome;
    test::run_coroutine(context_, [&]() -> Task<> {
      const auto caller = co_await tokens_->verify("Bearer " + token, in(8s));
      outcome = caller ? caller->version + " " + caller->app_id
                       : std::string(id_of(caller.error().errc()));
    });
    return outcome;
  }

 private:
  asio::io_context context_{1};
  SystemTime time_;
  test::RecordingLogger logger_;
  NullMetrics metrics_;
  std::unique_ptr<net::HttpClient> http_;
  std::unique_ptr<identity::EntraTokens> tokens_;
};

const std::string kGood = "2.0 " + std::string(kEntraClient);

TEST_F(EntraTest, ItsTokensAreTakenByTheBridgesCheck) {
  Service service(*sandbox);
  EXPECT_EQ(service.verify(token()), kGood);
  control("apps",
          {{"client_id", kEntraClient}, {"client_secret", kEntraSecret}, {"token_version", "1.0"}});
  EXPECT_EQ(service.verify(token()), "1.0 " + std::string(kEntraClient));
  EXPECT_EQ(calls("entra_metadata"), 1u);
  EXPECT_EQ(calls("entra_jwks"), 1u);
  EXPECT_EQ(calls("entra_token"), 2u);
}

TEST_F(EntraTest, ForgedAndForeignTokensAreNot) {
  Service service(*sandbox);
  EXPECT_EQ(service.verify(minted({})), kGood) << "nothing changed";
  EXPECT_EQ(service.verify(minted({{"header", {{"alg", "none"}}}})), "unauthorized");
  EXPECT_EQ(service.verify(minted({{"header", {{"alg", "HS256"}}}})), "unauthorized");
  EXPECT_EQ(service.verify(minted({{"header", {{"kid", nullptr}}}})), "unauthorized");
  EXPECT_EQ(service.verify(minted({{"claims", {{"aud", kOther}}}})), "unauthorized");
  EXPECT_EQ(service.verify(minted({{"claims", {{"iss", "https://evil.example"}}}})),
            "unauthorized");
  EXPECT_EQ(service.verify(minted({{"claims", {{"exp", 1'700'000'000}}}})), "unauthorized");
  EXPECT_EQ(service.verify(minted({{"claims", {{"nbf", 4'000'000'000}}}})), "unauthorized");
  EXPECT_EQ(service.verify(minted({{"claims", {{"azp", kOther}}}})), "forbidden");
  EXPECT_EQ(service.verify(minted({{"tenant", kOther}})), "forbidden");
  EXPECT_EQ(service.verify(token(kOther)), "forbidden");
  control("apps", {{"client_id", kOther}, {"client_secret", "another"}});
  const auto stranger = ask_token({{"client_id", kOther}, {"client_secret", "another"}});
  EXPECT_EQ(service.verify(text(stranger.body, "access_token")), "forbidden");
  const auto elsewhere = ask_token({{"scope", kOther + "/.default"}});
  EXPECT_EQ(service.verify(text(elsewhere.body, "access_token")), "unauthorized");
}

TEST_F(EntraTest, AKeyIsRolledWithoutAnybodyNoticing) {
  Service service(*sandbox);
  const std::string old = token();
  EXPECT_EQ(service.verify(old), kGood);
  control("roll");
  EXPECT_EQ(service.verify(token()), kGood);
  EXPECT_EQ(service.verify(old), kGood) << "the old key is still published";
  EXPECT_EQ(calls("entra_jwks"), 2u);
}

TEST_F(EntraTest, ADroppedKeySignsForNobodyOnceTheKeysAreFetched) {
  identity::EntraOptions options;
  options.unknown_pause = 0s;
  Service service(*sandbox, options);
  const std::string old = token();
  EXPECT_EQ(service.verify(old), kGood);
  control("roll", {{"drop_old", true}});
  EXPECT_EQ(service.verify(token()), kGood);
  EXPECT_EQ(service.verify(old), "unauthorized");
}

TEST_F(EntraTest, ItFailsAsToldAndTheBridgeSaysThatItCannotTell) {
  identity::EntraOptions options;
  options.failure_pause = 0s;
  options.fetch_timeout = 500ms;
  Service service(*sandbox, options);
  const std::string good = token();
  for (const char* target : {"metadata", "jwks"})
    for (const json::object& fault :
         {json::object{{"mode", "status"}, {"value", 500}}, json::object{{"mode", "html"}},
          json::object{{"mode", "drop"}}, json::object{{"mode", "hang"}}}) {
      json::object wish = fault;
      wish["target"] = target;
      control("faults", wish);
      EXPECT_EQ(service.verify(good), "unreachable") << json::serialize(wish);
      EXPECT_EQ(call("DELETE", "/sandbox/entra/faults").status, 200u);
    }
  EXPECT_EQ(service.verify(good), kGood);
  control("faults", {{"target", "*"}, {"mode", "status"}});
  EXPECT_EQ(service.verify(good), kGood) << "the keys are known by now";
}

TEST_F(EntraTest, MetadataAndKeysLeadFromOneToTheOther) {
  const auto metadata = call("GET", tenant_path() + "/v2.0/.well-known/openid-configuration");
  ASSERT_EQ(metadata.status, 200u) << metadata.body;
  const std::string base = sandbox->url() + "/entra/" + kEntraTenant;
  EXPECT_EQ(text(metadata.body, "issuer"), base + "/v2.0");
  EXPECT_EQ(text(metadata.body, "jwks_uri"), base + "/discovery/v2.0/keys");
  EXPECT_EQ(text(metadata.body, "token_endpoint"), base + "/oauth2/v2.0/token");
  const auto keys = json::parse(call("GET", tenant_path() + "/discovery/v2.0/keys").body);
  ASSERT_EQ(keys.at("keys").as_array().size(), 1u);
  EXPECT_EQ(keys.at("keys").at(0).at("kty"), "RSA");
  EXPECT_EQ(keys.at("keys").at(0).at("issuer"), json::value(base + "/v2.0"));
  EXPECT_FALSE(keys.at("keys").at(0).as_object().contains("d")) << "the private half";
  const auto shared = call("GET", "/entra/common/v2.0/.well-known/openid-configuration");
  EXPECT_THAT(text(shared.body, "issuer"), HasSubstr("/entra/{tenantid}/v2.0"));
}

TEST_F(EntraTest, RefusesTokenRequestsAsEntraDoes) {
  const auto expect = [&](const test::ProbeResponse& answer, unsigned status,
                          const std::string& error, const std::string& code) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_EQ(text(answer.body, "error"), error);
    EXPECT_THAT(text(answer.body, "error_description"), HasSubstr("AADSTS" + code + ":"));
    EXPECT_EQ(json::serialize(json::parse(answer.body).at("error_codes")), "[" + code + "]");
  };
  expect(ask_token({{"client_secret", "wrong"}}), 401, "invalid_client", "7000215");
  expect(ask_token({{"client_secret", ""}}), 401, "invalid_client", "7000216");
  expect(ask_token({{"client_id", kOther}}), 400, "unauthorized_client", "700016");
  expect(ask_token({{"client_id", ""}}), 400, "invalid_request", "900144");
  expect(ask_token({{"grant_type", "password"}}), 400, "unsupported_grant_type", "70003");
  expect(ask_token({{"scope", kEntraClient}}), 400, "invalid_scope", "1002012");
  expect(ask_token({{"scope", kOther + "/.default"}}), 400, "invalid_resource", "500011");
  expect(ask_token({}, "contoso"), 400, "invalid_tenant", "90002");
  expect(call("GET", tenant_path() + "/oauth2/v2.0/token"), 400, "invalid_request", "900561");
  expect(call("POST", tenant_path() + "/oauth2/v2.0/token", "{}"), 400, "invalid_request",
         "900144");
  EXPECT_EQ(call("GET", tenant_path() + "/nowhere").status, 404u);
  EXPECT_EQ(call("POST", tenant_path() + "/discovery/v2.0/keys", "{}").status, 405u);

  const auto good = json::parse(ask_token().body);
  EXPECT_EQ(good.at("token_type"), "Bearer");
  EXPECT_EQ(good.at("expires_in"), 3599);
}

TEST_F(EntraTest, ControlRefusesWhatItDoesNotUnderstand) {
  const auto status = [&](const std::string& what, const std::string& body) {
    return call("POST", "/sandbox/entra/" + what, body).status;
  };
  EXPECT_EQ(status("apps", R"({"client_id":"x","client_secret":"y"})"), 400u);
  EXPECT_EQ(status("apps", R"({"client_id":")" + kOther + "\"}"), 400u);
  EXPECT_EQ(status("roll", R"({"drop_old":"yes"})"), 400u);
  EXPECT_EQ(status("faults", R"({"target":"jwks","mode":"quota"})"), 400u);
  EXPECT_EQ(status("faults", R"({"target":"table","mode":"hang"})"), 400u);
  EXPECT_EQ(status("mint", R"({"tenant":"contoso"})"), 400u);
  EXPECT_EQ(status("mint", "[]"), 400u);
  EXPECT_EQ(status("nowhere", "{}"), 404u);
}

TEST_F(EntraTest, AResetForgetsAppsKeysAndFaults) {
  const std::string key = text(call("POST", "/sandbox/entra/roll").body, "kid");
  control("apps", {{"client_id", kOther}, {"client_secret", "another"}});
  control("faults", {{"target", "token"}, {"mode", "status"}});
  EXPECT_EQ(ask_token().status, 500u);
  EXPECT_EQ(call("POST", "/sandbox/reset").status, 200u);
  const std::string shown = call("GET", "/sandbox/entra").body;
  EXPECT_EQ(shown.find(key), std::string::npos);
  EXPECT_EQ(shown.find(kOther), std::string::npos);
  EXPECT_EQ(shown.find(kEntraSecret), std::string::npos);
  EXPECT_THAT(shown, HasSubstr(kEntraClient));
  EXPECT_EQ(ask_token().status, 200u);
}

}  // namespace
}  // namespace bridge::sandbox
