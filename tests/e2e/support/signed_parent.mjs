// SPDX-License-Identifier: MIT
// A parent of the bridge that is made like Copilot Studio's connector: each conversation has a
// signed address of its own, to which replies are posted. Its activities are the Agents SDK's.
import { Activity, RoleTypes } from '@microsoft/agents-activity';

import { startWebServer } from './web_server.mjs';

export class SignedParent {
  #bridge;
  #key;
  #server;
  #conversations = new Map(); // by address

  static async start(bridge, key) {
    const parent = new SignedParent();
    parent.#bridge = bridge;
    parent.#key = key;
    parent.#server = await startWebServer((request, answer) => parent.#take(request, answer));
    return parent;
  }

  get problems() {
    return this.#server.problems;
  }

  stop() {
    return this.#server.stop();
  }

  /// `receive(request, answer)`: who answers what is posted; without it, nobody objects.
  conversation(name, receive) {
    const path = `/external-agent/${name}?conversationId=${name}%3Aone%7Ctwo&sig=a%2Fb+c%3D`;
    const conversation = new Conversation(`${name}:one|two`, this.#server.url + path,
      (activity) => this.#post(activity), receive);
    this.#conversations.set(path, conversation);
    return conversation;
  }

  async #take(request, answer) {
    // Compared as it came: an address that was decoded, or had something appended, is another one.
    const conversation = this.#conversations.get(request.url);
    if (!conversation) throw new Error(`posted to ${request.url}, which was never given out`);
    conversation.take(request);
    if (conversation.receive) await conversation.receive(request, answer);
  }

  async #post(activity) {
    const response = await fetch(this.#bridge, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': this.#key },
      body: activity.toJsonString(),
    });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: await response.text(),
    };
  }
}

class Conversation {
  #post;
  #turns = 0;
  posts = []; // {request, inbound}: what came, and which activity was the last before it
  inbound;

  constructor(id, serviceUrl, post, receive) {
    this.id = id;
    this.serviceUrl = serviceUrl;
    this.#post = post;
    this.receive = receive;
  }

  take(request) {
    this.posts.push({ request, inbound: this.inbound });
  }

  activity(type, members = {}) {
    const activity = new Activity(type);
    this.#turns += 1;
    Object.assign(activity, {
      id: `${this.id}-${this.#turns}`,
      timestamp: new Date(),
      channelId: 'pva-studio',
      serviceUrl: this.serviceUrl,
      from: { id: '29:user', name: 'Beth Anglin', aadObjectId: 'aad-1', role: RoleTypes.User },
      recipient: { id: '28:live-agent', name: 'Live agent', role: 'connectoruser' },
      conversation: { id: this.id },
      locale: 'en-GB',
      ...members,
    });
    return activity;
  }

  /// Sends one activity, and answers with what the bridge says to it.
  turn(type, members) {
    return this.again(this.activity(type, members));
  }

  again(activity) {
    this.inbound = activity;
    return this.#post(activity);
  }
}
