import { createHash } from "node:crypto";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Acceptor, type AcceptorDeps, createAcceptor } from "../../../src/login/kerberos/acceptor.ts";
import { readKeytab } from "../../../src/login/kerberos/keytab.ts";
import { startKdc, type TestKdc } from "../../support/kdc.ts";
import { keyOfKeytab } from "../../support/kerberos-seal.ts";
import { writeLogonInfo } from "../../support/logon-info.ts";
import { withPac } from "../../support/resealed-ticket.ts";

let kdc: TestKdc;
let other: TestKdc;
let alice: NodeJS.ProcessEnv;
let keytab: string;

beforeAll(async () => {
  [kdc, other] = await Promise.all([startKdc(), startKdc("OTHER.EXAMPLE")]);
  keytab = await kdc.keytab("http.keytab", ["HTTP/auth.test"]);
  await kdc.keytab("second.keytab", ["HTTP/second.test"]);
  alice = await kdc.signIn("alice");
}, 60_000);
afterAll(async () => {
  await kdc?.stop();
  await other?.stop();
});

function acceptorOf(more: Partial<AcceptorDeps> = {}): Acceptor {
  const seen = new Set<string>();
  const acceptor = createAcceptor({
    keytabFile: keytab,
    principals: ["HTTP/auth.test"],
    realms: ["ACME.EXAMPLE"],
    clock: Date.now,
    once: (id) => Promise.resolve(seen.has(id) ? false : seen.add(id) !== undefined),
    ...more,
  });
  onTestFinished(() => acceptor.close());
  return acceptor;
}
const tokenFor = async (host: string, offset?: string) =>
  Buffer.from(await kdc.token(alice, host, offset === undefined ? {} : { offset }), "base64");

test("a ticket says who it is, and is answered with ours (mutual authentication)", async () => {
  const answer = await acceptorOf().accept(await tokenFor("auth.test"), null);
  expect(answer).toMatchObject({
    kind: "accepted",
    ticket: { name: "alice", realm: "ACME.EXAMPLE", service: "HTTP/auth.test", enctype: 18 },
  });
  expect(answer.kind === "accepted" && answer.ticket.answer?.length).toBeGreaterThan(0);
});

test("a ticket presented twice is a replay, also in another wrapping", async () => {
  const acceptor = acceptorOf();
  const token = await tokenFor("auth.test");
  expect(await acceptor.accept(token, null)).toMatchObject({ kind: "accepted" });
  expect(await acceptor.accept(token, null)).toMatchObject({ kind: "refused", code: "kerberos.replayed" });
  // The Kerberos token out of SPNEGO, by itself.
  const bare = token.subarray(token.indexOf(Buffer.from("06092a864886f712010202010", "hex").subarray(0, 11), 40) - 4);
  expect(await acceptor.accept(bare, null)).toMatchObject({ kind: "refused", code: "kerberos.replayed" });
});

test.each([
  { when: "bare", token: Buffer.from("NTLMSSP\0\x01\0\0\0") },
  { when: "in SPNEGO", token: Buffer.from("602806062b0601050502a01e301ca00e300c060a2b06010401823702020aa20a04084e544c4d53535000", "hex") },
])("NTLM $when is no ticket", async ({ token }) => {
  expect(await acceptorOf().accept(token, null)).toMatchObject({ kind: "no-ticket", detail: expect.stringContaining("SPN") });
});

test.each(["", "00", "6000", "60820fff", "605b06062b0601050502a0513f", "ff".repeat(200)])(
  "rubbish %s is refused or no ticket",
  async (hex) => {
    expect((await acceptorOf().accept(Buffer.from(hex, "hex"), null)).kind).not.toBe("accepted");
  },
);

test("a ticket with a byte changed is refused", async () => {
  const token = await tokenFor("auth.test");
  for (const at of [100, 200, 300, token.length - 10]) {
    const changed = Buffer.from(token);
    changed[at] = (changed[at] ?? 0) ^ 0xff;
    expect((await acceptorOf().accept(changed, null)).kind).not.toBe("accepted");
  }
});

test("a visitor's clock ten minutes ahead is named with ours", async () => {
  await tokenFor("auth.test"); // The ticket is had before the clock goes wrong: with it, the KDC would give none.
  const answer = await acceptorOf().accept(await tokenFor("auth.test", "+10m"), null);
  expect(answer).toMatchObject({ kind: "refused", code: "kerberos.clock-skew" });
  const [here = 0, there = 0] = (answer.kind === "refused" ? (answer.detail.match(/\d{4}-\S+Z/g) ?? []) : []).map((text) =>
    Date.parse(text),
  );
  expect((there - here) / 1_000).toBeGreaterThan(590);
  expect((there - here) / 1_000).toBeLessThan(610);
});

test("a ticket for a name that the keytab lacks says both names", async () => {
  const answer = await acceptorOf().accept(await tokenFor("second.test"), null);
  expect(answer).toMatchObject({ kind: "refused", code: "kerberos.principal" });
  expect(answer.kind === "refused" && answer.detail).toMatch(/HTTP\/second\.test@ACME\.EXAMPLE.*HTTP\/auth\.test@ACME\.EXAMPLE/);
});

test("a ticket for another service of the same keytab is refused", async () => {
  await kdc.admin(`ktadd -k ${join(kdc.folder, "both.keytab")} -norandkey HTTP/second.test`);
  await kdc.admin(`ktadd -k ${join(kdc.folder, "both.keytab")} -norandkey HTTP/auth.test`);
  const acceptor = acceptorOf({ keytabFile: join(kdc.folder, "both.keytab") });
  expect(await acceptor.accept(await tokenFor("second.test"), null)).toMatchObject({ kind: "refused", code: "kerberos.principal" });
  expect(await acceptor.accept(await tokenFor("auth.test"), null)).toMatchObject({ kind: "accepted" });
});

test("a visitor of a realm that is not listed is refused", async () => {
  const answer = await acceptorOf({ realms: ["OTHER.EXAMPLE"] }).accept(await tokenFor("auth.test"), null);
  expect(answer).toMatchObject({ kind: "refused", code: "kerberos.realm" });
});

test("an old key version, a missing enctype and another password are told apart, and a new keytab counts at once", async () => {
  const file = join(kdc.folder, "changing.keytab");
  await kdc.keytab("changing.keytab", ["HTTP/changing.test"]);
  const acceptor = acceptorOf({ keytabFile: file, principals: ["HTTP/changing.test"] });
  expect(await acceptor.accept(await tokenFor("changing.test"), null)).toMatchObject({ kind: "accepted" });

  await kdc.admin("cpw -randkey HTTP/changing.test");
  const fresh = await kdc.signIn("alice");
  const tokenOfFresh = async () => Buffer.from(await kdc.token(fresh, "changing.test"), "base64");
  const old = await acceptor.accept(await tokenOfFresh(), null);
  expect(old).toMatchObject({ kind: "refused", code: "kerberos.kvno" });
  expect(old.kind === "refused" && old.detail).toMatch(/key version 3.*holds 2/);

  await rm(file);
  await kdc.admin(`ktadd -k ${file} -norandkey HTTP/changing.test`);
  const whole = await readFile(file);
  await writeFile(file, onlyAes128(whole));
  const weak = await acceptor.accept(await tokenOfFresh(), null);
  expect(weak).toMatchObject({ kind: "refused", code: "kerberos.enctype", detail: expect.stringContaining("aes256-cts-hmac-sha1-96") });

  await writeFile(file, otherKeys(whole));
  expect(await acceptor.accept(await tokenOfFresh(), null)).toMatchObject({ kind: "refused", code: "kerberos.key" });

  await writeFile(file, whole);
  expect(await acceptor.accept(await tokenOfFresh(), null)).toMatchObject({ kind: "accepted" });
}, 30_000);

test("a missing keytab and one that is none are named", async () => {
  const none = join(kdc.folder, "none.keytab");
  await expect(acceptorOf({ keytabFile: none }).inspect()).rejects.toMatchObject({ code: "kerberos.keytab" });
  await writeFile(none, "no keytab at all");
  await expect(acceptorOf({ keytabFile: none }).inspect()).rejects.toMatchObject({ code: "kerberos.keytab" });
  await expect(acceptorOf({ principals: ["HTTP/elsewhere.test"] }).inspect()).rejects.toMatchObject({ code: "kerberos.keytab" });
  expect((await acceptorOf().inspect()).map(({ service, kvno }) => `${service} ${kvno}`)).toContain("HTTP/auth.test 2");
});

test("a ticket that is bound to another TLS connection is refused, one bound to ours or to none is accepted", async () => {
  const bindingsOf = (certificate: string) =>
    Buffer.concat([Buffer.from("tls-server-end-point:"), createHash("sha256").update(certificate).digest()]);
  const [ours, others] = [bindingsOf("ours"), bindingsOf("another's")];
  const bound = async (bindings: Buffer) => Buffer.from(await kdc.boundToken(alice, "auth.test", bindings), "base64");
  expect(await acceptorOf().accept(await bound(ours), ours)).toMatchObject({ kind: "accepted" });
  expect(await acceptorOf().accept(await bound(others), ours)).toMatchObject({ kind: "refused", code: "kerberos.bindings" });
  expect(await acceptorOf().accept(await tokenFor("auth.test"), ours)).toMatchObject({ kind: "accepted" });
  // Where TLS ends before us nobody can know.
  expect(await acceptorOf().accept(await bound(others), null)).toMatchObject({ kind: "accepted" });
});

test("tickets are accepted while the event loop goes on", async () => {
  const acceptor = acceptorOf();
  const tokens = await Promise.all(Array.from({ length: 8 }, () => tokenFor("auth.test")));
  let turns = 0;
  let running = true;
  const spin = () => {
    turns += 1;
    if (running) setImmediate(spin);
  };
  setImmediate(spin);
  const answers = await Promise.all(tokens.map((token) => acceptor.accept(token, null)));
  running = false;
  expect(answers.every(({ kind }) => kind === "accepted")).toBe(true);
  // Each ticket takes more than ten calls, and the loop turns between any two.
  expect(turns).toBeGreaterThan(10);
});

const logonInfo = writeLogonInfo({ domain: "S-1-5-21-1-2-3", userId: 1102, fullName: "Alice Adams", groups: [{ rid: 512 }] });
const logonInfoOf = async (token: Buffer) => {
  const answer = await acceptorOf().accept(token, null);
  if (answer.kind !== "accepted") throw new Error(`the ticket was not accepted: ${answer.detail}`);
  return answer.ticket.logonInfo;
};

test("the groups of a PAC count when the service's key has signed it", async () => {
  const key = keyOfKeytab(keytab);
  expect(await logonInfoOf(withPac(await tokenFor("auth.test"), key, { logonInfo, signedBy: key }))).toEqual({
    kind: "read",
    info: { sid: "S-1-5-21-1-2-3-1102", fullName: "Alice Adams", groups: ["S-1-5-21-1-2-3-513", "S-1-5-21-1-2-3-512"] },
  });
});

test.each([
  { when: "another key has signed it", owner: "alice", isOurs: false },
  { when: "it is another account's", owner: "bob", isOurs: true },
])("of a PAC nothing counts when $when, and the ticket stays good", async ({ owner, isOurs }) => {
  const key = keyOfKeytab(keytab);
  const signedBy = isOurs ? key : Buffer.alloc(32, 7);
  expect(await logonInfoOf(withPac(await tokenFor("auth.test"), key, { logonInfo, signedBy, owner }))).toBe(null);
});

test("a ticket of a KDC that names no groups has none", async () => {
  expect(await logonInfoOf(await tokenFor("auth.test"))).toBe(null);
});

test("hostile logon information under a good signature is unreadable, and the thread goes on", async () => {
  const key = keyOfKeytab(keytab);
  const changed = Buffer.from(logonInfo);
  changed.writeUInt32LE(0xffff_ffff, 16 + 4 + 48 + 48 + 4 + 8);
  for (const hostile of [changed, logonInfo.subarray(0, 100), Buffer.alloc(0), Buffer.alloc(4_000, 0xff)]) {
    const read = await logonInfoOf(withPac(await tokenFor("auth.test"), key, { logonInfo: hostile, signedBy: key }));
    expect(read === null || read.kind === "unreadable").toBe(true);
  }
  expect(await acceptorOf().accept(await tokenFor("auth.test"), null)).toMatchObject({ kind: "accepted" });
});

test.each([
  { when: "has ended an hour ago", times: { startsAt: -7_200_000, endsAt: -3_600_000 }, says: "has expired" },
  { when: "begins in an hour", times: { startsAt: 3_600_000, endsAt: 7_200_000 }, says: "is not valid yet" },
])("a ticket that $when is refused, with both clocks and the cure", async ({ times: { startsAt, endsAt }, says }) => {
  const key = keyOfKeytab(keytab);
  const times = { startsAt: Date.now() + startsAt, endsAt: Date.now() + endsAt };
  const answer = await acceptorOf().accept(withPac(await tokenFor("auth.test"), key, { logonInfo: null, signedBy: key, ...times }), null);
  expect(answer).toMatchObject({ kind: "refused", code: "kerberos.clock-skew", detail: expect.stringContaining(says) });
  const detail = answer.kind === "refused" ? answer.detail : "";
  expect(detail).toMatch(/\d{4}-\S+Z here and \d{4}-\S+Z at the visitor's computer\..*NTP.*klist purge/);
});

test("several services and realms of one keytab sign in, each person under the whole name", async () => {
  const both = join(kdc.folder, "realms.keytab");
  await kdc.admin(`ktadd -k ${both} -norandkey HTTP/second.test HTTP/auth.test`);
  await other.admin("addprinc -randkey HTTP/auth.test");
  await other.admin(`ktadd -k ${both} HTTP/auth.test`);
  const acceptor = acceptorOf({
    keytabFile: both,
    principals: ["HTTP/auth.test", "HTTP/second.test"],
    realms: ["ACME.EXAMPLE", "OTHER.EXAMPLE"],
  });
  const strangers = await other.signIn("alice");
  const tokens = [await kdc.token(alice, "auth.test"), await kdc.token(alice, "second.test"), await other.token(strangers, "auth.test")];
  const who = await Promise.all(
    tokens.map(async (token) => {
      const answer = await acceptor.accept(Buffer.from(token, "base64"), null);
      return answer.kind === "accepted" ? `${answer.ticket.name}@${answer.ticket.realm} at ${answer.ticket.service}` : answer.detail;
    }),
  );
  expect(who).toEqual([
    "alice@ACME.EXAMPLE at HTTP/auth.test",
    "alice@ACME.EXAMPLE at HTTP/second.test",
    "alice@OTHER.EXAMPLE at HTTP/auth.test",
  ]);
  const [, , last = ""] = await Promise.all([...tokens.slice(0, 2), other.token(strangers, "auth.test")]);
  expect(await acceptorOf({ keytabFile: both }).accept(Buffer.from(last, "base64"), null)).toMatchObject({ code: "kerberos.realm" });
});

test("a ticket that is cut off anywhere, longer than allowed or changed anywhere is never accepted, and the next good one is", async () => {
  const acceptor = acceptorOf();
  const token = await tokenFor("auth.test");
  const random = (most: number) => Math.floor(Math.random() * most);
  const hostile = [
    ...Array.from({ length: Math.ceil(token.length / 5) }, (_, at) => token.subarray(0, at * 5)),
    // A length of four bytes that says 64 KiB, in front of 64 KiB; and the ticket within 64 KiB.
    Buffer.concat([Buffer.from("6084000100000609", "hex"), Buffer.alloc(64 * 1024, 0x60)]),
    Buffer.concat([token, Buffer.alloc(64 * 1024 - token.length, 0xff)]),
    ...Array.from({ length: 300 }, () => {
      const changed = Buffer.from(token);
      for (let at = 0; at < 3; at += 1) changed[random(changed.length)] = random(256);
      return changed;
    }),
  ].filter((one) => !one.equals(token));
  const kinds = new Map<string, number>();
  for (const one of hostile) {
    const { kind } = await acceptor.accept(one, null);
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  // The head of SPNEGO has bytes that mean nothing: what is accepted is still that one ticket, and once only.
  expect(kinds.get("accepted") ?? 0).toBeLessThanOrEqual(1);
  expect(await acceptor.accept(await tokenFor("auth.test"), null)).toMatchObject({ kind: "accepted" });
}, 60_000);

/** The raw entries of a keytab file. */
function entriesOf(file: Buffer): readonly Buffer[] {
  const entries: Buffer[] = [];
  for (let at = 2; at + 4 <= file.length; at += 4 + file.readInt32BE(at)) entries.push(file.subarray(at, at + 4 + file.readInt32BE(at)));
  return entries;
}
const head = Buffer.from([5, 2]);
const onlyAes128 = (file: Buffer) =>
  Buffer.concat([head, ...entriesOf(file).filter((entry) => readKeytab(Buffer.concat([head, entry]))?.[0]?.enctype === 17)]);
/** Each key with its last byte changed; the key version stands behind it in four bytes. */
const otherKeys = (file: Buffer) =>
  Buffer.concat([
    head,
    ...entriesOf(file).map((entry) => Buffer.from(entry).fill((entry.at(-5) ?? 0) ^ 0xff, entry.length - 5, entry.length - 4)),
  ]);
