// SPDX-License-Identifier: MIT
import assert from 'node:assert/strict';

const kPause = 40;
const kPatience = 30_000; // for a busy machine; nothing waits so long for luck

/// The first truthy thing that `probe` answers, within a deadline.
export async function eventually(what, probe, limit = kPatience) {
  const until = Date.now() + limit;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > until) throw new Error(`waited ${limit} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, kPause));
  }
}

/// Waits until `read` answers with `expected`; if it never does, the difference is shown.
export async function becomes(read, expected, limit = kPatience) {
  const until = Date.now() + limit;
  for (;;) {
    const actual = await read();
    try {
      assert.deepEqual(actual, expected);
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, kPause));
  }
}
