// SPDX-License-Identifier: MIT
// The Microsoft 365 Agents SDK for JavaScript as a peer of POST /api/messages: it makes the
// activities that the bridge takes, and reads every activity that the bridge sends. What of its
// hosting package can play the parent is in agents_sdk_host.spec.mjs.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import {
  Activity, ActivityEventNames, ActivityTypes, activityZodSchema, DeliveryModes, EndOfConversationCodes,
  InputHints, RoleTypes, TextFormatTypes,
} from '@microsoft/agents-activity';

import { becomes, eventually } from './support/eventually.mjs';
import { startHouse } from './support/programs.mjs';
import { SignedParent } from './support/signed_parent.mjs';

const kKey = 'a-key-for-the-agents-sdk';
const kJoined = ['**Alex Rep** joined.', 'Thank you for waiting. An agent is with you now.'];
const kTypes = Object.values(ActivityTypes);

/// What the SDK makes of an activity of the bridge's. It must know each member of it, and address
/// a reply to `inbound` as the bridge has done.
function understand(json, inbound) {
  const activity = Activity.fromJson(json);
  const plain = JSON.parse(json);
  // The schema drops what it does not know, also inside of from, recipient and conversation.
  assert.deepEqual(activityZodSchema.parse(plain), plain);
  assert.ok(kTypes.includes(activity.type), activity.type);
  const reply = new Activity(activity.type).applyConversationReference(inbound.getConversationReference());
  assert.equal(activity.channelId, reply.channelId);
  assert.equal(activity.conversation.id, reply.conversation.id);
  assert.equal(activity.replyToId, reply.replyToId);
  assert.equal(activity.locale, reply.locale);
  for (const side of ['from', 'recipient']) {
    assert.equal(activity[side].id, reply[side].id);
    assert.equal(activity[side].name, reply[side].name);
  }
  assert.equal(activity.from.role, RoleTypes.Agent);
  if (activity.type === ActivityTypes.Message) {
    assert.equal(activity.textFormat, TextFormatTypes.Markdown);
    assert.equal(activity.inputHint, InputHints.AcceptingInput);
    assert.ok(activity.text.length > 0);
  }
  // These are the receiver's to assign.
  for (const name of ['id', 'timestamp', 'serviceUrl', 'callerId']) assert.equal(activity[name], undefined);
  return activity;
}

/// Type and text, or what the conversation is given back with.
function brief(activity) {
  if (activity.type === ActivityTypes.Message) return activity.text;
  if (activity.type === ActivityTypes.EndOfConversation)
    return [activity.code, activity.value.outcome, activity.value.ticketNumber];
  return activity.type;
}

/// Server-sent events: [{event, data}].
function readStream(text) {
  return text.split(/\r?\n\r?\n/).filter((block) => block !== '').map((block) => {
    const fields = block.split(/\r?\n/).map((line) => /^(\w+): (.*)$/.exec(line).slice(1));
    assert.deepEqual(fields.map(([name]) => name), ['event', 'data']);
    return Object.fromEntries(fields);
  });
}

describe('the Agents SDK and the activities of the bridge', () => {
  let house;
  let parent;

  before(async () => {
    house = await startHouse('agents-sdk', {
      settings: () => `CS_API_KEY=${kKey}\nCS_SERVICE_HOSTS=127.0.0.1`,
    });
    parent = await SignedParent.start(`${house.url}/api/messages`, kKey);
  });
  after(async () => {
    await parent?.stop();
    await house?.stop();
    assert.deepEqual(parent?.problems, []);
  });

  /// What has been posted to the conversation's address, as the SDK understands it.
  const posted = (conversation) => conversation.posts.map(({ request, inbound }) => {
    assert.equal(request.headers['content-type'].split(';')[0], 'application/json');
    assert.equal(request.headers.authorization, undefined);
    return brief(understand(request.raw, inbound));
  });
  /// Answers of the two modes that carry their replies.
  const expected = (answer, inbound) => {
    assert.equal(answer.status, 200);
    assert.match(answer.type, /^application\/json/);
    const { activities, ...rest } = JSON.parse(answer.text);
    return { rest, replies: activities.map((one) => brief(understand(JSON.stringify(one), inbound))) };
  };
  const streamed = (answer, inbound) => {
    assert.equal(answer.status, 200);
    assert.match(answer.type, /^text\/event-stream/);
    return readStream(answer.text).map(({ event, data }) => {
      if (event === 'invokeResponse') return JSON.parse(data);
      assert.equal(event, 'activity');
      return brief(understand(data, inbound));
    });
  };
  const accepted = { status: 202, type: null, text: '' };
  const ticketIn = (text) => /\*\*(IMS\d+)\*\*/.exec(text)[1];

  it('carry a conversation whose replies are posted', async () => {
    const talk = parent.conversation('posted');
    const { desk } = house;
    assert.deepEqual(await talk.turn(ActivityTypes.ConversationUpdate,
      { membersAdded: [{ id: '29:user', name: 'Beth Anglin' }] }), accepted);
    assert.deepEqual(await talk.turn(ActivityTypes.Event, { name: 'startConversation' }), accepted);
    assert.deepEqual(talk.posts, []);

    assert.deepEqual(await talk.turn(ActivityTypes.Message, { text: 'My VPN is broken' }), accepted);
    await eventually('the ticket', () => talk.posts.length === 1);
    const ticket = ticketIn(posted(talk)[0]);
    const lines = [posted(talk)[0]];
    const says = (...more) => becomes(() => posted(talk), (lines.push(...more), lines));

    await desk.accept(ticket);
    await says(...kJoined);
    await desk.say(ticket, 'Which *floor*? \u{1F600}');
    await says('Which \\*floor\\*? \u{1F600}');
    assert.deepEqual(await talk.turn(ActivityTypes.Typing), accepted);
    assert.deepEqual(await talk.turn(ActivityTypes.Message, { text: 'The second' }), accepted);
    assert.deepEqual(await talk.turn(ActivityTypes.MessageUpdate, { text: 'The third' }), accepted);
    assert.deepEqual(await talk.turn(ActivityTypes.MessageReaction, { reactionsAdded: [{ type: 'like' }] }), accepted);
    assert.deepEqual(await talk.turn(ActivityTypes.Event, { name: ActivityEventNames.ContinueConversation }), accepted);
    await becomes(() => desk.userTexts(ticket), ['My VPN is broken', 'The second', '(edited) The third']);
    const invoked = await talk.turn(ActivityTypes.Invoke, { name: 'adaptiveCard/action', value: { one: 1 } });
    assert.deepEqual([invoked.status, JSON.parse(invoked.text)], [200, {}]);

    await desk.typing(ticket);
    await says(ActivityTypes.Typing);
    await desk.end(ticket);
    await eventually('the end', () => talk.posts.length === lines.length + 2);
    const [closing, end] = posted(talk).slice(-2);
    assert.match(closing, new RegExp(ticket));
    assert.deepEqual(end, [EndOfConversationCodes.CompletedSuccessfully, 'agent_ended', ticket]);
  });

  it('carry a conversation whose replies are expected', async () => {
    const talk = parent.conversation('expected');
    const { desk } = house;
    const turn = async (type, members) => {
      const activity = talk.activity(type,
        { deliveryMode: DeliveryModes.ExpectReplies, serviceUrl: undefined, ...members });
      return expected(await talk.again(activity), activity);
    };
    const opening = await turn(ActivityTypes.Message, { text: 'My VPN is broken' });
    assert.equal(opening.replies.length, 1);
    const ticket = ticketIn(opening.replies[0]);
    await desk.accept(ticket);
    await desk.say(ticket, 'Hello');
    const told = [];
    await eventually('the agent', async () => {
      told.push(...(await turn(ActivityTypes.Typing)).replies);
      return told.length === 3;
    });
    assert.deepEqual(told, [...kJoined, 'Hello']);

    assert.deepEqual(await turn(ActivityTypes.Invoke, { name: 'anything' }), { rest: { body: {} }, replies: [] });
    // A card that was submitted, and the same turn once more.
    const card = talk.activity(ActivityTypes.Message,
      { deliveryMode: DeliveryModes.ExpectReplies, value: { floor: 'second' } });
    const first = await talk.again(card);
    assert.deepEqual(await talk.again(card), first);
    assert.deepEqual(expected(first, card), { rest: {}, replies: [] });
    await becomes(() => desk.userTexts(ticket), ['My VPN is broken', 'floor: second']);

    const left = await turn(ActivityTypes.EndOfConversation, { code: EndOfConversationCodes.UserCancelled });
    assert.deepEqual(left.replies.slice(1), [[EndOfConversationCodes.UserCancelled, 'user_ended', ticket]]);
    const late = await turn(ActivityTypes.Message, { text: 'thanks' });
    assert.deepEqual(late.replies.slice(1), [[EndOfConversationCodes.CompletedSuccessfully, 'chat_over', ticket]]);
    assert.deepEqual(talk.posts, []);
  });

  // The SDK for JavaScript knows neither this mode nor how to read the stream; its activities it does.
  it('carry a conversation whose replies are streamed', async () => {
    const talk = parent.conversation('streamed');
    const { desk } = house;
    assert.ok(!Object.values(DeliveryModes).includes('stream'));
    const turn = async (type, members) => {
      const activity = talk.activity(type, { deliveryMode: 'stream', ...members });
      return streamed(await talk.again(activity), activity);
    };
    const said = new Activity(ActivityTypes.Message);
    Object.assign(said, { text: 'hello', from: { id: '29:user', role: RoleTypes.User } });
    const opening = await turn(ActivityTypes.Event, {
      name: 'handoff.initiate',
      value: { va_AgentMessage: 'The printer burns', va_Topics: ['Printer'] },
      attachments: [{ contentType: 'application/json', name: 'Transcript', content: { activities: [said] } }],
    });
    assert.equal(opening.length, 1);
    const ticket = ticketIn(opening[0]);
    await becomes(() => desk.userTexts(ticket).then((texts) => texts[0]), 'The printer burns');
    assert.deepEqual(await turn(ActivityTypes.Invoke, { name: 'anything' }), [{ status: 200, body: {} }]);
    const left = await turn(ActivityTypes.EndOfConversation);
    assert.deepEqual(left.slice(1), [[EndOfConversationCodes.UserCancelled, 'user_ended', ticket]]);
  });

  it('end as the SDK can tell when something went wrong', async () => {
    const { desk } = house;
    const talk = parent.conversation('refused');
    await desk.faults({ target: 'open_chat', mode: 'status', value: 403, count: 0 });
    const wanted = talk.activity(ActivityTypes.Message,
      { text: 'A person please', deliveryMode: DeliveryModes.ExpectReplies });
    const { replies } = expected(await talk.again(wanted), wanted);
    assert.deepEqual(replies.slice(1), [[EndOfConversationCodes.ChannelFailed, 'not_connected', '']]);
    await desk.faults();

    // The platform gives a silent person up. The code is the Activity protocol's, which the SDK
    // reads as a text: its own word for it is another one.
    const silent = parent.conversation('silent');
    await silent.turn(ActivityTypes.Message, { text: 'A person please' });
    await eventually('the ticket', () => silent.posts.length === 1);
    const ticket = ticketIn(posted(silent)[0]);
    await desk.accept(ticket);
    await desk.say(ticket, 'Are you there?');
    await eventually('the agent', () => silent.posts.length === 4);
    await eventually('the end', async () => {
      await fetch(`${house.sandboxUrl}/sandbox/clock`, { method: 'POST', body: '{"advance_s":200}' });
      return posted(silent).at(-1)[0] === 'botTimedOut';
    });
    assert.deepEqual(posted(silent).at(-1), ['botTimedOut', 'abandoned', ticket]);
    assert.equal(EndOfConversationCodes.AgentTimedOut, 'agentTimedOut');
  });

  it('are understood also when the parent has not said who and where it is', async () => {
    const talk = parent.conversation('nameless');
    const wanted = talk.activity(ActivityTypes.Message, {
      text: 'A person please', deliveryMode: DeliveryModes.ExpectReplies,
      from: undefined, recipient: undefined, channelId: undefined,
    });
    const answer = await talk.again(wanted);
    assert.equal(answer.status, 200);
    const [reply] = JSON.parse(answer.text).activities.map((one) => Activity.fromObject(one));
    ticketIn(reply.text);
    assert.equal(reply.replyToId, wanted.id);
    assert.deepEqual([reply.channelId, reply.recipient], [undefined, undefined]);
    assert.deepEqual(reply.from, { role: RoleTypes.Agent });
  });
});
