// SPDX-License-Identifier: MIT
// A page written for the bridge that this one replaces works unchanged (DESIGN 4.3, 7).
import assert from 'node:assert/strict';
import { copyFile, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startBrowser } from './support/browser.mjs';
import { becomes, eventually } from './support/eventually.mjs';
import { outputDir, startHouse } from './support/programs.mjs';

const kGreeting = 'rep: Thank you for waiting. An agent is with you now.';

describe('a page of the old bridge', () => {
  let house;
  let browser;
  let context;
  let page;

  before(async () => {
    const webDir = join(outputDir, 'old_page');
    await mkdir(webDir, { recursive: true });
    // The old installation's page had this name.
    await copyFile(join(dirname(fileURLToPath(import.meta.url)), 'old_page.html'), join(webDir, 'intranet.html'));
    house = await startHouse('old_page', { webDir });
    browser = await startBrowser();
  });
  after(async () => {
    await browser?.close();
    await house?.stop();
  });
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(house.url);
    await eventually('the session', async () => (await state()) === 'bot');
  });
  afterEach(() => context.close());

  const state = () => page.locator('#state').innerText();
  const lines = () => page.locator('#list li').allInnerTexts();
  const polls = () => page.evaluate('polls');

  async function send(text) {
    await page.locator('#box').fill(text);
    await page.locator('#send').click();
  }

  async function liveChat() {
    await page.locator('#box').fill('I need help');
    await page.locator('#person').click();
    const number = await eventually('the chat', () => page.locator('#number').innerText());
    assert.match(number, /^IMS/);
    await house.desk.accept(number);
    await eventually('the agent', async () => (await state()) === 'live');
    await becomes(lines, [kGreeting]);
    return number;
  }

  it('shows each reply once, whichever socket or poll brings it, and no echo', async () => {
    const number = await liveChat();
    assert.equal(await page.locator('#rep').innerText(), 'Alex Rep');
    const expected = [kGreeting];
    // Over several of its polls.
    const from = await polls();
    for (let i = 1; (await polls()) < from + 3; ++i) {
      await house.desk.say(number, `reply ${i}`);
      expected.push(`Alex Rep: reply ${i}`);
      await becomes(lines, expected);
      await send('yes');
      expected.push('me: yes');
      await becomes(lines, expected);
      await becomes(async () => (await house.desk.userTexts(number)).length, i + 1);
    }
    await house.desk.say(number, 'yes');
    expected.push('Alex Rep: yes');
    await becomes(lines, expected);
    // One more poll, which would bring whatever had been left lying.
    const now = await polls();
    await eventually('another poll', async () => (await polls()) > now + 1);
    assert.deepEqual(await lines(), expected);

    await house.desk.end(number);
    expected.push('system: closed');
    await becomes(lines, expected);
    assert.equal(await state(), 'closed');
  });

  it('ends the chat with the text that old pages send for it', async () => {
    const number = await liveChat();
    await page.locator('#over').click();
    await becomes(async () => /^closed/.test((await house.desk.interaction(number)).state), true);
    await eventually('the end', async () => (await state()) === 'closed');
    assert.deepEqual(await house.desk.userTexts(number), ['I need help']);
    assert.deepEqual(await lines(), [kGreeting, 'system: closed']);
  });

  it('gets by poll what was said while it had no socket', async () => {
    const number = await liveChat();
    await page.evaluate('sockets.forEach(function (socket) { socket.close(); })');
    await eventually('the sockets to be closed', () => page.evaluate('sockets.every((s) => s.readyState === 3)'));
    await house.desk.say(number, 'one');
    await house.desk.say(number, 'two');
    await becomes(lines, [kGreeting, 'Alex Rep: one', 'Alex Rep: two']);
    const now = await polls();
    await eventually('another poll', async () => (await polls()) > now + 1);
    assert.deepEqual(await lines(), [kGreeting, 'Alex Rep: one', 'Alex Rep: two']);
    await house.desk.end(number);
    await eventually('the end', async () => (await state()) === 'closed');
  });
});
