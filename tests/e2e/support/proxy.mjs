// SPDX-License-Identifier: MIT
// A network between browser and bridge that can be cut: by a reset, by refusing everybody for a
// while, or by falling silent without a word, as when a laptop changes its network.
import { createServer, connect } from 'node:net';

export class Proxy {
  #server;
  #pairs = new Set();
  #refusing = false;
  port = 0;
  target; // the port behind it; may be told later

  static async start(target) {
    const proxy = new Proxy();
    proxy.target = target;
    proxy.#server = createServer((near) => proxy.#join(near));
    await new Promise((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    proxy.port = proxy.#server.address().port;
    return proxy;
  }

  #join(near) {
    if (this.#refusing || !this.target) return near.destroy();
    const far = connect(this.target, '127.0.0.1');
    const pair = { near, far, silent: false, webSocket: false };
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      // A silent network does not pass on that the other side is gone either.
      if (pair.silent) return;
      near.destroy();
      far.destroy();
    };
    const pass = (from, to) =>
      from.on('data', (data) => {
        if (from === near && data.includes('GET /ws/')) pair.webSocket = true;
        if (!pair.silent) to.write(data);
      });
    pass(near, far);
    pass(far, near);
    for (const socket of [near, far]) {
      socket.on('close', end);
      socket.on('error', end);
    }
  }

  get webSockets() {
    return [...this.#pairs].filter((pair) => pair.webSocket && !pair.silent).length;
  }

  /// Breaks every connection.
  cut() {
    for (const { near, far } of [...this.#pairs]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /// Breaks every connection and takes no new ones until told otherwise.
  refuse(on) {
    this.#refusing = on;
    if (on) this.cut();
  }

  /// The WebSockets that there are now carry nothing any more, and nobody is told.
  silence() {
    for (const pair of this.#pairs) if (pair.webSocket) pair.silent = true;
  }

  async stop() {
    this.#refusing = true;
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
