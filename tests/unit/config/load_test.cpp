// SPDX-License-Identifier: MIT
#include "bridge/config/load.hpp"

#include <gmock/gmock.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "bridge/config/documentation.hpp"
#include "bridge/config/env_file.hpp"
#include "bridge/config/environment.hpp"

namespace bridge::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

EnvMap complete() {
  return {
      {"SN_INSTANCE", "https://dev12345.service-now.com"},
      {"SN_USER", "intranet.bridge"},
      {"SN_PASSWORD", "pa$$ word"},
      {"SN_BRIDGE_API_BASE", "/api/1833944/intranet_bridge"},
      {"SN_DEFAULT_USER_SYS_ID", "6816f79cc0a8016401c5a33be04be441"},
      {"SN_DEFAULT_QUEUE_SYS_ID", "3f1dd0320a0a0b99000a53f7604a2ef9"},
      {"SN_DEFAULT_CHANNEL_SYS_ID", "27f675e3739713004a905ee515f6a7c3"},
      {"SN_WEBHOOK_SECRET", "0123456789abcdef0123456789abcdef"},
  };
}

auto load(const EnvMap& env, Purpose purpose = Purpose::serve) {
  std::vector<std::string> names;
  for (const auto& [name, value] : env) names.push_back(name);
  return load_config(layered([](std::string_view) { return std::nullopt; }, env), names, purpose);
}

EnvMap complete_with(std::string name, std::string value) {
  EnvMap env = complete();
  env[std::move(name)] = std::move(value);
  return env;
}

/// The Config of the complete settings and one more; a failed test and defaults if it is refused.
Config accepted(std::string name, std::string value) {
  auto loaded = load(complete_with(name, value));
  if (auto* problems = std::get_if<std::vector<ConfigProblem>>(&loaded)) {
    ADD_FAILURE() << describe(*problems);
    return {};
  }
  return std::get<Config>(std::move(loaded));
}

std::vector<ConfigProblem> problems_of(const EnvMap& env) {
  auto loaded = load(env);
  auto* problems = std::get_if<std::vector<ConfigProblem>>(&loaded);
  return problems ? *problems : std::vector<ConfigProblem>();
}

std::string problem_with(std::string name, std::string value) {
  const auto problems = problems_of(complete_with(name, std::move(value)));
  if (problems.size() != 1) return std::to_string(problems.size()) + " problems";
  return problems.front().variable + " " + problems.front().what;
}

TEST(LoadConfigTest, FillsInEveryDefault) {
  auto loaded = load(complete());
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  const Config& config = std::get<Config>(loaded);
  EXPECT_EQ(config.servicenow.instance, "https://dev12345.service-now.com");
  EXPECT_EQ(config.servicenow.password.reveal(), "pa$$ word");
  EXPECT_EQ(config.servicenow.request_timeout, seconds(15));
  EXPECT_FALSE(config.servicenow.trust_email);
  EXPECT_EQ(config.servicenow.unresolved_user, UnresolvedUser::use_default);
  EXPECT_EQ(config.directline.endpoint_base, "https://directline.botframework.com");
  EXPECT_FALSE(config.directline.configured());
  EXPECT_EQ(config.web.host, "0.0.0.0");
  EXPECT_EQ(config.web.port, 5000);
  EXPECT_EQ(config.web.webhook_secrets.size(), 1u);
  EXPECT_TRUE(config.web.agent_secrets.empty());
  EXPECT_EQ(config.web.session_token, SessionToken::required);
  EXPECT_TRUE(config.web.allowed_origins.empty());
  EXPECT_EQ(config.web.trusted_proxies, 0);
  EXPECT_EQ(config.store, "memory:");
  EXPECT_EQ(config.timers.send_deadline, seconds(25));
  EXPECT_EQ(config.timers.open_deadline, seconds(25));
  EXPECT_EQ(config.timers.reorder_wait, seconds(3));
  EXPECT_EQ(config.timers.close_wait, seconds(5));
  EXPECT_EQ(config.timers.legacy_close_wait, seconds(2));
  EXPECT_EQ(config.timers.abandoned_after, minutes(10));
  EXPECT_EQ(config.timers.bot_expiry, hours(2));
  EXPECT_EQ(config.timers.closed_expiry, hours(24));
  EXPECT_EQ(config.timers.touch_interval, seconds(60));
  EXPECT_EQ(config.limits.max_sessions, 20000u);
  EXPECT_EQ(config.limits.log_max_events, 1000u);
  EXPECT_EQ(config.limits.log_max_bytes, 256u * 1024);
  EXPECT_EQ(config.limits.log_max_age, hours(24));
  EXPECT_EQ(config.limits.max_text_characters, 8000u);
  EXPECT_EQ(config.limits.max_queued_messages, 32u);
  EXPECT_EQ(config.limits.max_queued_bytes, 64u * 1024);
  EXPECT_EQ(config.log.level, Level::info);
  EXPECT_EQ(config.log.format, LogFormat::text);
  EXPECT_TRUE(config.warnings.empty());
}

TEST(LoadConfigTest, ReportsAllThatIsMissingAtOnce) {
  const auto problems = problems_of({});
  std::vector<std::string> names;
  for (const ConfigProblem& problem : problems) {
    names.push_back(problem.variable);
    EXPECT_EQ(problem.what, "is not set");
    EXPECT_FALSE(problem.accepts.empty()) << problem.variable;
    EXPECT_FALSE(problem.example.empty()) << problem.variable;
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre(
                         "SN_INSTANCE", "SN_USER", "SN_PASSWORD", "SN_BRIDGE_API_BASE",
                         "SN_DEFAULT_USER_SYS_ID", "SN_DEFAULT_QUEUE_SYS_ID",
                         "SN_DEFAULT_CHANNEL_SYS_ID", "SN_WEBHOOK_SECRET"));
}

TEST(LoadConfigTest, WhatIsMissingDependsOnHowWeSignIn) {
  EnvMap env = complete();
  env.erase("SN_USER");
  env.erase("SN_PASSWORD");
  env["SN_AUTH"] = "oauth";
  std::vector<std::string> names;
  for (const ConfigProblem& problem : problems_of(env))
    names.push_back(problem.variable + " " + problem.what);
  EXPECT_THAT(names, testing::UnorderedElementsAre("SN_CLIENT_ID is not set",
                                                   "SN_CLIENT_SECRET is not set"));
  env["SN_CLIENT_ID"] = " 5a0000000000000000000000000c11e7 ";
  env["SN_CLIENT_SECRET"] = "a secret, with: signs";
  const auto loaded = load(env);
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  const ServiceNowConfig& servicenow = std::get<Config>(loaded).servicenow;
  EXPECT_EQ(servicenow.auth, ServiceNowAuth::oauth);
  EXPECT_EQ(servicenow.client_id, "5a0000000000000000000000000c11e7");
  EXPECT_EQ(servicenow.client_secret.reveal(), "a secret, with: signs");
  EXPECT_TRUE(servicenow.user.empty());

  env["SN_AUTH"] = "token";
  names.clear();
  for (const ConfigProblem& problem : problems_of(env)) names.push_back(problem.variable);
  EXPECT_THAT(names, testing::Contains("SN_AUTH"));
  EXPECT_EQ(problem_with("SN_CLIENT_ID", "a b"), "SN_CLIENT_ID holds blanks");
}

TEST(LoadConfigTest, TheProxyIsReadUnderBothNamesAndShownWithoutItsPassword) {
  const Config upper = accepted("HTTPS_PROXY", "http://ada:pw@proxy.example:3128");
  EXPECT_EQ(upper.network.https_proxy.reveal(), "http://ada:pw@proxy.example:3128");
  EXPECT_NE(print_config(upper).find("HTTPS_PROXY=http://***@proxy.example:3128\n"),
            std::string::npos);
  EXPECT_EQ(print_config(upper).find(":pw"), std::string::npos);
  EXPECT_EQ(accepted("https_proxy", "proxy:8080").network.https_proxy.reveal(),
            "http://proxy:8080");
  EXPECT_EQ(accepted("no_proxy", "localhost,.corp").network.no_proxy, "localhost,.corp");
  EnvMap both = complete_with("HTTPS_PROXY", "http://one:1");
  both["https_proxy"] = "http://two:2";
  const auto loaded = load(both);
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  EXPECT_EQ(std::get<Config>(loaded).network.https_proxy.reveal(), "http://one:1");
  for (const char* wrong : {"https://proxy:443", "socks5://proxy", "http://", "http://proxy/path"})
    EXPECT_TRUE(problem_with("HTTPS_PROXY", wrong).starts_with("HTTPS_PROXY ")) << wrong;
}

TEST(LoadConfigTest, AToolNeedsNoSecretsOfCallers) {
  EXPECT_TRUE(std::holds_alternative<Config>(load({}, Purpose::tools)));
}

TEST(LoadConfigTest, AnEmptyValueCountsAsUnset) {
  EXPECT_EQ(problem_with("SN_USER", "  "), "SN_USER is not set");
  EXPECT_EQ(accepted("PORT", "").web.port, 5000);
}

TEST(LoadConfigTest, ReadsDurationsOfTheOldBridgeAndOfThisOne) {
  EXPECT_EQ(accepted("SN_REQUEST_TIMEOUT", "15").servicenow.request_timeout, seconds(15));
  EXPECT_EQ(accepted("SN_REQUEST_TIMEOUT", "7.5").servicenow.request_timeout, Millis(7500));
  EXPECT_EQ(accepted("SN_REQUEST_TIMEOUT", "500ms").servicenow.request_timeout, Millis(500));
  EXPECT_EQ(accepted("SN_REQUEST_TIMEOUT", " 20 s ").servicenow.request_timeout, seconds(20));
  EXPECT_EQ(accepted("ABANDONED_AFTER", "10m").timers.abandoned_after, minutes(10));
  EXPECT_EQ(accepted("BOT_EXPIRY", "1.5h").timers.bot_expiry, minutes(90));
  EXPECT_EQ(accepted("CLOSED_EXPIRY", "2d").timers.closed_expiry, hours(48));
}

TEST(LoadConfigTest, RefusesWhatIsNoDuration) {
  for (const char* text : {"soon", "15 parsecs", "-5s", "1e3", "1.2.3s", "s", "nan", "inf", "0x10",
                           "15ss", "99999999999999999999s"})
    EXPECT_EQ(problem_with("SN_REQUEST_TIMEOUT", text), "SN_REQUEST_TIMEOUT is not a duration")
        << text;
  EXPECT_EQ(problem_with("SN_REQUEST_TIMEOUT", "3h"), "SN_REQUEST_TIMEOUT is out of range");
  EXPECT_EQ(problem_with("SN_REQUEST_TIMEOUT", "0"), "SN_REQUEST_TIMEOUT is out of range");
}

TEST(LoadConfigTest, ReadsSizes) {
  EXPECT_EQ(accepted("LOG_MAX_BYTES", "64KiB").limits.log_max_bytes, 65536u);
  EXPECT_EQ(accepted("LOG_MAX_BYTES", "1MiB").limits.log_max_bytes, 1048576u);
  EXPECT_EQ(accepted("LOG_MAX_BYTES", "500KB").limits.log_max_bytes, 500000u);
  EXPECT_EQ(accepted("LOG_MAX_BYTES", "65536").limits.log_max_bytes, 65536u);
  EXPECT_EQ(problem_with("LOG_MAX_BYTES", "a lot"), "LOG_MAX_BYTES is not a size");
  EXPECT_EQ(problem_with("LOG_MAX_BYTES", "64"), "LOG_MAX_BYTES is out of range");
}

TEST(LoadConfigTest, ReadsNumbersAndSwitches) {
  EXPECT_EQ(accepted("PORT", "0").web.port, 0);
  EXPECT_EQ(accepted("PORT", "65535").web.port, 65535);
  EXPECT_EQ(problem_with("PORT", "65536"), "PORT is out of range");
  EXPECT_EQ(problem_with("PORT", "http"), "PORT is not a whole number");
  EXPECT_EQ(problem_with("PORT", "5000x"), "PORT is not a whole number");
  EXPECT_TRUE(accepted("SN_TRUST_EMAIL", "yes").servicenow.trust_email);
  EXPECT_FALSE(accepted("SN_TRUST_EMAIL", "False").servicenow.trust_email);
  EXPECT_EQ(problem_with("SN_TRUST_EMAIL", "perhaps"), "SN_TRUST_EMAIL is neither 1 nor 0");
}

TEST(LoadConfigTest, ReadsWords) {
  EXPECT_EQ(accepted("SESSION_TOKEN", "optional").web.session_token, SessionToken::optional);
  EXPECT_EQ(accepted("SN_UNRESOLVED_USER", "Refuse").servicenow.unresolved_user,
            UnresolvedUser::refuse);
  EXPECT_EQ(accepted("LOG_FORMAT", "json").log.format, LogFormat::json);
  EXPECT_EQ(accepted("LOG_LEVEL", "WARNING").log.level, Level::warning);
  EXPECT_EQ(accepted("LOG_LEVEL", "CRITICAL").log.level, Level::error);
  EXPECT_EQ(problem_with("LOG_LEVEL", "chatty"), "LOG_LEVEL is none of the accepted words");
}

TEST(LoadConfigTest, StripsTheSlashAtTheEndOfAUrl) {
  EXPECT_EQ(accepted("SN_INSTANCE", "https://Dev1.Service-Now.com/").servicenow.instance,
            "https://dev1.service-now.com");
  EXPECT_EQ(accepted("SN_INSTANCE", "https://dev1.service-now.com:443").servicenow.instance,
            "https://dev1.service-now.com");
  EXPECT_EQ(accepted("BRIDGE_PUBLIC_URL", "http://localhost:5000/bridge/").web.public_url,
            "http://localhost:5000/bridge");
}

TEST(LoadConfigTest, RefusesUrlsThatCannotBeMeant) {
  EXPECT_EQ(problem_with("SN_INSTANCE", "dev12345"), "SN_INSTANCE is not an absolute URL");
  EXPECT_EQ(problem_with("SN_INSTANCE", "https://<your-instance>.service-now.com"),
            "SN_INSTANCE is not an absolute URL");
  EXPECT_EQ(problem_with("SN_INSTANCE", "ftp://dev1.service-now.com"),
            "SN_INSTANCE is not an https URL");
  EXPECT_EQ(problem_with("SN_INSTANCE", "https://"), "SN_INSTANCE has no host");
  EXPECT_EQ(problem_with("SN_INSTANCE", "https://u:p@dev1.service-now.com"),
            "SN_INSTANCE holds a user name or password");
  EXPECT_EQ(problem_with("SN_INSTANCE", "https://dev1.service-now.com/api"),
            "SN_INSTANCE holds a path");
  EXPECT_EQ(problem_with("DIRECTLINE_ENDPOINT_BASE", "https://a.example?x=1"),
            "DIRECTLINE_ENDPOINT_BASE holds a '?' part");
}

TEST(LoadConfigTest, KeepsTheQueryOfTheTokenEndpoint) {
  const std::string url =
      "https://a.example/powervirtualagents/directline/token?api-version=2022-03-01-preview";
  const Config config = accepted("DIRECTLINE_TOKEN_ENDPOINT", url);
  EXPECT_EQ(config.directline.token_endpoint, url);
  EXPECT_TRUE(config.directline.configured());
}

TEST(LoadConfigTest, PlainHttpNeedsItsSwitch) {
  EXPECT_EQ(problem_with("SN_INSTANCE", "http://127.0.0.1:5080"),
            "SN_INSTANCE is plain http, which is refused unless ALLOW_INSECURE_UPSTREAM=1");
  EnvMap env = complete_with("SN_INSTANCE", "http://127.0.0.1:5080");
  env["ALLOW_INSECURE_UPSTREAM"] = "1";
  const auto loaded = load(env);
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  EXPECT_EQ(std::get<Config>(loaded).servicenow.instance, "http://127.0.0.1:5080");
}

TEST(LoadConfigTest, ChecksSysIdsAndTheApiPath) {
  EXPECT_EQ(accepted("SN_DEFAULT_QUEUE_SYS_ID", "3F1DD0320A0A0B99000A53F7604A2EF9")
                .servicenow.default_queue_sys_id,
            "3f1dd0320a0a0b99000a53f7604a2ef9");
  EXPECT_EQ(problem_with("SN_DEFAULT_QUEUE_SYS_ID", "IT Help Chat"),
            "SN_DEFAULT_QUEUE_SYS_ID is not a sys_id");
  EXPECT_EQ(problem_with("SN_DEFAULT_QUEUE_SYS_ID", "3f1dd0320a0a0b99"),
            "SN_DEFAULT_QUEUE_SYS_ID is not a sys_id");
  EXPECT_EQ(accepted("SN_BRIDGE_API_BASE", "/api/x_acme/bridge/").servicenow.api_base,
            "/api/x_acme/bridge");
  for (const char* text : {"api/1/bridge", "/api/<api-id>/intranet_bridge", "/api/../admin",
                           "/api/", "/api/a?b", "/api//b", "https://dev1.service-now.com/api/1/b"})
    EXPECT_EQ(problem_with("SN_BRIDGE_API_BASE", text),
              "SN_BRIDGE_API_BASE is not the path of a Scripted REST API")
        << text;
}

TEST(LoadConfigTest, RefusesPlaceholdersOfTheOldSamples) {
  for (const char* text :
       {"replace-with-long-random-string", "replace-with-different-long-random-string",
        "dev-shared-secret-change-me", "dev-agent-secret-change-me", "Change-Me-please-please"}) {
    EXPECT_EQ(problem_with("SN_WEBHOOK_SECRET", text),
              "SN_WEBHOOK_SECRET is the placeholder of a sample file")
        << text;
    EXPECT_EQ(problem_with("AGENT_API_SECRET", text),
              "AGENT_API_SECRET is the placeholder of a sample file")
        << text;
  }
  EXPECT_EQ(problem_with("SN_PASSWORD", "replace-me"),
            "SN_PASSWORD is the placeholder of a sample file");
}

TEST(LoadConfigTest, RefusesShortSecretsAndSaysHowToMakeOne) {
  EXPECT_EQ(problem_with("SN_WEBHOOK_SECRET", "fifteen-letters"),
            "SN_WEBHOOK_SECRET is shorter than 16 characters");
  EXPECT_EQ(problem_with("AGENT_API_SECRET", "0123456789abcdef,short"),
            "AGENT_API_SECRET is shorter than 16 characters");
  const std::string text =
      describe(problems_of(complete_with("SN_WEBHOOK_SECRET", "fifteen-letters")));
  EXPECT_NE(text.find("openssl rand -hex 32"), std::string::npos) << text;
  EXPECT_EQ(text.find("fifteen-letters"), std::string::npos)
      << "the value may be somebody's secret";
}

TEST(LoadConfigTest, TakesTwoSecretsDuringARotation) {
  const Config config = accepted("SN_WEBHOOK_SECRET", "0123456789abcdef, fedcba9876543210");
  ASSERT_EQ(config.web.webhook_secrets.size(), 2u);
  EXPECT_EQ(config.web.webhook_secrets[1].reveal(), "fedcba9876543210");
  EXPECT_EQ(problem_with("SN_WEBHOOK_SECRET", "0123456789abcdef,fedcba9876543210,0123456789abcdeg"),
            "SN_WEBHOOK_SECRET holds more than two values");
}

TEST(LoadConfigTest, RefusesSecretsThatAHeaderCannotCarry) {
  EXPECT_EQ(problem_with("SN_WEBHOOK_SECRET", "0123456789 abcdef"),
            "SN_WEBHOOK_SECRET holds characters that a header cannot carry");
  EXPECT_EQ(problem_with("SN_WEBHOOK_SECRET", "0123456789abcdef\nX: y"),
            "SN_WEBHOOK_SECRET holds control characters");
}

TEST(LoadConfigTest, RefusesAUserNameThatBasicAuthCannotCarry) {
  EXPECT_EQ(problem_with("SN_USER", "a:b"), "SN_USER holds a colon");
  EXPECT_EQ(problem_with("SN_USER", "a^active=false"), "SN_USER holds a '^'");
}

TEST(LoadConfigTest, NormalisesOrigins) {
  const Config config =
      accepted("ALLOWED_ORIGINS", "https://Portal.Example:443/, http://localhost:3000,,");
  EXPECT_THAT(config.web.allowed_origins,
              testing::ElementsAre("https://portal.example", "http://localhost:3000"));
  EXPECT_EQ(problem_with("ALLOWED_ORIGINS", "*"),
            "ALLOWED_ORIGINS has an entry that is not an absolute URL");
  EXPECT_EQ(problem_with("ALLOWED_ORIGINS", "https://a.example/page"),
            "ALLOWED_ORIGINS has an entry that holds a path");
}

TEST(LoadConfigTest, ChecksAddressFolderAndFile) {
  EXPECT_EQ(accepted("BRIDGE_HOST", "::1").web.host, "::1");
  EXPECT_EQ(problem_with("BRIDGE_HOST", "localhost"), "BRIDGE_HOST is not an IP address");
  EXPECT_EQ(accepted("WEB_DIR", BRIDGE_SOURCE_DIR).web.web_dir, BRIDGE_SOURCE_DIR);
  EXPECT_EQ(problem_with("WEB_DIR", BRIDGE_SOURCE_DIR "/CMakeLists.txt"),
            "WEB_DIR is not a folder");
  EXPECT_EQ(problem_with("SN_CA_FILE", "/nowhere/ca.pem"),
            "SN_CA_FILE names a file that cannot be read");
}

TEST(LoadConfigTest, NamesTheStoresThereAre) {
  EXPECT_EQ(accepted("BRIDGE_STORE", "memory:").store, "memory:");
  EXPECT_EQ(accepted("BRIDGE_STORE", "memory").store, "memory:");
  EXPECT_TRUE(accepted("BRIDGE_STORE", "memory:").sqlite_path.empty());
  EXPECT_EQ(problem_with("BRIDGE_STORE", "redis://localhost"),
            "BRIDGE_STORE names a store that this version does not have");
  const auto problems = problems_of(complete_with("BRIDGE_STORE", "postgres:x"));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].accepts, "memory: or sqlite:<path of a file>");
#ifdef BRIDGE_HAS_SQLITE
  const Config config = accepted("BRIDGE_STORE", "sqlite:/var/lib/bridge.db");
  EXPECT_EQ(config.store, "sqlite:/var/lib/bridge.db");
  EXPECT_EQ(config.sqlite_path, "/var/lib/bridge.db");
  EXPECT_EQ(accepted("BRIDGE_STORE", "sqlite:///var/lib/b.db").sqlite_path, "/var/lib/b.db");
  EXPECT_EQ(accepted("BRIDGE_STORE", " sqlite:b.db ").sqlite_path, "b.db");
  EXPECT_EQ(problem_with("BRIDGE_STORE", "sqlite:"), "BRIDGE_STORE names no file");
  EXPECT_EQ(problem_with("BRIDGE_STORE", "sqlite:/var/lib/"), "BRIDGE_STORE names no file");
#else
  EXPECT_EQ(problem_with("BRIDGE_STORE", "sqlite:/var/lib/bridge.db"),
            "BRIDGE_STORE names SQLite, which this program was built without");
#endif
}

TEST(LoadConfigTest, RetentionSetsWhatItNames) {
  const Config usual = std::get<Config>(load(complete()));
  EXPECT_EQ(usual.timers.bot_expiry, hours(2));
  EXPECT_EQ(usual.timers.closed_expiry, hours(24));
  EXPECT_EQ(usual.timers.carried_expiry, hours(7 * 24));
  const Config some = accepted("RETENTION", " closed: 8h , Carried:1d");
  EXPECT_EQ(some.timers.bot_expiry, hours(2));
  EXPECT_EQ(some.timers.closed_expiry, hours(8));
  EXPECT_EQ(some.timers.carried_expiry, hours(24));
  EXPECT_NE(print_config(some).find("RETENTION=bot:2h,closed:8h,carried:1d\n"), std::string::npos);
  EnvMap both = complete_with("RETENTION", "bot:1h,closed:8h");
  both["BOT_EXPIRY"] = "3h";
  const Config single = std::get<Config>(load(both));
  EXPECT_EQ(single.timers.bot_expiry, hours(3));
  EXPECT_EQ(single.timers.closed_expiry, hours(8));
  EXPECT_EQ(problem_with("RETENTION", "live:2h"),
            "RETENTION has a part that is none of bot, closed and carried");
  EXPECT_EQ(problem_with("RETENTION", "bot"), "RETENTION has a part without a duration");
  EXPECT_EQ(problem_with("RETENTION", "bot:soon"), "RETENTION has a part without a duration");
  EXPECT_EQ(problem_with("RETENTION", "bot:8d"), "RETENTION has a duration that is out of range");
  EXPECT_EQ(problem_with("RETENTION", "closed:0s"),
            "RETENTION has a duration that is out of range");
}

TEST(LoadConfigTest, AKeyOfTheStoreMayBeTwoAndIsMissedWhereItMatters) {
  const std::string key(32, 'k');
  EXPECT_EQ(accepted("STORE_KEY", key + "," + std::string(32, 'o')).store_keys.size(), 2u);
  EXPECT_EQ(problem_with("STORE_KEY", "short"), "STORE_KEY is shorter than 16 characters");
  const auto warned = [](const EnvMap& env) {
    const Config config = std::get<Config>(load(env));
    return std::any_of(
        config.warnings.begin(), config.warnings.end(),
        [](const ConfigWarning& warning) { return warning.variable == "STORE_KEY"; });
  };
  EXPECT_FALSE(warned(complete_with("CS_API_KEY", std::string(32, 'c')))) << "memory keeps nothing";
#ifdef BRIDGE_HAS_SQLITE
  EnvMap env = complete_with("BRIDGE_STORE", "sqlite:/x.db");
  EXPECT_FALSE(warned(env));
  env["CS_API_KEY"] = std::string(32, 'c');
  EXPECT_TRUE(warned(env));
  env["STORE_KEY"] = key;
  EXPECT_FALSE(warned(env));
#endif
}

TEST(LoadConfigTest, TheQueueMustHoldTheLongestMessage) {
  EXPECT_EQ(problem_with("MAX_TEXT_CHARACTERS", "20000"),
            "MAX_QUEUED_BYTES is too small for one message of MAX_TEXT_CHARACTERS");
}

TEST(LoadConfigTest, WarnsOfUnknownNamesThatLookLikeOurs) {
  EnvMap env = complete_with("SN_INSTANSE", "x");
  env["BRIDGE_COLOUR"] = "blue";
  env["SEND_DEADLNE"] = "3s";
  env["PATH"] = "/bin";
  env["HOME"] = "/root";
  env["CONTAINER_APP_NAME"] = "x";
  const auto loaded = load(env);
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  std::vector<std::string> warnings;
  for (const ConfigWarning& warning : std::get<Config>(loaded).warnings)
    warnings.push_back(warning.variable + " " + warning.text);
  EXPECT_THAT(warnings, testing::UnorderedElementsAre(
                            "SN_INSTANSE is not a setting; did you mean SN_INSTANCE?",
                            "BRIDGE_COLOUR is not a setting of this version and has no effect",
                            "SEND_DEADLNE is not a setting; did you mean SEND_DEADLINE?"));
}

TEST(LoadConfigTest, DoesNotWarnOfNamesThatOthersRead) {
  EnvMap env = complete();
  for (const char* name :
       {"A2A_APP_PASSWORD", "A2A_PUBLIC_URL", "SKILL_APP_PASSWORD", "BRIDGE_INTERNAL_URL",
        "SN_ADMIN_USER", "SN_ADMIN_PASSWORD", "POWERPLATFORM_ORG_URL", "TEAMS_AGENT_PUSH_URL"})
    env[name] = "x";
  const auto loaded = load(env);
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  EXPECT_TRUE(std::get<Config>(loaded).warnings.empty());
}

class SecretFileTest : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
            ("bridge_secret_" + std::to_string(testing::UnitTest::GetInstance()->random_seed()) +
             "_" + testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
             std::to_string(getpid()));
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }

  EnvMap with_file() {
    EnvMap env = complete();
    env.erase("SN_PASSWORD");
    env["SN_PASSWORD_FILE"] = path_.string();
    return env;
  }
  std::string only_problem(const EnvMap& env) {
    const auto problems = problems_of(env);
    if (problems.size() != 1) return describe(problems);
    return problems.front().variable + " " + problems.front().what;
  }

  std::filesystem::path path_;
};

TEST_F(SecretFileTest, GivesASecretWithoutItsLineEnd) {
  write(" from a file \r\n");
  const auto loaded = load(with_file());
  ASSERT_TRUE(std::holds_alternative<Config>(loaded));
  EXPECT_EQ(std::get<Config>(loaded).servicenow.password.reveal(), " from a file ");
  EXPECT_TRUE(std::get<Config>(loaded).warnings.empty());
}

TEST_F(SecretFileTest, ThatIsMissingOrEmptyIsAProblem) {
  EXPECT_EQ(only_problem(with_file()), "SN_PASSWORD_FILE names a file that cannot be read");
  write("\n");
  EXPECT_EQ(only_problem(with_file()), "SN_PASSWORD_FILE names an empty file");
}

TEST_F(SecretFileTest, ThatIsAFolderIsAProblem) {
  EnvMap env = with_file();
  env["SN_PASSWORD_FILE"] = BRIDGE_SOURCE_DIR;
  EXPECT_EQ(only_problem(env), "SN_PASSWORD_FILE names a file that cannot be read");
}

TEST_F(SecretFileTest, BesideTheVariableIsAProblem) {
  write("one");
  EnvMap env = with_file();
  env["SN_PASSWORD"] = "two";
  EXPECT_EQ(only_problem(env), "SN_PASSWORD_FILE is set as well as SN_PASSWORD; set one of them");
}

TEST(LayeredTest, TheEnvironmentWinsAndAnEmptyValueDoesNotHideTheFile) {
  const EnvLookup lookup = layered(
      [](std::string_view name) -> std::optional<std::string> {
        if (name == "A") return "above";
        if (name == "B") return "";
        return std::nullopt;
      },
      {{"A", "file"}, {"B", "file"}, {"C", "file"}});
  EXPECT_EQ(lookup("A"), "above");
  EXPECT_EQ(lookup("B"), "file");
  EXPECT_EQ(lookup("C"), "file");
  EXPECT_EQ(lookup("D"), std::nullopt);
}

TEST(ConnectionLimits, AreReadAndMustFitTogether) {
  const Config config = accepted("REQUEST_TIMEOUT", "2m");
  EXPECT_EQ(config.connections.request_timeout, minutes(2));
  EXPECT_EQ(config.connections.max_header_bytes, 16u * 1024);
  EXPECT_EQ(config.connections.min_receive_rate, 256u);
  EXPECT_EQ(config.connections.shutdown_grace, seconds(25));
  EXPECT_EQ(problem_with("MAX_HEADER_LINE", "32KiB"),
            "MAX_HEADER_LINE is more than the whole header may have");
  EXPECT_EQ(problem_with("OPEN_DEADLINE", "2m"),
            "REQUEST_TIMEOUT would answer before OPEN_DEADLINE or SEND_DEADLINE does");
  EXPECT_EQ(problem_with("SHUTDOWN_DELAY", "30s"), "SHUTDOWN_DELAY leaves no time to end in");
  EXPECT_EQ(problem_with("REQUEST_TIMEOUT", "30s"), "REQUEST_TIMEOUT is out of range");
}

TEST(WebDirTest, TheConfiguredOneWinsAndASourceTreeIsFound) {
  EXPECT_EQ(find_web_dir("/srv/pages", "/usr/bin/handoff-bridge"), "/srv/pages");
  const std::filesystem::path source = BRIDGE_SOURCE_DIR;
  ASSERT_TRUE(std::filesystem::is_directory(source / "web"));
  const auto found = find_web_dir("", source / "build/dev/bin/handoff-bridge");
  EXPECT_EQ(found, source / "web");
}

}  // namespace
}  // namespace bridge::config
