// SPDX-License-Identifier: MIT
// The whole job through the page that the bridge serves.
import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, it } from 'node:test';

import { ChatPage, startBrowser } from './support/browser.mjs';
import { becomes, eventually } from './support/eventually.mjs';
import { startHouse } from './support/programs.mjs';

const kGreeting = 'Thank you for waiting. An agent is with you now.';

describe('the chat page', () => {
  let house;
  let browser;
  let context;

  before(async () => {
    house = await startHouse('chat');
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await house?.stop();
  });
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 900, height: 700 }, colorScheme: 'light' });
  });
  afterEach(() => context.close());

  /// A page in a live chat with Alex Rep.
  async function liveChat(opening = 'My printer is on fire') {
    const chat = await ChatPage.open(context, house.url);
    await chat.ask({ opening });
    const number = await chat.queued();
    await house.desk.accept(number);
    await chat.hasStatus('You are talking with Alex Rep');
    await becomes(() => chat.texts(), [opening, kGreeting].filter(Boolean));
    return { chat, number };
  }

  it('carries a conversation both ways, survives a reload, and is the same in a second tab', async () => {
    const chat = await ChatPage.open(context, house.url);
    await chat.hasStatus('Not connected to anybody yet');
    await chat.shot('chat-1-idle');
    await chat.ask({ opening: 'My printer is on fire' });
    const number = await chat.queued();
    await becomes(() => chat.receipts(), ['delivered']);
    await chat.shot('chat-2-queued');

    await house.desk.accept(number);
    await chat.hasStatus('You are talking with Alex Rep');
    await house.desk.say(number, 'Hello, what can I do?');
    await becomes(() => chat.texts(), ['My printer is on fire', kGreeting, 'Hello, what can I do?']);

    // Equal texts, from both sides, are all of them said and none of them an echo.
    await chat.send('yes');
    await becomes(() => chat.receipts(), ['delivered', 'delivered']);
    await house.desk.say(number, 'yes');
    await becomes(async () => (await chat.texts()).length, 5);
    await chat.send('yes');
    await becomes(() => chat.receipts(), ['delivered', 'delivered', 'delivered']);
    await house.desk.say(number, 'yes');
    const whole = [
      { from: 'me', text: 'My printer is on fire' },
      { from: 'Automatic message', text: kGreeting },
      { from: 'Alex Rep', text: 'Hello, what can I do?' },
      { from: 'me', text: 'yes' },
      { from: 'Alex Rep', text: 'yes' },
      { from: 'me', text: 'yes' },
      { from: 'Alex Rep', text: 'yes' },
    ];
    await becomes(() => chat.messages(), whole);
    assert.deepEqual(await house.desk.userTexts(number), ['My printer is on fire', 'yes', 'yes']);

    await house.desk.typing(number);
    await chat.page.getByText('Alex Rep is typing').waitFor();
    await chat.shot('chat-3-live');

    await chat.page.reload();
    await becomes(() => chat.messages(), whole);
    await chat.hasStatus('You are talking with Alex Rep');

    const second = await ChatPage.open(context, house.url);
    await becomes(() => second.messages(), whole);
    await second.hasStatus('You are talking with Alex Rep');
    await second.send('from the second tab');
    whole.push({ from: 'me', text: 'from the second tab' });
    await becomes(() => second.messages(), whole);
    await becomes(() => chat.messages(), whole);
    await house.desk.say(number, 'Goodbye');
    whole.push({ from: 'Alex Rep', text: 'Goodbye' });
    await house.desk.end(number);
    for (const tab of [chat, second]) {
      await tab.hasStatus('The agent ended the chat.');
      await becomes(() => tab.messages(), whole);
      assert.deepEqual(tab.problems, []);
    }
    await chat.shot('chat-4-ended');
  });

  it('lets the user end the chat, and begin another one in the same session', async () => {
    const { chat, number } = await liveChat();
    await chat.end();
    await chat.hasStatus('You ended the chat.');
    await becomes(async () => /^closed/.test((await house.desk.interaction(number)).state), true);

    await chat.page.getByLabel('How can we help?').fill('One more thing');
    await chat.page.getByRole('button', { name: 'Talk to a person' }).click();
    const next = await chat.queued();
    assert.notEqual(next, number);
    const [one, two] = await Promise.all([house.desk.interaction(number), house.desk.interaction(next)]);
    assert.equal(two.bridge_session_id, `${one.bridge_session_id}-2`);
    await house.desk.accept(next);
    await chat.hasStatus('You are talking with Alex Rep');
    await chat.send('Still there?');
    await becomes(() => house.desk.userTexts(next), ['One more thing', 'Still there?']);
    await becomes(() => chat.texts(), ['My printer is on fire', kGreeting, 'One more thing', kGreeting, 'Still there?']);
    await chat.end();
    await chat.hasStatus('You ended the chat.');
    assert.deepEqual(chat.problems, []);
  });

  it('shows markup as the text that it is', async () => {
    const { chat, number } = await liveChat('');
    const evil = '<img src=x onerror="alert(1)"><script>alert(2)</script> & <b>bold</b>';
    await house.desk.say(number, evil);
    await becomes(async () => (await chat.texts()).at(-1), evil);
    await chat.send(evil);
    await becomes(async () => (await chat.messages()).at(-1), { from: 'me', text: evil });
    assert.equal(await chat.page.locator('#messages img, #messages script, #messages b').count(), 0);
    assert.deepEqual(chat.problems, []);
    await house.desk.end(number);
  });

  it('tells the agent that the user is typing', async () => {
    const { chat, number } = await liveChat();
    assert.ok(!(await house.desk.interaction(number)).user_typing_at);
    await chat.page.getByRole('textbox', { name: 'Message' }).pressSequentially('I am typing', { delay: 20 });
    await eventually('the agent to see it', async () => (await house.desk.interaction(number)).user_typing_at);
    await house.desk.end(number);
  });

  it('says that a message was not delivered, and delivers it once when asked again', async () => {
    const { chat, number } = await liveChat('');
    await house.desk.faults({ target: 'send_message', mode: 'status', value: 500, rate: 1 });
    await chat.send('Can you hear me?');
    await chat.page.getByText(/Not delivered|not certain/).waitFor({ timeout: 45_000 });
    await chat.shot('chat-5-failed');
    assert.deepEqual(await house.desk.userTexts(number), []);
    await house.desk.faults(null);
    // Once is enough, although the bridge has found by now that ServiceNow is not well.
    await chat.page.getByRole('button', { name: 'Try again' }).click();
    await becomes(() => chat.receipts(), ['delivered'], 45_000);
    assert.deepEqual(await house.desk.userTexts(number), ['Can you hear me?']);
    await becomes(() => chat.texts(), [kGreeting, 'Can you hear me?']);
    await house.desk.end(number);
  });

  it('takes a press during which it becomes known what became of the message', async () => {
    const { chat, number } = await liveChat('');
    await house.desk.faults({ target: 'send_message', mode: 'status', value: 500, rate: 1 });
    await chat.send('Are you there?');
    await chat.page.getByText('not certain').waitFor({ timeout: 45_000 });
    await chat.page.getByRole('button', { name: 'Try again' }).hover();
    await chat.page.mouse.down();
    await house.desk.faults(null);
    await chat.page.getByText('Not delivered').waitFor({ timeout: 45_000 });
    await chat.page.mouse.up();
    await becomes(() => chat.receipts(), ['delivered']);
    assert.deepEqual(await house.desk.userTexts(number), ['Are you there?']);
    await house.desk.end(number);
  });

  it('says that no chat could be opened, and opens one at the next attempt', async () => {
    await house.desk.faults({ target: 'open_chat', mode: 'status', value: 500, rate: 1 });
    const chat = await ChatPage.open(context, house.url);
    await chat.ask({ opening: 'Anybody?' });
    await chat.page.getByRole('alert').getByText('The chat could not be opened.').waitFor({ timeout: 45_000 });
    await becomes(() => chat.receipts(), ['unknown']);
    await chat.shot('chat-6-refused');
    await house.desk.faults(null);
    await chat.page.getByRole('button', { name: 'Talk to a person' }).click();
    const number = await chat.queued();
    assert.deepEqual(await house.desk.userTexts(number), ['Anybody?']);
    await becomes(() => chat.texts(), ['Anybody?']);
    await becomes(() => chat.receipts(), ['delivered']);
    await chat.end();
    await chat.hasStatus('You ended the chat.');
  });

  it('begins a new session when the old one is gone', async () => {
    const { chat, number } = await liveChat();
    await house.desk.end(number);
    await chat.hasStatus('The agent ended the chat.');
    await chat.page.evaluate(() => {
      const kept = JSON.parse(sessionStorage.getItem('handoff'));
      sessionStorage.setItem('handoff', JSON.stringify({ ...kept, id: '0'.repeat(32) }));
    });
    await chat.page.reload();
    await becomes(async () => (await chat.notes()).join().includes('no longer known to the server'), true);
    await chat.page.getByRole('button', { name: 'Talk to a person' }).click();
    const next = await chat.queued();
    await chat.end();
    await becomes(async () => /^closed/.test((await house.desk.interaction(next)).state), true);
  });

  it('works with the cookie alone where there is no storage', async () => {
    await context.addInitScript(() => {
      for (const name of ['sessionStorage', 'localStorage'])
        Object.defineProperty(window, name, {
          get() {
            throw new DOMException('denied', 'SecurityError');
          },
        });
    });
    const { chat, number } = await liveChat('No storage here');
    await chat.page.reload();
    await becomes(() => chat.texts(), ['No storage here', kGreeting]);
    await chat.send('Still me');
    await becomes(() => house.desk.userTexts(number), ['No storage here', 'Still me']);
    assert.deepEqual(chat.problems, []);
    await house.desk.end(number);
  });

  it('works by long polling where no WebSocket can be had', async () => {
    await context.addInitScript(() => delete window.WebSocket);
    const { chat, number } = await liveChat('By poll');
    await chat.send('one');
    await becomes(() => chat.receipts(), ['delivered', 'delivered']);
    await house.desk.say(number, 'two');
    await becomes(() => chat.texts(), ['By poll', kGreeting, 'one', 'two']);
    // Typing reaches those who read at that moment; between two polls nobody does.
    await eventually('the agent to be seen typing', async () => {
      await house.desk.typing(number);
      return chat.page.getByText('Alex Rep is typing').isVisible();
    });
    await house.desk.end(number);
    await chat.hasStatus('The agent ended the chat.');
    assert.deepEqual(chat.problems, []);
  });

  it('can be used with the keyboard, on a narrow screen and in the dark', async () => {
    await context.close();
    context = await browser.newContext({ viewport: { width: 320, height: 568 }, colorScheme: 'dark' });
    const chat = await ChatPage.open(context, house.url);
    await chat.shot('narrow-1-idle');
    const { page } = chat;
    await page.getByLabel('Your name').focus();
    await page.keyboard.type('Beth Anglin');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.type('A question');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const number = await chat.queued();
    await eventually('the focus to be in the message box', () =>
      page.evaluate(() => document.activeElement.id === 'text'));
    await house.desk.accept(number);
    await chat.hasStatus('You are talking with Alex Rep');
    await page.keyboard.type('first line');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('second line');
    await page.keyboard.press('Enter');
    await becomes(async () => (await house.desk.userTexts(number)).at(-1), 'first line\nsecond line');
    await house.desk.say(number, `A long word: ${'abcdefghij'.repeat(8)}`);
    await becomes(async () => (await chat.texts()).length, 4);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    await chat.shot('narrow-2-live');
    await house.desk.end(number);
    await chat.hasStatus('The agent ended the chat.');
    await eventually('the focus to be at the question', () =>
      page.evaluate(() => document.activeElement.id === 'ask-title'));
    await chat.shot('narrow-3-ended');
    assert.deepEqual(chat.problems, []);
  });
});
