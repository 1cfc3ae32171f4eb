// SPDX-License-Identifier: MIT
// --data: an instance that ends without a word and is opened again is the same instance.
#include <sqlite3.h>

#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFirst = "/interactions/IMS0000001/";
constexpr const char* kUrl = "intranet_bridge.outbound_webhook_url";

class DataFileTest : public ServiceNowTest {
 protected:
  DataFileTest() { options.data_file = folder.path() / "sandbox.db"; }
  /// The files as a kill would leave them: copied while the instance has them open.
  void kill_and_start() {
    const auto copy = folder.path() / ("killed-" + std::to_string(++kills));
    for (const char* part : {"", "-wal", "-journal"})
      if (std::filesystem::exists(options.data_file.string() + part))
        std::filesystem::copy_file(options.data_file.string() + part, copy.string() + part);
    sn.reset();
    options.data_file = copy;
    start();
  }
  std::string bytes() const {
    std::ifstream in(options.data_file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string why_not() {
    ServiceNow refused(
        options, [](const OutboundRequest&) { return OutboundReply(); }, logger);
    const auto installed = refused.install();
    return installed ? "" : installed.error().to_string();
  }
  std::string rows_of(const std::string& table) {
    json::array rows;
    for (const Record& row : sn->instance().find(table, std::string_view())) {
      json::object one;
      for (const auto& [name, value] : row.values()) one[name] = value.value_or("");
      rows.push_back(std::move(one));
    }
    return json::serialize(rows);
  }

  ScriptDir folder;
  int kills = 0;
};

TEST_F(DataFileTest, AKilledInstanceIsTheSameAgain) {
  start();
  const json::object chat = open_chat("s1", "hello");
  sn->tick();
  (void)desk(std::string(kFirst) + "accept", R"({"agent":"alex.rep"})");
  (void)send_message(chat, "are you there?", "c1");
  (void)desk(std::string(kFirst) + "message", R"({"text":"yes"})");
  Session system = sn->instance().system_session();
  Record raw("sys_cs_message");
  raw.set("conversation", std::string(chat.at("conversation_sys_id").as_string()));
  raw.set("payload", "written by hand");
  ASSERT_TRUE(sn->instance().insert(raw, system));
  (void)desk("/agents/bea.rep/presence", R"({"state":"available"})");
  (void)desk("/agents/alex.rep/presence", R"({"state":"offline"})");
  settle();

  std::map<std::string, std::string> before;
  for (const char* table :
       {"sys_user", "sys_user_has_role", "sys_properties", "interaction", "sys_cs_conversation",
        "sys_cs_message", "sys_cs_session_binding", "awa_work_item", "awa_agent_presence",
        "awa_agent_capacity", "awa_eligibility_pool", "sys_user_grmember", "oauth_entity"})
    before[table] = rows_of(table);
  const auto shown = pane("IMS0000001");
  ASSERT_THAT(shown, Contains("user: are you there?"));
  EXPECT_THAT(before["interaction"], HasSubstr("\"u_bridge_session_id\":\"s1\""));

  kill_and_start();
  for (const auto& [table, rows] : before) EXPECT_EQ(rows_of(table), rows) << table;
  EXPECT_EQ(pane("IMS0000001"), shown);
  EXPECT_THAT(shown, Each(Not(HasSubstr("by hand"))));
  // The same id again is the message that was sent.
  (void)send_message(chat, "are you there?", "c1");
  EXPECT_EQ(pane("IMS0000001"), shown);
  (void)send_message(chat, "and now?", "c2");
  EXPECT_EQ(pane("IMS0000001").back(), "user: and now?");
  EXPECT_EQ(open_chat("s1").at("interaction_number"), "IMS0000001");
  EXPECT_EQ(open_chat("s2").at("interaction_number"), "IMS0000002");
}

TEST_F(DataFileTest, WhoWaitsIsStillRoutedAndWhoDeclinedIsNotAskedAgain) {
  start();
  (void)open_chat("s1", "hello");
  sn->tick();
  (void)desk(std::string(kFirst) + "reject", R"({"agent":"alex.rep"})");
  kill_and_start();
  sn->tick();
  EXPECT_EQ(text(interaction("IMS0000001"), "work_item_state"), "queued");
  (void)desk("/agents/bea.rep/presence", R"({"state":"available"})");
  sn->tick();
  EXPECT_EQ(text(interaction("IMS0000001"), "offered_to"), "bea.rep");
}

TEST_F(DataFileTest, PropertiesAreTheFilesUnlessTheCommandLineHasThem) {
  start();
  (void)desk("/properties", json::serialize(json::object{{kUrl, "http://elsewhere.example/hook"}}));
  (void)desk("/properties", R"({"glide.awa.enabled":"false"})");
  kill_and_start();
  EXPECT_EQ(sn->instance().property(kUrl), "http://elsewhere.example/hook");
  EXPECT_EQ(sn->instance().property("glide.awa.enabled"), "false");
  options.webhook_url_given = true;
  options.properties["glide.awa.enabled"] = "true";
  kill_and_start();
  EXPECT_EQ(sn->instance().property(kUrl), "http://bridge.example:5000/api/servicenow/webhook");
  EXPECT_EQ(sn->instance().property("glide.awa.enabled"), "true");
}

TEST_F(DataFileTest, APlayedAgentGoesOnWithItsChats) {
  options.auto_accept = "alex.rep";
  start();
  const json::object chat = open_chat("s1", "hello");
  sn->tick();
  sn->tick();
  kill_and_start();
  (void)send_message(chat, "still there?", "c1");
  sn->tick();
  EXPECT_THAT(pane("IMS0000001").back(), HasSubstr("You wrote: \"still there?\""));
}

TEST_F(DataFileTest, AResetEmptiesTheFileToo) {
  start();
  (void)open_chat("s1", "hello");
  (void)desk("/reset");
  kill_and_start();
  EXPECT_EQ(rows_of("interaction"), "[]");
  EXPECT_EQ(open_chat("s2").at("interaction_number"), "IMS0000001");
}

TEST_F(DataFileTest, AForeignFileIsRefusedAndLeftAlone) {
  std::ofstream(options.data_file) << std::string(500, 'x');
  const std::string text = bytes();
  EXPECT_THAT(why_not(), HasSubstr("not a SQLite database"));
  EXPECT_EQ(bytes(), text);
  std::filesystem::remove(options.data_file);

  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(options.data_file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE cats (name)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  const std::string cats = bytes();
  EXPECT_THAT(why_not(), HasSubstr("not one of handoff-sandbox"));
  EXPECT_EQ(bytes(), cats);

  options.data_file = folder.path() / "nowhere" / "sandbox.db";
  EXPECT_THAT(why_not(), HasSubstr("unable to open"));
}

TEST_F(DataFileTest, AFileInUseIsRefused) {
  start();
  EXPECT_THAT(why_not(), HasSubstr("in use by another sandbox"));
}

}  // namespace
}  // namespace bridge::sandbox
