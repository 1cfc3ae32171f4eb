// SPDX-License-Identifier: MIT
// The sandbox's own page /copilot/: a person, the scripted assistant and a connected agent, which
// is played here.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { startBrowser } from './support/browser.mjs';
import { becomes, eventually } from './support/eventually.mjs';
import { outputDir, startHouse } from './support/programs.mjs';

/// Takes every turn, answers nothing, and keeps what came.
async function startAgent() {
  const turns = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += data));
    request.on('end', () => {
      turns.push(JSON.parse(body));
      response.writeHead(200).end();
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    turns,
    url: `http://127.0.0.1:${server.address().port}/api/messages`,
    post: (activity) => fetch(turns.at(-1).serviceUrl, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ conversation: { id: turns.at(-1).conversation.id }, ...activity }),
    }).then((response) => response.status),
    stop: () => new Promise((done) => {
      server.closeAllConnections();
      server.close(done);
    }),
  };
}

describe('the assistant page of the sandbox', () => {
  let house;
  let browser;
  let agent;

  before(async () => {
    house = await startHouse('assistant');
    browser = await startBrowser();
    agent = await startAgent();
    await fetch(`${house.sandboxUrl}/sandbox/copilot/agent`, {
      method: 'POST', body: JSON.stringify({ url: agent.url }),
    });
  });
  after(async () => {
    await browser?.close();
    await agent?.stop();
    await house?.stop();
  });

  it('shows who speaks, hands over and back, and spoils the signed address', async () => {
    const page = await browser.newPage({ viewport: { width: 1100, height: 760 }, colorScheme: 'light' });
    page.setDefaultTimeout(30_000);
    const problems = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(`${house.sandboxUrl}/copilot`);
    await page.getByLabel('Channel').selectOption('msteams');
    await page.getByRole('button', { name: 'Start' }).click();
    const message = page.getByLabel('Message', { exact: true });
    const say = async (text) => {
      await message.fill(text);
      await message.press('Enter');
    };
    const lines = async () => (await page.locator('#messages li').allInnerTexts())
      .map((line) => line.replace(/\n+/, ': '));
    await say('hello');
    await say('I want to talk to a person');
    await eventually('the turn', () => agent.turns.length === 1);
    assert.equal(agent.turns[0].channelId, 'msteams');
    assert.equal(await agent.post({ type: 'message', text: '<b>Alex</b> here' }), 200);
    await becomes(lines, [
      'You: hello', 'Assistant: Hello, I am the assistant. What can I do for you?',
      'You: I want to talk to a person', 'Assistant: One moment, I will get you a person.',
      'Connected agent (posted): <b>Alex</b> here',
    ]);
    await eventually('the status', async () =>
      (await page.locator('#status').innerText()).startsWith('With the connected agent · msteams'));
    assert.equal(await agent.post({ type: 'typing' }), 200);
    await page.getByText('The agent is typing').waitFor();
    await page.screenshot({ path: join(outputDir, 'assistant-1.png') });

    await page.getByRole('button', { name: 'Expire it now' }).click();
    await eventually('the address to die', async () =>
      (await agent.post({ type: 'message', text: 'nobody hears this' })) === 401);
    await say('anybody there?');
    await eventually('the turn', () => agent.turns.length === 2);
    assert.equal(await agent.post({ type: 'message', id: '1', text: 'Yes' }), 200);
    await page.getByText('set_by_agent').waitFor();
    assert.equal(await agent.post({ type: 'endOfConversation', code: 'completedSuccessfully',
      value: { ticket_number: 'IMS0000001' } }), 200);
    await page.getByText('ticket IMS0000001').waitFor();
    await eventually('the status', async () =>
      (await page.locator('#status').innerText()).startsWith('With the assistant'));
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 420, height: 800 });
    await page.screenshot({ path: join(outputDir, 'assistant-2.png') });
    assert.deepEqual(problems, []);
    await page.close();
  });
});
