// SPDX-License-Identifier: MIT
// CS_*: who may post to /api/messages, under new names and old ones.
#include <gmock/gmock.h>

#include "bridge/config/documentation.hpp"
#include "bridge/config/env_file.hpp"
#include "bridge/config/environment.hpp"
#include "bridge/config/load.hpp"

namespace bridge::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kTenant = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const std::string kApp = "6731de76-14a6-49ae-97bc-6eba6914391e";
const std::string kOther = "11111111-2222-3333-4444-555555555555";
const std::string kKey = "0123456789abcdef0123456789abcdef";

EnvMap completed(const EnvMap& more) {
  EnvMap env = {
      {"SN_INSTANCE", "https://dev12345.service-now.com"},
      {"SN_USER", "intranet.bridge"},
      {"SN_PASSWORD", "pa$$ word"},
      {"SN_BRIDGE_API_BASE", "/api/1833944/intranet_bridge"},
      {"SN_DEFAULT_USER_SYS_ID", "6816f79cc0a8016401c5a33be04be441"},
      {"SN_DEFAULT_QUEUE_SYS_ID", "3f1dd0320a0a0b99000a53f7604a2ef9"},
      {"SN_DEFAULT_CHANNEL_SYS_ID", "27f675e3739713004a905ee515f6a7c3"},
      {"SN_WEBHOOK_SECRET", "0123456789abcdef0123456789abcdef"},
  };
  for (const auto& [name, value] : more) env[name] = value;
  return env;
}

auto load_with(const EnvMap& more) {
  const EnvMap env = completed(more);
  std::vector<std::string> names;
  for (const auto& [name, value] : env) names.push_back(name);
  return load_config(layered([](std::string_view) { return std::nullopt; }, env), names,
                     Purpose::serve);
}

Config accepted_with(const EnvMap& more) {
  auto loaded = load_with(more);
  if (auto* problems = std::get_if<std::vector<ConfigProblem>>(&loaded)) {
    ADD_FAILURE() << describe(*problems);
    return {};
  }
  return std::get<Config>(std::move(loaded));
}

std::vector<std::string> problems_with(const EnvMap& more) {
  auto loaded = load_with(more);
  std::vector<std::string> lines;
  if (auto* found = std::get_if<std::vector<ConfigProblem>>(&loaded))
    for (const ConfigProblem& problem : *found)
      lines.push_back(problem.variable + " " + problem.what);
  return lines;
}

std::vector<std::string> warnings(const EnvMap& more) {
  std::vector<std::string> lines;
  for (const ConfigWarning& warning : accepted_with(more).warnings)
    lines.push_back(warning.variable + " " + warning.text);
  return lines;
}

TEST(CopilotConfigTest, NothingIsAcceptedUntilSomethingIsSetUp) {
  const CopilotConfig copilot = accepted_with({}).copilot;
  EXPECT_EQ(copilot.auth, CopilotAuthMode::automatic);
  EXPECT_FALSE(copilot.takes_keys());
  EXPECT_FALSE(copilot.takes_tokens());
  EXPECT_EQ(copilot.api_key_header, "X-API-Key");
  EXPECT_EQ(copilot.authority, "https://login.microsoftonline.com");
}

TEST(CopilotConfigTest, AutoTakesWhateverIsSetUp) {
  CopilotConfig copilot = accepted_with({{"CS_API_KEY", kKey}}).copilot;
  EXPECT_TRUE(copilot.takes_keys());
  EXPECT_FALSE(copilot.takes_tokens());
  copilot = accepted_with({{"CS_TENANT_ID", kTenant}, {"CS_APP_ID", kApp}}).copilot;
  EXPECT_FALSE(copilot.takes_keys());
  EXPECT_TRUE(copilot.takes_tokens());
  copilot =
      accepted_with({{"CS_TENANT_ID", kTenant}, {"CS_APP_ID", kApp}, {"CS_API_KEY", kKey}}).copilot;
  EXPECT_TRUE(copilot.takes_keys());
  EXPECT_TRUE(copilot.takes_tokens());
}

TEST(CopilotConfigTest, AModeTakesNothingElse) {
  EnvMap all = {{"CS_TENANT_ID", kTenant}, {"CS_APP_ID", kApp}, {"CS_API_KEY", kKey}};
  all["CS_AUTH"] = "key";
  EXPECT_TRUE(accepted_with(all).copilot.takes_keys());
  EXPECT_FALSE(accepted_with(all).copilot.takes_tokens());
  all["CS_AUTH"] = "entra";
  EXPECT_FALSE(accepted_with(all).copilot.takes_keys());
  EXPECT_TRUE(accepted_with(all).copilot.takes_tokens());
  all["CS_AUTH"] = "none";
  EXPECT_FALSE(accepted_with(all).copilot.takes_keys());
  EXPECT_FALSE(accepted_with(all).copilot.takes_tokens());
  EXPECT_THAT(warnings(all),
              ElementsAre("CS_AUTH is none: whoever reaches /api/messages may open chats"));
}

TEST(CopilotConfigTest, AModeSaysWhatItNeeds) {
  EXPECT_THAT(
      problems_with({{"CS_AUTH", "none"}, {"CS_SERVICE_HOSTS", "learn"}}),
      ElementsAre("CS_SERVICE_HOSTS cannot learn with CS_AUTH=none: anybody could teach it"));
  EXPECT_THAT(problems_with({{"CS_AUTH", "key"}}),
              ElementsAre("CS_API_KEY is not set, which CS_AUTH=key needs"));
  EXPECT_THAT(problems_with({{"CS_AUTH", "entra"}, {"CS_API_KEY", kKey}}),
              ElementsAre("CS_TENANT_ID is not set, which CS_AUTH=entra needs",
                          "CS_APP_ID is not set, which CS_AUTH=entra needs"));
  EXPECT_THAT(
      problems_with({{"CS_AUTH", "entra"}, {"CS_APP_ID", kApp}, {"CS_TENANT_ID", "contoso"}}),
      ElementsAre("CS_TENANT_ID is not a GUID"))
      << "said once";
  EXPECT_THAT(problems_with({{"CS_AUTH", "key"}, {"CS_API_KEY_FILE", "/no/such/file"}}),
              ElementsAre("CS_API_KEY_FILE names a file that cannot be read"));
  EXPECT_THAT(problems_with({{"CS_AUTH", "oauth"}}),
              ElementsAre("CS_AUTH is none of the accepted words"));
}

TEST(CopilotConfigTest, HalfOfATokensSettingsIsWarnedAbout) {
  EXPECT_THAT(warnings({{"CS_APP_ID", kApp}}),
              ElementsAre("CS_APP_ID has no effect without CS_TENANT_ID"));
  EXPECT_THAT(warnings({{"SKILL_TENANT_ID", kTenant}}),
              ElementsAre("CS_TENANT_ID has no effect without CS_APP_ID"));
}

TEST(CopilotConfigTest, OldNamesAreRead) {
  for (const std::string prefix : {"A2A_", "SKILL_"}) {
    const EnvMap env = {{prefix + "TENANT_ID", kTenant}, {prefix + "APP_ID", kApp}};
    const CopilotConfig copilot = accepted_with(env).copilot;
    EXPECT_EQ(copilot.tenant_id, kTenant);
    EXPECT_EQ(copilot.app_id, kApp);
    EXPECT_TRUE(copilot.takes_tokens());
    EXPECT_THAT(warnings(env), IsEmpty());
  }
  EXPECT_THAT(problems_with({{"A2A_APP_ID", "my-app"}}),
              ElementsAre("CS_APP_ID is not a GUID (it is given as A2A_APP_ID)"));
}

TEST(CopilotConfigTest, TheNewNameWinsAndADifferenceIsSaid) {
  EnvMap env = {{"CS_TENANT_ID", kTenant}, {"CS_APP_ID", kApp}, {"A2A_APP_ID", kOther}};
  EXPECT_EQ(accepted_with(env).copilot.app_id, kApp);
  EXPECT_THAT(warnings(env), ElementsAre("A2A_APP_ID differs from CS_APP_ID, which holds"));
  env["A2A_APP_ID"] = kApp;
  EXPECT_THAT(warnings(env), IsEmpty());
  env.erase("CS_APP_ID");
  env["SKILL_APP_ID"] = kOther;
  EXPECT_EQ(accepted_with(env).copilot.app_id, kApp);
  EXPECT_THAT(warnings(env), ElementsAre("SKILL_APP_ID differs from A2A_APP_ID, which holds"));
}

TEST(CopilotConfigTest, IdsAreReadInEveryUsualSpelling) {
  std::string upper = kApp;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  EXPECT_EQ(accepted_with({{"CS_APP_ID", " {" + upper + "} "}}).copilot.app_id, kApp);
  for (const std::string wrong :
       {"6731de7614a649ae97bc6eba6914391e", "6731de76-14a6-49ae-97bc",
        "6731de76-14a6-49ae-97bc-6eba6914391g", "6731de76+14a6-49ae-97bc-6eba6914391e"})
    EXPECT_THAT(problems_with({{"CS_APP_ID", wrong}}), ElementsAre("CS_APP_ID is not a GUID"))
        << wrong;
}

TEST(CopilotConfigTest, ListsAreReadAndAStarIsRefused) {
  const CopilotConfig copilot =
      accepted_with({{"CS_ALLOWED_CALLERS", kApp + ", " + kOther},
                     {"CS_AUDIENCES", "api://bridge.example.com , " + kApp}})
          .copilot;
  EXPECT_THAT(copilot.allowed_callers, ElementsAre(kApp, kOther));
  EXPECT_THAT(copilot.audiences, ElementsAre("api://bridge.example.com", kApp));
  EXPECT_THAT(problems_with({{"CS_ALLOWED_CALLERS", "*"}}),
              ElementsAre(HasSubstr("would let every application of the tenant in")));
  EXPECT_THAT(problems_with({{"CS_ALLOWED_CALLERS", kApp + ",copilot"}}),
              ElementsAre("CS_ALLOWED_CALLERS has an entry that is not a GUID"));
  EXPECT_THAT(problems_with({{"CS_AUDIENCES", "*"}}), ElementsAre(HasSubstr("CS_AUDIENCES")));
  EXPECT_THAT(problems_with({{"CS_AUDIENCES", "api://a api://b"}}),
              ElementsAre(HasSubstr("CS_AUDIENCES")));
}

TEST(CopilotConfigTest, KeysAreSecretsAndTheHeaderIsAName) {
  const Config config = accepted_with({{"CS_API_KEY", kKey + ",fedcba9876543210fedcba9876543210"}});
  EXPECT_EQ(config.copilot.api_keys.size(), 2u);
  const std::string shown = print_config(config);
  EXPECT_THAT(shown, HasSubstr("CS_API_KEY=set (two values)\n"));
  EXPECT_EQ(shown.find(kKey), std::string::npos);
  EXPECT_THAT(problems_with({{"CS_API_KEY", "short"}}),
              ElementsAre("CS_API_KEY is shorter than 16 characters"));
  EXPECT_EQ(accepted_with({{"CS_API_KEY_HEADER", "authorization"}}).copilot.api_key_header,
            "authorization");
  for (const char* wrong : {"X API Key", "X-Key:", "Cookie", "host", "Schl\xc3\xbcssel"})
    EXPECT_THAT(problems_with({{"CS_API_KEY_HEADER", wrong}}),
                ElementsAre(HasSubstr("CS_API_KEY_HEADER is ")))
        << wrong;
}

TEST(CopilotConfigTest, TheAuthorityMayHaveAPathAndIsPlainHttpOnlyIfAllowed) {
  EXPECT_EQ(accepted_with({{"CS_AUTHORITY", "https://Login.Example/entra/"}}).copilot.authority,
            "https://login.example/entra");
  EXPECT_THAT(problems_with({{"CS_AUTHORITY", "http://127.0.0.1:5080/entra"}}),
              ElementsAre(HasSubstr("ALLOW_INSECURE_UPSTREAM=1")));
  EXPECT_EQ(accepted_with(
                {{"CS_AUTHORITY", "http://127.0.0.1:5080/entra"}, {"ALLOW_INSECURE_UPSTREAM", "1"}})
                .copilot.authority,
            "http://127.0.0.1:5080/entra");
}

}  // namespace
}  // namespace bridge::config
