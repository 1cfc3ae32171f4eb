// SPDX-License-Identifier: MIT
// The chat page: shows what a HandoffSession tells and passes on what the user does.
import { Conversation } from './conversation.mjs';
import { HandoffSession } from './handoff.mjs';

const $ = (id) => document.getElementById(id);
const kTitle = document.title;
const kTypingShown = 6_000;
const kOpeningShown = 40_000; // longer than the bridge tries
const kPatience = 700; // a reconnection that is faster than this is nobody's business

const page = document.querySelector('.chat');
const session = new HandoffSession();
const conversation = new Conversation({
  scroller: $('log'),
  list: $('messages'),
  latest: $('latest'),
  onRetry: (id, text) => session.retry(id, text),
});

let view = ''; // idle, opening, queued, live, closed
let ready = false; // what is told now is new, not read anew
let asking = false; // our own request is under way
let givenUp = false; // nobody waits any more for what became of it
const unsettled = new Set(); // opening messages whose chat is neither open nor refused
let closeReason = null;
let unread = 0;

// ---- Words -------------------------------------------------------------------------------------

const kReasons = {
  agent_ended: 'The agent ended the chat.',
  user_ended: 'You ended the chat.',
  abandoned: 'The chat was ended because nobody was here.',
  error: 'The chat was ended because something went wrong.',
};

function statusWords() {
  switch (view) {
    case 'opening':
      return 'Asking for a person…';
    case 'queued':
      return waitingWords(session.interactionNumber);
    case 'live':
      return talkingWords(session.repName);
    case 'closed':
      return kReasons[closeReason] ?? 'The chat has ended.';
    default:
      return 'Not connected to anybody yet';
  }
}

function waitingWords(number) {
  return number ? `Waiting for an agent (${number})` : 'Waiting for an agent';
}

function queuedWords(number) {
  return number ? `You asked for a person (${number}).` : 'You asked for a person.';
}

function talkingWords(name) {
  return `You are talking with ${name || 'an agent'}`;
}

/// What to tell somebody whose request failed.
function explain(error, what) {
  const reference = error.ref ? ` (Reference ${error.ref})` : '';
  if (error.status === 0) return `${what} The server cannot be reached. Please try again.`;
  if (error.status === 429) {
    const seconds = Math.ceil((error.retryAfter ?? 60_000) / 1000);
    return `${what} There were too many attempts; please try again in ${seconds} seconds.`;
  }
  if (error.status === 400) return `${what} ${error.detail}${reference}`;
  if (error.outcome === 'unknown' && error.status === 502)
    return `${what} It may still open; trying again will not open a second one.${reference}`;
  return `${what} Please try again in a moment.${reference}`;
}

// ---- Showing -----------------------------------------------------------------------------------

function say(id, words) {
  const bar = $(id);
  conversation.keepEnd(() => {
    bar.hidden = !words;
    bar.textContent = words || '';
  });
}

function show() {
  const state = session.state === 'bot' ? (asking || (unsettled.size > 0 && !givenUp) ? 'opening' : 'idle') : session.state;
  const before = view;
  view = state;
  const talking = state === 'opening' || state === 'queued' || state === 'live';
  const hadFocus = document.activeElement;
  conversation.keepEnd(() => {
    page.dataset.state = state;
    page.classList.toggle('empty', conversation.isEmpty && !talking);
    $('ask').hidden = talking;
    $('composer').hidden = !talking;
    $('end').hidden = !talking;
    $('ask-button').disabled = asking;
    $('who').hidden = state === 'closed' && $('name').value.trim() !== '';
    $('ask-lead').textContent =
      state === 'closed' ? 'Is there anything else? You can ask for a person again.' : 'Tell us who you are and what it is about. An agent will join you here.';
  });
  const words = statusWords();
  if ($('status-text').textContent !== words) $('status-text').textContent = words;
  if (state !== 'live') hideTyping();
  if (before === state) return;
  if (!talking && $('confirm').open) $('confirm').close('stay');
  // Whoever was in a form that has gone is taken to the one that has come.
  const lost = hadFocus && hadFocus !== document.body && hadFocus.offsetParent === null;
  if (lost && talking) $('text').focus();
  if (lost && !talking) $('ask-title').focus();
}

let typingTimer = 0;

function showTyping(name) {
  conversation.keepEnd(() => {
    $('typing-text').textContent = `${name || 'The agent'} is typing…`;
    $('typing').hidden = false;
  });
  clearTimeout(typingTimer);
  typingTimer = setTimeout(hideTyping, kTypingShown);
}

function hideTyping() {
  clearTimeout(typingTimer);
  $('typing').hidden = true;
}

let connectionTimer = 0;

function showConnection(state) {
  clearTimeout(connectionTimer);
  page.dataset.connection = state;
  if (state !== 'lost') return say('connection', '');
  connectionTimer = setTimeout(() => say('connection', 'Connection lost. Reconnecting…'), kPatience);
}

function countUnread() {
  if (!document.hidden) return;
  ++unread;
  document.title = `(${unread}) ${kTitle}`;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  unread = 0;
  document.title = kTitle;
});

// ---- What the session tells -----------------------------------------------------------------------

function on(type, handler) {
  session.addEventListener(type, (event) => handler(event.detail));
}

/// The bridge names the message that opened a chat by itself: nobody has sent it as such.
function isOpening(id) {
  return id.startsWith('open-');
}

/// Whether a chat that is being opened is waited for; it may take shape later all the same.
function waitForChat(wait) {
  givenUp = !wait;
  for (const id of unsettled) conversation.setReceipt(id, wait ? 'sending' : 'unknown');
  show();
}

on('message', (message) => {
  if (message.from === 'user') {
    conversation.addOwn(message.id, message.text);
    if (isOpening(message.id)) {
      unsettled.add(message.id);
      conversation.setReceipt(message.id, givenUp ? 'unknown' : 'sending');
      setTimeout(() => unsettled.has(message.id) && !asking && waitForChat(false), kOpeningShown);
    }
  } else {
    hideTyping();
    conversation.addTheirs(message.text, message.repName ?? (message.system ? 'Automatic message' : 'Agent'), message.late);
    if (ready) countUnread();
  }
  show();
});

on('outgoing', ({ id, text }) => conversation.addOutgoing(id, text));

on('receipt', ({ id, status, reason }) => {
  if (isOpening(id)) unsettled.delete(id);
  const words = { 'session closed': 'The chat has ended.', 'no live chat': 'There is no chat.', too_large: 'It is too long.' };
  const detail = reason?.status === 400 ? reason.detail : words[reason?.id];
  conversation.setReceipt(id, status, detail);
  show();
});

on('status', (status) => {
  unsettled.clear();
  if (status.state === 'queued') conversation.addNote(queuedWords(status.interactionNumber));
  if (status.state === 'live') conversation.addNote(`${status.repName || 'An agent'} joined the chat.`);
  if (status.state === 'closed') {
    closeReason = status.reason;
    conversation.addNote(kReasons[status.reason] ?? 'The chat has ended.');
    if (ready) countUnread();
  }
  say('problem', '');
});

on('state', show);
on('typing', ({ repName }) => showTyping(repName));
on('connection', ({ state }) => showConnection(state));
on('missing', () => conversation.addNote('Some messages of this chat are no longer available.', true));

on('reset', () => {
  conversation.clear();
  unsettled.clear();
});

on('ready', () => {
  ready = true;
  $('log').removeAttribute('aria-busy');
  show();
  conversation.toEnd();
});

on('ended', ({ why }) => {
  showConnection('none');
  unsettled.clear();
  const words =
    why === 'unknown'
      ? 'This chat is no longer known to the server, so it cannot go on.'
      : 'This browser may not go on with this chat.';
  conversation.addNote(`${words} You can ask for a person again; that begins a new one.`, true);
  show();
});

// ---- What the user does ----------------------------------------------------------------------------

function remembered(key, value) {
  try {
    if (value !== undefined) sessionStorage.setItem(`chat.${key}`, value);
    return sessionStorage.getItem(`chat.${key}`) ?? '';
  } catch {
    return '';
  }
}

$('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  if (asking) return;
  const name = remembered('name', $('name').value.trim()) || $('name').value.trim();
  const email = remembered('email', $('email').value.trim()) || $('email').value.trim();
  const openingMessage = $('opening').value.trim();
  say('problem', '');
  asking = true;
  waitForChat(true);
  try {
    await session.escalate({ openingMessage, name, email });
    $('opening').value = '';
  } catch (error) {
    say('problem', explain(error, 'The chat could not be opened.'));
    waitForChat(false);
  } finally {
    asking = false;
    show();
  }
});

const text = $('text');

function fitText() {
  conversation.keepEnd(() => {
    text.style.height = 'auto';
    text.style.height = `${text.scrollHeight + 2}px`;
  });
}

$('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  const words = text.value.trim();
  text.focus();
  if (!words) return;
  session.send(words);
  text.value = '';
  fitText();
});

text.addEventListener('keydown', (event) => {
  // While an input method composes a character, Enter belongs to it.
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('composer').requestSubmit();
});

text.addEventListener('input', () => {
  fitText();
  if (text.value.trim()) session.typing();
});

$('end').addEventListener('click', () => $('confirm').showModal());

$('confirm').addEventListener('close', async () => {
  if ($('confirm').returnValue !== 'end') return;
  $('confirm').returnValue = '';
  $('end').disabled = true;
  try {
    await session.end();
  } catch (error) {
    say('problem', explain(error, 'The chat could not be ended.'));
  } finally {
    $('end').disabled = false;
  }
});

// ---- Begin -----------------------------------------------------------------------------------------

$('name').value = remembered('name');
$('email').value = remembered('email');
$('log').setAttribute('aria-busy', 'true');
if (!(await session.resume())) {
  ready = true;
  $('log').removeAttribute('aria-busy');
  show();
}
