import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { fromBase32, hotp, newTotpSecret } from "../../../src/login/local/one-time-codes.ts";
import { hashEnrolment } from "../../../src/login/local/passkeys.ts";
import { hashPassword } from "../../../src/login/local/passwords.ts";
import { createLocalProvider, type LocalProvider } from "../../../src/login/local/provider.ts";
import { parseUsers, writeUsers } from "../../../src/login/local/users-file.ts";
import { createControlBrowser, type Reply } from "../../support/control-browser.ts";
import { createControlRig } from "../../support/control-rig.ts";
import { ownedFolder } from "../../support/owned.ts";
import { anApp, aProvider, someSettings } from "../../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";

const auth = "https://auth.acme.example";
const password = "correct horse battery";
const secret = randomBytes(24).toString("base64url");
const day = 24 * 60 * 60_000;
const minute = 60_000;
let hash = "";
beforeAll(async () => {
  hash = await hashPassword(password, randomBytes);
});

/** The control plane with an emergency account `ann`, and what `user` says of it. */
function world(user: object = {}) {
  const path = join(ownedFolder("vestibule-steps-"), "users.yaml");
  writeFileSync(path, writeUsers(parseUsers(JSON.stringify({ version: 1, users: { ann: { password: hash, ...user } } }), path)));
  const made: { provider: LocalProvider | null } = { provider: null };
  const settings = { ...aProvider("emergency"), protocol: { kind: "local", file: path, networks: [], secondFactor: "required" } } as const;
  const app = anApp({ name: "Wiki", hosts: ["wiki.acme.example"], providers: ["entra", "emergency"] });
  const { apps, providers } = someSettings([app], { providers: [aProvider("entra", ["acme.example"]), settings] });
  const rig = createControlRig({ apps, providers }, ({ clock, facts }) => {
    made.provider = createLocalProvider({
      ...{ settings, clock, log: recordingLog(), metrics: noMetrics, audit: () => undefined },
      ...{ authOrigin: { scheme: "https", hostname: "auth.acme.example", port: 443 }, claimNames: [], allowHttp: false },
      ...{ ownerOfDomain: () => null, provider: () => undefined },
      store: { facts, documents: { read: async () => null, write: async () => undefined } },
    });
    return { emergency: made.provider };
  });
  const account = async () => (await made.provider?.file.read())?.ann;
  const browser = createControlBrowser(rig);
  return { rig, browser, account };
}

const unescaped = (html: string) => html.replaceAll("&quot;", '"').replaceAll("&#34;", '"').replaceAll("&amp;", "&");
const field = (page: Reply, name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page.body)?.[1] ?? "";
const post = (fields: Readonly<Record<string, string>>) => ({
  method: "POST",
  headers: { "content-type": "application/x-www-form-urlencoded", origin: auth },
  body: new URLSearchParams(fields).toString(),
});

const enrolmentUrl = (login = "ann", given = secret) => `${auth}/_vestibule/local/emergency/passkey?login=${login}&secret=${given}`;
const enrolledUntil = (until: number) => ({ enrolment: { hash: hashEnrolment(secret), until } });

/** What an authenticator answers to the page's offer: a new key, attested by none (WebAuthn Level 2, 6.5.4 and 8.7). */
function answerOf(offer: Reply): string {
  const challenge = /"challenge":"([\w-]+)"/.exec(unescaped(offer.body))?.[1] ?? "";
  const { x = "", y = "" } = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" });
  const id = randomBytes(32);
  const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
  const coordinate = (text: string) => Buffer.from(text, "base64url");
  const key = Buffer.concat([hex("a5 01 02 03 26 20 01 21 58 20"), coordinate(x), hex("22 58 20"), coordinate(y)]);
  const party = createHash("sha256").update("auth.acme.example").digest();
  const data = Buffer.concat([party, hex("45 00000000"), Buffer.alloc(16), hex("0020"), id, key]);
  const texts = [hex("a3 63"), Buffer.from("fmt"), hex("64"), Buffer.from("none"), hex("67"), Buffer.from("attStmt"), hex("a0 68")];
  const attestation = Buffer.concat([...texts, Buffer.from("authData"), hex("58"), Buffer.from([data.length]), data]);
  const client = JSON.stringify({ type: "webauthn.create", challenge, origin: auth, crossOrigin: false });
  const said = {
    clientDataJSON: Buffer.from(client).toString("base64url"),
    attestationObject: attestation.toString("base64url"),
    transports: ["internal"],
  };
  const text = id.toString("base64url");
  return JSON.stringify({ id: text, rawId: text, type: "public-key", response: said, clientExtensionResults: {} });
}

test("a passkey is added at its address until the deadline, and not a moment later", async () => {
  const { rig, browser, account } = world();
  const until = rig.now + day;
  const timely = world(enrolledUntil(until));
  timely.rig.now = until;
  const offer = await timely.browser.ask(enrolmentUrl());
  expect(offer.status).toBe(200);
  const late = world(enrolledUntil(until));
  const opened = await late.browser.ask(enrolmentUrl());
  late.rig.now = until + 1;
  expect((await late.browser.ask(enrolmentUrl())).status).toBe(400);
  // Opened in time and sent too late: the answer of the authenticator is as good as any.
  const form = { asked: field(opened, "asked"), response: answerOf(opened) };
  expect((await late.browser.ask(enrolmentUrl(), post(form))).status).toBe(400);
  expect(await late.account()).toMatchObject({ passkeys: [], enrolment: { until } });
  const accepted = await timely.browser.ask(enrolmentUrl(), post({ asked: field(offer, "asked"), response: answerOf(offer) }));
  expect(accepted.status).toBe(200);
  expect(await timely.account()).toMatchObject({ enrolment: null, passkeys: [{ transports: ["internal"] }] });
  // An account for which no address was printed has none, whatever secret is tried.
  expect((await browser.ask(enrolmentUrl("ann", ""))).status).toBe(400);
  expect((await account())?.passkeys).toEqual([]);
});

test("an address to add a passkey is good once, also for two that opened it before either was used", async () => {
  const { rig, browser, account } = world(enrolledUntil(1_800_000_000_000 + day));
  const thief = createControlBrowser(rig);
  const [own, other] = [await browser.ask(enrolmentUrl()), await thief.ask(enrolmentUrl())];
  expect([own.status, other.status]).toEqual([200, 200]);
  expect((await browser.ask(enrolmentUrl(), post({ asked: field(own, "asked"), response: answerOf(own) }))).status).toBe(200);
  const kept = (await account())?.passkeys;
  expect(kept).toHaveLength(1);
  const refused = await thief.ask(enrolmentUrl(), post({ asked: field(other, "asked"), response: answerOf(other) }));
  expect(refused.status).toBe(400);
  expect((await thief.ask(enrolmentUrl())).status).toBe(400);
  expect((await account())?.passkeys).toEqual(kept);
});

test.each([
  { when: "its secret is another's", url: enrolmentUrl("ann", `${secret.slice(0, -1)}~`) },
  { when: "the account is another", url: enrolmentUrl("bea") },
  { when: "the name is no account's but every object's", url: enrolmentUrl("constructor") },
])("no passkey is offered when $when", async ({ url }) => {
  const { browser } = world(enrolledUntil(1_800_000_000_000 + day));
  expect((await browser.ask(url)).status).toBe(400);
  expect((await browser.ask(enrolmentUrl())).status).toBe(200);
});

test("a disabled account adds no passkey at an address of before", async () => {
  const { browser } = world({ ...enrolledUntil(1_800_000_000_000 + day), disabled: true });
  expect((await browser.ask(enrolmentUrl())).status).toBe(400);
});

const totp = newTotpSecret(randomBytes);
const codeAt = (now: number) => hotp(fromBase32(totp) ?? Buffer.alloc(0), Math.floor(now / 30_000));

/** A login by the emergency account, up to the page that asks for the second factor. */
async function passwordGiven({ browser }: ReturnType<typeof world>) {
  const named = new URL((await browser.ask("https://wiki.acme.example/")).location ?? "");
  named.searchParams.set("provider", "emergency");
  const form = await browser.go(named.href);
  const at = (step: string) => `${auth}/_vestibule/local/emergency/${step}`;
  const second = await browser.ask(at("password"), post({ state: field(form, "state"), username: "ann", password }));
  const send = (code: string) => browser.ask(at("second"), post({ state: field(second, "state"), code }));
  return { second, send };
}

test.each([
  { after: 5 * minute, status: 303, sessions: 1 },
  { after: 5 * minute + 1, status: 400, sessions: 0 },
])("a right code $after ms after the password is answered $status", async ({ after, status, sessions }) => {
  const here = world({ totp });
  const { send, second } = await passwordGiven(here);
  expect(second.body).toContain('autocomplete="one-time-code"');
  here.rig.now += after;
  const answer = await send(codeAt(here.rig.now));
  expect(answer.status).toBe(status);
  expect((await here.rig.store.list({}, { cursor: null, limit: 9 })).sessions).toHaveLength(sessions);
});

test("a wrong code does not give more time for the next", async () => {
  const here = world({ totp });
  const { send } = await passwordGiven(here);
  here.rig.now += 4 * minute;
  const again = await send("000000");
  expect(again.status).toBe(403);
  here.rig.now += 2 * minute;
  const state = field(again, "state");
  const late = await here.browser.ask(`${auth}/_vestibule/local/emergency/second`, post({ state, code: codeAt(here.rig.now) }));
  expect(late.status).toBe(400);
  expect((await here.rig.store.list({}, { cursor: null, limit: 9 })).sessions).toEqual([]);
});
