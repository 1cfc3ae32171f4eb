// SPDX-License-Identifier: MIT
/**
 * Opens a live chat that Advanced Work Assignment routes to a person. Scripted REST resource,
 * global scope, ES5. Idempotent by `bridge_session_id`: a repeat answers with the chat that holds
 * the key. Of calls that overlap one opens the chat, the others are told `in_progress`; a call that
 * comes a minute after one that was cut off completes what that left undone.
 *
 * @resource POST /open_chat
 * @role x_intranet_bridge_caller
 * @requires_authentication true
 * @column interaction.u_bridge_session_id string 64 unique
 * @column sys_cs_message.u_bridge_message_id string 100
 *
 * Two things decide who may act, both kept by the database: no two interactions hold one key (the
 * column is unique), and no two calls have the claim on an interaction (a work item whose sys_id is
 * the interaction's). Without "Unique" in the dictionary two calls that overlap may still open two
 * chats for one key.
 *
 * Needs: the two columns; Agent Chat and Advanced Work Assignment; role `impersonator` for the
 * calling account, without which the chat opens all the same but belongs to that account.
 *
 * Takes: user_sys_id, bridge_session_id (letters, digits, - and _, at most 64), queue_sys_id,
 *   channel_sys_id; optional short_description, first_message, context (text for the agent, kept
 *   as a work note).
 * Returns 200 {api, conversation_sys_id, interaction_sys_id, interaction_number, consumer_sys_id,
 *   consumer_account_sys_id, session_sys_id, session_binding_sys_id, work_item_sys_id,
 *   first_message_sys_id, first_message_sequence, first_message, state, repeated}. Ids are '' where
 *   there is no such row. `first_message` is none, sent, unidentified (sent, row not found) or
 *   failed: then the chat is open without the text, which send_message may bring.
 * Fails with {api, error, message}: 400 invalid_json, invalid_field; 404 user_not_found,
 *   queue_not_found; 409 user_inactive, queue_inactive, conversation_in_use, in_progress (nothing
 *   is decided yet: ask again); 500 missing_column, conversation_failed, interaction_missing,
 *   key_not_stored, session_failed, routing_failed, internal_error.
 */
(function process(request, response) {
  var API = 2;
  var ID = /^[0-9a-f]{32}$/;
  var KEY = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
  var OVER = ['wrap_up', 'closed_complete', 'closed_abandoned', 'faulted'];
  // The platform's own chat client; used only if the conversation names no vendor.
  var OUT_OF_BOX_VENDOR = 'c2f0b8f187033200246ddd4c97cb0bb9';
  // A row that send() wrote but nobody marked is taken for ours for so long.
  var ADOPT_SECONDS = 900;
  // A claim that is not queued after so long belongs to a call that was cut off. Its owner stops
  // acting on it well before, lest it should go on beside whoever took over.
  var CLAIM_SECONDS = 60;
  var OWN_CLAIM_SECONDS = 45;

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

  // Cuts without leaving half of a surrogate pair, which no JSON reader would accept back.
  function cut(text, longest) {
    var short = text.substring(0, longest);
    return short.replace(/[\ud800-\udbff]$/, '');
  }

  function now() {
    return String(new GlideDateTime().getValue());
  }

  function secondsAgo(seconds) {
    var time = new GlideDateTime();
    time.addSeconds(-seconds);
    return String(time.getValue());
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

  // The interaction's newest work item, or null, and how many there are: one query, one moment.
  function workItemsOf(interactionId) {
    var newest = new GlideRecord('awa_work_item');
    var newestId = '';
    var count = 0;
    var item = new GlideRecord('awa_work_item');
    item.addQuery('document_table', 'interaction');
    item.addQuery('document_id', interactionId);
    item.orderBy('sys_created_on');
    item.query();
    while (item.next()) {
      newestId = idOf(item);
      count += 1;
    }
    return { newest: newestId !== '' && newest.get(newestId) ? newest : null, count: count };
  }

  // The claim on an interaction is a work item that is not queued yet. Its sys_id is chosen, so
  // that of two calls which insert it at once the database refuses one. The first has the
  // interaction's own id; whoever takes over from a call that was cut off needs an id that is as
  // predictable and still free: the same, turned by as many digits as there are work items.
  function claimId(interactionId, turns) {
    var by = turns % 32;
    return interactionId.substring(by) + interactionId.substring(0, by);
  }

  function isClaim(item) {
    return value(item, 'state') === '';
  }

  function isStale(item) {
    return value(item, 'sys_created_on') < secondsAgo(CLAIM_SECONDS);
  }

  function inProgress() {
    return refuse(409, 'in_progress', 'Another call is opening this chat; ask again in a moment.');
  }

  function cancel(itemId) {
    var item = new GlideRecord('awa_work_item');
    if (itemId !== '' && item.get(itemId) && isClaim(item)) {
      item.setValue('state', 'canceled');
      item.setValue('active', false);
      item.update();
    }
  }

  function insertClaim(id, interactionId, queue) {
    var item = new GlideRecord('awa_work_item');
    item.initialize();
    item.setNewGuidValue(id);
    item.setValue('document_table', 'interaction');
    item.setValue('document_id', interactionId);
    item.setValue('queue', queue);
    item.setValue('active', true);
    try {
      return String(item.insert() || '');
    } catch (refused) {
      return '';
    }
  }

  // The claim that this call now has; '' if the chat is routed and nothing is left to do.
  function claim(interactionId, queue) {
    var items = workItemsOf(interactionId);
    var item = items.newest;
    if (item && !isClaim(item)) {
      return '';
    }
    if (item && !isStale(item)) {
      throw inProgress();
    }
    var wanted = claimId(interactionId, items.count);
    var id = insertClaim(wanted, interactionId, queue);
    if (id === '' && new GlideRecord('awa_work_item').get(wanted)) {
      throw inProgress(); // another call was quicker
    }
    if (id === '') {
      throw refuse(500, 'routing_failed', 'The work item could not be created.');
    }
    cancel(idOf(item));
    return id;
  }

  function requireClaim(id) {
    var item = new GlideRecord('awa_work_item');
    if (!item.get(id) || !isClaim(item) ||
        value(item, 'sys_created_on') < secondsAgo(OWN_CLAIM_SECONDS)) {
      throw inProgress();
    }
    return item;
  }

  // Which interaction holds the key. Several may where the column is not unique: then one that is
  // routed before one that is not, then the oldest.
  function holderOf(key) {
    var oldest = '';
    var row = new GlideRecord('interaction');
    row.addQuery('u_bridge_session_id', key);
    row.orderBy('sys_created_on');
    row.orderBy('sys_id');
    row.setLimit(10);
    row.query();
    while (row.next()) {
      if (value(row, 'u_bridge_session_id') === key) {
        var item = workItemsOf(idOf(row)).newest;
        if (item && !isClaim(item)) {
          return idOf(row);
        }
        oldest = oldest || idOf(row);
      }
    }
    return oldest;
  }

  // Only createConversation fills sys_cs_conversation.context, without which every answer of an
  // agent dies with a NullPointerException in getBrandingKey().
  function createConversation(input) {
    return asUser(input.user, function (impersonated) {
      var id = '';
      try {
        id = String(sn_cs.VASystemObject.createConversation(input.user) || '');
      } catch (failure) {
        gs.error('[intranet_bridge] open_chat: createConversation: ' + failure);
      }
      if (!ID.test(id)) {
        throw refuse(500, 'conversation_failed', 'ServiceNow did not create a conversation.');
      }
      if (!impersonated) {
        gs.warn('[intranet_bridge] open_chat: the calling account may not impersonate the user');
      }
      return id;
    });
  }

  function interactionOf(conversationId) {
    var row = new GlideRecord('interaction');
    row.addQuery('channel_metadata_document', conversationId);
    row.orderByDesc('sys_created_on');
    row.setLimit(1);
    row.query();
    return row.next() ? row : null;
  }

  function isVirtualAgent(userId) {
    var known = String(gs.getProperty('com.glide.cs.va.sys_user', '') || '');
    var user = new GlideRecord('sys_user');
    if (known === '' && user.get(userId)) {
      return value(user, 'user_name') === 'virtual.agent';
    }
    return known === userId;
  }

  // createConversation may answer with a conversation that the user already has: a chat with a
  // person, or on its way to one, is not ours to take. A claim that some call of ours left on it is
  // no obstacle: whether that call is still at work is found out next.
  function requireUnused(interaction) {
    var id = idOf(interaction);
    var agent = value(interaction, 'assigned_to');
    var items = workItemsOf(id);
    var foreign = items.newest && !(isClaim(items.newest) &&
      idOf(items.newest) === claimId(id, items.count - 1));
    if (value(interaction, 'u_bridge_session_id') !== '' || foreign ||
        (agent !== '' && !isVirtualAgent(agent))) {
      throw refuse(409, 'conversation_in_use', 'The conversation belongs to another open chat.');
    }
  }

  // A new interaction with our key and our claim on it. Null: the key is another's by now.
  function startChat(input) {
    var conversationId = createConversation(input);
    var conversation = new GlideRecord('sys_cs_conversation');
    var interaction = interactionOf(conversationId);
    if (!conversation.get(conversationId) || !interaction) {
      throw refuse(500, 'interaction_missing', 'The new conversation has no interaction.');
    }
    if (value(interaction, 'u_bridge_session_id') === input.key) {
      return null;
    }
    requireUnused(interaction);
    var id = idOf(interaction);
    var claimed = claim(id, input.queue);
    if (claimed === '' || !interaction.get(id)) {
      return null;
    }

    conversation.setValue('state', 'chatInProgress');
    conversation.setValue('live_agent_transfer_time', now());
    conversation.setValue('title', cut(input.subject, 80));
    conversation.update();

    // createConversation assigns the Virtual Agent, and AWA routes only what nobody holds.
    interaction.setValue('assigned_to', '');
    interaction.setValue('opened_for', input.user);
    interaction.setValue('opened_by', input.user);
    interaction.setValue('short_description', cut(input.subject, 160));
    interaction.setValue('u_bridge_session_id', input.key);
    interaction.setValue('direction', 'inbound');
    interaction.setValue('type', 'chat');
    interaction.setValue('subtype', 'mweb');
    interaction.setValue('state', 'new');
    if (input.context !== '' && interaction.isValidField('work_notes')) {
      // A journal field takes an entry by assignment; setValue would not make one.
      interaction.work_notes = input.context;
    }
    try {
      interaction.update();
    } catch (refused) {
      gs.warn('[intranet_bridge] open_chat: interaction: ' + refused);
    }

    var stored = new GlideRecord('interaction');
    var kept = stored.get(id) && value(stored, 'u_bridge_session_id') === input.key;
    var holder = holderOf(input.key);
    if (kept && holder === id) {
      return { interaction: id, claim: claimed };
    }
    // Refused as a duplicate, or, where the column is not unique, somebody else stands before us.
    // Nobody at all: a before rule refused the update, or a narrower column cut the key; then no
    // answer of the agent could ever find its way back.
    withdraw(id, claimed);
    if (holder === '') {
      throw refuse(500, 'key_not_stored', 'The interaction did not keep u_bridge_session_id.');
    }
    return null;
  }

  // Ends a chat that was never routed because another call opened one under the same key.
  function withdraw(interactionId, claimed) {
    cancel(claimed);
    var row = new GlideRecord('interaction');
    if (!row.get(interactionId)) {
      return;
    }
    var conversationId = value(row, 'channel_metadata_document');
    row.setValue('u_bridge_session_id', '');
    row.setValue('state', 'closed_abandoned');
    row.update();
    try {
      sn_cs.VASystemObject.endConversation(conversationId);
    } catch (failure) {
      gs.warn('[intranet_bridge] open_chat: endConversation: ' + failure);
    }
  }

  function bindingOf(conversationId) {
    var row = new GlideRecord('sys_cs_session_binding');
    row.addQuery('topic', conversationId);
    row.orderByDesc('sys_created_on');
    row.setLimit(1);
    row.query();
    return row.next() ? row : null;
  }

  function isBound(sessionId) {
    var row = new GlideRecord('sys_cs_session_binding');
    row.addQuery('session', sessionId);
    row.setLimit(1);
    row.query();
    return row.next();
  }

  // A session that an interrupted call made and did not get round to binding.
  function unboundSession(device, consumer) {
    if (device === '' || consumer === '') {
      return '';
    }
    var row = new GlideRecord('sys_cs_session');
    row.addQuery('device_id', device);
    row.addQuery('consumer', consumer);
    row.addQuery('device_type', 'mweb');
    row.orderByDesc('sys_created_on');
    row.setLimit(1);
    row.query();
    return row.next() && !isBound(idOf(row)) ? idOf(row) : '';
  }

  function insertSession(conversation) {
    var row = new GlideRecord('sys_cs_session');
    row.initialize();
    row.setValue('consumer', value(conversation, 'consumer'));
    row.setValue('consumer_account', value(conversation, 'consumer_account'));
    row.setValue('vendor', value(conversation, 'vendor') || OUT_OF_BOX_VENDOR);
    row.setValue('device_id', value(conversation, 'current_device'));
    row.setValue('device_type', 'mweb');
    row.setValue('direction', 'inbound');
    row.setValue('interaction', 'QnA'); // the name of an enum constant, not a reference
    row.setValue('start_time', now());
    return String(row.insert() || '');
  }

  // Without a session: "Can't find a live session"; without a binding: a NullPointerException in
  // isMessageBatching(). Both strike when somebody speaks, not here.
  function ensureSession(conversation) {
    var conversationId = idOf(conversation);
    var bound = bindingOf(conversationId);
    if (bound) {
      return bound;
    }
    var session =
      unboundSession(value(conversation, 'current_device'), value(conversation, 'consumer')) ||
      insertSession(conversation);
    var row = new GlideRecord('sys_cs_session_binding');
    row.initialize();
    row.setValue('session', session);
    row.setValue('topic', conversationId); // both columns hold the conversation,
    row.setValue('system_topic', conversationId); // whatever their names say
    row.setValue('channel_type', 'AMB');
    row.setValue('channel_id', '/cs/messages/' + session);
    row.setValue('client_connected', true);
    row.setValue('online', true);
    row.setValue('guest', false);
    row.setValue('sent_reminder', false);
    row.setValue('last_client_activity_time', now());
    if (session === '' || !row.insert()) {
      throw refuse(500, 'session_failed', 'The chat session could not be created.');
    }
    return bindingOf(conversationId);
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

  function markedRow(conversationId, mark) {
    var row = new GlideRecord('sys_cs_message');
    row.addQuery('conversation', conversationId);
    row.addQuery('u_bridge_message_id', mark);
    row.orderByDesc('sequence');
    row.setLimit(1);
    row.query();
    return row.next() ? idOf(row) : '';
  }

  // A row that send() wrote and nobody marked yet: because it was written just now, or because a
  // call was interrupted in between. Under a claim there is nobody else who could have written it.
  function unmarkedRow(conversationId, input, after, justSent) {
    var own = String(gs.getUserID());
    var oldest = secondsAgo(ADOPT_SECONDS);
    var found = '';
    var row = messagesOf(conversationId);
    while (row.next()) {
      var sender = value(row, 'sender');
      var ours = justSent || sender === input.user || sender === own;
      if (ours && sequenceOf(row) > after && value(row, 'u_bridge_message_id') === '' &&
          value(row, 'payload') === input.firstMessage && value(row, 'sys_created_on') >= oldest) {
        found = idOf(row);
      }
    }
    return found;
  }

  // The mark tells the relay rule that the row is ours, and a repeat that it has been sent.
  function markRow(id, mark) {
    var row = new GlideRecord('sys_cs_message');
    if (id === '' || !row.get(id)) {
      return 0;
    }
    if (value(row, 'u_bridge_message_id') !== mark) {
      row.setValue('u_bridge_message_id', mark);
      row.setWorkflow(false);
      row.update();
    }
    return sequenceOf(row);
  }

  // A raw row in sys_cs_message would be stored and never shown: only send() publishes to the
  // agent's open pane. A failure does not undo the chat; the caller learns it and sends again. Only
  // whoever has the claim sends, or takes a row that nobody marked for its own.
  function firstMessage(conversationId, input, claimed, fresh) {
    var mark = input.key + ':first';
    if (input.firstMessage === '') {
      return { id: '', sequence: 0, outcome: 'none' };
    }
    var id = markedRow(conversationId, mark);
    if (id === '' && claimed !== '' && !fresh) {
      id = unmarkedRow(conversationId, input, 0, false);
    }
    var outcome = 'failed';
    if (id === '' && claimed !== '') {
      var last = messagesOf(conversationId);
      var before = last.next() ? sequenceOf(last) : 0;
      requireClaim(claimed);
      try {
        asUser(input.user, function () {
          return sn_cs.AgentChatScriptObject.send(conversationId, input.firstMessage, null, false);
        });
        outcome = 'unidentified';
      } catch (failure) {
        gs.error('[intranet_bridge] open_chat: first message: ' + failure);
      }
      id = unmarkedRow(conversationId, input, before, true);
    }
    return { id: id, sequence: markRow(id, mark), outcome: id === '' ? outcome : 'sent' };
  }

  // AWA watches the change to "queued": a row inserted with that state is never offered.
  function queueWorkItem(claimed) {
    var item = requireClaim(claimed);
    item.setValue('state', 'queued');
    if (!item.update()) {
      throw refuse(500, 'routing_failed', 'The work item could not be queued.');
    }
  }

  function openChat(input) {
    var held = holderOf(input.key);
    var started = held === '' ? startChat(input) : null;
    var interactionId = started ? started.interaction : held || holderOf(input.key);
    var interaction = new GlideRecord('interaction');
    var conversation = new GlideRecord('sys_cs_conversation');
    if (interactionId === '' || !interaction.get(interactionId)) {
      throw inProgress(); // whoever held the key has just let go of it
    }
    var conversationId = value(interaction, 'channel_metadata_document');
    if (!ID.test(conversationId) || !conversation.get(conversationId)) {
      throw refuse(500, 'interaction_missing', 'The interaction has no conversation.');
    }

    // A repeat for a chat that is over, or routed, changes nothing and tells what there is.
    var over = OVER.indexOf(value(interaction, 'state')) !== -1;
    var claimed = '';
    if (started) {
      claimed = started.claim;
    } else if (!over) {
      claimed = claim(interactionId, input.queue);
    }
    var binding = claimed === '' ? bindingOf(conversationId) : ensureSession(conversation);
    // Under a claim that was taken over, the call that was cut off may have sent it.
    var fresh = started !== null && claimed === interactionId;
    var first = firstMessage(conversationId, input, claimed, fresh);
    if (claimed !== '') {
      queueWorkItem(claimed);
    }
    interaction.get(interactionId);
    return {
      api: API,
      conversation_sys_id: conversationId,
      interaction_sys_id: interactionId,
      interaction_number: value(interaction, 'number'),
      consumer_sys_id: value(conversation, 'consumer'),
      consumer_account_sys_id: value(conversation, 'consumer_account'),
      session_sys_id: binding ? value(binding, 'session') : '',
      session_binding_sys_id: idOf(binding),
      work_item_sys_id: idOf(workItemsOf(interactionId).newest),
      first_message_sys_id: first.id,
      first_message_sequence: first.sequence,
      first_message: first.outcome,
      state: value(interaction, 'state'),
      repeated: !started
    };
  }

  function readInput() {
    body = readBody();
    var input = {
      user: idField('user_sys_id'),
      key: textField('bridge_session_id', 64),
      queue: idField('queue_sys_id'),
      channel: idField('channel_sys_id'),
      subject: textField('short_description', 4000),
      firstMessage: textField('first_message', 65536),
      context: textField('context', 65536)
    };
    if (!KEY.test(input.key)) {
      throw refuse(400, 'invalid_field', 'bridge_session_id must be letters, digits, - or _.');
    }
    input.subject = input.subject || input.firstMessage || 'Chat handed over by the assistant';
    return input;
  }

  // Nobody would ever tell that a chat waits in a queue which does not exist.
  function requireRows(input) {
    var queue = new GlideRecord('awa_queue');
    var user = new GlideRecord('sys_user');
    if (!user.get(input.user)) {
      throw refuse(404, 'user_not_found', 'There is no sys_user with that user_sys_id.');
    }
    if (value(user, 'active') === '0' || value(user, 'locked_out') === '1') {
      throw refuse(409, 'user_inactive', 'The user is inactive or locked out.');
    }
    if (!queue.get(input.queue)) {
      throw refuse(404, 'queue_not_found', 'There is no awa_queue with that queue_sys_id.');
    }
    if (value(queue, 'active') === '0') {
      throw refuse(409, 'queue_inactive', 'The queue is not active.');
    }
  }

  try {
    var input = readInput();
    requireColumn('interaction', 'u_bridge_session_id');
    requireColumn('sys_cs_message', 'u_bridge_message_id');
    requireRows(input);
    var result = openChat(input);
    response.setStatus(200);
    response.setBody(result);
  } catch (failure) {
    if (!failure.refusedStatus) {
      gs.error('[intranet_bridge] open_chat: ' + failure);
      failure = refuse(500, 'internal_error', 'The chat could not be opened; see the system log.');
    }
    response.setStatus(failure.refusedStatus);
    response.setBody({ api: API, error: failure.error, message: failure.message });
  }
})(request, response);
