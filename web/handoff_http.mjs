// SPDX-License-Identifier: MIT
// One JSON request to the bridge. Whatever goes wrong is a HandoffError: `status` 0 means that no
// answer came, so what was asked for may have happened all the same.

export class HandoffError extends Error {
  constructor(status, body = {}, retryAfter = null) {
    super(body.error || 'unreachable');
    this.name = 'HandoffError';
    this.status = status;
    this.id = body.error || 'unreachable';
    this.detail = body.detail || '';
    this.hint = body.hint || '';
    this.ref = body.ref || '';
    this.outcome = body.outcome || (status === 0 ? 'unknown' : 'failed');
    this.retryAfter = retryAfter; // milliseconds, or null
  }
}

async function read(response) {
  try {
    const body = JSON.parse(await response.text());
    return body !== null && typeof body === 'object' ? body : {};
  } catch (error) {
    if (error instanceof SyntaxError) return null; // a proxy's page, say
    throw error;
  }
}

export async function request(url, { method = 'GET', body, token, timeout = 15_000, signal } = {}) {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), timeout);
  const stop = () => giveUp.abort();
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  const headers = {};
  // The token proves one session; without it the browser's cookie does, which has to come with
  // this content type when something is to be changed.
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store',
      credentials: 'same-origin',
      signal: giveUp.signal,
    });
    const answer = await read(response);
    if (response.ok && answer) return answer;
    const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
    // Proxies answer in words of their own when the bridge is away: nothing is known then.
    const status = response.ok || (!answer?.error && response.status >= 500) ? 0 : response.status;
    throw new HandoffError(status, answer ?? {}, Number.isFinite(seconds) ? seconds * 1000 : null);
  } catch (error) {
    if (error instanceof HandoffError) throw error;
    throw new HandoffError(0);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

/// Waits, but no longer than until the network is said to be back or `signal` is aborted.
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.('online', done);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    globalThis.addEventListener?.('online', done);
    signal?.addEventListener('abort', done);
    if (signal?.aborted) done();
  });
}

/// Pauses that grow, half of each at random, so that many pages do not come back all at once.
export function backoff(attempt, { first = 500, most = 15_000 } = {}) {
  const full = Math.min(most, first * 2 ** Math.min(attempt, 10));
  return full / 2 + (Math.random() * full) / 2;
}
