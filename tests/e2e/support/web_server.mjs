// SPDX-License-Identifier: MIT
// A small web server on a free port of 127.0.0.1. Its requests and responses have the shape that
// the Agents SDK takes from Express.
import { createServer } from 'node:http';

/// The SDK's WebResponse on top of Node's.
class Answer {
  #response;

  constructor(response) {
    this.#response = response;
  }

  get code() {
    return this.#response.statusCode;
  }

  get headersSent() {
    return this.#response.headersSent;
  }

  get writableEnded() {
    return this.#response.writableEnded;
  }

  status(code) {
    this.#response.statusCode = code;
    return this;
  }

  setHeader(name, value) {
    this.#response.setHeader(name, value);
    return this;
  }

  send(body) {
    if (typeof body === 'string') this.#response.end(body);
    else this.setHeader('content-type', 'application/json').#response.end(JSON.stringify(body));
    return this;
  }

  end() {
    if (!this.writableEnded) this.#response.end();
    return this;
  }
}

/// `handle(request, answer)`: request has method, url, headers, raw (the body) and body (as JSON).
/// What it throws is a 500 and stands in `problems`.
export async function startWebServer(handle) {
  const problems = [];
  const server = createServer((incoming, response) => {
    const parts = [];
    incoming.on('data', (part) => parts.push(part));
    incoming.on('end', async () => {
      const { method, url, headers } = incoming;
      const answer = new Answer(response);
      try {
        const raw = Buffer.concat(parts).toString();
        await handle({ method, url, headers, raw, body: raw === '' ? undefined : JSON.parse(raw) }, answer);
      } catch (error) {
        problems.push(error);
        if (!answer.headersSent) answer.status(500);
      }
      answer.end();
    });
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    problems,
    url: `http://127.0.0.1:${server.address().port}`,
    stop: () => new Promise((done) => {
      server.close(done);
      server.closeAllConnections();
    }),
  };
}
