// SPDX-License-Identifier: MIT
#include "bridge/core/random.hpp"
#include "unit/sandbox/glide_fixture.hpp"

namespace bridge::sandbox {
namespace {

class GlideRecordTest : public GlideTest {};

TEST_F(GlideRecordTest, GetValueIsNullForEmptyUnknownAndNoRow) {
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); JSON.stringify([g.getValue('state'), "
                 "g.getUniqueValue()])"),
            "[null,null]");
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.initialize(); var id = g.insert();"
                 "g.get(id); JSON.stringify([g.getValue('assigned_to'), g.getValue('no_such'), "
                 "g.getValue('state')])"),
            R"([null,null,"new"])");
}

TEST_F(GlideRecordTest, BooleansReadAsOneAndZero) {
  EXPECT_EQ(
      text(
          "var g = new GlideRecord('sys_cs_message'); g.initialize(); g.setValue('is_agent', true);"
          "g.is_bot_message = 'false'; var id = g.insert(); g = new GlideRecord('sys_cs_message'); "
          "g.get(id);"
          "[g.getValue('is_agent'), g.getValue('is_bot_message'), g.getValue('is_agent') == 'true',"
          " typeof g.is_bot_message, g.is_bot_message ? 'truthy' : 'falsy'].join(' ')"),
      "1 0 false object truthy");
}

TEST_F(GlideRecordTest, DatesAreUtcTextWithoutFractions) {
  EXPECT_THAT(
      text("var g = new GlideRecord('sys_cs_session'); g.initialize();"
           "g.setValue('start_time', new GlideDateTime()); g.insert(); g.getValue('start_time')"),
      ::testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"));
}

TEST_F(GlideRecordTest, UnknownColumnIsSilentlyDropped) {
  EXPECT_EQ(text("var g = new GlideRecord('sys_cs_conversation'); g.initialize(); "
                 "g.setValue('opened_for', 'x');"
                 "g.opened_for = 'y'; var id = g.insert(); g.get(id);"
                 "JSON.stringify([id.length, g.getValue('opened_for'), "
                 "g.isValidField('opened_for'), g.isValidField('state'),"
                 " g.getLastErrorMessage()])"),
            R"([32,null,false,true,""])");
}

TEST_F(GlideRecordTest, BridgeColumnCanBeMissing) {
  InstanceOptions options;
  options.bridge_session_column = false;
  Instance bare(options, logger);
  Session system = bare.system_session();
  const auto written = bare.insert(Record("interaction").set("u_bridge_session_id", "abc"), system);
  ASSERT_TRUE(written);
  EXPECT_FALSE(written->has("u_bridge_session_id"));
  EXPECT_EQ(add("interaction", {{"u_bridge_session_id", "abc"}}).text("u_bridge_session_id"),
            "abc");
}

TEST_F(GlideRecordTest, OverLongValueIsCutWithoutError) {
  EXPECT_EQ(add("interaction", {{"short_description", std::string(500, 'x')}})
                .text("short_description")
                .size(),
            160U);
  // 4-byte characters count as two units, and none is torn apart.
  std::string smiles;
  for (int i = 0; i < 100; ++i) smiles += "\xF0\x9F\x98\x80";
  EXPECT_EQ(
      add("interaction", {{"short_description", "a" + smiles}}).text("short_description").size(),
      1U + 79 * 4);
}

TEST_F(GlideRecordTest, InsertGivesAnIdAndStamps) {
  Session alice = *instance.session_for("alice");
  const auto row = instance.insert(Record("interaction"), alice);
  ASSERT_TRUE(row);
  EXPECT_TRUE(is_hex(row->sys_id(), 32));
  EXPECT_EQ(row->text("sys_created_by"), "alice");
  EXPECT_EQ(row->text("sys_updated_by"), "alice");
  EXPECT_EQ(row->text("sys_mod_count"), "0");
  EXPECT_EQ(row->text("sys_created_on").size(), 19U);
  EXPECT_EQ(row->text("number"), "IMS0000001");
  EXPECT_EQ(row->text("state"), "new");
}

TEST_F(GlideRecordTest, UpdateBumpsTheCountAndAnUnchangedOneWritesNothing) {
  const Record row = add("interaction", {{"state", "new"}});
  instance.clock().advance(std::chrono::seconds(60));
  Session bob = *instance.session_for("bob");
  const auto same =
      instance.update(Record("interaction").set("sys_id", row.sys_id()).set("state", "new"), bob);
  ASSERT_TRUE(same);
  EXPECT_EQ(same->text("sys_mod_count"), "0");
  EXPECT_EQ(same->text("sys_updated_by"), "system");
  const auto changed = instance.update(
      Record("interaction").set("sys_id", row.sys_id()).set("state", "on_hold"), bob);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->text("sys_mod_count"), "1");
  EXPECT_EQ(changed->text("sys_updated_by"), "bob");
  EXPECT_GT(changed->text("sys_updated_on"), row.text("sys_updated_on"));
  EXPECT_EQ(changed->text("sys_created_on"), row.text("sys_created_on"));
}

TEST_F(GlideRecordTest, AnUnchangedUpdateFiresNothing) {
  int fired = 0;
  instance.on_change("interaction", [&](const Change&) { ++fired; });
  const std::string update = "var g = new GlideRecord('interaction'); g.get('" +
                             add("interaction", {{"state", "new"}}).sys_id() + "'); ";
  fired = 0;
  EXPECT_EQ(text(update + "g.setValue('state', 'new'); g.update() === g.getUniqueValue()"), "true");
  EXPECT_EQ(fired, 0);
  (void)js(update + "g.setValue('state', 'wrap_up'); g.update()");
  EXPECT_EQ(fired, 1);
}

TEST_F(GlideRecordTest, UpdateWithoutARowInserts) {
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.state = 'on_hold'; var id = g.update();"
                 "var again = new GlideRecord('interaction'); again.get(id) + ' ' + again.state"),
            "true on_hold");
}

TEST_F(GlideRecordTest, GetOfSomethingMissingIsFalse) {
  (void)add("interaction");
  EXPECT_EQ(
      text("var g = new GlideRecord('interaction');"
           "[g.get('0123456789abcdef0123456789abcdef'), g.get(''), g.get(undefined), g.get(null),"
           " g.get('u_bridge_session_id', ''), g.get('IMS0000001')].join(' ')"),
      "false false false false false true");
}

TEST_F(GlideRecordTest, RefusedInsertIsNullWithAMessage) {
  (void)add("sys_properties", {{"name", "taken"}});
  EXPECT_EQ(text("var g = new GlideRecord('sys_properties'); g.initialize(); g.name = 'taken';"
                 "JSON.stringify([g.insert(), g.getLastErrorMessage().indexOf('Unique Key "
                 "violation') === 0])"),
            "[null,true]");
}

TEST_F(GlideRecordTest, InitializeHasNeitherIdNorDefaults) {
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.initialize();"
                 "JSON.stringify([g.getUniqueValue(), g.getValue('state'), g.isNewRecord()])"),
            "[null,null,false]");
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.newRecord();"
                 "JSON.stringify([g.getUniqueValue().length, g.getValue('state'), g.isNewRecord(),"
                 " g.insert() === g.getUniqueValue()])"),
            R"([32,"new",true,true])");
}

TEST_F(GlideRecordTest, NewGuidValueIsKept) {
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.initialize();"
                 "g.setNewGuidValue('0123456789abcdef0123456789abcdef'); g.insert()"),
            "0123456789abcdef0123456789abcdef");
}

TEST_F(GlideRecordTest, AChosenSysIdThatIsTakenIsRefusedAndLogged) {
  const std::string insert =
      "var g = new GlideRecord('interaction'); g.initialize();"
      "g.setNewGuidValue('0123456789abcdef0123456789abcdef'); g.insert();";
  EXPECT_EQ(text(insert), "0123456789abcdef0123456789abcdef");
  EXPECT_EQ(text(insert), "null");
  EXPECT_EQ(instance.count("interaction", Query()), 1U);
  EXPECT_TRUE(instance.system_log().contains("Unique Key violation"));
}

TEST_F(GlideRecordTest, AUniqueColumnTakesAValueOnceAndNothingAsOftenAsOneLikes) {
  Column key;
  key.name = "u_key";
  key.unique = true;
  instance.add_column("interaction", key);
  EXPECT_EQ(text("function add(key) { var g = new GlideRecord('interaction'); g.initialize();"
                 "  g.setValue('u_key', key); return g.insert() === null ? 'no' : 'yes'; }"
                 "[add('a'), add('a'), add('b'), add(''), add('')].join()"),
            "yes,no,yes,yes,yes");
  EXPECT_EQ(
      text("var g = new GlideRecord('interaction'); g.get('u_key', 'b');"
           "g.setValue('u_key', 'a'); g.setValue('state', 'on_hold');"
           "var updated = g.update(); g = new GlideRecord('interaction'); g.get('u_key', 'b');"
           "[updated, g.getValue('state')].join()"),
      ",new")
      << "an update that is refused writes nothing";
}

TEST_F(GlideRecordTest, ElementsPointToTheCurrentRow) {
  (void)add("interaction", {{"short_description", "a"}});
  (void)add("interaction", {{"short_description", "b"}});
  EXPECT_EQ(text("var seen = [], g = new GlideRecord('interaction'); "
                 "g.orderBy('short_description'); g.query();"
                 "while (g.next()) seen.push(g.short_description); seen.join()"),
            "b,b");
}

TEST_F(GlideRecordTest, ElementsAreNotStrings) {
  (void)add("interaction", {{"state", "new"}});
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.query(); g.next();"
                 "[g.state === 'new', g.state == 'new', String(g.state) === 'new', "
                 "g.state.nil()].join(' ')"),
            "false true true false");
}

TEST_F(GlideRecordTest, DotWalkingReadsTheReferencedRow) {
  const Record conversation = add("sys_cs_conversation", {{"state", "chatInProgress"}});
  (void)add("sys_cs_message", {{"conversation", conversation.sys_id()}});
  (void)add("interaction", {{"opened_for", ids["alice"]}});
  EXPECT_EQ(text("var g = new GlideRecord('sys_cs_message'); g.query(); g.next();"
                 "String(g.conversation.state) + ' ' + g.getElement('conversation.state') + ' ' + "
                 "g.conversation.nothing"),
            "chatInProgress chatInProgress undefined");
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.query(); g.next();"
                 "g.opened_for.getDisplayValue() + ' ' + "
                 "g.opened_for.getRefRecord().getValue('user_name')"),
            "alice alice");
}

TEST_F(GlideRecordTest, MissingTableIsInvalidButNoError) {
  EXPECT_EQ(text("var g = new GlideRecord('sys_user_consumer'); g.addQuery('x', 1); g.query();"
                 "[g.isValid(), g.next(), g.insert()].join(' ')"),
            "false false ");
}

TEST_F(GlideRecordTest, DeleteRecordRemovesTheRow) {
  (void)add("interaction");
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.query(); g.next();"
                 "g.deleteRecord() + ' ' + g.deleteRecord()"),
            "true false");
  EXPECT_EQ(instance.count("interaction", Query()), 0U);
}

TEST_F(GlideRecordTest, MultipleUpdateAndDeleteTouchOnlyWhatMatches) {
  for (const char* state : {"new", "new", "on_hold"}) (void)add("interaction", {{"state", state}});
  (void)js(
      "var g = new GlideRecord('interaction'); g.addQuery('state', 'new'); "
      "g.setValue('state_reason', 'x');"
      "g.updateMultiple();");
  EXPECT_EQ(instance.find("interaction", "state_reason=x").size(), 2U);
  (void)js(
      "var g = new GlideRecord('interaction'); g.addQuery('state', 'new'); g.deleteMultiple();");
  EXPECT_EQ(instance.count("interaction", Query()), 1U);
}

TEST_F(GlideRecordTest, SystemFieldsStayWhenToldSo) {
  const Record row = add("interaction");
  (void)js("var g = new GlideRecord('interaction'); g.get('" + row.sys_id() +
           "'); g.autoSysFields(false); g.state = 'on_hold'; g.update();");
  EXPECT_EQ(instance.get("interaction", row.sys_id())->text("sys_mod_count"), "0");
  EXPECT_EQ(instance.get("interaction", row.sys_id())->text("sys_updated_by"), "system");
}

TEST_F(GlideRecordTest, MessageSequenceRisesWithinEachConversation) {
  const std::string one = add("sys_cs_conversation").sys_id(),
                    two = add("sys_cs_conversation").sys_id();
  const auto sequence = [&](const std::string& conversation) {
    return add("sys_cs_message", {{"conversation", conversation}}).number("sequence");
  };
  EXPECT_EQ(sequence(one), 1);
  EXPECT_EQ(sequence(one), 2);
  EXPECT_EQ(sequence(two), 1);
  EXPECT_EQ(sequence(one), 3);
}

TEST_F(GlideRecordTest, CreationTimeHasSecondResolutionOnly) {
  const Record first = add("sys_cs_message"), second = add("sys_cs_message");
  EXPECT_EQ(first.text("sys_created_on").size(), std::string("2026-04-01 12:00:00").size());
  EXPECT_TRUE(parse_glide_time(second.text("sys_created_on")));
}

TEST_F(GlideRecordTest, EmojiSurviveTheRoundTrip) {
  EXPECT_EQ(
      text("var g = new GlideRecord('sys_cs_message'); g.initialize(); g.setValue('payload', "
           "'\xF0\x9F\x98\x80!');"
           "var id = g.insert(); g.get(id); g.getValue('payload').length + g.getValue('payload')"),
      "3\xF0\x9F\x98\x80!");
  EXPECT_EQ(text("'\xF0\x9F\x98\x80'.substring(0, 1)").size(), 3U)
      << "half a pair becomes a replacement character";
}

}  // namespace
}  // namespace bridge::sandbox
