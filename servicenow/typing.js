// SPDX-License-Identifier: MIT
/**
 * Tells a chat that the person at the other end is there: shows the agent that they are typing,
 * where the platform can, and in any case holds off the timer that ends idle chats. Scripted REST
 * resource, global scope, ES5. Harmless to repeat.
 *
 * @resource POST /typing
 * @role x_intranet_bridge_caller
 * @requires_authentication true
 * @column interaction.u_bridge_session_id string 64 unique
 *
 * Needs: the column; a chat that open_chat opened.
 *
 * Takes: conversation_sys_id, typing (true: typing now; false: only there).
 * Returns 200 {api, touched, state}: touched is false when the chat is over or has no session;
 *   state is the interaction's.
 * Fails with {api, error, message}: 400 invalid_json, invalid_field; 404 conversation_not_found;
 *   500 missing_column, internal_error.
 */
(function process(request, response) {
  var API = 2;
  var ID = /^[0-9a-f]{32}$/;
  var OVER = ['wrap_up', 'closed_complete', 'closed_abandoned', 'faulted'];

  function refuse(status, error, message) {
    return { refusedStatus: status, error: error, message: message };
  }

  // Values may be Java strings, for which === and typeof lie: everything passes through String().
  function value(row, column) {
    var raw = row.getValue(column);
    return raw === null || raw === undefined ? '' : String(raw);
  }

  function readInput() {
    var data = null;
    try {
      data = request.body ? request.body.data : null;
    } catch (unreadable) {
      throw refuse(400, 'invalid_json', 'The body could not be read as JSON.');
    }
    if (data === null || typeof data !== 'object' || Array.isArray(data)) {
      throw refuse(400, 'invalid_json', 'The body must be a JSON object.');
    }
    var input = {
      conversation: String(data.conversation_sys_id).toLowerCase(),
      typing: String(data.typing)
    };
    if (!ID.test(input.conversation)) {
      throw refuse(400, 'invalid_field',
        'conversation_sys_id must be a sys_id of 32 hexadecimal digits.');
    }
    if (input.typing !== 'true' && input.typing !== 'false') {
      throw refuse(400, 'invalid_field', 'typing must be true or false.');
    }
    return input;
  }

  function interactionOf(conversationId) {
    var row = new GlideRecord('interaction');
    if (!row.isValidField('u_bridge_session_id')) {
      throw refuse(500, 'missing_column', 'There is no column interaction.u_bridge_session_id.');
    }
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

  // VASystemObject is not a supported interface: the indicator is a courtesy and may be missing.
  function showTyping(conversationId) {
    try {
      if (typeof sn_cs.VASystemObject.typingIndicator === 'function') {
        sn_cs.VASystemObject.typingIndicator(conversationId);
      }
    } catch (notAvailable) {
      gs.debug('[intranet_bridge] typing: ' + notAvailable);
    }
  }

  function touchBinding(conversationId) {
    var row = new GlideRecord('sys_cs_session_binding');
    row.addQuery('topic', conversationId);
    row.orderByDesc('sys_created_on');
    row.setLimit(1);
    row.query();
    if (!row.next()) {
      return false;
    }
    row.setValue('last_client_activity_time', String(new GlideDateTime().getValue()));
    row.setValue('sent_reminder', false);
    row.setValue('client_connected', true);
    row.setValue('online', true);
    return Boolean(row.update());
  }

  try {
    var input = readInput();
    var state = value(interactionOf(input.conversation), 'state');
    var over = OVER.indexOf(state) !== -1;
    if (input.typing === 'true' && !over) {
      showTyping(input.conversation);
    }
    var touched = !over && touchBinding(input.conversation);
    response.setStatus(200);
    response.setBody({ api: API, touched: touched, state: state });
  } catch (failure) {
    if (!failure.refusedStatus) {
      gs.error('[intranet_bridge] typing: ' + failure);
      failure = refuse(500, 'internal_error', 'The chat was not touched; see the system log.');
    }
    response.setStatus(failure.refusedStatus);
    response.setBody({ api: API, error: failure.error, message: failure.message });
  }
})(request, response);
