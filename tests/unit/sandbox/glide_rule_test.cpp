// SPDX-License-Identifier: MIT
#include "unit/sandbox/glide_fixture.hpp"

namespace bridge::sandbox {
namespace {

using When = BusinessRule::When;

/// Rules here write what they saw into the system log with gs.info.
class BusinessRules : public GlideTest {
 protected:
  explicit BusinessRules(InstanceOptions options = {}) : GlideTest(options) {}

  std::string told() {
    std::string all;
    for (const LogEntry& entry : instance.system_log().entries())
      if (entry.level == "info") all += (all.empty() ? "" : "|") + entry.message;
    return all;
  }

  Result<Record> set_state(const Record& row, const char* state) {
    Session system = instance.system_session();
    return instance.update(Record(row.table()).set("sys_id", row.sys_id()).set("state", state),
                           system);
  }
};

TEST_F(BusinessRules, RunInOrderBeforeAndAfterTheWrite) {
  const auto with_order = [&](When when, int order, const char* script) {
    BusinessRule made = rule("interaction", when, script);
    made.order = order;
    install(made);
  };
  with_order(When::after, 50,
             "gs.info('after ' + new GlideRecord('interaction').get(current.getUniqueValue()))");
  with_order(When::before, 200, "gs.info('second')");
  with_order(When::before, 100,
             "gs.info('first ' + new GlideRecord('interaction').get(String(current.sys_id)))");
  (void)add("interaction");
  EXPECT_EQ(told(), "first false|second|after true");
}

TEST_F(BusinessRules, BeforeRuleChangesWhatIsWritten) {
  install(rule("interaction", When::before,
               "current.short_description = 'set by rule'; current.setValue('nope', 1);"));
  EXPECT_EQ(add("interaction").text("short_description"), "set by rule");
}

TEST_F(BusinessRules, AbortInABeforeRuleMakesInsertNull) {
  BusinessRule made = rule("interaction", When::before, "current.setAbortAction(true);");
  made.name = "Guard";
  install(made);
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.initialize();"
                 "JSON.stringify([g.insert(), g.getLastErrorMessage().indexOf(\"aborted by "
                 "Business Rule 'Guard^\") > 0])"),
            "[null,true]");
  EXPECT_EQ(instance.count("interaction", Query()), 0U);
}

TEST_F(BusinessRules, SetWorkflowFalseSuppressesThem) {
  install(rule("interaction", When::before, "gs.info('before')"));
  install(rule("interaction", When::async, "gs.info('async')"));
  bool workflow = true;
  instance.on_change("interaction", [&](const Change& change) { workflow = change.workflow; });
  (void)js(
      "var g = new GlideRecord('interaction'); g.initialize(); g.setWorkflow(false); g.insert();");
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(told(), "");
  EXPECT_FALSE(workflow);
}

TEST_F(BusinessRules, SynchronousExceptionIsLoggedAndDoesNotStopTheWrite) {
  install(rule("interaction", When::before, "throw new Error('rule broke')"));
  EXPECT_EQ(add("interaction").sys_id().size(), 32U);
  EXPECT_TRUE(instance.system_log().contains("rule broke"));
}

TEST_F(BusinessRules, ConditionAndFilterMustBothHold) {
  BusinessRule made = rule("interaction", When::after, "gs.info(current.state)");
  made.filter = "stateINon_hold,wrap_up^EQ";
  made.condition = "current.state.changesTo('wrap_up')";
  install(made);
  const Record row = add("interaction");
  (void)set_state(row, "on_hold");
  (void)set_state(row, "wrap_up");
  EXPECT_EQ(told(), "wrap_up");
}

TEST_F(BusinessRules, SynchronousRuleKnowsPreviousValues) {
  install(rule("interaction", When::after,
               "gs.info(current.operation() + ' ' + previous.state + '>' + current.state + ' ' + "
               "current.state.changes())"));
  (void)set_state(add("interaction"), "closed_complete");
  EXPECT_EQ(told(), "insert >new true|update new>closed_complete true");
}

TEST_F(BusinessRules, RuleThatUpdatesItsOwnRowDoesNotLoop) {
  install(
      rule("interaction", When::after,
           "gs.info('run'); current.state_reason = current.state_reason + 'x'; current.update();"));
  (void)add("interaction");
  EXPECT_EQ(told(), "run");
  EXPECT_TRUE(instance.system_log().contains("recursive call skipped"));
}

TEST_F(BusinessRules, AsyncChainsAreCutOff) {
  install(
      rule("interaction", When::async,
           "var g = new GlideRecord('interaction'); g.initialize(); g.insert(); gs.info('again')"));
  (void)add("interaction");
  ASSERT_TRUE(jobs_done());
  EXPECT_TRUE(instance.system_log().contains("recursion of async rules cut off"));
  EXPECT_EQ(instance.count("interaction", Query()), 21U);
}

TEST_F(BusinessRules, RuleOnABaseTableFiresForItsExtensions) {
  install(rule("task", When::after, "gs.info(current.getTableName())"));
  (void)add("incident");
  EXPECT_EQ(told(), "incident");
}

TEST_F(BusinessRules, WritesFromNativeCodeFireRulesToo) {
  instance.register_native(
      "sn_cs.AgentChatScriptObject.send", [](ScriptContext& context, const json::array& arguments) {
        const auto row = context.instance.insert(Record("sys_cs_message")
                                                     .set("payload", text_argument(arguments, 1))
                                                     .set("direction", "outbound"),
                                                 context.session);
        return json::value(json::array{row->sys_id()});
      });
  BusinessRule made = rule("sys_cs_message", When::async, "gs.info(current.payload)");
  made.filter = "direction=outbound";
  install(made);
  EXPECT_EQ(text("sn_cs.AgentChatScriptObject.send('c', 'relayed', null, false).length"), "1");
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(told(), "relayed");
}

class SlowAsyncRules : public BusinessRules {
 protected:
  static InstanceOptions slow() {
    InstanceOptions options;
    options.async_delay_min = options.async_delay_max = std::chrono::milliseconds(80);
    return options;
  }
  SlowAsyncRules() : BusinessRules(slow()) {}
};

TEST_F(SlowAsyncRules, FilterIsJudgedWhenTheRowIsWritten) {
  BusinessRule made = rule("interaction", When::async, "gs.info('ran with ' + current.state)");
  made.filter = "stateCHANGESTOwrap_up";
  install(made);
  const Record row = add("interaction");
  (void)set_state(row, "wrap_up");
  (void)set_state(row, "closed_complete");
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(told(), "ran with closed_complete") << "current is read again, the filter is not";
}

TEST_F(SlowAsyncRules, DeletedRowIsSkipped) {
  install(rule("interaction", When::async, "gs.info('ran')"));
  const Record row = add("interaction");
  Session system = instance.system_session();
  ASSERT_TRUE(instance.remove("interaction", row.sys_id(), system));
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(told(), "");
}

TEST_F(SlowAsyncRules, PreviousIsNullAndChangesAreUnknown) {
  install(rule("interaction", When::async, "gs.info(previous + ' ' + current.state.changes())"));
  (void)add("interaction");
  EXPECT_EQ(instance.pending_jobs(), 1U);
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(told(), "null false");
}

TEST_F(SlowAsyncRules, RunsAsTheOriginator) {
  install(rule("interaction", When::async, "gs.info(gs.getUserName())"));
  (void)js("var i = new GlideImpersonate(); i.impersonate('" + ids["alice"] +
           "');"
           "var g = new GlideRecord('interaction'); g.initialize(); g.insert(); i.impersonate('" +
           ids["admin"] + "');");
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(told(), "alice");
}

TEST_F(SlowAsyncRules, ExceptionIsOnlyLogged) {
  BusinessRule made = rule("interaction", When::async, "var x = null; x.y();");
  made.name = "Relay";
  install(made);
  (void)add("interaction");
  ASSERT_TRUE(jobs_done());
  EXPECT_TRUE(instance.system_log().contains("Business rule 'Relay': TypeError"));
}

class ReorderedRules : public BusinessRules {
 protected:
  static InstanceOptions options() {
    InstanceOptions made;
    made.async_delay_max = std::chrono::milliseconds(120);
    made.async_reorder = true;
    made.workers = 1;
    return made;
  }
  ReorderedRules() : BusinessRules(options()) {}
};

TEST_F(ReorderedRules, RowsMayBeRelayedOutOfOrder) {
  install(rule("interaction", When::async, "gs.info(current.short_description)"));
  for (const char* name : {"1", "2", "3", "4", "5", "6", "7", "8"})
    (void)add("interaction", {{"short_description", name}});
  ASSERT_TRUE(jobs_done());
  EXPECT_NE(told(), "1|2|3|4|5|6|7|8");
  EXPECT_EQ(told().size(), std::string("1|2|3|4|5|6|7|8").size());
}

class OrderedRules : public BusinessRules {
 protected:
  static InstanceOptions options() {
    InstanceOptions made;
    made.async_delay_max = std::chrono::milliseconds(60);
    made.workers = 1;
    return made;
  }
  OrderedRules() : BusinessRules(options()) {}
};

TEST_F(OrderedRules, RandomDelaysKeepTheOrderByDefault) {
  install(rule("interaction", When::async, "gs.info(current.short_description)"));
  for (const char* name : {"1", "2", "3", "4", "5", "6"})
    (void)add("interaction", {{"short_description", name}});
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(told(), "1|2|3|4|5|6");
}

TEST_F(OrderedRules, ClearDataDropsRowsAndJobs) {
  install(rule("interaction", When::async, "gs.info('ran')"));
  (void)add("interaction");
  instance.clear_data();
  EXPECT_EQ(instance.pending_jobs(), 0U);
  EXPECT_EQ(instance.count("interaction", Query()), 0U);
  EXPECT_EQ(add("interaction").text("number"), "IMS0000001");
}

}  // namespace
}  // namespace bridge::sandbox
