// SPDX-License-Identifier: MIT
// What a tab remembers of its session, so that a reload goes on where it was: id, token, cursor and
// the texts that the bridge has not confirmed. Another tab of the same browser learns the id alone;
// its cookie is the proof. Without storage the id stands in the page's address.

const kId = /^[0-9a-f]{32}$/;
const kHash = /^#session=([0-9a-f]{32})$/;

function attempt(action) {
  try {
    return action();
  } catch {
    return null; // storage is switched off, full, or holds nonsense
  }
}

export class SessionMemory {
  #name;

  constructor(name = 'handoff') {
    this.#name = name;
  }

  /// {id, token, cursor, pending, own}, or null. `own` says that this very tab had the session.
  load() {
    const mine = attempt(() => JSON.parse(sessionStorage.getItem(this.#name)));
    if (mine && kId.test(mine.id)) {
      const pending = Array.isArray(mine.pending) ? mine.pending : [];
      return { id: mine.id, token: mine.token || '', cursor: mine.cursor || '', pending, own: true };
    }
    const hash = attempt(() => kHash.exec(location.hash));
    if (hash) return { id: hash[1], token: '', cursor: '', pending: [], own: true };
    const other = attempt(() => localStorage.getItem(this.#name));
    if (other && kId.test(other)) return { id: other, token: '', cursor: '', pending: [], own: false };
    return null;
  }

  save({ id, token, cursor, pending }) {
    const kept = attempt(() => {
      sessionStorage.setItem(this.#name, JSON.stringify({ id, token, cursor, pending }));
      return true;
    });
    if (!kept && attempt(() => location.hash) !== `#session=${id}`)
      attempt(() => history.replaceState(null, '', `#session=${id}`));
    attempt(() => {
      if (localStorage.getItem(this.#name) !== id) localStorage.setItem(this.#name, id);
    });
  }

  clear(id) {
    attempt(() => sessionStorage.removeItem(this.#name));
    attempt(() => {
      if (localStorage.getItem(this.#name) === id) localStorage.removeItem(this.#name);
    });
    attempt(() => {
      if (kHash.test(location.hash)) history.replaceState(null, '', location.pathname + location.search);
    });
  }
}
