// SPDX-License-Identifier: MIT
/**
 * Tells what the other side said in chats of the bridge, whoever has told it already, and how these
 * chats stand: for a bridge that was away, or that misses a row. Scripted REST resource, global
 * scope, ES5. Changes nothing.
 *
 * @resource POST /messages
 * @role x_intranet_bridge_caller
 * @requires_authentication true
 * @column interaction.u_bridge_session_id string 64 unique
 * @column sys_cs_message.u_bridge_message_id string 100
 *
 * Needs: the two columns; chats that open_chat opened.
 *
 * Takes: chats, an array of at most 50 {conversation_sys_id, after}: rows with a sequence above
 *   `after` are wanted, 0 for all of them.
 * Returns 200 {api, chats: [...]}, one for each that was asked for, in that order:
 *   {conversation_sys_id, found, bridge_session_id, interaction_sys_id, interaction_number, state,
 *   over, assigned_to, agent_name, with_agent, rows, newest, more}. found is false where no chat of
 *   the bridge has that conversation, or it could not be read (then with error = internal_error).
 *   with_agent: assigned to somebody who is not the Virtual Agent. rows are those that
 *   relay_message.js sends, in the order of their sequence, each {message_sys_id, sender_sys_id,
 *   rep_name, author, q_data_message_type, text, sequence, prev_sequence, send_time,
 *   sys_created_on}, at most 100 of one chat and 500 of all; newest is the sequence of the last, or
 *   `after`. With more, ask again after newest.
 * Fails with {api, error, message}: 400 invalid_json, invalid_field; 500 missing_column,
 *   internal_error.
 */
(function process(request, response) {
  var API = 2;
  var ID = /^[0-9a-f]{32}$/;
  var OVER = ['wrap_up', 'closed_complete', 'closed_abandoned', 'faulted'];
  var RELAYED_TYPES = ['systemTextMessage', 'consumerTextMessage'];
  var MOST_CHATS = 50;
  var MOST_ROWS = 100;
  var MOST_ROWS_OF_ALL = 500;
  // Of all texts together, in UTF-16 units: an answer stays below some megabytes.
  var MOST_TEXT = 400000;

  var people = {}; // sys_id: name or null
  var robots = {}; // sys_ids of the Virtual Agent

  function refuse(status, error, message) {
    return { refusedStatus: status, error: error, message: message };
  }

  // Values may be Java strings, for which === and typeof lie: everything passes through String().
  function value(row, column) {
    var raw = row.getValue(column);
    return raw === null || raw === undefined ? '' : String(raw);
  }

  function idOf(row) {
    return String(row.getUniqueValue());
  }

  function sequenceOf(row) {
    return parseInt(value(row, 'sequence'), 10) || 0;
  }

  function requireColumn(table, column) {
    if (!new GlideRecord(table).isValidField(column)) {
      throw refuse(500, 'missing_column', 'There is no column ' + table + '.' + column + '.');
    }
  }

  function readPosition(entry) {
    var given = entry !== null && typeof entry === 'object' ? entry : {};
    var conversation = String(given.conversation_sys_id).toLowerCase();
    var after = String(given.after);
    if (!ID.test(conversation)) {
      throw refuse(400, 'invalid_field',
        'conversation_sys_id must be a sys_id of 32 hexadecimal digits.');
    }
    if (!/^[0-9]{1,15}$/.test(after)) {
      throw refuse(400, 'invalid_field', 'after must be a sequence, or 0.');
    }
    return { conversation: conversation, after: parseInt(after, 10) };
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
    var asked = data.chats;
    if (asked === null || typeof asked !== 'object' || typeof asked.length !== 'number' ||
        asked.length > MOST_CHATS) {
      throw refuse(400, 'invalid_field', 'chats must be an array of at most ' + MOST_CHATS + '.');
    }
    var positions = [];
    for (var i = 0; i < asked.length; i += 1) {
      positions.push(readPosition(asked[i]));
    }
    return positions;
  }

  // The same function stands in relay_message.js and relay_interaction.js: the three must agree.
  function isRelayed(row) {
    var visibility = value(row, 'visibility_type').toLowerCase();
    return value(row, 'direction') === 'outbound' &&
      value(row, 'is_agent') === '1' &&
      RELAYED_TYPES.indexOf(value(row, 'q_data_message_type')) !== -1 &&
      (visibility === '' || visibility === 'public') &&
      value(row, 'u_bridge_message_id') === '';
  }

  // Rows that isRelayed may hold for. The database passes by what the user said; the rest of the
  // conditions is left to isRelayed, which knows what a dropped term would let through.
  function candidates(conversationId, operator, sequence) {
    var row = new GlideRecord('sys_cs_message');
    row.addQuery('conversation', conversationId);
    row.addQuery('sequence', operator, sequence);
    row.addNullQuery('u_bridge_message_id');
    return row;
  }

  function previousSequence(conversationId, sequence) {
    var row = candidates(conversationId, '<', sequence);
    row.orderByDesc('sequence');
    row.setLimit(500);
    row.query();
    while (row.next()) {
      if (sequenceOf(row) < sequence && isRelayed(row)) {
        return sequenceOf(row);
      }
    }
    return 0;
  }

  function interactionOf(conversationId) {
    var row = new GlideRecord('interaction');
    row.addQuery('channel_metadata_document', conversationId);
    row.addNotNullQuery('u_bridge_session_id');
    row.orderByDesc('sys_created_on');
    row.setLimit(1);
    row.query();
    return row.next() ? row : null;
  }

  function nameOf(userId) {
    if (!ID.test(userId)) {
      return null;
    }
    if (!Object.prototype.hasOwnProperty.call(people, userId)) {
      var user = new GlideRecord('sys_user');
      var known = user.get(userId);
      people[userId] = known ? value(user, 'name') || value(user, 'user_name') || null : null;
      if (known && value(user, 'user_name') === 'virtual.agent') {
        robots[userId] = true;
      }
    }
    return people[userId];
  }

  // Everybody who was ever offered this chat: after a transfer the interaction names the new agent.
  function agentsOf(interaction) {
    var agents = {};
    agents[value(interaction, 'assigned_to')] = true;
    var item = new GlideRecord('awa_work_item');
    item.addQuery('document_table', 'interaction');
    item.addQuery('document_id', idOf(interaction));
    item.query();
    while (item.next()) {
      agents[value(item, 'assigned_to')] = true;
    }
    return agents;
  }

  function rowOf(row, agents, previous) {
    var type = value(row, 'q_data_message_type');
    var sender = value(row, 'sender');
    var byAgent = ID.test(sender) && agents[sender] === true;
    var author = byAgent ? 'agent' : 'other';
    if (type === 'systemTextMessage') {
      author = 'system';
    }
    return {
      message_sys_id: idOf(row),
      sender_sys_id: sender,
      rep_name: author === 'system' ? null : nameOf(sender),
      author: author,
      q_data_message_type: type,
      text: value(row, 'payload'),
      sequence: sequenceOf(row),
      prev_sequence: previous,
      send_time: value(row, 'send_time'),
      sys_created_on: value(row, 'sys_created_on')
    };
  }

  // Fills in the rows; `room` is what the answer may still hold, and is used up.
  function readRows(chat, interaction, after, room) {
    var agents = null;
    var previous = 0;
    var row = candidates(chat.conversation_sys_id, '>', after);
    row.orderBy('sequence');
    row.query();
    while (row.next()) {
      if (sequenceOf(row) > after && isRelayed(row)) {
        var size = value(row, 'payload').length;
        // The first row of an answer is given however long it is, or nobody would ever get past it.
        if (chat.rows.length >= MOST_ROWS || room.rows < 1 ||
            (size > room.text && room.rows < MOST_ROWS_OF_ALL)) {
          chat.more = true;
          return;
        }
        if (agents === null) {
          agents = agentsOf(interaction);
          previous = previousSequence(chat.conversation_sys_id, sequenceOf(row));
        }
        chat.rows.push(rowOf(row, agents, previous));
        previous = sequenceOf(row);
        chat.newest = previous;
        room.rows -= 1;
        room.text -= size;
      }
    }
  }

  function notFound(position) {
    return {
      conversation_sys_id: position.conversation,
      found: false,
      bridge_session_id: '',
      interaction_sys_id: '',
      interaction_number: '',
      state: '',
      over: false,
      assigned_to: '',
      agent_name: '',
      with_agent: false,
      rows: [],
      newest: position.after,
      more: false
    };
  }

  function chatAt(position, room) {
    var chat = notFound(position);
    var interaction = interactionOf(position.conversation);
    if (!interaction) {
      return chat;
    }
    chat.found = true;
    chat.bridge_session_id = value(interaction, 'u_bridge_session_id');
    chat.interaction_sys_id = idOf(interaction);
    chat.interaction_number = value(interaction, 'number');
    // Before the rows: whoever reads a state knows what was said until then.
    chat.state = value(interaction, 'state');
    chat.over = OVER.indexOf(chat.state) !== -1;
    chat.assigned_to = value(interaction, 'assigned_to');
    var name = nameOf(chat.assigned_to);
    chat.with_agent = ID.test(chat.assigned_to) && robots[chat.assigned_to] !== true;
    chat.agent_name = chat.with_agent && name ? name : '';
    readRows(chat, interaction, position.after, room);
    return chat;
  }

  function readChats(positions) {
    var room = { rows: MOST_ROWS_OF_ALL, text: MOST_TEXT };
    var chats = [];
    for (var i = 0; i < positions.length; i += 1) {
      try {
        chats.push(chatAt(positions[i], room));
      } catch (unreadable) {
        gs.error('[intranet_bridge] messages: ' + unreadable);
        var failed = notFound(positions[i]);
        failed.error = 'internal_error';
        chats.push(failed);
      }
    }
    return chats;
  }

  try {
    var input = readInput();
    requireColumn('interaction', 'u_bridge_session_id');
    requireColumn('sys_cs_message', 'u_bridge_message_id');
    robots[String(gs.getProperty('com.glide.cs.va.sys_user', '') || '')] = true;
    var result = { api: API, chats: readChats(input) };
    response.setStatus(200);
    response.setBody(result);
  } catch (failure) {
    if (!failure.refusedStatus) {
      gs.error('[intranet_bridge] messages: ' + failure);
      failure = refuse(500, 'internal_error', 'The chats were not read; see the system log.');
    }
    response.setStatus(failure.refusedStatus);
    response.setBody({ api: API, error: failure.error, message: failure.message });
  }
})(request, response);
