import { randomBytes } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import type { Store } from "../../../src/core/ports/store.ts";
import { createMemoryStore } from "../../../src/sessions/memory/store.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { aNewSession, sessionSettings } from "../../support/session-builders.ts";

const hourMs = 60 * 60_000;
const opened: Store[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

/** A store whose wall clock can be set, while real time goes on. */
function aStore() {
  const time = { passedMs: 0, offMs: 0 };
  const wall = 1_700_000_000_000;
  const store = createMemoryStore({
    settings: sessionSettings({ idleMs: hourMs, lifetimeMs: 3 * hourMs }),
    clock: () => wall + time.passedMs + time.offMs,
    monotonic: () => time.passedMs,
    random: randomBytes,
    log: recordingLog(),
    metrics: noMetrics,
  });
  opened.push(store);
  return { store, time };
}

test.each([
  { when: "the clock is set back an hour", offMs: -hourMs },
  { when: "the clock is set back a day", offMs: -24 * hourMs },
  { when: "the clock stays as it is", offMs: 0 },
])("$when: an idle session ends when its idle limit has really passed", async ({ offMs }) => {
  const { store, time } = aStore();
  const { id } = await store.sessions.create(aNewSession());
  time.passedMs += 10_000;
  time.offMs = offMs;
  expect(await store.sessions.find(id)).not.toBeNull();
  time.passedMs += hourMs - 11_000;
  expect(await store.sessions.find(id)).not.toBeNull();
  time.passedMs += 2_000;
  expect(await store.sessions.find(id)).toBeNull();
});

test("however often the clock is set back, a used session ends when its lifetime has really passed", async () => {
  const { store, time } = aStore();
  const { id } = await store.sessions.create(aNewSession());
  for (let step = 0; step < 17; step += 1) {
    time.passedMs += 10 * 60_000;
    time.offMs -= 7 * 60_000;
    const session = await store.sessions.find(id);
    if (session === null) throw new Error(`it ended after ${step + 1} steps`);
    store.sessions.touch(session);
  }
  time.passedMs += 10 * 60_000 + 1;
  expect(await store.sessions.find(id)).toBeNull();
});

test("an hour that the clock leaps ahead counts", async () => {
  const { store, time } = aStore();
  const { id } = await store.sessions.create(aNewSession());
  time.offMs = hourMs;
  expect(await store.sessions.find(id)).toBeNull();
});

test("what an app sees of a session's age is its real age", async () => {
  const { store, time } = aStore();
  const { id, createdAt } = await store.sessions.create(aNewSession());
  time.passedMs += 1_000;
  time.offMs = -hourMs;
  expect(await store.sessions.find(id)).toMatchObject({ createdAt: createdAt - hourMs });
});

test("a ticket is no longer good for an hour because the clock was set back", async () => {
  const { store, time } = aStore();
  const handle = await store.facts.park("ticket", "text", 60_000);
  time.offMs = -hourMs;
  time.passedMs += 60_001;
  expect(await store.facts.unpark("ticket", handle)).toBeNull();
});

test("a clock that is corrected by a second or two changes nothing", async () => {
  const { store, time } = aStore();
  const session = await store.sessions.create(aNewSession());
  time.offMs = -2_000;
  expect(await store.sessions.find(session.id)).toEqual(session);
});
