// SPDX-License-Identifier: MIT
// Stands for an installation from before "api": 2, for tests of such installations. Behaves on the
// wire as those did: a new chat for every call, the opening message as a raw inbound row, errors as
// {error: text}, trouble in a step reported beside the result. Not to be installed anywhere.
(function process(request, response) {
  var VENDOR = 'c2f0b8f187033200246ddd4c97cb0bb9';
  var VIRTUAL_AGENT = 'cda46ca8f54c03100a22c0b3dfa1514c';
  var REQUIRED = ['user_sys_id', 'bridge_session_id', 'channel_sys_id', 'queue_sys_id'];
  var asked = (request.body && request.body.data) || {};

  function fail(status, text) {
    response.setStatus(status);
    response.setBody({ error: text });
  }

  function fill(record, values) {
    for (var column in values) {
      if (Object.prototype.hasOwnProperty.call(values, column)) {
        record.setValue(column, values[column]);
      }
    }
  }

  function add(table, values) {
    var record = new GlideRecord(table);
    record.initialize();
    fill(record, values);
    try {
      var id = record.insert();
      return id ? { id: id, error: '' } : { id: '', error: 'no sys_id' };
    } catch (thrown) {
      return { id: '', error: String(thrown) };
    }
  }

  function missingField() {
    for (var i = 0; i < REQUIRED.length; i += 1) {
      if (!asked[REQUIRED[i]]) {
        return REQUIRED[i];
      }
    }
    return '';
  }

  function startSession(result, conversation, conversationId) {
    var session = add('sys_cs_session', {
      consumer: conversation.getValue('consumer'),
      consumer_account: conversation.getValue('consumer_account'),
      vendor: VENDOR,
      device_id: conversation.getValue('current_device'),
      device_type: 'mweb',
      direction: 'inbound',
      interaction: 'QnA',
      start_time: new GlideDateTime()
    });
    result.session_sys_id = session.id;
    result.session_error = session.error;
    if (session.id === '') {
      return;
    }
    var binding = add('sys_cs_session_binding', {
      session: session.id,
      system_topic: conversationId,
      topic: conversationId,
      channel_type: 'AMB',
      channel_id: '/cs/messages/' + session.id,
      client_connected: true,
      online: true,
      guest: false,
      last_client_activity_time: new GlideDateTime()
    });
    result.session_binding_sys_id = binding.id;
    result.session_binding_error = binding.error;
  }

  function firstMessage(result, conversation, conversationId) {
    if (!asked.first_message || result.session_sys_id === '') {
      return;
    }
    result.first_message_sys_id = add('sys_cs_message', {
      conversation: conversationId,
      session: result.session_sys_id,
      consumer: conversation.getValue('consumer'),
      consumer_account: conversation.getValue('consumer_account'),
      vendor: VENDOR,
      direction: 'inbound',
      message_type: 'text',
      q_data_message_type: 'consumerTextMessage',
      payload: asked.first_message,
      message_size: String(asked.first_message).length,
      sender: asked.user_sys_id,
      recipient: VIRTUAL_AGENT,
      status: 'received',
      send_time: new GlideDateTime(),
      receive_time: new GlideDateTime()
    }).id;
  }

  function claimInteraction(result, conversationId, subject) {
    var interaction = new GlideRecord('interaction');
    interaction.addQuery('channel_metadata_document', conversationId);
    interaction.setLimit(1);
    interaction.query();
    if (!interaction.next()) {
      return;
    }
    fill(interaction, {
      assigned_to: '',
      opened_for: asked.user_sys_id,
      opened_by: asked.user_sys_id,
      short_description: subject,
      u_bridge_session_id: asked.bridge_session_id,
      direction: 'inbound',
      type: 'chat',
      subtype: 'mweb',
      state: 'new'
    });
    interaction.update();
    result.interaction_sys_id = interaction.getUniqueValue();
    interaction.get(result.interaction_sys_id);
    result.interaction_number = interaction.getValue('number') || '';
  }

  function route(result) {
    if (result.interaction_sys_id === '') {
      return;
    }
    var item = add('awa_work_item', {
      document_table: 'interaction',
      document_id: result.interaction_sys_id,
      queue: asked.queue_sys_id,
      active: true
    });
    var queued = new GlideRecord('awa_work_item');
    if (item.id !== '' && queued.get(item.id)) {
      queued.setValue('state', 'queued');
      queued.update();
    }
    result.work_item_sys_id = item.id;
    result.work_item_error = item.error;
  }

  var missing = missingField();
  if (missing !== '') {
    fail(400, missing + ' is required');
    return;
  }
  if (!new GlideRecord('sys_user').get(asked.user_sys_id)) {
    fail(404, 'sys_user not found: ' + asked.user_sys_id);
    return;
  }
  var conversationId = '';
  try {
    conversationId = sn_cs.VASystemObject.createConversation(asked.user_sys_id);
  } catch (thrown) {
    fail(500, 'sn_cs.VASystemObject.createConversation threw: ' + thrown);
    return;
  }
  var conversation = new GlideRecord('sys_cs_conversation');
  if (!conversationId || !conversation.get(conversationId)) {
    fail(500, 'no conversation');
    return;
  }
  var subject = String(asked.short_description || 'Intranet bridge handoff');
  fill(conversation, {
    state: 'chatInProgress',
    live_agent_transfer_time: new GlideDateTime(),
    title: 'Intranet bridge: ' + subject.substring(0, 80)
  });
  conversation.update();
  var result = {
    conversation_sys_id: conversationId,
    interaction_sys_id: '',
    interaction_number: '',
    consumer_sys_id: conversation.getValue('consumer'),
    consumer_account_sys_id: conversation.getValue('consumer_account'),
    session_sys_id: '',
    session_error: '',
    session_binding_sys_id: '',
    session_binding_error: '',
    device_cuid: conversation.getValue('current_device'),
    first_message_sys_id: '',
    work_item_sys_id: '',
    work_item_error: '',
    queue_sys_id: asked.queue_sys_id,
    channel_sys_id: asked.channel_sys_id
  };
  startSession(result, conversation, conversationId);
  firstMessage(result, conversation, conversationId);
  claimInteraction(result, conversationId, subject);
  route(result);
  response.setStatus(200);
  response.setBody(result);
})(request, response);
