// What the programs of this folder share: Lago's own JavaScript client, unchanged, against the
// weir that the environment names, and names that no earlier run has used.
//
//   WEIR_URL=http://127.0.0.1:3000 WEIR_API_KEY=… node flow.mjs

import assert from "node:assert/strict";
import { Client, getLagoError } from "lago-javascript-client";

export const url = (process.env.WEIR_URL ?? "http://127.0.0.1:3000").replace(/\/+$/, "");
export const key = process.env.WEIR_API_KEY;
assert.ok(key, "WEIR_API_KEY is not set");

export const client = Client(key, { baseUrl: `${url}/api/v1`, rateLimitRetry: { maxRetries: 3 } });

const run = Date.now().toString(36);
export const name = (what) => `${what}-${run}`;

let steps = 0;
export function step(text) {
  steps += 1;
  console.log(`${String(steps).padStart(2)} ${text}`);
}

/** Returns what a call that must be refused was refused with. */
export async function refused(call) {
  try {
    await call;
  } catch (error) {
    return await getLagoError(error);
  }
  assert.fail("the call was not refused");
}

const usageWaitMs = 30_000;

/** Sets the sandbox's clock, which Lago does not have, or reads it. */
export async function testClock(now) {
  const response = await fetch(`${url}/api/v1/test_clock`, {
    method: now ? "POST" : "GET",
    headers: { Authorization: `Bearer ${key}`, "Content-Type": "application/json" },
    body: now ? JSON.stringify({ test_clock: { now: now.toISOString() } }) : undefined,
  });
  const body = await response.json();
  assert.equal(response.status, 200, `test clock: ${JSON.stringify(body)}`);
  return body.test_clock.now;
}

/** Asks until check passes; its last complaint is the failure. */
export async function eventually(ask, check) {
  const deadline = Date.now() + usageWaitMs;
  for (;;) {
    const answer = await ask();
    try {
      check(answer);
      return answer;
    } catch (complaint) {
      if (Date.now() > deadline) throw complaint;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
