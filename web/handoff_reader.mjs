// SPDX-License-Identifier: MIT
// Reads a session's frames for as long as it is wanted: a poll to catch up, then a WebSocket, or
// long polls where no WebSocket can be had. Every break is followed by a return to the same place;
// frames may therefore come twice, and whoever takes them goes by their `seq`.
import { backoff, HandoffError, pause } from './handoff_http.mjs';

const kLongPoll = 25; // seconds
const kTryAgainAfter = 60_000; // before long polling gives the WebSocket another chance
const kCheckEvery = 30_000; // a WebSocket that died without a word is noticed by this
const kSettle = 2_000;
const kOpenWithin = 10_000;

const kNotYours = 4401;
const kNoSession = 4404;

/// A frame does not follow the one before it.
export class Gap extends Error {}

export class Reader {
  #source;
  #stop = new AbortController();
  #socket = null;
  #latest = 0; // highest seq that the present socket has brought
  #failedOpens = 0;
  #check = () => this.#verify();

  /// `source` has
  ///   poll(wait, signal)   one poll after the cursor; takes the frames itself, and answers with
  ///                        the highest seq among them (0 if there were none)
  ///   socketUrl(), protocols()
  ///   take(frame)          throws Gap
  ///   connection(state)    'connecting', 'open', 'polling' or 'lost'
  ///   refused(why)         'unknown' or 'not_yours': reading has ended for good
  ///   lively()             whether anything is expected to come
  constructor(source) {
    this.#source = source;
  }

  start() {
    globalThis.addEventListener?.('online', this.#check);
    globalThis.document?.addEventListener('visibilitychange', this.#check);
    const timer = setInterval(() => {
      if (!globalThis.document?.hidden && this.#source.lively()) this.#verify();
    }, kCheckEvery);
    this.#stop.signal.addEventListener('abort', () => {
      clearInterval(timer);
      globalThis.removeEventListener?.('online', this.#check);
      globalThis.document?.removeEventListener('visibilitychange', this.#check);
    });
    this.#run();
  }

  stop() {
    this.#stop.abort();
    this.#socket?.close();
  }

  async #run() {
    const signal = this.#stop.signal;
    this.#source.connection('connecting');
    for (let attempt = 0; !signal.aborted; ++attempt) {
      let least = 0;
      try {
        await this.#source.poll(0, signal);
        const held = await this.#read(signal);
        if (held) attempt = -1;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof HandoffError)) throw error;
        if (error.status === 404) return this.#end('unknown');
        if (error.status === 401 || error.status === 403) return this.#end('not_yours');
        least = error.retryAfter ?? 0;
      }
      if (signal.aborted) return;
      this.#source.connection('lost');
      await pause(Math.max(least, backoff(Math.max(attempt, 0))), signal);
    }
  }

  #end(why) {
    this.stop();
    this.#source.refused(why);
  }

  /// Reads until something breaks; says whether it went well for a while.
  async #read(signal) {
    if (globalThis.WebSocket && this.#failedOpens < 2) {
      const { opened, code, lasted } = await this.#readSocket();
      if (signal.aborted) return true;
      if (code === kNoSession) this.#end('unknown');
      if (code === kNotYours) this.#end('not_yours');
      if (opened) this.#failedOpens = 0;
      else ++this.#failedOpens;
      return opened && lasted > 5_000;
    }
    this.#source.connection('polling');
    const until = Date.now() + kTryAgainAfter;
    while (!signal.aborted && (Date.now() < until || !globalThis.WebSocket))
      await this.#source.poll(kLongPoll, signal);
    this.#failedOpens = 1;
    return true;
  }

  #readSocket() {
    return new Promise((resolve) => {
      const began = Date.now();
      let opened = false;
      let done = false;
      const socket = new WebSocket(this.#source.socketUrl(), this.#source.protocols());
      const finish = (code) => {
        if (done) return;
        done = true;
        clearTimeout(impatience);
        if (this.#socket === socket) this.#socket = null;
        socket.close();
        resolve({ opened, code, lasted: Date.now() - began });
      };
      const impatience = setTimeout(() => finish(1006), kOpenWithin);
      this.#socket = socket;
      this.#latest = 0;
      socket.onopen = () => {
        opened = true;
        clearTimeout(impatience);
        this.#source.connection('open');
      };
      socket.onmessage = (event) => {
        if (done) return;
        try {
          const frame = JSON.parse(event.data);
          this.#latest = Math.max(this.#latest, frame.seq ?? 0);
          this.#source.take(frame);
        } catch (error) {
          if (!(error instanceof Gap || error instanceof SyntaxError)) throw error;
          finish(1006);
        }
      };
      socket.onclose = (event) => finish(event.code);
      // `close` cannot be waited for on a network that has gone away without a word.
      this.#drop = () => finish(1006);
    });
  }

  #drop = () => {};

  /// A browser is not told that its peer has vanished. Asking by another way shows whether the
  /// socket withholds anything, or whether nothing answers at all.
  async #verify() {
    const socket = this.#socket;
    if (!socket || socket.readyState !== WebSocket.OPEN || globalThis.document?.hidden) return;
    try {
      const newest = await this.#source.poll(0, this.#stop.signal);
      if (newest === 0) return;
      await pause(kSettle, this.#stop.signal);
      if (this.#socket === socket && this.#latest < newest) this.#drop();
    } catch (error) {
      if (!(error instanceof HandoffError)) throw error;
      if (this.#socket === socket && !this.#stop.signal.aborted) this.#drop();
    }
  }
}
