// SPDX-License-Identifier: MIT
// Debian's Chromium, and the chat page as a person sees it: what is asked for here is text and
// visible parts, never the page's inside.
import { join } from 'node:path';

import { chromium } from 'playwright-core';

import { eventually } from './eventually.mjs';
import { outputDir } from './programs.mjs';

export function startBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-dev-shm-usage',
      '--no-proxy-server',
    ],
  });
}

export class ChatPage {
  #problems = [];

  constructor(page) {
    this.page = page;
    page.setDefaultTimeout(30_000);
    page.on('pageerror', (error) => this.#problems.push(String(error)));
    page.on('dialog', (dialog) => {
      this.#problems.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('console', (message) => {
      // What the network does is not the page's fault and is told in words on the page.
      if (message.type() === 'error' && !/WebSocket connection|Failed to load resource/.test(message.text()))
        this.#problems.push(message.text());
    });
  }

  static async open(context, url) {
    const chat = new ChatPage(await context.newPage());
    await chat.page.goto(url);
    return chat;
  }

  /// Script errors, messages of the console and dialogs since the beginning.
  get problems() {
    return this.#problems;
  }

  async ask({ name = 'Beth Anglin', email = '', opening = '' } = {}) {
    await this.page.getByLabel('Your name').fill(name);
    await this.page.getByLabel('E-mail').fill(email);
    await this.page.getByLabel('How can we help?').fill(opening);
    await this.page.getByRole('button', { name: 'Talk to a person' }).click();
  }

  /// Waits until an agent is awaited; the number of the interaction.
  async queued() {
    const words = await eventually('the queue', async () => /Waiting for an agent \((\w+)\)/.exec(await this.status()));
    return words[1];
  }

  status() {
    return this.page.locator('#status').innerText();
  }

  async hasStatus(words) {
    await eventually(`the status "${words}"`, async () => (await this.status()).includes(words));
  }

  async send(text) {
    const box = this.page.getByRole('textbox', { name: 'Message' });
    await box.fill(text);
    await box.press('Enter');
  }

  /// All messages in order, as {from: 'me' | name, text}; notes are left out.
  messages() {
    return this.page.locator('#messages').evaluate((list) =>
      [...list.children]
        .filter((item) => !item.classList.contains('note'))
        .map((item) => ({
          from: item.classList.contains('mine') ? 'me' : item.dataset.who,
          text: item.querySelector('.text').textContent,
        })),
    );
  }

  texts() {
    return this.messages().then((messages) => messages.map((message) => message.text));
  }

  notes() {
    return this.page.locator('#messages .note').allInnerTexts();
  }

  /// The states of own messages, in order: sending, delivered, failed, unknown.
  receipts() {
    return this.page.locator('#messages .mine').evaluateAll((items) => items.map((item) => item.dataset.status));
  }

  async end() {
    await this.page.getByRole('button', { name: 'End chat' }).click();
    await this.page.locator('#confirm').getByRole('button', { name: 'End chat' }).click();
  }

  shot(name) {
    return this.page.screenshot({ path: join(outputDir, `${name}.png`) });
  }
}
