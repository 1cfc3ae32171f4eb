// SPDX-License-Identifier: MIT
// The sandbox and the bridge as child processes, both on free ports of 127.0.0.1, and the sandbox's
// control interface (DESIGN section 6) as functions.
import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { eventually } from './eventually.mjs';
import { Proxy } from './proxy.mjs';

const kStart = 60_000;
const kStop = 25_000;

export const outputDir = required('E2E_OUTPUT');

function required(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; use tests/e2e/run.sh`);
  return value;
}

/// Starts a program and waits for the line in which it names its port.
async function start(name, binary, args, env, portLine) {
  const log = createWriteStream(join(outputDir, `${name}.log`));
  const child = spawn(binary, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let ended = null;
  const exit = new Promise((resolve) => {
    child.once('error', (error) => resolve((ended = error.message)));
    child.once('exit', (code, signal) => resolve((ended = signal ?? `exit code ${code}`)));
  });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => {
      said = (said + data).slice(-20_000);
      log.write(data);
    });
  const program = {
    async stop() {
      if (ended === null) child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), kStop);
      const how = await exit;
      clearTimeout(timer);
      log.end();
      // A sanitizer's finding, or a program that had to be killed, must not pass unseen.
      if (how !== 'exit code 0') throw new Error(`${name} ended with ${how}:\n${said.slice(-4000)}`);
    },
  };
  try {
    program.port = await eventually(`${name} to name its port`, () => {
      if (ended !== null) throw new Error(`${name} ended with ${ended}:\n${said}`);
      return portLine.exec(said)?.[1];
    }, kStart);
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
  return program;
}

async function json(url, method = 'GET', body = undefined) {
  const response = await fetch(url, {
    method,
    headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/// The agent's desk.
export class Desk {
  #url;
  #agent;

  constructor(url, agent = 'alex.rep') {
    this.#url = url;
    this.#agent = agent;
  }

  #act(number, action, body = {}) {
    return json(`${this.#url}/sandbox/interactions/${number}/${action}`, 'POST', { agent: this.#agent, ...body });
  }

  interactions() {
    return json(`${this.#url}/sandbox/interactions`);
  }

  async interaction(number) {
    return (await this.interactions()).find((each) => each.number === number);
  }

  available() {
    return json(`${this.#url}/sandbox/agents/${this.#agent}/presence`, 'POST', { state: 'available' });
  }

  /// Waits until the chat is offered, and takes it.
  async accept(number) {
    await eventually(`${number} to be offered`, async () => (await this.interaction(number))?.offered_to === this.#agent);
    return this.#act(number, 'accept');
  }

  say(number, text) {
    return this.#act(number, 'message', { text });
  }

  typing(number) {
    return this.#act(number, 'typing');
  }

  end(number) {
    return this.#act(number, 'end');
  }

  /// What the agent sees, as "who: text".
  async pane(number) {
    const rows = await json(`${this.#url}/sandbox/interactions/${number}/pane`);
    return rows.map((row) => ({ from: row.from, text: row.text }));
  }

  async userTexts(number) {
    return (await this.pane(number)).filter((row) => row.from === 'user').map((row) => row.text);
  }

  faults(fault) {
    return json(`${this.#url}/sandbox/faults`, fault ? 'POST' : 'DELETE', fault ?? {});
  }
}

/// Both programs, acquainted with each other. `webDir`: what the bridge serves; web/ if not given.
/// `settings(sandboxUrl)`: more lines for the bridge's settings.
export async function startHouse(name, { webDir, settings: more } = {}) {
  const root = required('E2E_ROOT');
  const folder = await mkdtemp(join(tmpdir(), 'handoff-e2e-'));
  const started = [];
  const stop = async () => {
    const problems = [];
    for (const program of started.reverse()) await program.stop().catch((error) => problems.push(error.message));
    await rm(folder, { recursive: true, force: true });
    if (problems.length > 0) throw new Error(problems.join('\n'));
  };
  try {
    // Each program has to know the other's port before that one has it: the sandbox gets that of a
    // door, behind which the bridge is put once it is there.
    const door = await Proxy.start();
    started.push(door);
    const sandbox = await start(`${name}-sandbox`, required('SANDBOX_BINARY'),
      ['--port', '0', '--scripts', join(root, 'servicenow'), '--bridge', `http://127.0.0.1:${door.port}`], {},
      /listening on http:\/\/[^\s:]+:(\d+)/);
    started.push(sandbox);
    const sandboxUrl = `http://127.0.0.1:${sandbox.port}`;
    const settings = await (await fetch(`${sandboxUrl}/sandbox/env`)).text();
    const envFile = join(folder, 'bridge-settings');
    await writeFile(envFile, `${settings}
PORT=0
BRIDGE_HOST=127.0.0.1
RATE_LIMIT=off
WEB_DIR=${webDir ?? join(root, 'web')}
${more?.(sandboxUrl) ?? ''}
`);
    const bridge = await start(`${name}-bridge`, required('BRIDGE_BINARY'), ['--env-file', envFile], {},
      /listening.* port=(\d+)/);
    started.push(bridge);
    door.target = bridge.port;
    const desk = new Desk(sandboxUrl);
    await desk.available();
    return { url: `http://127.0.0.1:${bridge.port}`, port: bridge.port, sandboxUrl, desk, stop };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}
