// SPDX-License-Identifier: MIT
// The hosting package of the Microsoft 365 Agents SDK for JavaScript as the bridge's parent: its
// adapter takes what the bridge posts, and its AgentClient delegates to the bridge.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { Activity, ActivityTypes, EndOfConversationCodes, RoleTypes } from '@microsoft/agents-activity';

import { becomes, eventually } from './support/eventually.mjs';
import { startHouse } from './support/programs.mjs';
import { SignedParent } from './support/signed_parent.mjs';
import { startWebServer } from './support/web_server.mjs';

const kKey = 'a-key-for-the-agents-sdk';
const kTenant = '5a000000-0000-4000-8000-0000000e17a0';
const kBridge = '5a000000-0000-4000-8000-00000000c0de'; // the sandbox has it registered
const kBridgeSecret = 'sandbox-entra-secret';
const kParent = '5a000000-0000-4000-8000-000000000a9e';
const kParentSecret = 'a-secret-of-the-parent';
const kGreeting = 'Thank you for waiting. An agent is with you now.';

// The package needs a Node.js in which require() takes an ES module.
const [major, minor] = process.versions.node.split('.').map(Number);
const tooOld = major < 20 || (major === 20 && minor < 19);

describe('the hosting package of the Agents SDK', () => {
  // A test, since a suite that is skipped is not counted.
  if (tooOld) return it('plays the parent', { skip: 'the Agents SDK needs Node.js 20.19' }, () => {});

  let house;
  let hosting;
  let SdkParent;
  let identity; // the managed identity's endpoint, as Azure App Service has one
  const parents = [];

  const entra = () => `${house.sandboxUrl}/entra/${kTenant}`;
  async function token(client, secret, audience) {
    const response = await fetch(`${entra()}/oauth2/v2.0/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials', client_id: client, client_secret: secret, scope: `${audience}/.default`,
      }),
    });
    const answer = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  }

  before(async () => {
    house = await startHouse('agents-sdk-host', {
      settings: (sandbox) => `CS_API_KEY=${kKey}
CS_SERVICE_HOSTS=127.0.0.1
CS_AUTHORITY=${sandbox}/entra
CS_TENANT_ID=${kTenant}
CS_APP_ID=${kBridge}
CS_ALLOWED_CALLERS=${kParent}`,
    });
    await fetch(`${house.sandboxUrl}/sandbox/entra/apps`, {
      method: 'POST', body: JSON.stringify({ client_id: kParent, client_secret: kParentSecret }),
    });
    // The SDK cannot be pointed at the sandbox's Entra for a client secret: its library takes https
    // authorities only, and asks Microsoft's about any that it does not know. A managed identity
    // is asked for at a local address.
    identity = await startWebServer(async (request, answer) => {
      const wanted = new URL(request.url, 'http://here').searchParams;
      assert.equal(request.headers['x-identity-header'], 'proof');
      assert.equal(wanted.get('client_id'), kParent);
      const resource = wanted.get('resource');
      const { access_token: got } = resource === kBridge ? await token(kParent, kParentSecret, kBridge)
        : { access_token: `for ${resource}` };
      const until = Math.floor(Date.now() / 1000) + 3600;
      answer.send({ access_token: got, expires_on: until, resource, token_type: 'Bearer' });
    });
    process.env.IDENTITY_ENDPOINT = `${identity.url}/msi/token`;
    process.env.IDENTITY_HEADER = 'proof';
    hosting = await import('@microsoft/agents-hosting');
    ({ SdkParent } = await import('./support/sdk_parent.mjs'));
  });
  after(async () => {
    for (const parent of parents) await parent.stop();
    await identity?.stop();
    await house?.stop();
    assert.deepEqual(parents.flatMap((parent) => parent.problems), []);
    assert.deepEqual(identity?.problems ?? [], []);
  });

  const outbound = { clientId: kParent, tenantId: kTenant, authType: 'UserManagedIdentity' };
  async function startSdkParent(inbound) {
    const parent = await SdkParent.start({
      endpoint: `${house.url}/api/messages`, clientId: kBridge, outbound, inbound,
    });
    parents.push(parent);
    return parent;
  }

  /// A person's message in the parent's own channel. No digits in texts and ids: see sdk_parent.mjs.
  function utterance(parent, text) {
    const activity = new Activity(ActivityTypes.Message);
    return Object.assign(activity, {
      id: 'an-utterance', text, channelId: 'msteams', serviceUrl: parent.channel, locale: 'en-GB',
      from: { id: '29:user', name: 'Beth Anglin', role: RoleTypes.User },
      recipient: { id: '28:parent', name: 'Parent', role: RoleTypes.Agent },
      conversation: { id: 'a:the-conversation' },
    });
  }
  const ticketIn = (text) => /\*\*(IMS\d+)\*\*/.exec(text)[1];

  it('dispatches what is posted to a signed address', async () => {
    const { ActivityHandler, CloudAdapter } = hosting;
    const adapter = new CloudAdapter({});
    const heard = [];
    const agent = new ActivityHandler()
      .onMessage(async (context, next) => (heard.push(context.activity.text), next()))
      .onTyping(async (context, next) => (heard.push('(typing)'), next()))
      .onEndOfConversation(async ({ activity }, next) => (heard.push([activity.code, activity.value]), next()))
      .onUnrecognizedActivityType(async ({ activity }) => assert.fail(activity.type));
    adapter.onTurnError = (context, error) => {
      throw error;
    };
    const parent = await SignedParent.start(`${house.url}/api/messages`, kKey);
    parents.push(parent);
    const talk = parent.conversation('dispatched', async (request, answer) => {
      await adapter.authorizeRequest(request, answer, () => {});
      await adapter.process(request, answer, (context) => agent.run(context));
      assert.equal(answer.code, 200);
    });
    await talk.turn(ActivityTypes.Message, { text: 'My VPN is broken' });
    await eventually('the ticket', () => heard.length === 1);
    const ticket = ticketIn(heard[0]);
    const { desk } = house;
    await desk.accept(ticket);
    await desk.say(ticket, 'Hello');
    await eventually('the agent', () => heard.length === 4);
    await desk.typing(ticket);
    await eventually('the typing', () => heard.length === 5);
    await desk.end(ticket);
    await eventually('the end', () => heard.length === 7);
    assert.deepEqual(heard.slice(1, 5), ['**Alex Rep** joined.', kGreeting, 'Hello', '(typing)']);
    assert.match(heard[5], new RegExp(ticket));
    assert.deepEqual(heard[6],
      [EndOfConversationCodes.CompletedSuccessfully, { outcome: 'agent_ended', ticketNumber: ticket }]);
  });

  it('delegates to the bridge, and passes its replies on', async () => {
    const parent = await startSdkParent({});
    assert.equal(await parent.hear(utterance(parent, 'My VPN is broken')), 200);
    const shown = () => parent.shown.map(({ activity }) => activity.text ?? activity.type);
    await eventually('the ticket', () => parent.shown.length === 1);
    const lines = shown();
    const ticket = ticketIn(lines[0]);
    const { desk } = house;
    assert.deepEqual(await desk.userTexts(ticket), ['My VPN is broken']);
    await desk.accept(ticket);
    await desk.say(ticket, 'Hello');
    await becomes(shown, (lines.push('**Alex Rep** joined.', kGreeting, 'Hello'), lines));
    await desk.typing(ticket);
    await becomes(shown, (lines.push(ActivityTypes.Typing), lines));
    await desk.end(ticket);
    await eventually('the end', () => parent.ended.length === 1);
    assert.equal(parent.ended[0].code, EndOfConversationCodes.CompletedSuccessfully);
    assert.deepEqual(parent.ended[0].value, { outcome: 'agent_ended', ticketNumber: ticket });
    assert.equal(shown().length, lines.length + 1);
    assert.match(shown().at(-1), new RegExp(ticket));
    // They came as replies to what the person had said, in the person's conversation.
    for (const { path, activity } of parent.shown) {
      assert.equal(path, '/v3/conversations/a:the-conversation/activities/an-utterance');
      assert.equal(activity.from.id, '28:parent');
      assert.equal(activity.recipient.id, '29:user');
      assert.equal(activity.conversation.id, 'a:the-conversation');
    }
    assert.deepEqual(new Set(parent.responses.map(({ status }) => status)), new Set([200]));
    // Whatever is said next is another conversation to the bridge, and so another chat.
    assert.equal(await parent.hear(utterance(parent, 'Thanks')), 200);
    await eventually('another ticket', () => shown().length === lines.length + 2);
    assert.notEqual(ticketIn(shown().at(-1)), ticket);
  });

  it('takes no reply without a token when it has a client id', async () => {
    const parent = await startSdkParent({ ...outbound, authority: entra() });
    const { access_token: pass } = await token(kBridge, kBridgeSecret, kParent);
    assert.equal(await parent.hear(utterance(parent, 'My mouse is broken'), 'not a token'), 401);
    assert.equal(await parent.hear(utterance(parent, 'My mouse is broken'), pass), 200);
    await eventually('the reply', () => parent.responses.length === 1 && parent.responses[0].status);
    const [{ request, status }] = parent.responses;
    assert.equal(status, 401);
    assert.equal(request.headers.authorization, undefined);
    assert.deepEqual(parent.shown, []);
    // With a token of the bridge's application the very same reply is taken.
    assert.equal(await parent.respond(request.raw, pass), 200);
    assert.equal(parent.shown.length, 1);
    assert.equal(parent.shown[0].activity.text, request.body.text);
    assert.equal(parent.shown[0].token, 'Bearer for https://api.botframework.com');
    // The bridge has taken the 401 for an address that is used up: the next turn is told.
    const parentBySignature = await SignedParent.start(`${house.url}/api/messages`, kKey);
    parents.push(parentBySignature);
    const talk = parentBySignature.conversation('same');
    const turn = await talk.turn(ActivityTypes.Typing, {
      deliveryMode: 'expectReplies', channelId: request.body.channelId, conversation: request.body.conversation,
    });
    assert.deepEqual(JSON.parse(turn.text).activities.map(({ text }) => text), [request.body.text]);
  });
});
