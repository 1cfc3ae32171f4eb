// SPDX-License-Identifier: MIT
// An agent made with the Agents SDK's hosting package that delegates to the bridge: a person's
// channel calls it, its AgentClient calls the bridge, and the SDK's handler of agent responses
// takes what the bridge posts and sends it on to the channel.
//
// The SDK's delegation is the skill protocol, the bridge's path is Copilot Studio's connector (a
// signed address, posted to exactly as it is). What that means, with 1.8.1:
//  - The SDK's own route for responses has conversation and activity in its path, which whoever
//    answers has to append to `serviceUrl`. The bridge appends nothing. So the route here is one
//    address, and hands the SDK's handler the two from the activity. That is what the handler is
//    for: a thin wrapper for each web framework.
//  - The SDK finds the conversation by channel and id, but its client never sends the channel: it
//    stringifies its Activity, in which the member is called `_channelId`. The address knows it.
//  - With a client id of its own the parent takes responses with a token of the callee only. The
//    bridge sends none to a signed address, whatever is configured: 401. Without one it is in the
//    SDK's development mode, and takes them.
//  - Each call of AgentClient.postActivity is a conversation of its own, with a random id, and what
//    it answers is the status text. So it can open a chat and hear all of it by its address, but a
//    second utterance opens another chat, and expectReplies is lost on it.
//  - Activity.clone, which it uses, makes a date of every text that Date.parse takes: "2" is sent
//    as 2001-02-01T00:00:00.000Z, and so is "My VPN is broken 2".
import {
  ActivityHandler, AgentClient, CloudAdapter, ConversationState, createAgentResponseHandler, MemoryStorage,
} from '@microsoft/agents-hosting';

import { startWebServer } from './web_server.mjs';

const kName = 'bridge';
const kChannel = 'msteams';

async function post(url, body, token) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(url, { method: 'POST', headers, body });
  await response.arrayBuffer();
  return response.status;
}

export class SdkParent {
  #server;
  #adapter;
  #agent = new ActivityHandler();
  #state = new ConversationState(new MemoryStorage());
  #respond;
  shown = []; // what the person's channel was given: {path, token, activity}
  ended = []; // the endOfConversations that the agent was given
  responses = []; // what the bridge posted: {request, status}

  /// `endpoint`, `clientId`: of the bridge. `outbound`: how the parent gets its tokens.
  /// `inbound`: whose tokens it takes; without a client id, nobody need have one.
  static async start({ endpoint, clientId, outbound, inbound }) {
    const parent = new SdkParent();
    parent.#server = await startWebServer((request, answer) => parent.#take(request, answer));
    parent.callback = `${parent.#server.url}/responses/${kChannel}?sig=a%2Fb+c%3D`;
    process.env[`${kName}_endpoint`] = endpoint;
    process.env[`${kName}_clientId`] = clientId;
    process.env[`${kName}_serviceUrl`] = parent.callback;
    const client = new AgentClient(kName);
    parent.#adapter = new CloudAdapter(inbound);
    parent.#adapter.onTurnError = (context, error) => {
      throw error;
    };
    parent.#respond = createAgentResponseHandler(parent.#adapter, parent.#agent, parent.#state);
    parent.#agent.onMessage(async (context, next) => {
      await client.postActivity(context.activity, outbound, parent.#state, context);
      await next();
    });
    parent.#agent.onEndOfConversation(async (context, next) => {
      parent.ended.push(context.activity);
      await next();
    });
    return parent;
  }

  get problems() {
    return this.#server.problems;
  }

  get channel() {
    return `${this.#server.url}/channel`;
  }

  stop() {
    return this.#server.stop();
  }

  /// The person's channel hands the parent an activity.
  hear(activity, token) {
    return post(`${this.#server.url}/api/messages`, activity.toJsonString(), token);
  }

  /// Posts what the bridge has posted once more, with a token.
  respond(json, token) {
    return post(this.callback, json, token);
  }

  async #take(request, answer) {
    if (request.url === '/api/messages') {
      await this.#adapter.authorizeRequest(request, answer, () => {});
      if (!answer.writableEnded)
        await this.#adapter.process(request, answer, (context) => this.#agent.run(context));
    } else if (`${this.#server.url}${request.url}` === this.callback) {
      const { body } = request;
      request.body = { ...body, channelId: kChannel };
      const at = this.responses.push({ request }) - 1;
      await this.#respond(request, answer, { conversationId: body.conversation.id, activityId: body.replyToId });
      this.responses[at].status = answer.code;
    } else if (request.url.startsWith('/channel/')) {
      const { url, headers, body } = request;
      this.shown.push({ path: url.slice('/channel'.length), token: headers.authorization, activity: body });
      answer.send({ id: `shown-${this.shown.length}` });
    } else {
      throw new Error(`nobody gave ${request.url} out`);
    }
  }
}
