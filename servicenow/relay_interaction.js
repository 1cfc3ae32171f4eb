// SPDX-License-Identifier: MIT
/**
 * Tells the bridge that an agent has joined one of its chats, or that it is over. Business rule,
 * global scope, ES5. An async rule sees the record as it is when it runs, not what changed: it
 * tells the state, and may tell it twice.
 *
 * @rule interaction
 * @name Intranet Bridge: relay interaction
 * @when async_always
 * @operations update
 * @order 200
 * @filter u_bridge_session_idISNOTEMPTY^assigned_toVALCHANGES^ORstateVALCHANGES
 * @column interaction.u_bridge_session_id string 64
 * @column sys_cs_message.u_bridge_message_id string 100
 * @property intranet_bridge.outbound_webhook_url string
 * @property intranet_bridge.outbound_webhook_secret password2
 * @property intranet_bridge.sign_webhooks string
 *
 * Needs: the columns and properties (the secret may also be of type string); a bridge whose
 * certificate the instance trusts.
 * Sends: POST, header X-Bridge-Secret; with sign_webhooks = true also X-Bridge-Signature, with
 *   "only" that alone and not the secret; JSON {api, event, bridge_session_id, conversation_sys_id,
 *   interaction_sys_id, interaction_number, state} and with event "claimed" {rep_name, rep_sys_id},
 *   with event "closed" {state_reason, last_sequence: that of the last relayed row, 0 if there was
 *   none}.
 */
(function executeRule(current, previous) {
  var ID = /^[0-9a-f]{32}$/;
  var OVER = ['wrap_up', 'closed_complete', 'closed_abandoned', 'faulted'];
  var RELAYED_TYPES = ['systemTextMessage', 'consumerTextMessage'];

  // Values may be Java strings, for which === and typeof lie: everything passes through String().
  function value(row, column) {
    var raw = row.getValue(column);
    return raw === null || raw === undefined ? '' : String(raw);
  }

  function sequenceOf(row) {
    return parseInt(value(row, 'sequence'), 10) || 0;
  }

  // The same function stands in relay_message.js and messages.js: the three must agree.
  function isRelayed(row) {
    var visibility = value(row, 'visibility_type').toLowerCase();
    return value(row, 'direction') === 'outbound' &&
      value(row, 'is_agent') === '1' &&
      RELAYED_TYPES.indexOf(value(row, 'q_data_message_type')) !== -1 &&
      (visibility === '' || visibility === 'public') &&
      value(row, 'u_bridge_message_id') === '';
  }

  function lastSequence(conversationId) {
    var row = new GlideRecord('sys_cs_message');
    row.addQuery('conversation', conversationId);
    row.orderByDesc('sequence');
    row.setLimit(500);
    row.query();
    while (row.next()) {
      if (isRelayed(row)) {
        return sequenceOf(row);
      }
    }
    return 0;
  }

  // The person the interaction is assigned to, or null where that is the Virtual Agent.
  function agentOf(interaction) {
    var id = value(interaction, 'assigned_to');
    var user = new GlideRecord('sys_user');
    if (!ID.test(id) || id === String(gs.getProperty('com.glide.cs.va.sys_user', ''))) {
      return null;
    }
    if (!user.get(id)) {
      return { id: id, name: null };
    }
    if (value(user, 'user_name') === 'virtual.agent') {
      return null;
    }
    return { id: id, name: value(user, 'name') || value(user, 'user_name') || null };
  }

  // What getProperty gives for a password2 property is not documented; the element decrypts it.
  function secretProperty(name) {
    var row = new GlideRecord('sys_properties');
    row.addQuery('name', name);
    row.setLimit(1);
    row.query();
    if (row.next() && value(row, 'type') === 'password2') {
      try {
        var clear = row.getElement('value').getDecryptedValue();
        if (clear) {
          return String(clear);
        }
      } catch (notDecrypted) {
        gs.warn('[intranet_bridge] relay_interaction: the secret could not be decrypted');
      }
    }
    return String(gs.getProperty(name, '') || '');
  }

  // Half a surrogate pair, as truncation leaves it, would make the whole JSON unreadable.
  function wellFormed(key, member) {
    if (typeof member !== 'string') {
      return member;
    }
    return member.replace(/[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g, function (match) {
      return match.length === 2 ? match : '\ufffd';
    });
  }

  // Plain ASCII, so that no character set can spoil it; and ${...} is a variable to RESTMessageV2.
  function asciiJson(payload) {
    return JSON.stringify(payload, wellFormed)
      .replace(/[\u007f-\uffff]/g, function (character) {
        return '\\u' + ('000' + character.charCodeAt(0).toString(16)).slice(-4);
      })
      .replace(/\$\{/g, '\\u0024{');
  }

  // Base64, as generateMac gives it, as hexadecimal digits: 6 bits in, 4 bits out.
  function hexOf(base64) {
    var DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    var hex = '';
    var bits = 0;
    var held = 0;
    for (var i = 0; i < base64.length; i++) {
      var digit = DIGITS.indexOf(base64.charAt(i));
      if (digit === -1) {
        break; // the padding
      }
      bits = (bits << 6) | digit;
      held += 6;
      while (held >= 4) {
        held -= 4;
        hex += ((bits >> held) & 15).toString(16);
      }
      bits = bits & 15;
    }
    return hex.slice(0, 64);
  }

  // HMAC-SHA256 of "<seconds>.<body>" under the secret; empty where the platform cannot.
  function signatureOf(body, secret) {
    try {
      var time = String(Math.floor(new Date().getTime() / 1000));
      var mac = new GlideCertificateEncryption()
        .generateMac(GlideStringUtil.base64Encode(secret), 'HmacSHA256', time + '.' + body);
      return 't=' + time + ',v1=' + hexOf(String(mac));
    } catch (notSigned) {
      gs.error('[intranet_bridge] relay_interaction: the webhook could not be signed');
      return '';
    }
  }

  // Logs the status and nothing else: exceptions may quote headers, answers may quote texts.
  function post(payload) {
    var url = String(gs.getProperty('intranet_bridge.outbound_webhook_url', '') || '');
    if (url === '') {
      gs.warn('[intranet_bridge] relay_interaction: outbound_webhook_url is not set');
      return;
    }
    var status = 0;
    var signing = String(gs.getProperty('intranet_bridge.sign_webhooks', '') || '').toLowerCase();
    var signs = signing === 'true' || signing === 'only';
    if (signs) {
      payload.call_id = String(gs.generateGUID()); // no two calls have one signature
    }
    var body = asciiJson(payload);
    try {
      var secret = secretProperty('intranet_bridge.outbound_webhook_secret');
      var signature = signs ? signatureOf(body, secret) : '';
      var message = new sn_ws.RESTMessageV2();
      message.setEndpoint(url);
      message.setHttpMethod('POST');
      message.setRequestHeader('Content-Type', 'application/json');
      message.setRequestHeader('Accept', 'application/json');
      if (signing !== 'only') {
        message.setRequestHeader('X-Bridge-Secret', secret);
      }
      if (signature !== '') {
        message.setRequestHeader('X-Bridge-Signature', signature);
      }
      message.setRequestBody(body);
      message.setHttpTimeout(8000);
      status = Number(message.execute().getStatusCode()) || 0;
    } catch (notReached) {
      status = 0; // unknown host, refused, timed out: sometimes thrown, sometimes answered with 0
    }
    if (status < 200 || status >= 300) {
      gs.error('[intranet_bridge] relay_interaction: the bridge answered HTTP ' + status +
        ' for ' + payload.event + ' of ' + payload.interaction_number);
    }
  }

  function relay(interaction) {
    var key = value(interaction, 'u_bridge_session_id');
    var conversationId = value(interaction, 'channel_metadata_document');
    if (key === '' || !ID.test(conversationId)) {
      return;
    }
    var payload = {
      api: 2,
      event: '',
      bridge_session_id: key,
      conversation_sys_id: conversationId,
      interaction_sys_id: String(interaction.getUniqueValue()),
      interaction_number: value(interaction, 'number'),
      state: value(interaction, 'state')
    };
    var agent = agentOf(interaction);
    if (OVER.indexOf(payload.state) !== -1) {
      payload.event = 'closed';
      payload.state_reason = value(interaction, 'state_reason');
      payload.last_sequence = lastSequence(conversationId);
      post(payload);
    } else if (agent) {
      payload.event = 'claimed';
      payload.rep_name = agent.name;
      payload.rep_sys_id = agent.id;
      post(payload);
    }
  }

  try {
    relay(current);
  } catch (failure) {
    gs.error('[intranet_bridge] relay_interaction: ' + failure);
  }
})(current, previous);
