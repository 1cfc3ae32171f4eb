// SPDX-License-Identifier: MIT
// One person's session at the bridge, for any page: open it, ask for a person, talk, leave. What
// happens is told by events, each once and in the session's order:
//
//   message     {from: 'user'|'rep', text, id, repName, system, late, seq}
//   outgoing    {id, text}                      an own text that is not in the order yet
//   receipt     {id, status, reason}            status: sending, delivered, failed, unknown
//   status      {state, repName, interactionNumber, reason, seq}
//   state       {state, repName, interactionNumber}   how things stand now
//   typing      {repName}
//   connection  {state}                         connecting, open, polling, lost
//   ready       {}                              everything up to now has been told
//   missing     {}                              something between what was told cannot be had any more
//   reset       {}                              what was told is void; what follows takes its place
//   ended       {why}                           'unknown' or 'not_yours': the session is lost
//
// The wire is described in docs/08-api-reference.md.
import { HandoffError, request } from './handoff_http.mjs';
import { SessionMemory } from './handoff_memory.mjs';
import { Outbox } from './handoff_outbox.mjs';
import { Gap, Reader } from './handoff_reader.mjs';

export { HandoffError };

const kStart = { epoch: '0', seq: 0 };
const kTypingPause = 3_000;

function parseCursor(text) {
  const match = /^([0-9a-z]+):(\d+)$/.exec(text ?? '');
  return match ? { epoch: match[1], seq: Number(match[2]) } : null;
}

/// An id for a message; crypto.randomUUID needs a secure page, which http:// on a LAN is not.
export function newMessageId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export class HandoffSession extends EventTarget {
  #base;
  #memory;
  #outbox;
  #reader = null;
  #id = '';
  #token = '';
  #cursor = { ...kStart };
  #remembered = null; // the cursor of before a reload
  #ready = false;
  #lastTyping = 0;
  state = 'bot';
  repName = null;
  interactionNumber = null;

  /// `base`: where the bridge is; the page's own place if nothing else is said.
  constructor({ base = document.baseURI, name = 'handoff' } = {}) {
    super();
    this.#base = new URL('./', base);
    this.#memory = new SessionMemory(name);
    this.#outbox = new Outbox(
      (id, text) => this.#post('user-message', { text, client_message_id: id }, 35_000),
      (id, status, reason) => {
        this.#remember();
        this.#emit('receipt', { id, status, reason });
      },
    );
  }

  get id() {
    return this.#id;
  }

  /// Takes up the session that this tab had before a reload, or the one that another tab of this
  /// browser has open. False if there is none worth taking up.
  async resume() {
    const known = this.#memory.load();
    if (!known) return false;
    if (!known.own) {
      try {
        const page = await this.#get(known.id, known.token, kStart, 0);
        if (page.state === 'closed' || page.state === 'bot') return false;
      } catch {
        return false; // this tab loses nothing by not knowing it
      }
    }
    this.#adopt(known.id, known.token);
    this.#remembered = parseCursor(known.cursor);
    for (const { id, text } of known.pending) this.#outbox.restore(id, text);
    this.#listen();
    return true;
  }

  /// A new session; every other call but `resume` makes one by itself if there is none.
  async open({ name = '', email = '' } = {}) {
    const answer = await request(this.#url('init-session'), {
      method: 'POST',
      body: { user_display_name: name, user_email: email },
    });
    this.#adopt(answer.session_id, answer.session_token);
    this.#listen();
  }

  /// Asks for a person. Repeating it after an unclear end is safe: there is one chat at most.
  async escalate({ openingMessage = '', name = '', email = '', context } = {}) {
    if (!this.#id) await this.open({ name, email });
    const answer = await this.#post(
      'escalate',
      { opening_message: openingMessage, user_display_name: name, user_email: email, context },
      45_000,
    );
    if (answer.session_id !== this.#id) {
      // The bridge had forgotten the session and made another one.
      this.#adopt(answer.session_id, answer.session_token);
      this.#emit('reset', {});
      this.#listen();
    }
    return answer;
  }

  /// Sends a text; answers at once with its id. Its fate is told by `receipt`.
  send(text, id = newMessageId()) {
    this.#emit('outgoing', { id, text });
    this.#outbox.add(id, text);
    this.#remember();
    return id;
  }

  /// Sends a text again that failed. It carries its old id, so that it cannot arrive twice.
  retry(id, text) {
    this.#outbox.add(id, text);
    this.#remember();
  }

  /// To be called at every keystroke; the bridge hears of it now and then.
  typing() {
    const now = Date.now();
    if (this.state !== 'live' || now - this.#lastTyping < kTypingPause) return;
    this.#lastTyping = now;
    this.#post('typing', {}).catch(() => {}); // nobody misses it
  }

  end() {
    return this.#post('end', {});
  }

  /// Stops reading; the session itself goes on.
  close() {
    this.#reader?.stop();
    this.#reader = null;
  }

  // ---- Inside --------------------------------------------------------------------------------

  #url(path) {
    return new URL(`api/servicenow/${path}`, this.#base);
  }

  #post(path, body, timeout) {
    return request(this.#url(path), {
      method: 'POST',
      body: { session_id: this.#id, ...body },
      token: this.#token,
      timeout,
    });
  }

  #get(id, token, cursor, wait, signal) {
    const url = this.#url(`poll/${id}`);
    url.searchParams.set('after', `${cursor.epoch}:${cursor.seq}`);
    if (wait > 0) url.searchParams.set('wait', wait);
    return request(url, { token, timeout: (wait + 10) * 1000, signal });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #adopt(id, token) {
    this.close();
    this.#id = id;
    this.#token = token;
    this.#cursor = { ...kStart };
    this.#remembered = null;
    this.#ready = false;
    this.#outbox.forget();
    this.#remember();
  }

  #remember() {
    if (!this.#id) return;
    const { epoch, seq } = this.#ready ? this.#cursor : this.#remembered ?? this.#cursor;
    this.#memory.save({
      id: this.#id,
      token: this.#token,
      cursor: `${epoch}:${seq}`,
      pending: this.#outbox.pending(),
    });
  }

  #listen() {
    const reader = new Reader({
      poll: (wait, signal) => this.#poll(reader, wait, signal),
      socketUrl: () => {
        const url = new URL(`ws/intranet/${this.#id}`, this.#base);
        url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
        url.searchParams.set('after', `${this.#cursor.epoch}:${this.#cursor.seq}`);
        return url.href;
      },
      protocols: () => (this.#token ? ['handoff.v1', `token.${this.#token}`] : ['handoff.v1']),
      take: (frame) => this.#take(frame),
      connection: (state) => this.#emit('connection', { state }),
      refused: (why) => {
        this.#memory.clear(this.#id);
        this.#id = '';
        this.#become('bot', null, null);
        this.#emit('ended', { why });
      },
      lively: () => this.state === 'queued' || this.state === 'live',
    });
    this.#reader = reader;
    reader.start();
  }

  async #poll(reader, wait, signal) {
    const page = await this.#get(this.#id, this.#token, this.#cursor, wait, signal);
    if (this.#reader !== reader) return 0;
    let newest = 0;
    for (const frame of page.events) {
      newest = Math.max(newest, frame.seq ?? 0);
      try {
        this.#take(frame);
      } catch (error) {
        if (!(error instanceof Gap)) throw error;
        // The bridge says that this is all there is.
        this.#emit('missing', {});
        this.#cursor.seq = frame.seq - 1;
        this.#take(frame);
      }
    }
    const cursor = parseCursor(page.cursor);
    // A socket may have been faster than this answer, which is then of yesterday.
    if (cursor && cursor.seq >= this.#cursor.seq) {
      this.#cursor = cursor;
      this.#become(page.state, page.rep_name, page.interaction_number);
    }
    if (!this.#ready) this.#becomeReady();
    this.#remember();
    return newest;
  }

  #becomeReady() {
    this.#ready = true;
    const before = this.#remembered;
    // What was read before the reload must be in what has been read now.
    if (before && before.epoch !== kStart.epoch && before.epoch !== this.#cursor.epoch) this.#emit('missing', {});
    for (const { id, text } of this.#outbox.pending()) {
      this.#emit('outgoing', { id, text });
      this.#outbox.settle(id, 'failed');
    }
    this.#emit('ready', {});
  }

  #become(state, repName, interactionNumber) {
    const same = this.state === state && this.repName === repName && this.interactionNumber === interactionNumber;
    this.state = state;
    this.repName = repName;
    this.interactionNumber = interactionNumber;
    if (!same) this.#emit('state', { state, repName, interactionNumber });
  }

  #take(frame) {
    if (frame.type === 'typing') return this.#emit('typing', { repName: frame.rep_name });
    if (frame.type === 'resync') return this.#resync(frame);
    if (!Number.isInteger(frame.seq) || frame.seq <= this.#cursor.seq) return;
    if (frame.seq !== this.#cursor.seq + 1) throw new Gap();
    this.#cursor.seq = frame.seq;
    if (frame.type === 'message') this.#takeMessage(frame);
    if (frame.type === 'status') this.#takeStatus(frame);
    if (frame.type === 'receipt') this.#takeReceipt(frame);
    if (this.#ready) this.#remember();
  }

  /// What we had is not what the bridge has: it has thrown the beginning away, or was set back.
  #resync(frame) {
    const begin = parseCursor(frame.cursor);
    if (!begin) return;
    const first = this.#cursor.seq === 0;
    const goesOn = begin.epoch === this.#cursor.epoch && begin.seq >= this.#cursor.seq;
    this.#cursor = begin;
    if (!first && !goesOn) this.#emit('reset', {});
    if (!first || begin.seq > 0) this.#emit('missing', {});
    this.#become(frame.state, frame.rep_name, frame.interaction_number);
  }

  #takeMessage(frame) {
    const own = frame.from === 'user';
    const id = own ? frame.client_message_id : frame.id;
    if (own) this.#outbox.logged(id);
    this.#emit('message', {
      from: own ? 'user' : 'rep',
      text: String(frame.text ?? ''),
      id: id ?? '',
      repName: frame.rep_name ?? null,
      system: frame.system === true,
      late: frame.late === true,
      seq: frame.seq,
    });
  }

  #takeStatus(frame) {
    const queued = frame.state === 'queued';
    const number = queued ? frame.interaction_number : this.interactionNumber;
    const repName = frame.state === 'closed' ? this.repName : frame.rep_name ?? null;
    this.#emit('status', {
      state: frame.state,
      repName,
      interactionNumber: number,
      reason: frame.reason ?? null,
      seq: frame.seq,
    });
    this.#become(frame.state, repName, number);
  }

  #takeReceipt(frame) {
    const id = frame.client_message_id;
    if (this.#outbox.has(id)) this.#outbox.settle(id, frame.status);
    else this.#emit('receipt', { id, status: frame.status, reason: null });
  }
}
