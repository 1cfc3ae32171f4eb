// SPDX-License-Identifier: MIT
// Stands for an installation from before "api": 2, for tests of such installations. Behaves on the
// wire as those did: every call sends, the row is not marked as ours, its id is told only if send()
// returns it in a known shape, errors are {error: text}. Not to be installed anywhere.
(function process(request, response) {
  var asked = (request.body && request.body.data) || {};

  function fail(status, text) {
    response.setStatus(status);
    response.setBody({ error: text });
  }

  function newest(table, column, wanted) {
    var record = new GlideRecord(table);
    record.addQuery(column, wanted);
    record.orderByDesc('sys_created_on');
    record.setLimit(1);
    record.query();
    return record.next() ? record : null;
  }

  function messageId(returned) {
    var first = returned && returned.length ? returned[0] : returned;
    if (first && first.sys_id) {
      return String(first.sys_id);
    }
    return first && first.message && first.message.sys_id ? String(first.message.sys_id) : null;
  }

  var required = ['conversation_sys_id', 'user_sys_id', 'text'];
  for (var i = 0; i < required.length; i += 1) {
    if (!asked[required[i]]) {
      fail(400, required[i] + ' is required');
      return;
    }
  }
  var conversation = new GlideRecord('sys_cs_conversation');
  if (!conversation.get(asked.conversation_sys_id)) {
    fail(404, 'sys_cs_conversation not found: ' + asked.conversation_sys_id);
    return;
  }
  var session = newest('sys_cs_session', 'device_id', conversation.getValue('current_device'));
  var interaction = newest('interaction', 'channel_metadata_document', asked.conversation_sys_id);

  var own = String(gs.getUserID());
  var identity = new GlideImpersonate();
  identity.impersonate(asked.user_sys_id);
  var impersonated = String(gs.getUserID()) === String(asked.user_sys_id);
  var returned = null;
  var trouble = '';
  try {
    returned = sn_cs.AgentChatScriptObject.send(
      asked.conversation_sys_id, String(asked.text), null, false);
  } catch (thrown) {
    trouble = String(thrown);
  }
  identity.impersonate(own);
  if (trouble !== '') {
    fail(500, 'AgentChatScriptObject.send threw: ' + trouble);
    return;
  }

  var binding = session
    ? newest('sys_cs_session_binding', 'session', session.getUniqueValue())
    : null;
  if (binding) {
    binding.setValue('last_client_activity_time', new GlideDateTime());
    binding.setValue('client_connected', true);
    binding.setValue('online', true);
    binding.setValue('sent_reminder', false);
    binding.update();
  }
  response.setStatus(200);
  response.setBody({
    message_sys_id: messageId(returned),
    session_sys_id: session ? session.getUniqueValue() : null,
    interaction_sys_id: interaction ? interaction.getUniqueValue() : null,
    impersonated: impersonated,
    send_result: returned ? JSON.stringify(returned).substring(0, 500) : null
  });
})(request, response);
