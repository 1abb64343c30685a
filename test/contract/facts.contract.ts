import { expect, test } from "vitest";
import { keptEvents } from "../../src/core/ports/fleet.ts";
import type { Store } from "../../src/core/ports/store.ts";
import { eventually } from "../support/eventually.ts";
import { aNewSession } from "../support/session-builders.ts";

const nowhere = "A".repeat(43);
const until = { timeoutMs: 5_000 };

/** What the facts and the documents of every store promise. */
export function factsContract(open: () => Promise<Store>): void {
  test("once is true for exactly one of many at the same time, per kind and value", async () => {
    const store = await open();
    const answers = await Promise.all(Array.from({ length: 20 }, () => store.facts.once("jti", "value", 60_000)));
    expect(answers.filter(Boolean)).toHaveLength(1);
    expect(await store.facts.once("jti", "other", 60_000)).toBe(true);
    expect(await store.facts.once("state", "value", 60_000)).toBe(true);
  });

  test("once may be true again after its time", async () => {
    const store = await open();
    expect(await store.facts.once("jti", "short", 100)).toBe(true);
    await eventually(async () => expect(await store.facts.isUsed("jti", "short")).toBe(false), until);
    expect(await store.facts.once("jti", "short", 60_000)).toBe(true);
  });

  test("to ask whether something was used does not use it", async () => {
    const store = await open();
    expect(await store.facts.isUsed("jti", "asked")).toBe(false);
    expect(await store.facts.once("jti", "asked", 60_000)).toBe(true);
    expect(await store.facts.isUsed("jti", "asked")).toBe(true);
    expect([await store.facts.isUsed("jti", "other"), await store.facts.isUsed("state", "asked")]).toEqual([false, false]);
  });

  test("a parked text is handed back to exactly one taker, for its kind and handle only", async () => {
    const store = await open();
    const handle = await store.facts.park("ticket", "text ✓", 60_000);
    expect(await store.facts.unpark("other", handle)).toBeNull();
    expect(await store.facts.unpark("ticket", nowhere)).toBeNull();
    const taken = await Promise.all(Array.from({ length: 10 }, () => store.facts.unpark("ticket", handle)));
    expect(taken.filter((text) => text !== null)).toEqual(["text ✓"]);
  });

  test("a parked text is gone after its time", async () => {
    const store = await open();
    const early = await store.facts.park("ticket", "text", 150);
    const late = await store.facts.park("ticket", "text", 60_000);
    const parkedAt = Date.now();
    await eventually(() => expect(Date.now()).toBeGreaterThan(parkedAt + 200), until);
    expect(await store.facts.unpark("ticket", early)).toBeNull();
    expect(await store.facts.unpark("ticket", late)).toBe("text");
  });

  test("a document is read back as often as it is wanted, by every store that shares it, until it is replaced", async () => {
    const store = await open();
    expect(await store.documents.read("metadata:adfs")).toBeNull();
    await store.documents.write("metadata:adfs", "the first – ✓", 60_000);
    await store.documents.write("metadata:other", "another's", 60_000);
    expect(await store.documents.read("metadata:adfs")).toBe("the first – ✓");
    expect(await store.documents.read("metadata:adfs")).toBe("the first – ✓");
    await store.documents.write("metadata:adfs", "the second", 60_000);
    expect(await store.documents.read("metadata:adfs")).toBe("the second");
    expect(await store.documents.read("metadata:other")).toBe("another's");
  });

  test("a document is gone after its time", async () => {
    const store = await open();
    await store.documents.write("metadata:adfs", "short-lived", 100);
    await eventually(async () => expect(await store.documents.read("metadata:adfs")).toBeNull(), until);
  });

  test("each one is counted, for its kind and value, until the window is over", async () => {
    const store = await open();
    const counts = await Promise.all(Array.from({ length: 10 }, () => store.facts.count("logins", "192.0.2.1", 60_000)));
    expect(counts.sort((one, other) => one - other)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await store.facts.count("logins", "192.0.2.2", 60_000)).toBe(1);
    expect(await store.facts.count("other", "192.0.2.1", 60_000)).toBe(1);
  });

  test("a window begins with the first one and is not prolonged by others", async () => {
    const store = await open();
    await store.facts.count("logins", "192.0.2.1", 200);
    const beganAt = Date.now();
    await eventually(async () => {
      expect(await store.facts.count("logins", "192.0.2.1", 200)).toBe(1);
      expect(Date.now()).toBeGreaterThan(beganAt);
    }, until);
  });

  test("different values are counted once each, by kind", async () => {
    const store = await open();
    expect(await store.facts.countDistinct("people")).toBe(0);
    for (const who of ["ann", "bob", "ann", "ann"]) await store.facts.noteDistinct("people", who);
    await store.facts.noteDistinct("people of wiki", "ann");
    expect(await store.facts.countDistinct("people")).toBe(2);
    expect(await store.facts.countDistinct("people of wiki")).toBe(1);
  });

  test("who signs in is counted as active, once, and for each app that is opened", async () => {
    const store = await open();
    const [one, again] = [await store.sessions.create(aNewSession()), await store.sessions.create(aNewSession())];
    await store.sessions.create(aNewSession({ principal: { subject: "s-2" } }));
    for (const session of [one, again]) store.sessions.touch(session, undefined, "wiki.acme.example");
    await eventually(async () => {
      expect(await store.facts.countDistinct("people")).toBe(2);
      expect(await store.facts.countDistinct("people of wiki.acme.example")).toBe(1);
      expect(await store.facts.countDistinct("people of chat.acme.example")).toBe(0);
    }, until);
  });

  test("a lease belongs to one holder until it is released", async () => {
    const store = await open();
    const lease = await store.facts.lease("refresh:x", 60_000);
    expect(await store.facts.lease("refresh:x", 60_000)).toBeNull();
    expect(await store.facts.lease("refresh:y", 60_000)).not.toBeNull();
    expect(await lease?.extend(60_000)).toBe(true);
    await lease?.release();
    expect(await lease?.extend(60_000)).toBe(false);
    expect(await store.facts.lease("refresh:x", 60_000)).not.toBeNull();
  });

  test("a lease that ran out goes to another, and its old holder cannot take it away", async () => {
    const store = await open();
    const old = await store.facts.lease("refresh:x", 100);
    const next = await eventually(async () => {
      const taken = await store.facts.lease("refresh:x", 60_000);
      expect(taken).not.toBeNull();
      return taken;
    }, until);
    expect(await old?.extend(60_000)).toBe(false);
    await old?.release();
    expect(await store.facts.lease("refresh:x", 60_000)).toBeNull();
    expect(await next?.extend(60_000)).toBe(true);
  });

  test("an extended lease lasts", async () => {
    const store = await open();
    const lease = await store.facts.lease("refresh:x", 150);
    expect(await lease?.extend(60_000)).toBe(true);
    const extendedAt = Date.now();
    await eventually(() => expect(Date.now()).toBeGreaterThan(extendedAt + 200), until);
    expect(await store.facts.lease("refresh:x", 60_000)).toBeNull();
  });

  test("what an instance says of itself is known to all until it has been silent for its time", async () => {
    const store = await open();
    await store.fleet.publish("one", "first", 60_000);
    await store.fleet.publish("one", "second ✓", 60_000);
    await store.fleet.publish("two", "short", 100);
    expect((await store.fleet.published()).texts.filter((text) => text !== "short")).toEqual(["second ✓"]);
    await eventually(async () => expect(await store.fleet.published()).toEqual({ texts: ["second ✓"], unreadable: 0 }), until);
  });

  test("events of all instances stand in one list, the newest first, and no more than are kept", async () => {
    const store = await open();
    const lines = Array.from({ length: keptEvents + 10 }, (_, at) => `event ${at}`);
    for (let at = 0; at < lines.length; at += 1_000) await store.fleet.append(lines.slice(at, at + 1_000));
    expect(await store.fleet.newest(0, 2)).toEqual([`event ${keptEvents + 9}`, `event ${keptEvents + 8}`]);
    expect(await store.fleet.newest(keptEvents - 1, 5)).toEqual(["event 10"]);
  });
}
