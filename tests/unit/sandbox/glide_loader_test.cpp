// SPDX-License-Identifier: MIT
#include <filesystem>
#include <fstream>

#include "bridge/core/random.hpp"
#include "unit/sandbox/glide_fixture.hpp"

namespace bridge::sandbox {
namespace {

namespace fs = std::filesystem;

class ScriptLoader : public GlideTest {
 protected:
  ScriptLoader() : folder(fs::temp_directory_path() / ("glide-" + random_hex(8))) {
    fs::create_directory(folder);
  }
  ~ScriptLoader() override {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }

  void file(const char* name, const std::string& content) {
    std::ofstream(folder / name) << content;
  }

  fs::path folder;
};

TEST_F(ScriptLoader, ReadsAnnotations) {
  file("open_chat.js",
       "/**\n * Opens a chat.\n * @resource POST /open_chat\n * @role x_bridge_caller\n"
       " * @requires_authentication true\n * @column interaction.u_key string 12\n * @property "
       "bridge.secret password2\n"
       " * @returns {Object} what was made\n */\n(function (request, response) { "
       "response.setBody({ok: true}); })(request, response);\n"
       "/* @role not_a_role */\n");
  file("relay.js",
       "/*\n * @rule sys_cs_message\n * @name Bridge relay\n * @when async_always\n * @operations "
       "insert, update\n"
       " * @order 200\n * @filter direction=outbound^is_agent=true\n */\ngs.info('relay ' + "
       "current.payload);\n");
  file("lint.config.js", "module.exports = {};\n");
  const auto loaded = instance.load_scripts(folder);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  ASSERT_EQ(loaded->resources.size(), 1U);
  const Resource& resource = loaded->resources[0];
  EXPECT_EQ(resource.method, "POST");
  EXPECT_EQ(resource.relative_path, "/open_chat");
  EXPECT_EQ(resource.name, "open_chat");
  EXPECT_THAT(resource.roles, ::testing::ElementsAre("x_bridge_caller"));
  EXPECT_EQ(resource.sys_id.size(), 32U);
  ASSERT_EQ(loaded->rules.size(), 1U);
  EXPECT_EQ(loaded->rules[0].name, "Bridge relay");
  EXPECT_EQ(loaded->rules[0].order, 200);
  EXPECT_TRUE(loaded->rules[0].on_update);
  EXPECT_EQ(loaded->notes.size(), 1U) << "lint.config.js is not a script of ours";
  EXPECT_EQ(add("interaction", {{"u_key", "0123456789abcdef"}}).text("u_key"), "0123456789ab");
  EXPECT_EQ(instance.find_one("sys_properties", "name", "bridge.secret")->text("type"),
            "password2");

  EXPECT_EQ(instance.run_resource(instance.resources().at(0), request, session).body,
            R"({"result":{"ok":true}})");
  (void)add("sys_cs_message", {{"direction", "outbound"}, {"is_agent", "1"}, {"payload", "hi"}});
  (void)add("sys_cs_message", {{"direction", "inbound"}, {"is_agent", "1"}, {"payload", "no"}});
  ASSERT_TRUE(jobs_done());
  EXPECT_TRUE(instance.system_log().contains("relay hi"));
  EXPECT_FALSE(instance.system_log().contains("relay no"));
}

TEST_F(ScriptLoader, LoadingTwiceInstallsOnce) {
  file("a.js", "/* @resource POST /a */\n1;\n");
  file("b.js", "// @rule interaction\n1;\n");
  ASSERT_TRUE(instance.load_scripts(folder));
  ASSERT_TRUE(instance.load_scripts(folder));
  EXPECT_EQ(instance.resources().size(), 1U);
  EXPECT_EQ(instance.rules().size(), 1U);
}

TEST_F(ScriptLoader, AcceptsAFolderWithoutAnnotations) {
  file("open_chat.js",
       "// ServiceNow Scripted REST API\n(function (request, response) { return {opened: true}; "
       "})(request, response);\n");
  file("send_message.js",
       "(function (request, response) { return {sent: true}; })(request, response);\n");
  file("outbound_rule.md",
       "# Rule\n\n- **Table:** `sys_cs_message`\n- **Order:** 210 (one slot later)\n- **Name:** "
       "`Old relay`\n\n"
       "| Field | Value |\n| --- | --- |\n| When | `async` |\n| Insert | true |\n| Update | false "
       "|\n"
       "| Filter conditions | `direction is outbound` AND `is_agent is true` AND "
       "`q_data_message_type is one of: a, b` |\n\n"
       "```javascript\ngs.info('old ' + current.payload);\n```\n\nMore prose.\n");
  file("notes.md", "# Nothing\n");
  const auto loaded = instance.load_scripts(folder);
  ASSERT_TRUE(loaded) << loaded.error().to_string();
  ASSERT_EQ(loaded->resources.size(), 2U);
  EXPECT_EQ(loaded->resources[1].relative_path, "/send_message");
  EXPECT_TRUE(loaded->resources[1].roles.empty());
  ASSERT_EQ(loaded->rules.size(), 1U);
  const BusinessRule& rule = loaded->rules[0];
  EXPECT_EQ(rule.name, "Old relay");
  EXPECT_EQ(rule.order, 210);
  EXPECT_EQ(rule.when, BusinessRule::When::async);
  EXPECT_TRUE(rule.on_insert);
  EXPECT_FALSE(rule.on_update);
  EXPECT_EQ(rule.filter, "direction=outbound^is_agent=true^q_data_message_typeINa,b");
  (void)add("sys_cs_message", {{"direction", "outbound"},
                               {"is_agent", "1"},
                               {"q_data_message_type", "b"},
                               {"payload", "x"}});
  ASSERT_TRUE(jobs_done());
  EXPECT_TRUE(instance.system_log().contains("old x"));
}

TEST_F(ScriptLoader, MissingColumnSwitchBeatsTheAnnotation) {
  file("a.js",
       "/* @resource POST /a\n * @column interaction.u_bridge_session_id string 64 */\n1;\n");
  InstanceOptions options;
  options.bridge_session_column = false;
  Instance bare(options, logger);
  ASSERT_TRUE(bare.load_scripts(folder));
  EXPECT_EQ(bare.schema().column("interaction", "u_bridge_session_id"), nullptr);
}

TEST_F(ScriptLoader, AColumnIsUniqueIfOneOfTheScriptsSaysSo) {
  file("a.js", "/* @resource POST /a\n * @column interaction.u_key string 64 unique */\n1;\n");
  file("b.js", "/* @resource POST /b\n * @column interaction.u_key string 64 */\n1;\n");
  ASSERT_TRUE(instance.load_scripts(folder));
  EXPECT_TRUE(instance.schema().column("interaction", "u_key")->unique);

  InstanceOptions options;
  options.unique_columns = false;  // the admin forgot
  Instance lax(options, logger);
  ASSERT_TRUE(lax.load_scripts(folder));
  EXPECT_FALSE(lax.schema().column("interaction", "u_key")->unique);
}

TEST_F(ScriptLoader, SaysWhichFileAndWhatIsWrong) {
  file("a.js", "/* @resource POST /a */\nvar x = ;\n");
  EXPECT_THAT(instance.load_scripts(folder).error().context(), ::testing::HasSubstr("a.js"));
  file("a.js", "/* @resource POST /a */\nvar f = x => x;\n");
  EXPECT_THAT(instance.load_scripts(folder).error().context(),
              ::testing::HasSubstr("line 2: arrow function"));
  file("a.js", "/* @resource open_chat */\n");
  EXPECT_THAT(instance.load_scripts(folder).error().context(), ::testing::HasSubstr("@resource"));
  file("a.js", "/* @resource POST /a\n * @column interaction.u_key string 64 uniqe */\n1;\n");
  EXPECT_THAT(instance.load_scripts(folder).error().context(), ::testing::HasSubstr("uniqe"));
  EXPECT_EQ(instance.load_scripts(folder / "absent").error().errc(), Errc::not_found);
}

}  // namespace
}  // namespace bridge::sandbox
