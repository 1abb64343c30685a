import { randomBytes } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import type { Identity } from "../../src/core/identity.ts";
import type { LoginProvider } from "../../src/core/ports/login-provider.ts";
import type { SessionStore } from "../../src/core/ports/session-store.ts";
import type { Store } from "../../src/core/ports/store.ts";
import type { Route, Site } from "../../src/core/route.ts";
import { makeSecret } from "../../src/core/secret.ts";
import type { Session } from "../../src/core/session.ts";
import { createSessionCookies } from "../../src/http/cookies.ts";
import { createIdentify } from "../../src/identity/identify.ts";
import type { Refresh } from "../../src/identity/refresh.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { anApp, anIncoming, aPrincipal, aRoute } from "../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { aNewSession, sessionSettings } from "../support/session-builders.ts";
import { scriptedProvider } from "./scripted-provider.ts";

const host = "wiki.acme.example";
const secrets = [makeSecret("the secret of these tests, long enough")];
const cookies = createSessionCookies({ baseName: "vestibule", secure: true, secrets });
const neverDue: Refresh = { isDue: () => false, refreshed: () => Promise.reject(new Error("not due")) };
const minute = 60_000;
const opened: Store[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
});

interface World {
  readonly providers?: readonly LoginProvider[];
  readonly bearer?: readonly string[];
  readonly refresh?: Refresh;
  readonly limits?: { readonly idleMs: number; readonly lifetimeMs: number };
  readonly sessions?: (real: SessionStore) => SessionStore;
}

function aWorld({ providers = [], bearer = [], refresh = neverDue, limits, sessions = (real) => real }: World = {}) {
  const time = { now: 1_000_000_000 };
  const clock = () => time.now;
  const log = recordingLog();
  const real = createMemoryStore({ settings: sessionSettings(), clock, random: randomBytes, log, metrics: noMetrics });
  opened.push(real);
  const settings = anApp({ session: limits ?? { idleMs: 30 * minute, lifetimeMs: 12 * 60 * minute } });
  const app = {
    id: host,
    settings,
    routes: [],
    isLogoutPath: () => false,
    namesMethods: false,
    branchesUnder: () => [],
    hasBranches: false,
    folded: null,
  };
  const route = { id: host, app, settings: aRoute({ bearer }) } as unknown as Route;
  const site: Site = { hostname: host, origin: { scheme: "https", hostname: host, port: 443 }, app, isAuth: false };
  const byId = new Map(providers.map((provider) => [provider.id, provider]));
  const identify = createIdentify({ sessions: sessions(real.sessions), cookies, providers: byId, refresh, clock, log });
  const ask = (credentials: { readonly id?: string; readonly authorization?: string; readonly hostname?: string }) => {
    const cookie = credentials.id === undefined ? null : (cookies.issue(credentials.id, host).split(";", 1)[0] ?? "");
    const hostname = credentials.hostname ?? host;
    return identify(anIncoming({ hostname, cookie, authorization: credentials.authorization ?? null }), route, site);
  };
  return { ask, store: real.sessions, time, log };
}

test("a good session cookie makes its principal known, at once", async () => {
  const { ask, store } = aWorld();
  const session = await store.create(aNewSession());
  expect(ask({ id: session.id })).toEqual({ kind: "known", principal: session.principal, session, via: "session" });
});

test.each([
  { when: "no cookie", credentials: () => ({}) },
  { when: "a cookie of a session that never was", credentials: () => ({ id: "A".repeat(43) }) },
  { when: "a cookie on another host", credentials: (id: string) => ({ id, hostname: "reports.acme.example" }) },
])("$when is anonymous", async ({ credentials }) => {
  const { ask, store } = aWorld();
  const session = await store.create(aNewSession());
  expect(ask(credentials(session.id))).toEqual({ kind: "anonymous" });
});

test("the app that a session is used for is noted", async () => {
  const { ask, store } = aWorld();
  const session = await store.create(aNewSession());
  ask({ id: session.id });
  expect(Object.keys((await store.read(session.key))?.apps ?? {})).toEqual([host]);
});

test("an ended session is anonymous", async () => {
  const { ask, store } = aWorld();
  const session = await store.create(aNewSession());
  await store.end(session.key, "logout");
  expect(await ask({ id: session.id })).toEqual({ kind: "anonymous" });
});

test("what the process does not know yet is asked for", async () => {
  const { ask, store } = aWorld({ sessions: (real) => ({ ...real, peek: () => undefined }) });
  const session = await store.create(aNewSession());
  const identity = ask({ id: session.id });
  expect(identity).toBeInstanceOf(Promise);
  expect(await identity).toMatchObject({ kind: "known", session: { id: session.id } });
});

test("a store that is silent is a failure and never an anonymous caller", async () => {
  const silent = new GatewayError("store.unavailable", "silence");
  const { ask, store } = aWorld({ sessions: (real) => ({ ...real, peek: () => undefined, find: () => Promise.reject(silent) }) });
  const session = await store.create(aNewSession());
  await expect(ask({ id: session.id })).rejects.toBe(silent);
});

test.each([
  { when: "within the app's own idle limit", waitMs: 10 * minute - 1, kind: "known" },
  { when: "at the app's own idle limit", waitMs: 10 * minute, kind: "anonymous" },
])("$when a session that is good elsewhere is $kind", async ({ waitMs, kind }) => {
  const { ask, store, time } = aWorld({ limits: { idleMs: 10 * minute, lifetimeMs: 60 * minute } });
  const session = await store.create(aNewSession());
  time.now += waitMs;
  expect((await ask({ id: session.id })).kind).toBe(kind);
  expect(await store.find(session.id)).not.toBeNull();
});

test("activity keeps a session good under an app's shorter idle limit, up to that app's lifetime", async () => {
  const { ask, store, time } = aWorld({ limits: { idleMs: minute, lifetimeMs: 10 * minute } });
  const session = await store.create(aNewSession());
  for (let elapsed = 0; elapsed < 9 * minute; elapsed += minute / 2) {
    time.now += minute / 2;
    expect((await ask({ id: session.id })).kind).toBe("known");
  }
  time.now += minute / 2;
  expect((await ask({ id: session.id })).kind).toBe("known");
  time.now += minute / 2;
  expect((await ask({ id: session.id })).kind).toBe("anonymous");
});

test.each([
  {
    when: "the refreshed session counts",
    result: (session: Session) => ({ ...session, principal: aPrincipal({ acr: "new" }) }),
    kind: "known",
  },
  { when: "an ended one is anonymous", result: () => null, kind: "anonymous" },
])("before a stale session is judged, it is refreshed: $when", async ({ result, kind }) => {
  const refresh: Refresh = { isDue: () => true, refreshed: async (session) => result(session) };
  const { ask, store } = aWorld({ refresh });
  const session = await store.create(aNewSession());
  const identity = await ask({ id: session.id });
  expect(identity.kind).toBe(kind);
  if (identity.kind === "known") expect(identity.principal.acr).toBe("new");
});

/** A JWT only in shape: who verifies it is the test. */
const tokenFrom = (iss: string, salt = "") =>
  ["{}", JSON.stringify({ iss, salt }), "signature"].map((part) => Buffer.from(part).toString("base64url")).join(".");

function verifier(id: string, answer: (token: string) => number, issuer?: string): LoginProvider & { readonly asked: string[] } {
  const asked: string[] = [];
  const provider = scriptedProvider(id, {
    ...(issuer === undefined ? {} : { issuer }),
    verifyBearer: async (token) => {
      asked.push(token);
      return { principal: aPrincipal({ provider: id }), expiresAt: answer(token), token };
    },
  });
  return Object.assign(provider, { asked });
}
const reject = (): never => {
  throw new GatewayError("bearer.rejected", "expired");
};
const later = () => 2_000_000_000;

test("a verified bearer token makes its principal known without a session", async () => {
  const { ask } = aWorld({ providers: [verifier("entra", later)], bearer: ["entra"] });
  for (const scheme of ["Bearer", "bearer", "BEARER"]) {
    expect(await ask({ authorization: `${scheme} ${tokenFrom("https://entra.example")}` })).toEqual({
      kind: "known",
      principal: aPrincipal({ provider: "entra" }),
      session: null,
      via: "bearer",
      expiresAt: later(),
    });
  }
});

test("where no bearer tokens are taken, they are not looked at", async () => {
  const provider = verifier("entra", later);
  const { ask } = aWorld({ providers: [provider] });
  expect(await ask({ authorization: "Bearer x" })).toEqual({ kind: "anonymous" });
  expect(provider.asked).toEqual([]);
});

test("another scheme is no bearer token, and leaves the session to speak", async () => {
  const { ask, store } = aWorld({ providers: [verifier("entra", later)], bearer: ["entra"] });
  const session = await store.create(aNewSession());
  for (const authorization of ["Basic eDp5", "Bearerx y", "Negotiate abc"]) {
    expect(await ask({ id: session.id, authorization })).toMatchObject({ kind: "known", via: "session" });
  }
});

test.each(["Bearer", "Bearer ", "Bearer a b", "Bearer ä", "Bearer a,b", 'Bearer "a"', `Bearer ${"a".repeat(13_000)}`])(
  "%j is rejected without asking anybody",
  async (authorization) => {
    const provider = verifier("entra", later);
    const { ask } = aWorld({ providers: [provider], bearer: ["entra"] });
    expect((await ask({ authorization })).kind).toBe("rejected");
    expect(provider.asked).toEqual([]);
  },
);

test("a rejected token is not covered up by a good session cookie", async () => {
  const { ask, store, log } = aWorld({ providers: [verifier("entra", reject)], bearer: ["entra"] });
  const session = await store.create(aNewSession());
  const token = tokenFrom("https://entra.example");
  expect(await ask({ id: session.id, authorization: `Bearer ${token}` })).toMatchObject({ kind: "rejected", scheme: "bearer" });
  expect(JSON.stringify(log.lines)).toContain("a bearer token was rejected");
  expect(JSON.stringify(log.lines)).not.toContain(token);
});

test("only the provider that a token names is asked, where it says its issuer", async () => {
  const [one, other] = [verifier("entra", later, "https://entra.example"), verifier("google", later, "https://google.example")];
  const { ask } = aWorld({ providers: [one, other], bearer: ["entra", "google"] });
  expect(await ask({ authorization: `Bearer ${tokenFrom("https://google.example")}` })).toMatchObject({
    principal: { provider: "google" },
  });
  expect(one.asked).toEqual([]);
  expect((await ask({ authorization: `Bearer ${tokenFrom("https://evil.example")}` })).kind).toBe("rejected");
});

test("a provider that the route does not list is never asked", async () => {
  const foreign = verifier("google", later);
  const { ask } = aWorld({ providers: [verifier("entra", reject), foreign], bearer: ["entra"] });
  expect((await ask({ authorization: `Bearer ${tokenFrom("https://google.example")}` })).kind).toBe("rejected");
  expect(foreign.asked).toEqual([]);
});

test("a provider that cannot tell just now is a failure, not a rejection", async () => {
  const away = new GatewayError("login.provider-unavailable", "no keys");
  const unable = scriptedProvider("google", { verifyBearer: () => Promise.reject(away) });
  const { ask } = aWorld({ providers: [verifier("entra", reject), unable], bearer: ["entra", "google"] });
  await expect(ask({ authorization: `Bearer ${tokenFrom("x")}` })).rejects.toBe(away);
});

test("a token is verified again after a minute, and never believed beyond its own end", async () => {
  const provider = verifier("entra", () => 1_000_000_000 + 90_000);
  const { ask, time } = aWorld({ providers: [provider], bearer: ["entra"] });
  const authorization = `Bearer ${tokenFrom("https://entra.example")}`;
  const identity = await ask({ authorization });
  expect(ask({ authorization })).toBe(identity);
  time.now += 59_999;
  expect(ask({ authorization })).toBe(identity);
  time.now += 1;
  expect(ask({ authorization })).toBeInstanceOf(Promise);
  await ask({ authorization });
  time.now += 30_000;
  expect(ask({ authorization })).toBeInstanceOf(Promise);
});

test("a token that one route's provider verified is not known on a route of another", async () => {
  const routes = { entra: ["entra"], google: ["google"] };
  const providers = [verifier("entra", later), verifier("google", reject)];
  const accepted: string[] = [];
  const { ask } = aWorld({ providers, bearer: accepted });
  const authorization = `Bearer ${tokenFrom("https://entra.example")}`;
  accepted.push(...routes.entra);
  expect((await ask({ authorization })).kind).toBe("known");
  accepted.splice(0, 1, ...routes.google);
  const identity: Identity = await ask({ authorization });
  expect(identity.kind).toBe("rejected");
});
