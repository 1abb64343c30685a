import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import type { AuditEvent } from "../../src/core/audit-events.ts";
import { endToken, makeToken } from "../../src/portal/own-tokens.ts";
import { portalEndpoint } from "../../src/portal/portal-endpoint.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { anIncoming } from "../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import { aNewSession, sessionSettings } from "../support/session-builders.ts";

const incoming = anIncoming({});

async function world() {
  const settings = sessionSettings();
  const memory = createMemoryStore({ settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics });
  const audited: AuditEvent[] = [];
  const { sessions, tokens, facts } = memory;
  const deps = {
    ...{ sessions, tokens, facts, directory: null, clock: Date.now, random: randomBytes },
    personalTokens: { lifetimeMs: 3_600_000, perUser: 2 },
    audit: (event: AuditEvent) => void audited.push(event),
  };
  const signIn = (subject: string) =>
    sessions.create(aNewSession({ principal: { subject, acr: "urn:strong", authenticatedAt: Date.now() } }));
  const made = async (session: Awaited<ReturnType<typeof signIn>>, name: string) => {
    const answer = await makeToken(deps, incoming, session, name);
    if (!("token" in answer)) throw new Error(answer.problem);
    const page = await tokens.list({ subject: session.principal.subject }, { cursor: null, limit: 9 });
    return { text: answer.token, record: page.sessions.find(({ token }) => token?.name === name) };
  };
  return { deps, signIn, made, audited };
}

test("a token has its person's groups and not the strength of the login that made it, and its text is kept nowhere", async () => {
  const { signIn, made, audited } = await world();
  const session = await signIn("alice");
  const { text, record } = await made(session, "laptop");
  expect(record?.principal).toMatchObject({ subject: "alice", groups: session.principal.groups, acr: null });
  expect(JSON.stringify([record, audited])).not.toContain(text);
  expect(audited).toMatchObject([{ event: "personal-token", action: "made", name: "laptop" }]);
});

test("no session that has ended makes one", async () => {
  const { deps, signIn } = await world();
  const session = await signIn("alice");
  await deps.sessions.end(session.key, "revoked");
  await expect(makeToken(deps, incoming, session, "late")).rejects.toMatchObject({ code: "login.stale" });
  expect((await deps.tokens.list({}, { cursor: null, limit: 9 })).sessions).toEqual([]);
});

test("a person ends the own tokens alone, each once", async () => {
  const { deps, signIn, made } = await world();
  const [alice, bob] = [await signIn("alice"), await signIn("bob")];
  const { record } = await made(alice, "laptop");
  const handle = record?.handle ?? "";
  expect(await endToken(deps, incoming, [bob], handle)).toBe(false);
  expect(await endToken(deps, incoming, [alice], handle)).toBe(true);
  expect(await endToken(deps, incoming, [alice], handle)).toBe(false);
});

test.each(["", "  ", "x".repeat(61), "a\u0007b", "a\u202eb", "a\nb"])("%j is no name of a token", async (name) => {
  const { deps, signIn } = await world();
  expect(await makeToken(deps, incoming, await signIn("alice"), name)).toEqual({ problem: "name" });
});

test("where the portal is switched off its page leads home, whoever asks", async () => {
  const endpoint = portalEndpoint({
    portal: { enabled: false, home: "https://start.acme.example/" },
    loginUrl: "/_vestibule/login",
    renderPage: () => {
      throw new Error("no page is shown");
    },
    appsFor: () => [],
    browserSessions: { read: () => [{ id: "x" }] },
    sessions: {
      find: async () => {
        throw new Error("no session is asked for");
      },
      list: async () => ({ sessions: [], next: null }),
    },
  });
  const site = { origin: { scheme: "https", hostname: "auth.acme.example", port: 443 } };
  const answer = await endpoint.run({
    visit: { incoming, site },
    request: new Request("https://x/"),
    query: new URLSearchParams(),
    provider: "",
  } as never);
  expect([answer.status, new Map(answer.headers).get("Location")]).toEqual([302, "https://start.acme.example/"]);
});
