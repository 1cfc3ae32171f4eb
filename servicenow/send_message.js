// SPDX-License-Identifier: MIT
/**
 * Says something in an open chat in the name of the person it was opened for, so that it appears in
 * the agent's open pane at once. Scripted REST resource, global scope, ES5. Idempotent by
 * `client_message_id`: a repeat answers with the row made before.
 *
 * A repeat that overlaps the call it repeats is not recognised: no table that every instance has
 * offers a place to claim the id before the message is sent, and both may send. Repeat only after
 * the first call has been answered or was cut off for good; send one message of a chat at a time.
 *
 * @resource POST /send_message
 * @role x_intranet_bridge_caller
 * @requires_authentication true
 * @column interaction.u_bridge_session_id string 64 unique
 * @column sys_cs_message.u_bridge_message_id string 100
 *
 * Needs: the two columns; a chat that open_chat opened; role `impersonator` for the calling
 * account, without which the agent sees that account as the author.
 *
 * Takes: conversation_sys_id, user_sys_id, text; optional client_message_id (at most 100 letters,
 *   digits and . _ : @ = + / ~ -).
 * Returns 200 {api, message_sys_id, message_sys_ids, sequence, session_sys_id, interaction_sys_id,
 *   impersonated, repeated}. message_sys_id is '' and sequence 0 when the message was sent and its
 *   row could not be told from others.
 * Fails with {api, error, message}: 400 invalid_json, invalid_field; 404 conversation_not_found;
 *   409 chat_ended; 500 missing_column, send_failed, internal_error.
 */
(function process(request, response) {
  var API = 2;
  var ID = /^[0-9a-f]{32}$/;
  var CLIENT_ID = /^(?!javascript:)[A-Za-z0-9._:@=+/~-]{0,100}$/i;
  var OVER = ['wrap_up', 'closed_complete', 'closed_abandoned', 'faulted'];
  // Marks a row that was sent without an id, so that the relay rule knows it for ours.
  var UNNAMED = '-';
  // A row that send() wrote but nobody marked is taken for ours for so long.
  var ADOPT_SECONDS = 900;

  var body = {};

  function refuse(status, error, message) {
    return { refusedStatus: status, error: error, message: message };
  }

  // Values may be Java strings, for which === and typeof lie: everything passes through String().
  function value(row, column) {
    var raw = row.getValue(column);
    return raw === null || raw === undefined ? '' : String(raw);
  }

  function idOf(row) {
    return row ? String(row.getUniqueValue()) : '';
  }

  function readBody() {
    var data = null;
    try {
      data = request.body ? request.body.data : null;
    } catch (unreadable) {
      throw refuse(400, 'invalid_json', 'The body could not be read as JSON.');
    }
    if (data === null || typeof data !== 'object' || Array.isArray(data)) {
      throw refuse(400, 'invalid_json', 'The body must be a JSON object.');
    }
    return data;
  }

  function textField(name, longest) {
    var raw = body[name];
    if (raw === null || raw === undefined) {
      return '';
    }
    var text = String(raw);
    if (Array.isArray(raw) || (typeof raw === 'object' && text.indexOf('[object ') === 0)) {
      throw refuse(400, 'invalid_field', name + ' must be a text.');
    }
    if (text.length > longest) {
      throw refuse(400, 'invalid_field', name + ' is longer than ' + longest + ' characters.');
    }
    return text;
  }

  function idField(name) {
    var id = textField(name, 64).toLowerCase();
    if (!ID.test(id)) {
      throw refuse(400, 'invalid_field', name + ' must be a sys_id of 32 hexadecimal digits.');
    }
    return id;
  }

  // An unknown column in a query is dropped and then every row matches; an unknown column in
  // setValue is ignored. Both would be silent, so a missing column stops everything here.
  function requireColumn(table, column) {
    if (!new GlideRecord(table).isValidField(column)) {
      throw refuse(500, 'missing_column', 'There is no column ' + table + '.' + column + '.');
    }
  }

  // Runs work(impersonated) as that user where the platform permits it; where it does not,
  // impersonate() changes nothing and does not throw.
  function asUser(userId, work) {
    var own = String(gs.getUserID());
    var identity = null;
    try {
      identity = new GlideImpersonate();
      if (own !== userId) {
        identity.impersonate(userId);
      }
    } catch (notPermitted) {
      // work() learns it from the user id
    }
    try {
      return work(String(gs.getUserID()) === userId);
    } finally {
      if (identity && String(gs.getUserID()) !== own) {
        identity.impersonate(own);
      }
    }
  }

  // The chat's interaction. Only chats of the bridge can be spoken in: the calling account may
  // impersonate, and this is what it may do with that.
  function interactionOf(conversationId) {
    var row = new GlideRecord('interaction');
    row.addQuery('channel_metadata_document', conversationId);
    row.addNotNullQuery('u_bridge_session_id');
    row.orderByDesc('sys_created_on');
    row.setLimit(1);
    row.query();
    if (!row.next()) {
      throw refuse(404, 'conversation_not_found', 'No chat of the bridge has that conversation.');
    }
    return row;
  }

  function sequenceOf(row) {
    return parseInt(value(row, 'sequence'), 10) || 0;
  }

  function messagesOf(conversationId) {
    var row = new GlideRecord('sys_cs_message');
    row.addQuery('conversation', conversationId);
    row.orderByDesc('sequence');
    row.setLimit(50);
    row.query();
    return row;
  }

  // Rows that carry the mark, oldest first. The database compares without regard to case.
  function markedRows(conversationId, mark) {
    var found = [];
    var row = new GlideRecord('sys_cs_message');
    row.addQuery('conversation', conversationId);
    row.addQuery('u_bridge_message_id', mark);
    row.orderBy('sequence');
    row.query();
    while (row.next()) {
      if (value(row, 'u_bridge_message_id') === mark) {
        found.push({ id: idOf(row), sequence: sequenceOf(row) });
      }
    }
    return found;
  }

  // The oldest row of ours after that sequence which nobody has marked: one that send() wrote just
  // now, or (not justSent) that an interrupted call left behind. What the assigned agent wrote is
  // not ours, even in the same words. A row in other words is ours only if the platform changed
  // them; then it is the one row that can be meant, and send() did not fail.
  function unmarkedRow(chat, after, justSent, failed) {
    var since = new GlideDateTime();
    since.addSeconds(-ADOPT_SECONDS);
    var oldest = String(since.getValue());
    var same = '';
    var others = [];
    var row = messagesOf(chat.conversation);
    while (row.next()) {
      var sender = value(row, 'sender');
      var byAgent = sender === chat.agent && !(justSent && chat.agent === chat.user);
      var byUs = sender === chat.user || sender === chat.caller;
      var sameText = value(row, 'payload') === chat.text;
      if (!byAgent && sequenceOf(row) > after && value(row, 'sys_created_on') >= oldest &&
          value(row, 'u_bridge_message_id') === '') {
        if (sameText && (byUs || justSent)) {
          same = idOf(row);
        } else if (byUs && justSent) {
          others.push(idOf(row));
        }
      }
    }
    return same || (others.length === 1 && !failed ? others[0] : '');
  }

  // send() is declared to return an array; what is in it is not documented. Ids found in it are
  // believed when they name rows of this conversation.
  function returnedIds(returned, conversationId) {
    var ids = [];
    var isList = returned && typeof returned !== 'string' && returned.length > 0;
    var list = isList ? returned : [returned];
    for (var i = 0; i < list.length; i += 1) {
      var entry = list[i] || '';
      var inner = entry.message ? entry.message.sys_id : '';
      var id = String(entry.sys_id || inner || entry.messageId || entry);
      var row = new GlideRecord('sys_cs_message');
      if (ID.test(id) && row.get(id) && value(row, 'conversation') === conversationId) {
        ids.push(id);
      }
    }
    return ids;
  }

  // The mark tells the relay rule that the row is ours, and a repeat that it has been sent.
  function markRow(id, mark) {
    var row = new GlideRecord('sys_cs_message');
    row.get(id);
    row.setValue('u_bridge_message_id', mark);
    row.setWorkflow(false);
    row.update();
    return { id: id, sequence: sequenceOf(row) };
  }

  // Where send() throws, the row may exist all the same: then the agent's transcript has it and
  // the message counts as sent.
  function send(chat, mark) {
    var last = messagesOf(chat.conversation);
    var before = last.next() ? sequenceOf(last) : 0;
    var failure = '';
    var returned = null;
    asUser(chat.user, function (impersonated) {
      chat.impersonated = impersonated;
      try {
        returned = sn_cs.AgentChatScriptObject.send(chat.conversation, chat.text, null, false);
      } catch (thrown) {
        failure = String(thrown);
      }
    });
    var ids = [];
    try {
      ids = returnedIds(returned, chat.conversation);
    } catch (unreadable) {
      gs.warn('[intranet_bridge] send_message: the result of send() could not be read');
    }
    var written = ids.length > 0 ? '' : unmarkedRow(chat, before, true, failure !== '');
    if (written !== '') {
      ids.push(written);
    }
    if (ids.length === 0 && failure !== '') {
      gs.error('[intranet_bridge] send_message: ' + failure);
      if (/chat has ended/i.test(failure)) {
        throw refuse(409, 'chat_ended', 'The chat has ended.');
      }
      throw refuse(500, 'send_failed', 'ServiceNow did not take the message.');
    }
    var rows = [];
    for (var i = 0; i < ids.length; i += 1) {
      rows.push(markRow(ids[i], mark));
    }
    return rows;
  }

  function bindingOf(conversationId) {
    var row = new GlideRecord('sys_cs_session_binding');
    row.addQuery('topic', conversationId);
    row.orderByDesc('sys_created_on');
    row.setLimit(1);
    row.query();
    return row.next() ? row : null;
  }

  // Holds off the idle timer, which reads last_client_activity_time.
  function touch(binding) {
    binding.setValue('last_client_activity_time', String(new GlideDateTime().getValue()));
    binding.setValue('sent_reminder', false);
    binding.setValue('client_connected', true);
    binding.setValue('online', true);
    binding.update();
  }

  // What an earlier call with this id sent, though it may have been cut off before it could mark
  // the row.
  function sentBefore(chat) {
    if (chat.clientId === '') {
      return [];
    }
    var rows = markedRows(chat.conversation, chat.clientId);
    var left = rows.length > 0 ? '' : unmarkedRow(chat, 0, false, false);
    return left === '' ? rows : [markRow(left, chat.clientId)];
  }

  function sendMessage(chat) {
    var interaction = interactionOf(chat.conversation);
    var over = OVER.indexOf(value(interaction, 'state')) !== -1;
    chat.agent = value(interaction, 'assigned_to');
    var rows = sentBefore(chat);
    var repeated = rows.length > 0;
    if (!repeated && over) {
      throw refuse(409, 'chat_ended', 'The chat has ended.');
    }
    if (!repeated) {
      rows = send(chat, chat.clientId || UNNAMED);
    }
    var binding = bindingOf(chat.conversation);
    if (binding && !over) {
      touch(binding);
    }
    var ids = [];
    for (var i = 0; i < rows.length; i += 1) {
      ids.push(rows[i].id);
    }
    return {
      api: API,
      message_sys_id: ids.length > 0 ? ids[0] : '',
      message_sys_ids: ids,
      sequence: rows.length > 0 ? rows[0].sequence : 0,
      session_sys_id: binding ? value(binding, 'session') : '',
      interaction_sys_id: idOf(interaction),
      impersonated: chat.impersonated,
      repeated: repeated
    };
  }

  function readInput() {
    body = readBody();
    var chat = {
      conversation: idField('conversation_sys_id'),
      user: idField('user_sys_id'),
      text: textField('text', 65536),
      clientId: textField('client_message_id', 100),
      caller: String(gs.getUserID()),
      agent: '',
      impersonated: false
    };
    if (chat.text === '') {
      throw refuse(400, 'invalid_field', 'text is required.');
    }
    if (!CLIENT_ID.test(chat.clientId)) {
      throw refuse(400, 'invalid_field', 'client_message_id has characters that are not allowed.');
    }
    return chat;
  }

  try {
    var chat = readInput();
    requireColumn('interaction', 'u_bridge_session_id');
    requireColumn('sys_cs_message', 'u_bridge_message_id');
    var result = sendMessage(chat);
    response.setStatus(200);
    response.setBody(result);
  } catch (failure) {
    if (!failure.refusedStatus) {
      gs.error('[intranet_bridge] send_message: ' + failure);
      failure = refuse(500, 'internal_error', 'The message was not sent; see the system log.');
    }
    response.setStatus(failure.refusedStatus);
    response.setBody({ api: API, error: failure.error, message: failure.message });
  }
})(request, response);
