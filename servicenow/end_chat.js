// SPDX-License-Identifier: MIT
/**
 * Ends a chat from the side of the person it was opened for. Scripted REST resource, global scope,
 * ES5. Idempotent: a chat that is over stays as it is.
 *
 * @resource POST /end_chat
 * @role x_intranet_bridge_caller
 * @requires_authentication true
 * @column interaction.u_bridge_session_id string 64 unique
 *
 * Needs: the column; a chat that open_chat opened.
 *
 * Takes: conversation_sys_id, interaction_sys_id, reason (user_ended | abandoned).
 * Returns 200 {api, state, already_ended}: state is the interaction's, and one of wrap_up,
 *   closed_complete, closed_abandoned, faulted.
 * Fails with {api, error, message}: 400 invalid_json, invalid_field; 404 interaction_not_found;
 *   500 missing_column, end_failed, internal_error.
 */
(function process(request, response) {
  var API = 2;
  var ID = /^[0-9a-f]{32}$/;
  var OVER = ['wrap_up', 'closed_complete', 'closed_abandoned', 'faulted'];
  var REASONS = { user_ended: 'User Ended', abandoned: 'No User Response' };

  function refuse(status, error, message) {
    return { refusedStatus: status, error: error, message: message };
  }

  // Values may be Java strings, for which === and typeof lie: everything passes through String().
  function value(row, column) {
    var raw = row.getValue(column);
    return raw === null || raw === undefined ? '' : String(raw);
  }

  function idFrom(raw, name) {
    var id = String(raw).toLowerCase();
    if (!ID.test(id)) {
      throw refuse(400, 'invalid_field', name + ' must be a sys_id of 32 hexadecimal digits.');
    }
    return id;
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
      conversation: idFrom(data.conversation_sys_id, 'conversation_sys_id'),
      interaction: idFrom(data.interaction_sys_id, 'interaction_sys_id'),
      reason: String(data.reason)
    };
    if (!Object.prototype.hasOwnProperty.call(REASONS, input.reason)) {
      throw refuse(400, 'invalid_field', 'reason must be user_ended or abandoned.');
    }
    return input;
  }

  // Only a chat of the bridge, and only where both ids belong together.
  function load(input) {
    var row = new GlideRecord('interaction');
    if (!row.isValidField('u_bridge_session_id')) {
      throw refuse(500, 'missing_column', 'There is no column interaction.u_bridge_session_id.');
    }
    if (!row.get(input.interaction) || value(row, 'u_bridge_session_id') === '' ||
        value(row, 'channel_metadata_document') !== input.conversation) {
      throw refuse(404, 'interaction_not_found', 'No chat of the bridge has these ids.');
    }
    return row;
  }

  function isOver(row) {
    return OVER.indexOf(value(row, 'state')) !== -1;
  }

  // The one documented call of its class; it also tells the agent's pane.
  function endConversation(conversationId) {
    try {
      sn_cs.VASystemObject.endConversation(conversationId);
    } catch (failure) {
      gs.warn('[intranet_bridge] end_chat: endConversation: ' + failure);
    }
  }

  // An item that nobody accepted would still be offered; an accepted one is completed by the
  // service channel, which watches the interaction's state.
  function cancelOffers(interactionId) {
    var item = new GlideRecord('awa_work_item');
    item.addQuery('document_table', 'interaction');
    item.addQuery('document_id', interactionId);
    item.query();
    while (item.next()) {
      var state = value(item, 'state');
      if (state === '' || state === 'queued' || state === 'pending_accept') {
        item.setValue('state', 'canceled');
        item.setValue('active', false);
        item.update();
      }
    }
  }

  function closeInteraction(input) {
    var row = load(input);
    var agent = value(row, 'assigned_to');
    var engaged = agent !== '' && agent !== String(gs.getProperty('com.glide.cs.va.sys_user', ''));
    var reason = engaged ? REASONS[input.reason] : 'Left Before Engagement';
    row.setValue('state', engaged ? 'closed_complete' : 'closed_abandoned');
    if (row.isValidField('closed_at')) {
      row.setValue('closed_at', String(new GlideDateTime().getValue()));
    }
    try {
      // A choice: which value stands for the label is the platform's business.
      row.getElement('state_reason').setDisplayValue(reason);
    } catch (noSuchChoice) {
      gs.debug('[intranet_bridge] end_chat: state_reason: ' + noSuchChoice);
    }
    row.update();
  }

  function end(input) {
    var already = isOver(load(input));
    if (!already) {
      endConversation(input.conversation);
    }
    if (!isOver(load(input))) {
      closeInteraction(input);
    }
    cancelOffers(input.interaction);
    var ended = load(input);
    if (!isOver(ended)) {
      throw refuse(500, 'end_failed', 'The interaction did not close.');
    }
    return { api: API, state: value(ended, 'state'), already_ended: already };
  }

  try {
    var result = end(readInput());
    response.setStatus(200);
    response.setBody(result);
  } catch (failure) {
    if (!failure.refusedStatus) {
      gs.error('[intranet_bridge] end_chat: ' + failure);
      failure = refuse(500, 'internal_error', 'The chat was not ended; see the system log.');
    }
    response.setStatus(failure.refusedStatus);
    response.setBody({ api: API, error: failure.error, message: failure.message });
  }
})(request, response);
