// SPDX-License-Identifier: MIT
// The network fails in mid-chat. Nothing may be lost, nothing may come twice.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';

import { ChatPage, startBrowser } from './support/browser.mjs';
import { becomes, eventually } from './support/eventually.mjs';
import { startHouse } from './support/programs.mjs';
import { Proxy } from './support/proxy.mjs';

describe('a connection that fails', () => {
  let house;
  let browser;
  let proxy;
  let context;
  let chat;
  let number;

  before(async () => {
    house = await startHouse('cut');
    browser = await startBrowser();
    proxy = await Proxy.start(house.port);
  });
  after(async () => {
    await browser?.close();
    await proxy?.stop();
    await house?.stop();
  });
  beforeEach(async () => {
    context = await browser.newContext({ viewport: { width: 900, height: 700 } });
    chat = await ChatPage.open(context, `http://127.0.0.1:${proxy.port}`);
    await chat.ask();
    number = await chat.queued();
    await house.desk.accept(number);
    await chat.hasStatus('You are talking with Alex Rep');
    await becomes(async () => (await chat.texts()).length, 1);
    await eventually('a WebSocket', () => proxy.webSockets > 0);
  });
  afterEach(async () => {
    await house.desk.end(number).catch(() => {}); // the test may have ended it
    await context.close();
  });

  /// What was said after the greeting.
  const said = async () => (await chat.texts()).slice(1);

  it('shows every message once when the WebSocket is cut again and again in mid-stream', async () => {
    const expected = [];
    for (let i = 1; i <= 24; ++i) {
      expected.push(`message ${i}`);
      await house.desk.say(number, `message ${i}`);
      if (i % 6 !== 0) continue;
      await eventually('a WebSocket to cut', () => proxy.webSockets > 0);
      proxy.cut();
    }
    await becomes(said, expected, 30_000);
    assert.deepEqual(chat.problems, []);
  });

  it('sends what is written while there is no connection, once and in order', async () => {
    proxy.refuse(true);
    await chat.page.getByText('Connection lost. Reconnecting').waitFor();
    await chat.shot('cut-1-lost');
    await chat.send('one');
    await chat.send('two');
    await chat.send('two');
    await house.desk.say(number, 'said meanwhile');
    proxy.refuse(false);
    await becomes(() => house.desk.userTexts(number), ['one', 'two', 'two'], 30_000);
    await becomes(() => chat.receipts(), ['delivered', 'delivered', 'delivered']);
    await becomes(async () => (await said()).sort(), ['one', 'said meanwhile', 'two', 'two']);
    await chat.page.getByText('Connection lost').waitFor({ state: 'hidden' });
    // The page shows the order of the session's log, which a reload reads anew.
    const shown = await chat.messages();
    await chat.page.reload();
    await becomes(() => chat.messages(), shown);
  });

  it('goes on after the network fell silent without a word', async () => {
    await house.desk.say(number, 'before');
    await becomes(said, ['before']);
    proxy.silence();
    await house.desk.say(number, 'into the void');
    await house.desk.say(number, 'and again');
    // What a browser says when the laptop wakes up.
    await chat.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await becomes(said, ['before', 'into the void', 'and again']);
    await eventually('a new WebSocket', () => proxy.webSockets > 0, 30_000);
    await house.desk.say(number, 'after');
    await becomes(said, ['before', 'into the void', 'and again', 'after']);
    await chat.send('still here');
    await becomes(() => house.desk.userTexts(number), ['still here']);
    assert.deepEqual(chat.problems, []);
  });

  it('shows once what comes by two ways', async () => {
    // The page asks by poll whether its socket withholds anything; before the poll is answered, the
    // socket brings it.
    let answered = false;
    await chat.page.route('**/api/servicenow/poll/**', async (route) => {
      await house.desk.say(number, 'once');
      await becomes(said, ['once']);
      const response = await route.fetch();
      assert.match(await response.text(), /"once"/);
      await route.fulfill({ response });
      answered = true;
    }, { times: 1 });
    await chat.page.evaluate(() => window.dispatchEvent(new Event('online')));
    await eventually('the poll', () => answered);
    await house.desk.say(number, 'twice');
    await house.desk.say(number, 'twice');
    await becomes(async () => (await said()).at(-1), 'twice');
    await becomes(said, ['once', 'twice', 'twice']);
    assert.deepEqual(chat.problems, []);
  });

  it('keeps a text that was not sent before a reload, and sends it when asked', async () => {
    await chat.page.route('**/api/servicenow/user-message', (route) => route.abort());
    await chat.send('do not forget me');
    await becomes(() => chat.receipts(), ['sending']);
    await chat.page.reload();
    await becomes(() => chat.receipts(), ['failed']);
    assert.deepEqual(await said(), ['do not forget me']);
    await chat.page.unroute('**/api/servicenow/user-message');
    await chat.page.getByRole('button', { name: 'Try again' }).click();
    await becomes(() => chat.receipts(), ['delivered']);
    assert.deepEqual(await house.desk.userTexts(number), ['do not forget me']);
  });
});
