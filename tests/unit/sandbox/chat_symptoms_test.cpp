// SPDX-License-Identifier: MIT
// What goes wrong when a chat is put together by hand and a step is forgotten: the table of
// reference/servicenow.md 4.2, and 9.29 to 9.31. `assemble` takes every step; each test leaves
// one out and meets the symptom that an instance shows.
#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kAssemble = R"js(
function assemble(skip) {
  var conversation;
  if (skip === 'conversation') {
    var raw = new GlideRecord('sys_cs_conversation');
    raw.initialize();
    raw.setValue('state', 'chatInProgress');
    conversation = String(raw.insert());
    var made = new GlideRecord('interaction');
    made.initialize();
    made.setValue('channel_metadata_document', conversation);
    made.insert();
  } else {
    conversation = String(sn_cs.VASystemObject.createConversation(gs.getUserID()));
  }
  var row = new GlideRecord('sys_cs_conversation');
  row.get(conversation);
  var interaction = new GlideRecord('interaction');
  interaction.get('channel_metadata_document', conversation);
  if (skip !== 'assigned_to') {
    interaction.setValue('assigned_to', '');
    interaction.update();
  }
  if (skip !== 'session') {
    var session = new GlideRecord('sys_cs_session');
    session.initialize();
    session.setValue('consumer', row.getValue('consumer'));
    session.setValue('device_id', row.getValue('current_device'));
    session.setValue('interaction', skip === 'enum' ? interaction.getUniqueValue() : 'QnA');
    var sessionId = session.insert();
    if (skip !== 'binding') {
      var binding = new GlideRecord('sys_cs_session_binding');
      binding.initialize();
      binding.setValue('session', sessionId);
      binding.setValue('topic', conversation);
      if (skip !== 'system_topic') binding.setValue('system_topic', conversation);
      binding.setValue('channel_type', 'AMB');
      binding.insert();
    }
  }
  var item = new GlideRecord('awa_work_item');
  item.initialize();
  item.setValue('document_table', 'interaction');
  item.setValue('document_id', interaction.getUniqueValue());
  item.setValue('queue', '5a000000000000000000000000000011');
  if (skip === 'update') item.setValue('state', 'queued');
  item.insert();
  if (skip !== 'update') {
    item.setValue('state', 'queued');
    item.update();
  }
  return conversation;
}
function send(conversation) {
  try {
    sn_cs.AgentChatScriptObject.send(conversation, 'hello', null, false);
    return 'sent';
  } catch (e) {
    return String(e);
  }
}
)js";

class ChatSymptomsTest : public ServiceNowTest {
 protected:
  ChatSymptomsTest() {
    scripts.resource("noop", "return {};");
    start(scripts);
  }
  std::string run(const std::string& source) { return js(kAssemble + source); }
  std::string send_without(const std::string& step) {
    return run("send(assemble('" + step + "'));");
  }
  std::string work_item_state_without(const std::string& step) {
    (void)run("assemble('" + step + "');");
    sn->tick();
    return text(interaction("IMS0000001"), "work_item_state");
  }
  ScriptDir scripts;
};

TEST_F(ChatSymptomsTest, NothingForgottenMeansSentAndOffered) {
  EXPECT_EQ(send_without("nothing"), "sent");
  sn->tick();
  EXPECT_EQ(text(interaction("IMS0000001"), "work_item_state"), "pending_accept");
  EXPECT_EQ(text(interaction("IMS0000001"), "offered_to"), "alex.rep");
}

TEST_F(ChatSymptomsTest, ARawConversationEndsInABrandingKeyNullPointer) {
  const std::string failure = send_without("conversation");
  EXPECT_THAT(failure, HasSubstr("JavaException: java.lang.NullPointerException"));
  EXPECT_THAT(failure, HasSubstr("ConversationContext.getBrandingKey()"));
}

TEST_F(ChatSymptomsTest, WithoutASessionThereIsNoLiveSession) {
  EXPECT_THAT(send_without("session"), HasSubstr("Can't find a live session"));
}

TEST_F(ChatSymptomsTest, ASysIdInSessionInteractionIsNoInteractionType) {
  EXPECT_THAT(send_without("enum"), ::testing::ContainsRegex("InteractionType\\.[0-9a-f]{32}"));
}

TEST_F(ChatSymptomsTest, WithoutABindingMessageBatchingIsANullPointer) {
  EXPECT_THAT(send_without("binding"), HasSubstr("isMessageBatching()"));
  EXPECT_THAT(send_without("system_topic"), HasSubstr("isMessageBatching()"))
      << "both topic columns are needed";
}

TEST_F(ChatSymptomsTest, AssignedToLeftMeansNeverRouted) {
  EXPECT_EQ(work_item_state_without("assigned_to"), "queued");
  EXPECT_THAT(text(interaction("IMS0000001"), "waiting_because"), HasSubstr("assigned_to"));
}

TEST_F(ChatSymptomsTest, QueuedOnInsertMeansNeverOffered) {
  EXPECT_EQ(work_item_state_without("update"), "queued");
  EXPECT_THAT(text(interaction("IMS0000001"), "waiting_because"), HasSubstr("inserted"));
}

TEST_F(ChatSymptomsTest, ARawMessageRowIsStoredButThePaneStaysEmpty) {
  (void)run(R"js(
    var conversation = assemble('nothing');
    var row = new GlideRecord('sys_cs_message');
    row.initialize();
    row.setValue('conversation', conversation);
    row.setValue('payload', 'unseen');
    row.insert();)js");
  EXPECT_EQ(sn->instance().find("sys_cs_message", "payload=unseen").size(), 1U);
  EXPECT_THAT(pane("IMS0000001"), IsEmpty());
}

TEST_F(ChatSymptomsTest, ARuleFiresOnWhatSendWrites) {
  BusinessRule rule;
  rule.name = "note";
  rule.table = "sys_cs_message";
  rule.on_insert = true;
  rule.filter = "direction=outbound^is_agent=true^EQ";
  rule.script = "gs.info('relayed ' + current.getValue('payload'));";
  ASSERT_TRUE(sn->instance().add_rule(rule));
  EXPECT_EQ(send_without("nothing"), "sent");
  settle();
  EXPECT_TRUE(sn->instance().system_log().contains("relayed hello"));
}

TEST_F(ChatSymptomsTest, SendAfterTheEndSaysThatTheChatHasEnded) {
  EXPECT_THAT(run(R"js(
    var conversation = assemble('nothing');
    sn_cs.VASystemObject.endConversation(conversation);
    send(conversation);)js"),
              HasSubstr("GraphQLException: Chat has ended"));
}

TEST_F(ChatSymptomsTest, SendWritesAnOutboundAgentRowOfTheCurrentUser) {
  EXPECT_EQ(run(R"js(
    var conversation = assemble('nothing');
    send(conversation);
    sn_cs.AgentChatScriptObject.send(conversation, 'between us', null, true);
    var rows = [];
    var row = new GlideRecord('sys_cs_message');
    row.addQuery('conversation', conversation);
    row.orderBy('sequence');
    row.query();
    while (row.next()) {
      rows.push([row.getValue('sequence'), row.getValue('direction'), row.getValue('is_agent'),
                 row.getValue('sender') === String(gs.getUserID()), row.getValue('payload'),
                 row.getValue('q_data_message_type'), row.getValue('visibility_type')].join(','));
    }
    rows.join(' | ');)js"),
            "1,outbound,1,true,hello,consumerTextMessage, | "
            "2,outbound,1,true,between us,consumerTextMessage,internal");
}

TEST_F(ChatSymptomsTest, WhatSendReturnsIsAnArrayOfASwitchedShape) {
  const std::string probe = R"js(
    var r = sn_cs.AgentChatScriptObject.send(assemble('nothing'), 'hello', null, false);
    Array.isArray(r) + ' ' + r.length + ' ' + (r.length ? typeof r[0] : '');)js";
  EXPECT_EQ(run(probe), "true 1 object");
  (void)desk("/switches", R"({"send_result":"ids"})");
  EXPECT_EQ(run(probe), "true 1 string");
  (void)desk("/switches", R"({"send_result":"empty"})");
  EXPECT_EQ(run(probe), "true 0 ");
}

TEST_F(ChatSymptomsTest, CreateConversationMakesAnInteractionForTheSessionUser) {
  const std::string probe = R"js(
    var id = sn_cs.VASystemObject.createConversation('5a000000000000000000000000000002');
    var c = new GlideRecord('sys_cs_conversation');
    c.get(id);
    var i = new GlideRecord('interaction');
    i.get('channel_metadata_document', id);
    [c.getValue('context') !== null, c.getValue('current_device') !== null,
     c.getValue('consumer_account') !== null, i.getValue('state'),
     i.getValue('assigned_to') === gs.getProperty('com.glide.cs.va.sys_user'),
     /^IMS\d{7}$/.test(i.getValue('number')), i.opened_for.getDisplayValue()].join(' ');)js";
  EXPECT_EQ(run(probe), "true true true new true true Intranet Bridge");
  (void)desk("/switches", R"({"consumer":"argument"})");
  EXPECT_EQ(run(probe), "true true true new true true Guest");
}

TEST_F(ChatSymptomsTest, ConversationsOfOneConsumerAreSeparateUnlessSwitched) {
  const std::string probe =
      "assemble('nothing') === String(sn_cs.VASystemObject.createConversation('x'));";
  EXPECT_EQ(run(probe), "false");
  (void)desk("/switches", R"({"reuse_conversation":"on"})");
  EXPECT_EQ(run(probe), "true");
}

TEST_F(ChatSymptomsTest, FetchMessagesPagesBySequence) {
  EXPECT_EQ(run(R"js(
    var conversation = assemble('nothing');
    for (var n = 1; n <= 5; n += 1) {
      sn_cs.AgentChatScriptObject.send(conversation, 'm' + n, null, false);
    }
    function texts(rows) { return rows.map(function (r) { return r.payload; }).join(','); }
    var last = sn_cs.AgentChatScriptObject.fetchMessages(conversation, null, true, 2);
    var before = sn_cs.AgentChatScriptObject.fetchMessages(conversation, last[0].sys_id, true, 2);
    var after = sn_cs.AgentChatScriptObject.fetchMessages(conversation, before[0].sys_id, false, 2);
    [texts(last), texts(before), texts(after)].join(' ');)js"),
            "m4,m5 m2,m3 m3,m4");
}

TEST_F(ChatSymptomsTest, EndingBeforeAnybodyAcceptedIsAbandoned) {
  (void)run("sn_cs.VASystemObject.endConversation(assemble('nothing'));");
  const auto row = interaction("IMS0000001");
  EXPECT_EQ(text(row, "state"), "closed_abandoned");
  EXPECT_EQ(text(row, "state_reason"), "Left Before Engagement");
  EXPECT_EQ(text(row, "work_item_state"), "canceled");
  EXPECT_FALSE(text(row, "closed_at").empty());
}

}  // namespace
}  // namespace bridge::sandbox
