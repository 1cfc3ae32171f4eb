// SPDX-License-Identifier: MIT
// The user's texts on their way to the bridge: one after another, so that their order holds. Each
// keeps its client_message_id through every repetition, so that a repetition cannot double it.
import { backoff, pause } from './handoff_http.mjs';

const kPatience = 30_000; // for a bridge that does not answer

export class Outbox {
  #post;
  #tell;
  #queue = []; // not yet handed to the bridge
  #known = new Map(); // id -> {id, text, status, logged, entered}
  #pumping = false;

  /// `post(id, text)` hands one text over and throws a HandoffError if that failed;
  /// `tell(id, status, reason)` is called at every change of a text's fate.
  constructor(post, tell) {
    this.#post = post;
    this.#tell = tell;
  }

  /// What a reload must not forget: texts that are not in the session's log.
  pending() {
    return [...this.#known.values()]
      .filter((item) => !item.logged && item.status !== 'delivered')
      .map(({ id, text }) => ({ id, text }));
  }

  /// A text from before a reload, of which nobody knows whether it was handed over.
  restore(id, text) {
    this.#known.set(id, { id, text, status: 'failed', logged: false, entered: null });
  }

  add(id, text) {
    const item = this.#known.get(id) ?? { id, text, logged: false };
    item.status = 'sending';
    let enter;
    const entered = new Promise((resolve) => (enter = resolve));
    item.entered = enter;
    this.#known.set(id, item);
    this.#queue.push({ item, entered });
    this.#tell(id, 'sending', null);
    this.#pump();
  }

  /// The log shows the text: its place is certain, so the next one may go.
  logged(id) {
    const item = this.#known.get(id);
    if (!item) return;
    item.logged = true;
    item.entered?.();
  }

  /// The log, or an answer, says what became of it. Nothing takes a delivery back.
  settle(id, status, reason = null) {
    const item = this.#known.get(id);
    if (!item || item.status === 'delivered') return;
    item.status = status;
    this.#tell(id, status, reason);
  }

  has(id) {
    return this.#known.has(id);
  }

  forget() {
    this.#queue.length = 0;
    this.#known.clear();
  }

  async #pump() {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#queue.length > 0) {
      const { item, entered } = this.#queue.shift();
      await Promise.race([this.#deliver(item), entered]);
    }
    this.#pumping = false;
  }

  async #deliver(item) {
    const until = Date.now() + kPatience;
    for (let attempt = 0; ; ++attempt) {
      try {
        await this.#post(item.id, item.text);
        return this.settle(item.id, 'delivered');
      } catch (error) {
        if (item.status !== 'sending') return; // the log was faster
        const passing = error.status === 0 || error.status === 429 || error.status === 503;
        const wait = error.retryAfter ?? backoff(attempt);
        if (passing && Date.now() + wait < until) {
          await pause(wait);
          if (item.status !== 'sending') return;
          continue;
        }
        this.settle(item.id, error.outcome === 'unknown' ? 'unknown' : 'failed', error);
        if (error.status === 0) this.#fail(error); // the next ones would fare no better
        return;
      }
    }
  }

  #fail(error) {
    for (const { item } of this.#queue.splice(0)) this.settle(item.id, 'failed', error);
  }
}
