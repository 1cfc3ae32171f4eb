// SPDX-License-Identifier: MIT
// The whole way that customers go today, as a person sees it: Copilot Studio's window, its assistant,
// the bridge as connected agent, and a live agent in ServiceNow; and back to the assistant.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';

import { startBrowser } from './support/browser.mjs';
import { becomes, eventually } from './support/eventually.mjs';
import { outputDir, startHouse } from './support/programs.mjs';

const kKey = 'e2e-copilot-key-0123456789';

describe('a conversation of Copilot Studio', () => {
  let house;
  let browser;

  before(async () => {
    house = await startHouse('copilot', {
      settings: () => `CS_API_KEY=${kKey}\nCS_SERVICE_HOSTS=127.0.0.1`,
    });
    browser = await startBrowser();
    await fetch(`${house.sandboxUrl}/sandbox/copilot/agent`, {
      method: 'POST',
      body: JSON.stringify({
        url: `${house.url}/api/messages`, callback_base: house.sandboxUrl, auth: 'key', header: 'X-API-Key', key: kKey,
      }),
    });
  });
  after(async () => {
    await browser?.close();
    await house?.stop();
  });

  it('reaches a live agent and comes back to the assistant', async () => {
    const page = await browser.newPage({ viewport: { width: 1100, height: 900 }, colorScheme: 'light' });
    page.setDefaultTimeout(30_000);
    await page.goto(`${house.sandboxUrl}/copilot`);
    await page.getByLabel('Channel').selectOption('msteams');
    await page.getByRole('button', { name: 'Start' }).click();
    const message = page.getByLabel('Message', { exact: true });
    const say = async (text) => {
      await message.fill(text);
      await message.press('Enter');
    };
    const fromAgent = async () => (await page.locator('#messages li').allInnerTexts())
      .filter((line) => line.startsWith('Connected agent'))
      .map((line) => line.slice(line.search(/\n/)).trim());

    await say('my VPN is broken');
    await say('I want to talk to a person');
    await page.getByText('Your ticket is').waitFor();
    const [{ number }] = await house.desk.interactions();
    await house.desk.accept(number);
    await house.desk.say(number, 'Have you tried *turning* it off? https://example.com/a_b');
    await becomes(async () => (await fromAgent()).slice(1), [
      'Alex Rep joined.',
      'Thank you for waiting. An agent is with you now.', // the queue's own words
      'Have you tried *turning* it off? https://example.com/a_b',
    ]);

    // What is said while the address is dead comes with the next turn.
    await page.getByRole('button', { name: 'Expire it now' }).click();
    await house.desk.say(number, 'Hello?');
    await say('yes, twice');
    await eventually('the agent to see it', async () =>
      (await house.desk.userTexts(number)).includes('yes, twice'));
    await becomes(async () => (await fromAgent()).slice(4), ['Hello?']);

    await house.desk.end(number);
    await eventually('the assistant to have it back', async () =>
      (await page.locator('#status').innerText()).startsWith('With the assistant'));
    assert.match((await fromAgent()).at(-1), new RegExp(`The live agent has ended the chat.*${number}`));
    await say('hello');
    await page.getByText('Hello, I am the assistant').waitFor();
    assert.equal((await house.desk.interactions()).length, 1);
    await page.screenshot({ path: join(outputDir, 'copilot.png') });
    await page.close();
  });
});
