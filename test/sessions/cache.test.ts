import { expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import type { Session } from "../../src/core/session.ts";
import { createSessionCache } from "../../src/sessions/cache.ts";
import { beginSession } from "../../src/sessions/session-rules.ts";
import { eventually } from "../support/eventually.ts";
import { aNewSession, sessionSettings } from "../support/session-builders.ts";

/** A cache over a store whose answers the test gives by hand, at times that the test sets. */
function aCache(graceMs = 0) {
  const answers: PromiseWithResolvers<Session | null>[] = [];
  const time = { now: 1_000, provenAt: 1_000 };
  const read = () => {
    const answer = Promise.withResolvers<Session | null>();
    answers.push(answer);
    return answer.promise.then((session) => session && { session, mark: "" });
  };
  const cache = createSessionCache({ monotonic: () => time.now, read, provenAt: () => time.provenAt, isGood: () => true, graceMs });
  const session = beginSession(aNewSession(), sessionSettings(), { clock: () => 0, random: (bytes) => new Uint8Array(bytes) });
  const load = (graceMs = 0) => cache.load(session.id, session.key, { graceMs });
  return { cache, session, answers, time, load };
}
const silent = new GatewayError("store.unavailable", "silence");

test("an answer is kept", async () => {
  const { cache, session, answers, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  expect(await asked).toBe(session);
  expect(cache.believed(session.id)).toBe(session);
});

test.each([
  { when: "a message about the session", arrive: ({ cache, session }: ReturnType<typeof aCache>) => void cache.forget(session.key) },
  { when: "a flush", arrive: ({ cache }: ReturnType<typeof aCache>) => cache.flush() },
])("an answer that $when has overtaken is not kept, and later askers ask anew", async ({ arrive }) => {
  const parts = aCache();
  const { cache, session, answers, load } = parts;
  const early = load();
  arrive(parts);
  const late = load();
  expect(answers).toHaveLength(2);
  answers[0]?.resolve(session);
  await early;
  expect(cache.believed(session.id)).toBeUndefined();
  answers[1]?.resolve(null);
  expect(await late).toBeNull();
  expect(cache.believed(session.id)).toBeUndefined();
});

test.each([
  { age: 0, proven: 0, believed: true },
  { age: 900, proven: 0, believed: true },
  { age: 901, proven: 0, believed: false },
  { age: 30_000, proven: 29_500, believed: true },
  { age: 30_000, proven: 29_000, believed: false },
])("read $age ms ago with the messages proven after $proven ms: believed is $believed", async ({ age, proven, believed }) => {
  const { cache, session, answers, time, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  time.now += age;
  time.provenAt += proven;
  expect(cache.believed(session.id) !== undefined).toBe(believed);
});

test("the age counts from the question, not from a late answer", async () => {
  const { cache, session, answers, time, load } = aCache();
  const asked = load();
  time.now += 901;
  answers[0]?.resolve(session);
  await asked;
  expect(cache.believed(session.id)).toBeUndefined();
});

test.each([
  { when: "within the grace", graceMs: 5_000, answer: "the session" },
  { when: "beyond the grace", graceMs: 4_999, answer: "a failure" },
  { when: "without a grace", graceMs: 0, answer: "a failure" },
])("a silent store $when: $answer", async ({ graceMs, answer }) => {
  const { session, answers, time, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  time.now += 5_000;
  const again = load(graceMs);
  answers[1]?.reject(silent);
  if (answer === "the session") expect(await again).toBe(session);
  else await expect(again).rejects.toBe(silent);
});

test.each([
  { when: "a revocation message", arrive: ({ cache, session }: ReturnType<typeof aCache>) => void cache.forget(session.key) },
  { when: "a flush", arrive: ({ cache }: ReturnType<typeof aCache>) => cache.flush() },
])("the grace never brings back what $when took away", async ({ arrive }) => {
  const parts = aCache();
  const { session, answers, load } = parts;
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  arrive(parts);
  const again = load(60_000);
  answers[1]?.reject(silent);
  await expect(again).rejects.toBe(silent);
});

test("one that changed is asked for again, and the grace covers it until then", async () => {
  const { cache, session, answers, time, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  expect(cache.changed(session.key)).toBe(session.id);
  expect(cache.believed(session.id)).toBeUndefined();
  time.now += 4_000;
  const again = load(5_000);
  answers[1]?.reject(silent);
  expect(await again).toBe(session);
});

test("what became doubtful is asked for again, and covered by the grace from when it was last known to be true", async () => {
  const { cache, session, answers, time, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  time.now += 20_000;
  time.provenAt = time.now;
  cache.doubt();
  expect(cache.believed(session.id)).toBeUndefined();
  time.now += 4_000;
  // Proof that messages arrive now says nothing about those that were missed.
  time.provenAt = time.now;
  const within = load(5_000);
  answers[1]?.reject(silent);
  expect(await within).toBe(session);
  time.now += 1_001;
  const beyond = load(5_000);
  answers[2]?.reject(silent);
  await expect(beyond).rejects.toBe(silent);
});

test("whatever the messages say, a session in use is read again within a minute, and no request waits for it", async () => {
  const { cache, session, answers, time, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  const pass = (ms: number) => {
    time.now += ms;
    time.provenAt = time.now;
  };
  pass(39_000);
  expect(cache.believed(session.id)).toBe(session);
  expect(answers).toHaveLength(1);
  pass(17_000);
  expect(cache.believed(session.id)).toBe(session);
  expect(cache.believed(session.id)).toBe(session);
  expect(answers).toHaveLength(2);
  answers[1]?.resolve(null);
  await eventually(() => expect(cache.believed(session.id)).toBeUndefined());
});

test("one that nobody used for a minute is not believed unread", async () => {
  const { cache, session, answers, time, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  time.now += 60_001;
  time.provenAt = time.now;
  expect(cache.believed(session.id)).toBeUndefined();
});

test("an unexpected failure is never covered by the grace", async () => {
  const { session, answers, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  const again = load(60_000);
  answers[1]?.reject(new TypeError("a defect"));
  await expect(again).rejects.toThrow("a defect");
});

test("activity moves the local copy about once a second", async () => {
  const { cache, session, answers, load } = aCache();
  const asked = load();
  answers[0]?.resolve(session);
  await asked;
  expect(cache.noteActivity(session, 999, undefined).writtenAt).toBe(0);
  expect(cache.believed(session.id)?.lastSeenAt).toBe(0);
  expect(cache.noteActivity(session, 1_000, undefined).writtenAt).toBe(0);
  expect(cache.believed(session.id)?.lastSeenAt).toBe(1_000);
  cache.noteWritten(session.id, 1_000);
  expect(cache.noteActivity(session, 1_500, undefined).writtenAt).toBe(1_000);
});

test.each([
  { unused: 300_000, graceMs: 0, kept: true },
  { unused: 300_001, graceMs: 0, kept: false },
  { unused: 300_001, graceMs: 600_000, kept: true },
])("what nobody used for $unused ms is kept when others come, with a grace of $graceMs ms: $kept", async ({ unused, graceMs, kept }) => {
  const { cache, answers, time, session } = aCache(graceMs);
  const visit = async (id: string) => {
    const asked = cache.load(id, `key of ${id}`, { graceMs: 0 });
    answers.at(-1)?.resolve({ ...session, id, key: `key of ${id}` });
    await asked;
  };
  /** What the grace falls back on: still here. */
  const isKept = async (id: string) => {
    const asked = cache.load(id, `key of ${id}`, { graceMs: 1_000_000 });
    answers.at(-1)?.reject(silent);
    return asked.then(
      (found) => found?.id === id,
      () => false,
    );
  };
  for (const id of ["a", "b", "c"]) await visit(id);
  time.now += unused - 1_000;
  time.provenAt = time.now;
  expect(await isKept("c")).toBe(true);
  time.now += 1_000;
  time.provenAt = time.now;
  await visit("d");
  expect([await isKept("a"), await isKept("b")]).toEqual([kept, kept]);
  expect([await isKept("c"), await isKept("d")]).toEqual([true, true]);
});
