// SPDX-License-Identifier: MIT
#include "bridge/config/documentation.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "bridge/config/env_file.hpp"
#include "bridge/config/environment.hpp"
#include "config/field_table.hpp"

namespace bridge::config {
namespace {

/// Compares with the tree; with BRIDGE_UPDATE_DOCS=1 writes the tree's file anew instead.
void expect_in_tree(const std::string& name, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(BRIDGE_SOURCE_DIR) / name;
  if (std::getenv("BRIDGE_UPDATE_DOCS")) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ostringstream found;
  found << std::ifstream(path, std::ios::binary).rdbuf();
  EXPECT_EQ(found.str(), text) << name << " is out of step with the table of settings; run this "
                               << "program with BRIDGE_UPDATE_DOCS=1";
}

TEST(DocumentationTest, TheTreeHoldsTheGeneratedConfigurationPage) {
  expect_in_tree("docs/configuration.md", configuration_markdown());
}

TEST(DocumentationTest, TheTreeHoldsTheGeneratedSample) {
  expect_in_tree("docker/.env.sample", env_sample());
}

TEST(DocumentationTest, TheSampleIsAnEnvFileThatLacksOnlyWhatIsRequired) {
  auto file = parse_env_file(env_sample());
  ASSERT_TRUE(std::holds_alternative<EnvMap>(file));
  auto loaded = load_config(
      layered([](std::string_view) { return std::nullopt; }, std::get<EnvMap>(file)), {});
  auto* problems = std::get_if<std::vector<ConfigProblem>>(&loaded);
  ASSERT_TRUE(problems);
  for (const ConfigProblem& problem : *problems)
    EXPECT_EQ(problem.what, "is not set") << problem.variable;
}

TEST(FieldTableTest, EveryRowIsCompleteAndItsDefaultIsAccepted) {
  std::set<std::string> names;
  for (const Field& field : field_table()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name << " stands twice";
    EXPECT_FALSE(field.doc.empty() || field.accepts.empty() || field.group.empty()) << field.name;
    EXPECT_FALSE(field.required && !field.default_text.empty()) << field.name;
    if (field.secret || field.required) {
      EXPECT_TRUE(field.default_text.empty()) << field.name << ": no default secrets and sys_ids";
    }
    if (field.default_text.empty()) continue;
    Config config;
    EXPECT_EQ(field.assign(config, field.default_text), std::nullopt) << field.name;
    // What is shown can be given again ("24h" is shown as "1d").
    const std::string shown = field.show(config);
    Config again;
    EXPECT_EQ(field.assign(again, shown), std::nullopt) << field.name << "=" << shown;
    EXPECT_EQ(field.show(again), shown) << field.name;
  }
}

TEST(HelpTextTest, NamesEverySetting) {
  const std::string help = help_text();
  for (const Field& field : field_table())
    EXPECT_NE(help.find("  " + field.name + " ("), std::string::npos) << field.name;
}

TEST(PrintConfigTest, ShowsValuesAndOfSecretsOnlyWhetherTheyAreSet) {
  Config config;
  config.servicenow.instance = "https://dev1.service-now.com";
  config.servicenow.password = Secret("hunter2hunter2");
  config.web.webhook_secrets = {Secret("first-secret-value"), Secret("second-secret-value")};
  config.web.allowed_origins = {"https://a.example", "https://b.example"};
  config.timers.send_deadline = Millis(1500);
  const std::string text = print_config(config);
  EXPECT_NE(text.find("SN_INSTANCE=https://dev1.service-now.com\n"), std::string::npos) << text;
  EXPECT_NE(text.find("SN_PASSWORD=set\n"), std::string::npos) << text;
  EXPECT_NE(text.find("SN_WEBHOOK_SECRET=set (two values)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("AGENT_API_SECRET=unset\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ALLOWED_ORIGINS=https://a.example,https://b.example\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("SEND_DEADLINE=1500ms\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("secret-value"), std::string::npos);
}

}  // namespace
}  // namespace bridge::config
