import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import type { Settings } from "../../src/core/settings.ts";
import { createMetrics, type MetricsRegistry } from "../../src/observe/metrics.ts";
import { domainClaims } from "../../src/process/directory.ts";
import { composeGateway, type Gateway } from "../../src/process/gateway.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { eventually } from "../support/eventually.ts";
import { freePort, freePorts } from "../support/free-port.ts";
import { demoUsers, type OidcUser, type RunningOidcProvider, startOidcProvider } from "../support/oidc-provider.ts";
import { ownedFolder } from "../support/owned.ts";
import { recordingLog } from "../support/quiet.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";
import { clientSecret, rigSecret, rigYaml, signInAt } from "../support/rig.ts";
import { rigUrls } from "../support/rig-apps.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";

/**
 * The attack: a provider that claims a mail domain which is not its own, and people of other providers who use the time in which the
 * proof is not there. An unproven domain must lead nowhere, link nobody, and count in no rule; and no other provider may vouch for it.
 */
let dns: DnsServer;
let providers: RunningOidcProvider[];
let upstreams: RecordingUpstream[];
let gateway: Gateway;
let settings: Settings;
let registry: MetricsRegistry;
let urls: ReturnType<typeof rigUrls>;

beforeAll(async () => {
  dns = await startDnsServer();
  const [port = 0, adminPort = 0] = await freePorts(2);
  urls = rigUrls(port);
  upstreams = [await startRecordingUpstream(), await startRecordingUpstream()];
  const [wiki, reports] = upstreams;
  const mallory = { login: "mallory", password: "mallory", claims: { email: "alice@acme.example", email_verified: true } };
  const start = async (id: string, users: readonly OidcUser[]) =>
    startOidcProvider({
      port: await freePort(),
      users,
      clients: [{ client_id: "vestibule", client_secret: clientSecret, redirect_uris: [`${urls.auth}/_vestibule/oidc/${id}/callback`] }],
    });
  providers = [await start("acme", demoUsers()), await start("partner", [mallory])];
  const [acme, partner] = providers;
  const yaml = rigYaml(
    { port, adminPort, issuer: acme?.issuer ?? "", wiki: wiki?.url ?? "", reports: reports?.url ?? "" },
    {
      oidc: `    emailDomains: [acme.example]
    domainProof: dns
  partner:
    oidc: { issuer: "${partner?.issuer}", clientId: vestibule, clientSecret: { env: CLIENT_SECRET } }
`,
      top: `  - name: Only Alice
    host: alice.localhost
    providers: [acme]
    upstream: ${reports?.url}
    access: [{ allow: { users: [alice@acme.example] } }]
directory: { store: memory }
`,
    },
  );
  const folder = ownedFolder("vestibule-domains-");
  const file = join(folder, "vestibule.yaml");
  writeFileSync(file, yaml);
  const loaded = loadSettings(file, { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret });
  rmSync(folder, { recursive: true });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  settings = loaded.settings;
  registry = createMetrics({ version: "test" });
  const log = recordingLog();
  const deps = { ...settings.log, write: () => {}, pid: 1, clock: Date.now };
  const logs = { log, audit: () => {}, writer: { write: () => {}, flush: async () => {} }, deps };
  gateway = composeGateway({ started: settings, settings, logs: logs as never, registry, version: "test", lookUpTxt: dns.lookUp });
  await gateway.listen();
  await eventually(() => expect(gateway.health().domains?.[0]?.askedAt).not.toBeNull());
});
afterAll(async () => {
  await gateway?.close(0);
  await Promise.all([...providers, ...upstreams].map((one) => one.close()));
  await dns.close();
});

async function hint(visitor: Visitor, address: string): Promise<VisitorAnswer> {
  const form = firstForm(await visitor.browse(`${urls.reports}/page`));
  const target = new URL(form.action);
  for (const [name, value] of Object.entries({ ...form.fields, login_hint: address })) target.searchParams.set(name, value);
  return visitor.browse(target.href);
}

async function signInBy(provider: string, login: string, url: string): Promise<VisitorAnswer> {
  const visitor = newVisitor();
  const form = firstForm(await visitor.browse(url));
  const target = new URL(form.action);
  for (const [name, value] of Object.entries({ ...form.fields, provider })) target.searchParams.set(name, value);
  return signInAt(visitor, await visitor.browse(target.href), login);
}

/** An app with one provider needs no choice. */
const asOnly = async (url: string) => {
  const visitor = newVisitor();
  return signInAt(visitor, await visitor.browse(url), "alice");
};

const lastEmail = () => upstreams[1]?.requests.at(-1)?.headers.filter(([name]) => name.toLowerCase() === "remote-email") ?? [];

describe("while a mail domain is not proved", () => {
  test("its addresses lead to no provider", async () => {
    const answer = await hint(newVisitor(), "alice@acme.example");
    expect([answer.status, answer.url.origin]).toEqual([400, urls.auth]);
  });

  test("its provider's people sign in by name of the provider, without an address that counts", async () => {
    expect((await signInBy("acme", "alice", `${urls.reports}/page`)).status).toBe(200);
    expect(lastEmail()).toEqual([]);
    expect((await asOnly(`http://alice.localhost:${new URL(urls.auth).port}/`)).status).toBe(403);
  });

  test("no other provider may vouch for its addresses", async () => {
    const answer = await signInBy("partner", "mallory", `${urls.reports}/page`);
    expect(answer.status).toBe(403);
    expect(answer.url.origin).toBe(urls.auth);
  });

  test("readiness and metrics say so", async () => {
    expect(gateway.health().domains).toMatchObject([{ provider: "acme", domain: "acme.example", state: "unproven" }]);
    expect(await registry.text()).toContain('vestibule_domain_proven{provider="acme",domain="acme.example",state="unproven"} 0');
  });
});

test("once it is proved, its addresses lead to its provider and count, and mallory stays out", async () => {
  const [claim] = domainClaims(settings);
  dns.set(claim?.name ?? "", claim?.value ?? "");
  gateway.prepare(settings).commit();
  await eventually(() => expect(gateway.health().domains?.[0]?.state).toBe("proven"));
  expect(await registry.text()).toContain('vestibule_domain_proven{provider="acme",domain="acme.example",state="proven"} 1');
  const login = await hint(newVisitor(), "Alice@ACME.example");
  expect(login.url.origin).toBe(providers[0]?.issuer);
  expect((await signInBy("acme", "alice", `${urls.reports}/page`)).status).toBe(200);
  expect(lastEmail()).toEqual([["Remote-Email", "alice@acme.example"]]);
  expect((await asOnly(`http://alice.localhost:${new URL(urls.auth).port}/`)).status).toBe(200);
  expect((await signInBy("partner", "mallory", `${urls.reports}/page`)).status).toBe(403);
});
