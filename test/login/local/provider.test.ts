import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { hashPassword } from "../../../src/login/local/passwords.ts";
import { createLocalProvider } from "../../../src/login/local/provider.ts";
import { parseUsers, writeUsers } from "../../../src/login/local/users-file.ts";
import { createMemoryFacts } from "../../../src/sessions/memory/facts.ts";
import { createMemoryStore } from "../../../src/sessions/memory/store.ts";
import { ownedFolder } from "../../support/owned.ts";
import { anIncoming, aProvider } from "../../support/policy-builders.ts";
import { noMetrics, recordingLog } from "../../support/quiet.ts";
import { aNewSession, sessionSettings } from "../../support/session-builders.ts";

let password = "";
beforeAll(async () => {
  password = await hashPassword("correct horse battery", randomBytes);
});

/** A provider over a file of one account, whose owner of mail domains is `entra` for acme.example. */
function world(user: object = {}) {
  const path = join(ownedFolder("vestibule-local-"), "users.yaml");
  const write = (change: object) => {
    const users = { ann: { password, groups: ["admins"], email: "ann@acme.example", ...user, ...change } };
    writeFileSync(path, writeUsers(parseUsers(JSON.stringify({ version: 1, users }), path)));
  };
  write({});
  const log = recordingLog();
  const clock = () => 1_800_000_000_000;
  const unproven = new Set<string>();
  const local = { kind: "local", file: path, networks: ["10.0.0.0/8"], secondFactor: "required" } as const;
  const authOrigin = { scheme: "https", hostname: "auth.acme.example", port: 443 } as const;
  const { facts } = createMemoryFacts({ clock, random: randomBytes });
  const provider = createLocalProvider({
    settings: { ...aProvider("emergency", ["break.example"]), protocol: local, groupNames: { admins: "Administrators" } },
    authOrigin,
    claimNames: [],
    allowHttp: false,
    ownerOfDomain: (domain) => ({ "acme.example": "entra", "break.example": "emergency" })[domain] ?? null,
    isUnproven: (domain) => unproven.has(domain),
    provider: () => undefined,
    store: { facts, documents: { read: async () => null, write: async () => undefined } },
    clock,
    log,
    audit: () => undefined,
    metrics: noMetrics,
  });
  const vouched = async () => {
    const { ann } = await provider.file.read();
    if (ann === undefined) throw new Error("no account");
    return provider.vouch("ann", ann, "totp").principal;
  };
  return { provider, write, log, unproven, vouched, path };
}

test.each([
  { email: "ann@acme.example", vouched: null, why: "its domain is another provider's" },
  { email: "ann@break.example", vouched: "ann@break.example", why: "the domain is its own" },
  { email: "ann@private.example", vouched: "ann@private.example", why: "the domain is no provider's" },
  { email: "ann@new.example", vouched: null, why: "the domain is not proved" },
  { email: null, vouched: null, why: "there is none" },
])("for the address $email an emergency account vouches $vouched: $why", async ({ email, vouched }) => {
  const { unproven, ...own } = world({ email });
  unproven.add("new.example");
  expect(await own.vouched()).toMatchObject({ email: vouched, groups: { kind: "known", names: ["Administrators"] } });
});

test("each use is said in the log at warn", async () => {
  const { vouched, log } = world();
  await vouched();
  expect(log.lines.filter(({ level, message }) => level === "warn" && message === "an emergency account signed in")).toHaveLength(1);
});

test("outside its networks it neither shows a form nor takes one", async () => {
  const { provider } = world();
  const begin = (client: string) =>
    provider.begin({
      ...{ state: "s", loginHint: null, acr: [], reauthenticate: false, urlOf: () => "", wasChallenged: false },
      incoming: anIncoming({ client }),
    });
  await expect(begin("192.0.2.1")).rejects.toMatchObject({ code: "local.network" });
  expect(() => provider.admit("192.0.2.1")).toThrow(expect.objectContaining({ code: "local.network" }));
  expect((await begin("10.1.2.3")).go.kind).toBe("page");
});

test("a session ends with its account, follows its groups, and outlives a file that cannot be read just now", async () => {
  const { provider, write, vouched, path } = world();
  const log = recordingLog();
  const store = createMemoryStore({ settings: sessionSettings(), clock: Date.now, random: randomBytes, log, metrics: noMetrics });
  const session = await store.sessions.create(aNewSession({ principal: await vouched() }));
  write({ groups: ["readers"] });
  expect(await provider.refresh?.(session)).toMatchObject({ kind: "renewed", principal: { groups: { names: ["readers"] } } });
  writeFileSync(path, "version: 9\n");
  expect(await provider.refresh?.(session)).toMatchObject({ kind: "unavailable" });
  write({ disabled: true });
  expect(await provider.refresh?.(session)).toMatchObject({ kind: "refused" });
  writeFileSync(path, writeUsers({}));
  expect(await provider.refresh?.(session)).toMatchObject({ kind: "refused" });
});
