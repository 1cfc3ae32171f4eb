// SPDX-License-Identifier: MIT
#include "unit/sandbox/glide_fixture.hpp"

namespace bridge::sandbox {
namespace {

class GlideQuery : public GlideTest {
 protected:
  GlideQuery() {
    conversation = add("sys_cs_conversation", {{"state", "chatInProgress"}}).sys_id();
    row("one", "new", "3", "1");
    row("two", "Queued", "20", "0");
    row("three", "closed_complete", "", "1");
    Session system = instance.system_session();
    for (Record& message : instance.find("interaction", Query()))
      if (message.text("short_description") == "two")
        (void)instance.update(message.set("channel_metadata_document", conversation), system);
    (void)add("sys_cs_message", {{"conversation", conversation}, {"payload", "hello"}});
    (void)add("sys_cs_message", {{"payload", "stray"}});
  }

  void row(const char* name, const char* state, const char* wait, const char* agent) {
    (void)add("interaction", {{"short_description", name},
                              {"state", state},
                              {"wait_time", wait},
                              {"agent_chat", agent}});
  }

  /// The names of the rows found, in order.
  std::string found(const std::string& query) {
    std::string names;
    for (const Record& record : instance.find("interaction", query))
      names += (names.empty() ? "" : " ") + record.text("short_description");
    return names;
  }

  std::string conversation;
};

TEST_F(GlideQuery, OrBindsTighterThanAnd) {
  EXPECT_EQ(found("agent_chat=true^state=new^ORstate=queued"), "one");
  EXPECT_EQ(found("state=new^ORstate=queued^agent_chat=false"), "two");
}

TEST_F(GlideQuery, NewQueryStartsOver) {
  EXPECT_EQ(found("state=new^NQstate=closed_complete"), "one three");
}

TEST_F(GlideQuery, ValuesCompareWithoutRegardToCase) {
  EXPECT_EQ(found("state=QUEUED"), "two");
  EXPECT_EQ(found("stateLIKEUEUE"), "two");
  EXPECT_EQ(found("stateINNEW,queued"), "one two");
}

TEST_F(GlideQuery, EveryOperatorSelectsWhatItSays) {
  EXPECT_EQ(found("state!=new"), "two three");
  EXPECT_EQ(found("stateNOT INnew,queued"), "three");
  EXPECT_EQ(found("stateCONTAINSlose"), "three");
  EXPECT_EQ(found("stateDOES NOT CONTAINe"), "");
  EXPECT_EQ(found("stateNOT LIKEqueue"), "one three");
  EXPECT_EQ(found("stateSTARTSWITHclosed"), "three");
  EXPECT_EQ(found("stateENDSWITHw"), "one");
  EXPECT_EQ(found("wait_timeISEMPTY"), "three");
  EXPECT_EQ(found("wait_timeISNOTEMPTY"), "one two");
  EXPECT_EQ(found("wait_time="), "three");
}

TEST_F(GlideQuery, NumbersCompareAsNumbers) {
  EXPECT_EQ(found("wait_time>3"), "two");
  EXPECT_EQ(found("wait_time>=3^wait_time<=20"), "one two");
  EXPECT_EQ(found("wait_time<20"), "one");
}

TEST_F(GlideQuery, WildcardCharactersAreOrdinary) {
  EXPECT_EQ(found("stateLIKE%"), "");
  EXPECT_EQ(found("stateLIKEd_c"), "three");
}

TEST_F(GlideQuery, OrderByIsPartOfTheQuery) {
  EXPECT_EQ(found("wait_timeISNOTEMPTY^ORDERBYDESCwait_time"), "two one");
  EXPECT_EQ(found("ORDERBYshort_description^EQ"), "one three two");
}

TEST_F(GlideQuery, NothingAfterTheEndMarkerCounts) {
  EXPECT_EQ(found("state=new^EQ^ORstate=queued"), "one");
}

TEST_F(GlideQuery, DoubledSeparatorIsALiteralCircumflex) {
  (void)add("interaction", {{"short_description", "a^b"}});
  EXPECT_EQ(found("short_description=a^^b"), "a^b");
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.addEncodedQuery('short_description=' + "
                 "GlideStringUtil.escapeQueryTermSeparator('a^b')); g.query(); g.getRowCount()"),
            "1");
}

TEST_F(GlideQuery, RawUserTextInjectsTerms) {
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.addEncodedQuery('short_description=' + "
                 "'x^ORstate=new');"
                 "g.query(); g.next() && g.getValue('short_description')"),
            "one");
}

TEST_F(GlideQuery, DotWalkReachesOneStep) {
  Query query = parse_encoded_query("conversation.state=chatinprogress");
  const auto rows = instance.find("sys_cs_message", query);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].text("payload"), "hello");
  EXPECT_TRUE(
      instance.find("sys_cs_message", "conversation.nothing=1^conversation.state=gone").empty());
}

TEST_F(GlideQuery, EmptyQueryMatchesEveryRow) { EXPECT_EQ(found(""), "one two three"); }

TEST_F(GlideQuery, UnknownColumnIsDroppedAndTheResultWidens) {
  EXPECT_EQ(found("no_such_column=1"), "one two three");
  EXPECT_EQ(found("state=new^no_such_column=1"), "one");
  EXPECT_EQ(found("gibberish"), "one two three");
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.addQuery('typo', 'x'); g.query(); "
                 "g.getRowCount()"),
            "3");
}

TEST_F(GlideQuery, PropertyMakesInvalidQueriesReturnNothing) {
  instance.set_property("glide.invalid_query.returns_no_rows", "true");
  EXPECT_EQ(found("no_such_column=1"), "");
  EXPECT_EQ(found("state=new"), "one");
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.addQuery('typo', 'x'); g.query(); "
                 "g.getRowCount()"),
            "0");
}

TEST_F(GlideQuery, ScriptConditionsJoinWithEncodedOnes) {
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.addEncodedQuery('agent_chat=true');"
                 "g.addQuery('state', 'new').addOrCondition('state', 'closed_complete');"
                 "g.orderByDesc('short_description'); g.setLimit(1); g.query(); g.next();"
                 "g.getValue('short_description') + ' ' + g.getRowCount()"),
            "three 1");
}

TEST_F(GlideQuery, BaseTableShowsItsExtensions) {
  const Record incident = add("incident", {{"short_description", "broken"}});
  (void)add("task", {{"short_description", "chore"}});
  EXPECT_EQ(instance.count("task", Query()), 2U);
  EXPECT_EQ(instance.count("incident", Query()), 1U);
  EXPECT_EQ(incident.text("number"), "INC0000001");
  EXPECT_FALSE(instance.get("task", incident.sys_id())->has("caller_id"));
}

TEST_F(GlideQuery, AggregateCountsAndGroups) {
  EXPECT_EQ(text("var a = new GlideAggregate('interaction'); a.addQuery('agent_chat', true);"
                 "a.addAggregate('COUNT'); a.query(); a.next(); a.getAggregate('COUNT')"),
            "2");
  EXPECT_EQ(text("var a = new GlideAggregate('interaction'); a.addAggregate('MAX', 'wait_time'); "
                 "a.query();"
                 "a.next(); a.getAggregate('MAX', 'wait_time')"),
            "20");
}

// Rule filters use the same grammar, but see the row's past and mind the case of texts.

class RuleFilter : public GlideTest {
 protected:
  bool holds(const char* filter, const Record& row, const Record* previous = nullptr) {
    const MatchContext context{
        instance.schema(), previous,
        [&](const std::string& table, const std::string& id) { return instance.get(table, id); }};
    return matches(parse_encoded_query(filter), row, context);
  }
};

TEST_F(RuleFilter, SeesChanges) {
  const Record before = Record("interaction").set("state", "new");
  const Record after = Record("interaction").set("state", "wrap_up");
  EXPECT_TRUE(holds("stateCHANGESTOwrap_up^EQ", after, &before));
  EXPECT_TRUE(holds("stateVALCHANGES", after, &before));
  EXPECT_TRUE(holds("stateCHANGES^EQ", after, &before));
  EXPECT_TRUE(holds("stateCHANGESFROMnew", after, &before));
  EXPECT_FALSE(holds("stateCHANGESTOwrap_up", after, &after));
  EXPECT_FALSE(holds("assigned_toCHANGES", after, &before));
}

TEST_F(RuleFilter, MindsTheCaseOfTexts) {
  const Record row = Record("sys_cs_message").set("direction", "outbound").set("is_agent", "1");
  EXPECT_TRUE(holds("direction=outbound^is_agent=true^q_data_message_typeISEMPTY", row));
  EXPECT_FALSE(holds("direction=Outbound", row));
  EXPECT_TRUE(holds("is_agent=false^ORdirectionINinbound,outbound", row));
}

}  // namespace
}  // namespace bridge::sandbox
