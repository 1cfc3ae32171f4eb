// SPDX-License-Identifier: MIT
// The platform's judgement of a request before a script runs: reference/servicenow.md 9.6, 9.7,
// 9.8, 9.10, 9.13, 9.14.
#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::HasSubstr;

class RestAccessTest : public ServiceNowTest {
 protected:
  RestAccessTest() {
    scripts.resource("echo", "response.setBody({user: String(gs.getUserName())});", "caller_role");
    scripts.resource("open_door", "response.setBody({open: true});");
    scripts.resource("look", "return {method: String(request.headers['accept'] || '')};", "",
                     "GET");
    start(scripts);
  }
  net::Response echo(const std::string& authorization) {
    net::Request made = request("POST", "/api/1833944/intranet_bridge/echo", "{}");
    made.headers.remove("Authorization");
    if (!authorization.empty()) made.headers.set("Authorization", authorization);
    return sn->handle(made).response;
  }
  net::Response echo_with(const std::string& header, const std::string& value) {
    net::Request made = request("POST", "/api/1833944/intranet_bridge/echo", "{}");
    made.headers.set(header, value);
    return sn->handle(made).response;
  }
  net::Response token(const std::string& form,
                      const std::string& type = "application/x-www-form-urlencoded") {
    net::Request made = request("POST", "/oauth_token.do", form);
    made.headers.remove("Authorization");
    made.headers.set("Content-Type", type);
    return sn->handle(made).response;
  }
  std::string client_form(const std::string& grant) {
    return "grant_type=" + grant + "&client_id=" + options.oauth_client_id +
           "&client_secret=" + options.oauth_client_secret;
  }
  ScriptDir scripts;
};

TEST_F(RestAccessTest, GoodCredentialsReachTheScript) {
  const auto response = echo(basic(options.user, options.password));
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.body, R"({"result":{"user":"intranet.bridge"}})");
  EXPECT_EQ(response.headers.get("X-Is-Logged-In"), "true");
  EXPECT_FALSE(response.headers.get("X-Transaction-ID").empty());
}

TEST_F(RestAccessTest, NoCredentialsAre401WithTheEnvelopeAndAChallenge) {
  const auto response = echo("");
  EXPECT_EQ(response.status, 401U);
  EXPECT_EQ(message_of(response), "User Not Authenticated");
  EXPECT_EQ(detail_of(response), "Required to provide Auth information");
  EXPECT_EQ(response.headers.count("WWW-Authenticate"), 2U);
  EXPECT_EQ(text(parse(response.body).as_object(), "status"), "failure");
}

TEST_F(RestAccessTest, EveryCauseOf401LooksAlikeOutsideAndDiffersInTheLog) {
  const std::string good = basic(options.user, options.password);
  const std::string expected = echo("").body;
  struct Cause {
    const char* change;
    const char* undo;
    const char* logged;
  };
  const Cause causes[] = {
      {R"({"active":false})", R"({"active":true})", "user is inactive"},
      {R"({"locked_out":true})", R"({"locked_out":false})", "user is locked out"},
      {R"({"password_needs_reset":true})", R"({"password_needs_reset":false})",
       "password needs reset"},
      {R"({"password":"another"})", R"({"password":"sandbox-password"})", "wrong password"},
  };
  for (const Cause& cause : causes) {
    (void)desk("/users/intranet.bridge", cause.change);
    const auto response = echo(good);
    EXPECT_EQ(response.status, 401U) << cause.change;
    EXPECT_EQ(response.body, expected) << cause.change;
    EXPECT_TRUE(sn->instance().system_log().contains(cause.logged)) << cause.logged;
    (void)desk("/users/intranet.bridge", cause.undo);
    EXPECT_EQ(echo(good).status, 200U) << cause.undo;
  }
  EXPECT_EQ(echo(basic("nobody", "x")).body, expected);
}

TEST_F(RestAccessTest, BasicRestrictionLetsOnlyWebServiceUsersAndTheRoleIn) {
  (void)desk("/properties", R"({"glide.authenticate.basic_auth.restriction.active":"true"})");
  EXPECT_EQ(echo(basic(options.user, options.password)).status, 200U) << "web_service_access_only";
  EXPECT_EQ(echo(basic("admin", std::string(kUserPassword))).status, 401U) << "admin included";
  EXPECT_TRUE(sn->instance().system_log().contains("basic authentication is restricted"));
  (void)desk("/users/admin", R"({"grant_role":"snc_basic_auth_api_access"})");
  EXPECT_EQ(echo(basic("admin", std::string(kUserPassword))).status, 200U);
}

TEST_F(RestAccessTest, APasswordWrittenThroughTheTableApiNeverOpens) {
  net::Request write = request("PATCH", "/api/now/table/sys_user/" + std::string(kAlexId),
                               R"({"user_password":"literal"})");
  write.headers.set("Authorization", basic("admin", std::string(kUserPassword)));
  EXPECT_EQ(sn->handle(write).response.status, 200U);
  EXPECT_EQ(echo(basic("alex.rep", "literal")).status, 401U);
}

TEST_F(RestAccessTest, WithoutTheRoleTheAclAnswers403) {
  const auto response = echo(basic("abel.tuter", std::string(kUserPassword)));
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(message_of(response), "User Not Authorized");
  EXPECT_EQ(detail_of(response), "Failed API level ACL Validation");
  (void)desk("/users/abel.tuter", R"({"grant_role":"caller_role"})");
  EXPECT_EQ(echo(basic("abel.tuter", std::string(kUserPassword))).status, 200U);
}

TEST_F(RestAccessTest, WithoutAnAclEveryInternalUserMayCallAndNoExternalOne) {
  net::Request made = request("POST", "/api/1833944/intranet_bridge/open_door", "{}");
  made.headers.set("Authorization", basic("abel.tuter", std::string(kUserPassword)));
  EXPECT_EQ(sn->handle(made).response.status, 200U);
  made.headers.set("Authorization", basic("external", std::string(kUserPassword)));
  EXPECT_EQ(sn->handle(made).response.status, 403U) << "snc_internal is missing";
}

TEST_F(RestAccessTest, UnknownPathsAre400AndWrongMethods405) {
  for (const char* path : {"/api/1833944/intranet_bridge/nothing", "/api/1833944/other/echo",
                           "/api/1/intranet_bridge/echo", "/api/1833944/v2/intranet_bridge/echo"}) {
    const auto response = ask("POST", path, "{}");
    EXPECT_EQ(response.status, 400U) << path;
    EXPECT_EQ(message_of(response), "Requested URI does not represent any resource");
  }
  const auto wrong = ask("GET", "/api/1833944/intranet_bridge/echo");
  EXPECT_EQ(wrong.status, 405U);
  EXPECT_FALSE(message_of(wrong).empty());
  EXPECT_EQ(ask("GET", "/api/1833944/intranet_bridge/look").status, 200U);
}

TEST_F(RestAccessTest, TheVersionStandsBeforeTheApiId) {
  EXPECT_EQ(ask("POST", "/api/1833944/v1/intranet_bridge/echo", "{}").status, 200U);
  EXPECT_EQ(ask("POST", "/api/1833944/intranet_bridge/v1/echo", "{}").status, 400U);
}

TEST_F(RestAccessTest, TheNamespaceIsASetting) {
  options.api_namespace = "global";
  start(scripts);
  EXPECT_EQ(ask("POST", "/api/global/intranet_bridge/echo", "{}").status, 200U);
  EXPECT_EQ(ask("POST", "/api/1833944/intranet_bridge/echo", "{}").status, 400U);
}

TEST_F(RestAccessTest, AcceptAndContentTypeAreJudged) {
  EXPECT_EQ(echo_with("Accept", "text/html").status, 406U);
  EXPECT_EQ(echo_with("Accept", "text/html, */*;q=0.1").status, 200U);
  EXPECT_EQ(echo_with("Content-Type", "text/plain").status, 415U);
  EXPECT_EQ(echo_with("Content-Type", "application/json; charset=utf-8").status, 200U);
}

TEST_F(RestAccessTest, ABodyOverTenMegabytesIs400) {
  const std::string body = "\"" + std::string(10485760, 'x') + "\"";
  const auto response = ask("POST", "/api/1833944/intranet_bridge/echo", body);
  EXPECT_EQ(response.status, 400U);
  EXPECT_THAT(detail_of(response), HasSubstr("10485760"));
}

TEST_F(RestAccessTest, AMethodOverrideIsHonoured) {
  net::Request made = request("POST", "/api/1833944/intranet_bridge/look");
  made.headers.set("X-HTTP-Method-Override", "GET");
  EXPECT_EQ(sn->handle(made).response.status, 200U);
}

TEST_F(RestAccessTest, EachCallWithoutACookieStartsASessionAndCookiesKeepIt) {
  const auto first = echo(basic(options.user, options.password));
  ASSERT_THAT(std::string(first.headers.get("Set-Cookie")), HasSubstr("JSESSIONID="));
  const std::string cookie = std::string(
      first.headers.get("Set-Cookie").substr(0, first.headers.get("Set-Cookie").find(';')));
  EXPECT_EQ(echo_with("Cookie", cookie).headers.count("Set-Cookie"), 0U);
  net::Request bare = request("POST", "/api/1833944/intranet_bridge/echo", "{}");
  bare.headers.remove("Authorization");
  bare.headers.set("Cookie", cookie);
  EXPECT_EQ(sn->handle(bare).response.status, 401U) << "a write by cookie alone needs X-UserToken";
}

// --- OAuth
// -----------------------------------------------------------------------------------------

TEST_F(RestAccessTest, ClientCredentialsGiveABearerThatWorksUntilItExpires) {
  const auto response = token(client_form("client_credentials"));
  ASSERT_EQ(response.status, 200U) << response.body;
  const json::object granted = parse(response.body).as_object();
  EXPECT_EQ(text(granted, "token_type"), "Bearer");
  EXPECT_FALSE(granted.contains("refresh_token"));
  EXPECT_EQ(granted.at("expires_in").as_int64(), 1800);
  const std::string bearer = "Bearer " + text(granted, "access_token");
  EXPECT_EQ(echo(bearer).body, R"({"result":{"user":"intranet.bridge"}})");
  sn->advance_clock(std::chrono::seconds(1801));
  EXPECT_EQ(echo(bearer).status, 401U);
}

TEST_F(RestAccessTest, AskingAgainReturnsTheSameTokenWithLessTimeLeft) {
  const json::object first = parse(token(client_form("client_credentials")).body).as_object();
  sn->advance_clock(std::chrono::seconds(600));
  const json::object again = parse(token(client_form("client_credentials")).body).as_object();
  EXPECT_EQ(text(first, "access_token"), text(again, "access_token"));
  EXPECT_LE(again.at("expires_in").as_int64(), 1200);
  EXPECT_GT(again.at("expires_in").as_int64(), 1100);
}

TEST_F(RestAccessTest, ThePasswordGrantRefreshesButRefusesWebServiceUsers) {
  const std::string login = "&username=abel.tuter&password=" + std::string(kUserPassword);
  const json::object granted = parse(token(client_form("password") + login).body).as_object();
  ASSERT_FALSE(text(granted, "refresh_token").empty());
  sn->advance_clock(std::chrono::seconds(1801));
  const json::object fresh =
      parse(token(client_form("refresh_token") + "&refresh_token=" + text(granted, "refresh_token"))
                .body)
          .as_object();
  EXPECT_NE(text(fresh, "access_token"), text(granted, "access_token"));
  EXPECT_EQ(echo("Bearer " + text(fresh, "access_token")).status, 403U)
      << "valid, without the role";
  const std::string service = "&username=" + options.user + "&password=" + options.password;
  EXPECT_EQ(token(client_form("password") + service).status, 401U);
}

TEST_F(RestAccessTest, EveryOAuthFailureIsTheSameFlatObject) {
  const std::string denied = R"({"error_description":"access_denied","error":"server_error"})";
  const auto refused = [&](const net::Response& response) {
    return response.status == 401 && response.body == denied;
  };
  EXPECT_TRUE(refused(token(client_form("client_credentials") + "x"))) << "wrong secret";
  EXPECT_TRUE(refused(token("{\"grant_type\":\"client_credentials\"}", "application/json")));
  EXPECT_TRUE(refused(token(client_form("magic"))));
  (void)desk("/properties",
             R"({"glide.oauth.inbound.client.credential.grant_type.enabled":"false"})");
  EXPECT_TRUE(refused(token(client_form("client_credentials"))));
  (void)desk("/properties",
             R"({"glide.oauth.inbound.client.credential.grant_type.enabled":"true"})");
  (void)desk("/users/intranet.bridge", R"({"locked_out":true})");
  EXPECT_TRUE(refused(token(client_form("client_credentials"))));
}

TEST_F(RestAccessTest, ASecurelyScopedClientMayNotCallUnscopedApis) {
  const auto client = sn->instance().find_one("oauth_entity", "client_id", options.oauth_client_id);
  ASSERT_TRUE(client);
  Record change("oauth_entity");
  change.set("sys_id", client->sys_id()).set_flag("securely_scoped", true);
  Session system = sn->instance().system_session();
  ASSERT_TRUE(sn->instance().update(change, system));
  const json::object granted = parse(token(client_form("client_credentials")).body).as_object();
  const auto response = echo("Bearer " + text(granted, "access_token"));
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(detail_of(response), "Access to unscoped api is not allowed");
}

}  // namespace
}  // namespace bridge::sandbox
