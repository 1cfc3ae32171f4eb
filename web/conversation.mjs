// SPDX-License-Identifier: MIT
// The list of messages on the page. What has its place in the session's order stands first, own
// texts that have none yet stand below. Texts are only ever text nodes.

const kWords = {
  sending: 'Sending…',
  delivered: 'Delivered',
  failed: 'Not delivered.',
  unknown: 'It is not certain that this arrived.',
};

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export class Conversation {
  #scroller;
  #list;
  #latest;
  #own = new Map(); // client_message_id -> its <li>
  #waiting = null; // the first of those without a place
  #onRetry;

  constructor({ scroller, list, latest, onRetry }) {
    this.#scroller = scroller;
    this.#list = list;
    this.#latest = latest;
    this.#onRetry = onRetry;
    latest.addEventListener('click', () => this.toEnd());
    scroller.addEventListener('scroll', () => {
      if (this.#atEnd()) latest.hidden = true;
    });
  }

  get isEmpty() {
    return this.#list.childElementCount === 0;
  }

  clear() {
    this.#list.replaceChildren();
    this.#own.clear();
    this.#waiting = null;
    this.#latest.hidden = true;
  }

  /// An own text that the bridge has not confirmed.
  addOutgoing(id, text) {
    const item = this.#makeOwn(id, text);
    this.#keepingEnd(() => this.#list.append(item), true);
    this.#waiting ??= item;
  }

  addOwn(id, text) {
    const item = this.#own.get(id) ?? this.#makeOwn(id, text);
    item.querySelector('.text').textContent = text;
    this.#place(item);
    if (!item.dataset.status) this.setReceipt(id, 'sending');
  }

  addTheirs(text, who, late) {
    const item = element('li', 'theirs');
    const before = this.#waiting ? this.#waiting.previousElementSibling : this.#list.lastElementChild;
    if (before?.dataset.who !== who) {
      item.classList.add('first');
      item.append(element('span', 'who', who));
    } else {
      item.append(element('span', 'unseen', `${who}: `));
    }
    item.dataset.who = who;
    item.append(element('span', 'text', text));
    if (late) item.append(element('span', 'receipt', 'This message came late.'));
    this.#place(item);
  }

  addNote(text, warning = false) {
    this.#place(element('li', warning ? 'note warning' : 'note', text));
  }

  setReceipt(id, status, reason) {
    const item = this.#own.get(id);
    if (!item || !kWords[status]) return;
    item.dataset.status = status;
    const line = item.querySelector('.receipt');
    const words = [kWords[status], reason].filter(Boolean).join(' ');
    if (status !== 'failed' && status !== 'unknown') {
      line.textContent = words;
      return;
    }
    // A button that is there already stays: somebody may be pressing it at this moment.
    const again = line.querySelector('.retry') ?? this.#makeRetry(id, item);
    if (again.parentElement !== line) line.replaceChildren('', again);
    line.firstChild.data = `${words} `;
    if (this.#atEnd()) this.toEnd();
  }

  toEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#latest.hidden = true;
  }

  /// Runs a change that may alter the height, and stays at the end if that is where we are.
  keepEnd(change) {
    this.#keepingEnd(change, false);
  }

  #makeOwn(id, text) {
    const item = element('li', 'mine');
    item.append(element('span', 'unseen', 'You: '), element('span', 'text', text), element('span', 'receipt'));
    if (id) this.#own.set(id, item);
    return item;
  }

  #makeRetry(id, item) {
    const again = element('button', 'retry', 'Try again');
    again.type = 'button';
    again.addEventListener('click', () => this.#onRetry(id, item.querySelector('.text').textContent));
    return again;
  }

  /// Puts an item behind everything that has a place.
  #place(item) {
    const isOwn = item.classList.contains('mine');
    if (item === this.#waiting) {
      this.#waiting = item.nextElementSibling;
      return;
    }
    this.#keepingEnd(() => this.#list.insertBefore(item, this.#waiting), isOwn);
    if (!isOwn && !this.#atEnd()) this.#latest.hidden = false;
  }

  #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight < 60;
  }

  #keepingEnd(change, always) {
    const follow = always || this.#atEnd();
    change();
    if (follow) this.toEnd();
  }
}
