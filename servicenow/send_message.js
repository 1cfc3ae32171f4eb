// SPDX-License-Identifier: MIT
/**
 * Says something in an open chat in the name of the person it was opened for, so that it appears in
 * the agent's open pane at once; or withdraws a message of which nobody knows whether it was said.
 * Scripted REST resource, global scope, ES5. Idempotent by `client_message_id`, also where calls
 * overlap or come late: of calls with one id one sends, the others answer with the row it made, or
 * are told `in_progress` while it is not made yet.
 *
 * @resource POST /send_message
 * @role x_intranet_bridge_caller
 * @requires_authentication true
 * @column interaction.u_bridge_session_id string 64 unique
 * @column sys_cs_message.u_bridge_message_id string 100
 *
 * Before anything is said under an id the call inserts a claim, a row of `sys_journal_field` whose
 * sys_id follows from conversation and id, so that the database refuses it to anybody else. Its
 * `element` names no journal field, and so no form shows it. It goes when the call ends; a call
 * that was cut off leaves it, and after five minutes another one takes over. `withdraw` leaves one
 * that stays: whatever comes under that id later is refused.
 *
 * Needs: the two columns; a chat that open_chat opened; role `impersonator` for the calling
 * account, without which the agent sees that account as the author.
 *
 * Takes: conversation_sys_id, user_sys_id, text; optional client_message_id (at most 100 letters,
 *   digits and . _ : @ = + / ~ -). To withdraw: withdraw (true), and sent_text instead of text, so
 *   that a script which does not know `withdraw` says nothing; client_message_id is required then.
 * Returns 200 {api, message_sys_id, message_sys_ids, sequence, session_sys_id, interaction_sys_id,
 *   impersonated, repeated}. message_sys_id is '' and sequence 0 when the message was sent and its
 *   row could not be told from others. To `withdraw`: the same with repeated = true if it was said,
 *   else {api, withdrawn: true, message_sys_ids: []}: it was not, and never will be.
 * Fails with {api, error, message}: 400 invalid_json, invalid_field; 404 conversation_not_found;
 *   409 chat_ended, in_progress (another call with this id is at work, or was cut off less than
 *   five minutes ago: ask again), withdrawn; 500 missing_column, claim_failed, send_failed,
 *   internal_error.
 */
(function process(request, response) {
  var API = 2;
  var ID = /^[0-9a-f]{32}$/;
  var CLIENT_ID = /^(?!javascript:)[A-Za-z0-9._:@=+/~-]{0,100}$/i;
  var OVER = ['wrap_up', 'closed_complete', 'closed_abandoned', 'faulted'];
  // Marks a row that was sent without an id, so that the relay rule knows it for ours.
  var UNNAMED = '-';
  var CLAIMS = 'sys_journal_field';
  var CLAIM = 'u_bridge_claim';
  var SENDING = 'sending';
  var SENT = 'sent'; // and its row could not be told from others
  var RELEASED = 'released';
  var WITHDRAWN = 'withdrawn';
  // A claim of that age belongs to a call that was cut off: the platform's front end ends a REST
  // call after about five minutes. Its owner stops acting on it well before, lest it should go on
  // beside whoever took over.
  var CLAIM_SECONDS = 300;
  var OWN_CLAIM_SECONDS = 240;

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

  function secondsAfter(time, seconds) {
    var moved = time === '' ? new GlideDateTime() : new GlideDateTime(time);
    moved.addSeconds(seconds);
    return String(moved.getValue());
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

  // The row that send() wrote just now, where it did not tell: the oldest after that sequence which
  // nobody has marked. What the assigned agent wrote is not ours, even in the same words. A row in
  // other words is ours only if the platform changed them; then it is the one row that can be
  // meant, and send() did not fail.
  function rowJustSent(chat, after, failed) {
    var same = '';
    var others = [];
    var row = messagesOf(chat.conversation);
    while (row.next()) {
      var sender = value(row, 'sender');
      var byAgent = sender === chat.agent && chat.agent !== chat.user;
      var byUs = sender === chat.user || sender === chat.caller;
      if (!byAgent && sequenceOf(row) > after && value(row, 'u_bridge_message_id') === '') {
        if (value(row, 'payload') === chat.text) {
          same = idOf(row);
        } else if (byUs) {
          others.push(idOf(row));
        }
      }
    }
    return same || (others.length === 1 && !failed ? others[0] : '');
  }

  // The row that a call which was cut off sent and did not get round to marking. It was written
  // while that call's claim was good; a row from another time is another message, though it may say
  // the same.
  function rowLeftBehind(chat, begun) {
    var end = secondsAfter(begun, CLAIM_SECONDS);
    var row = new GlideRecord('sys_cs_message');
    row.addQuery('conversation', chat.conversation);
    row.orderBy('sequence');
    row.query();
    while (row.next()) {
      var sender = value(row, 'sender');
      var created = value(row, 'sys_created_on');
      if ((sender === chat.user || sender === chat.caller) && sender !== chat.agent &&
          created >= begun && created <= end && value(row, 'u_bridge_message_id') === '' &&
          value(row, 'payload') === chat.text) {
        return idOf(row);
      }
    }
    return '';
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

  // The first claim on an id is that of turn 0; whoever takes over from a call that was cut off
  // needs one that is as predictable and still free, that of the next turn. A claim that has been
  // taken over stays for good: where it had been, somebody else could begin beside whoever took it.
  function claimId(chat, turn) {
    var name = chat.conversation + ':' + chat.clientId + ':' + turn;
    return String(new GlideDigest().getSHA256Hex(name)).toLowerCase().substring(0, 32);
  }

  // Business rules on the table are about journal entries, and this is none.
  function insertClaim(id, chat) {
    var row = new GlideRecord(CLAIMS);
    row.initialize();
    row.setNewGuidValue(id);
    row.setValue('name', 'interaction');
    row.setValue('element', CLAIM);
    row.setValue('element_id', chat.interaction);
    row.setValue('value', SENDING);
    row.setWorkflow(false);
    try {
      return String(row.insert() || '') === id;
    } catch (refused) {
      return false;
    }
  }

  function inProgress() {
    return refuse(409, 'in_progress', 'Another call with this id is at work; ask again.');
  }

  // What calls sent that were cut off before they could mark it.
  function adopted(chat, cutOff) {
    for (var i = 0; i < cutOff.length; i += 1) {
      var left = rowLeftBehind(chat, cutOff[i]);
      if (left !== '') {
        return [markRow(left, chat.clientId)];
      }
    }
    return [];
  }

  // What came of the message so far: its rows; or that it is known to be withdrawn, or sent; or
  // neither, and then this call has a claim with which it may act.
  function claimOrFind(chat) {
    var cutOff = []; // when the calls began whose claims are stale
    for (var misses = 0; misses < 3;) {
      var id = claimId(chat, chat.turn);
      var held = insertClaim(id, chat);
      chat.claim = held ? id : '';
      var rows = markedRows(chat.conversation, chat.clientId);
      if (held || rows.length > 0) {
        return { rows: rows.length > 0 ? rows : adopted(chat, cutOff), outcome: '' };
      }
      var other = new GlideRecord(CLAIMS);
      var there = other.get(id);
      var begun = value(other, 'sys_created_on');
      var said = value(other, 'value');
      if (!there) {
        misses += 1; // its owner let go of it just now, or nobody may insert one at all
      } else if (said === WITHDRAWN || said === SENT) {
        return { rows: [], outcome: said };
      } else if (said === RELEASED) {
        chat.turn += 1;
      } else if (begun < secondsAfter('', -CLAIM_SECONDS)) {
        cutOff.push(begun);
        chat.turn += 1;
      } else {
        throw inProgress();
      }
    }
    throw refuse(500, 'claim_failed', 'The message could not be claimed in ' + CLAIMS + '.');
  }

  // This call's claim, if nobody can have taken it over.
  function ownClaim(chat) {
    var row = new GlideRecord(CLAIMS);
    var good = row.get(chat.claim) &&
      value(row, 'sys_created_on') >= secondsAfter('', -OWN_CLAIM_SECONDS);
    return good ? row : null;
  }

  function release(chat) {
    var row = chat.claim === '' ? null : ownClaim(chat);
    if (row && chat.turn === 0) {
      row.setWorkflow(false);
      row.deleteRecord();
    } else if (row) {
      setClaim(row, RELEASED);
    }
  }

  function setClaim(row, state) {
    row.setValue('value', state);
    row.setWorkflow(false);
    return Boolean(row.update());
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
      if (chat.claim !== '' && !ownClaim(chat)) {
        throw inProgress(); // so slow that somebody else may be at it by now
      }
      chat.mayBeSent = true;
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
    var written = ids.length > 0 ? '' : rowJustSent(chat, before, failure !== '');
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

  function answer(chat, rows, repeated, touched) {
    var binding = bindingOf(chat.conversation);
    if (binding && touched) {
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
      interaction_sys_id: chat.interaction,
      impersonated: chat.impersonated,
      repeated: repeated
    };
  }

  function sendMessage(chat) {
    var found = chat.clientId === '' ? { rows: [], outcome: '' } : claimOrFind(chat);
    if (found.outcome === WITHDRAWN) {
      throw refuse(409, 'withdrawn', 'The message was withdrawn.');
    }
    var rows = found.rows;
    var repeated = rows.length > 0 || found.outcome === SENT;
    if (!repeated && chat.over) {
      throw refuse(409, 'chat_ended', 'The chat has ended.');
    }
    if (!repeated) {
      rows = send(chat, chat.clientId || UNNAMED);
    }
    var own = rows.length === 0 && chat.claim !== '' ? ownClaim(chat) : null;
    if (own) {
      setClaim(own, SENT);
    } else {
      release(chat);
    }
    return answer(chat, rows, repeated, !chat.over);
  }

  function withdrawMessage(chat) {
    var found = claimOrFind(chat);
    if (found.rows.length > 0 || found.outcome === SENT) {
      release(chat);
      return answer(chat, found.rows, true, false);
    }
    // Only now that it is certain: whoever reads it believes it.
    var own = found.outcome === WITHDRAWN ? null : ownClaim(chat);
    if (found.outcome !== WITHDRAWN && (!own || !setClaim(own, WITHDRAWN))) {
      throw inProgress();
    }
    return { api: API, withdrawn: true, message_sys_ids: [] };
  }

  // Runs it, and lets go of the claim where it is certain that nothing was said. Otherwise whoever
  // takes the claim over finds out.
  function run(chat) {
    var interaction = interactionOf(chat.conversation);
    chat.interaction = idOf(interaction);
    chat.agent = value(interaction, 'assigned_to');
    chat.over = OVER.indexOf(value(interaction, 'state')) !== -1;
    try {
      return chat.withdraw ? withdrawMessage(chat) : sendMessage(chat);
    } catch (failure) {
      if (failure.refusedStatus || !chat.mayBeSent) {
        release(chat);
      }
      throw failure;
    }
  }

  function readInput() {
    body = readBody();
    var withdraws = textField('withdraw', 10);
    var chat = {
      conversation: idField('conversation_sys_id'),
      user: idField('user_sys_id'),
      text: textField(withdraws === 'true' ? 'sent_text' : 'text', 65536),
      clientId: textField('client_message_id', 100),
      withdraw: withdraws === 'true',
      caller: String(gs.getUserID()),
      interaction: '',
      agent: '',
      over: false,
      claim: '',
      turn: 0,
      mayBeSent: false,
      impersonated: false
    };
    if (withdraws !== '' && withdraws !== 'true' && withdraws !== 'false') {
      throw refuse(400, 'invalid_field', 'withdraw must be true or false.');
    }
    if (chat.text === '') {
      throw refuse(400, 'invalid_field',
        (chat.withdraw ? 'sent_text' : 'text') + ' is required.');
    }
    if (!CLIENT_ID.test(chat.clientId)) {
      throw refuse(400, 'invalid_field', 'client_message_id has characters that are not allowed.');
    }
    if (chat.withdraw && chat.clientId === '') {
      throw refuse(400, 'invalid_field', 'client_message_id is required to withdraw.');
    }
    return chat;
  }

  try {
    var chat = readInput();
    requireColumn('interaction', 'u_bridge_session_id');
    requireColumn('sys_cs_message', 'u_bridge_message_id');
    var result = run(chat);
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
