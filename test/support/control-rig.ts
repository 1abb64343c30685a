import { randomBytes } from "node:crypto";
import { type Control, createControl, type Endpoint } from "../../src/control/router.ts";
import type { AuditEvent } from "../../src/core/audit-events.ts";
import type { Clock } from "../../src/core/clock.ts";
import { GatewayError } from "../../src/core/errors.ts";
import type { Facts } from "../../src/core/ports/facts.ts";
import type { LoginProvider } from "../../src/core/ports/login-provider.ts";
import type { LoginRedirect } from "../../src/core/ports/login-redirect.ts";
import type { SessionCookies } from "../../src/core/ports/session-cookies.ts";
import type { SessionStore } from "../../src/core/ports/session-store.ts";
import type { Settings } from "../../src/core/settings.ts";
import { compileRules } from "../../src/gateway/judge.ts";
import { createSessionCookies } from "../../src/http/cookies.ts";
import { createLoginRedirect } from "../../src/login/flow/login-redirect.ts";
import { createLoginLimits, createUsedStates } from "../../src/login/flow/login-state.ts";
import { methods } from "../../src/login/methods.ts";
import { createRenderPage } from "../../src/pages/render-page.ts";
import { compileRoutes, type RouteTable } from "../../src/policy/route-table.ts";
import { composeEndpoints } from "../../src/process/endpoints.ts";
import { composeAppsFor } from "../../src/process/portal.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { createSealer } from "../../src/sessions/sealing.ts";
import { anApp, aProvider, someSettings } from "./policy-builders.ts";
import { noMetrics, recordingLog } from "./quiet.ts";
import { type ScriptedProvider, scriptedProvider } from "./scripted-provider.ts";
import { type ScriptedSamlProvider, scriptedSamlProvider } from "./scripted-saml-provider.ts";

/** The control plane with everything real but the network and the providers. */
export interface ControlRig {
  readonly control: Control;
  readonly endpoints: readonly Endpoint[];
  readonly loginRedirect: LoginRedirect;
  readonly table: RouteTable;
  readonly store: SessionStore;
  readonly facts: Facts;
  readonly cookies: SessionCookies;
  readonly settings: Settings;
  readonly providers: {
    readonly entra: ScriptedProvider;
    readonly google: ScriptedProvider;
    readonly adfs: ScriptedProvider;
    readonly shib: ScriptedSamlProvider;
  };
  readonly audited: AuditEvent[];
  /** Everything that was written to the store, by operation. */
  readonly writes: string[];
  readonly log: ReturnType<typeof recordingLog>;
  now: number;
  /** While set, the store rejects with it whatever it is asked, or only what `failingAt` names. */
  failing: GatewayError | null;
  failingAt: keyof SessionStore | keyof Facts | null;
}

const long = { idleMs: 30 * 60_000, lifetimeMs: 12 * 60 * 60_000 };

/** Four apps: wiki (entra only), reports on another domain (entra or google), tools (google or adfs, shorter session), campus (shib by SAML). */
const apps = [
  anApp({ name: "Wiki", hosts: ["wiki.acme.example"], providers: ["entra"], session: long }),
  anApp({ name: "Reports", hosts: ["reports.other.example"], providers: ["entra", "google"], session: long }),
  anApp({ name: "Tools", hosts: ["tools.acme.example"], providers: ["google", "adfs"], session: { ...long, lifetimeMs: 3_600_000 } }),
  anApp({ name: "Campus", hosts: ["campus.acme.example"], providers: ["shib"], session: long }),
  anApp({ name: "Tenants", hosts: ["*.tenants.example"], providers: ["entra"], session: long }),
];

/** `more`: providers besides the scripted ones, made with the rig's clock and facts. */
export function createControlRig(
  change: Partial<Settings> = {},
  more: (parts: { readonly clock: Clock; readonly facts: Facts }) => Readonly<Record<string, LoginProvider>> = () => ({}),
): ControlRig {
  const base = someSettings(apps, {
    providers: [
      aProvider("entra", ["acme.example"]),
      aProvider("google"),
      aProvider("adfs", ["corp.example"]),
      aProvider("shib", ["campus.example"]),
    ],
    auth: { origin: { scheme: "https", hostname: "auth.acme.example", port: 443 }, locale: { default: "en", available: ["en", "fr"] } },
  });
  const settings: Settings = { ...base, sessions: { ...base.sessions, ...long }, ...change };
  let now = 1_800_000_000_000;
  const clock = () => now;
  const log = recordingLog();
  const random = (bytes: number) => randomBytes(bytes);
  const writes: string[] = [];
  const audited: AuditEvent[] = [];
  const failing = (name: string) => (rig.failingAt === null || rig.failingAt === name ? rig.failing : null);
  const real = createMemoryStore({ settings: settings.sessions, clock, random, log, metrics: noMetrics });
  const store = observe(real.sessions, writes, failing);
  const facts = observe(real.facts, writes, failing);
  const { secrets, cookieName } = settings.sessions;
  const cookies = createSessionCookies({ baseName: cookieName, secure: settings.auth.origin.scheme === "https", secrets });
  const sealer = createSealer(secrets);
  const rejected = () => new GatewayError("logout.token-rejected", "not scripted");
  const providers = {
    entra: scriptedProvider("entra", rejected, { emailDomains: ["acme.example"] }),
    google: scriptedProvider("google", rejected),
    adfs: scriptedProvider("adfs", rejected, { emailDomains: ["corp.example"] }),
    shib: scriptedSamlProvider("shib", { emailDomains: ["campus.example"] }),
  };
  const table = compileRoutes(settings);
  const shared = { settings, cookies, sealer, clock, random };
  const renderPage = createRenderPage({ locale: settings.auth.locale, insecure: settings.insecure, providers: settings.providers });
  const loginRedirect = createLoginRedirect({ ...shared, facts });
  const loginLimits = createLoginLimits({ limits: settings.limits, facts, clock, log });
  const endpoints = composeEndpoints({
    ...{
      ...shared,
      table,
      sessions: store,
      tokens: real.tokens,
      facts,
      renderPage,
      loginRedirect,
      directory: null,
      log,
      metrics: noMetrics,
    },
    providers: new Map<string, LoginProvider>(Object.entries({ ...providers, ...more({ clock, facts }) })),
    audit: (event) => void audited.push(event),
    usedStates: createUsedStates(clock),
    methods: Object.values(methods),
    people: null,
    appsFor: composeAppsFor(settings, compileRules(settings), clock),
    branding: settings.branding,
    assertionJwks: () => ({ keys: [] }),
  });
  const rig: ControlRig = {
    control: createControl({ endpoints, renderPage, log, limit: loginLimits.within }),
    endpoints,
    loginRedirect,
    table,
    store,
    facts,
    cookies,
    settings,
    providers,
    audited,
    writes,
    log,
    get now() {
      return now;
    },
    set now(at: number) {
      now = at;
    },
    failing: null,
    failingAt: null,
  };
  return rig;
}

const writing: readonly string[] = ["create", "renew", "end", "endAll", "once", "park", "lease"];
const asking: readonly string[] = [...writing, "find", "list", "unpark", "isUsed"];

/** The store with its writes noted, and out of order on demand. */
function observe<T extends object>(store: T, writes: string[], failing: (name: string) => GatewayError | null): T {
  const observed = { ...store };
  for (const [name, original] of Object.entries(store) as [string, (...parameters: unknown[]) => unknown][]) {
    if (!asking.includes(name)) continue;
    const call = async (...parameters: unknown[]) => {
      const failure = failing(name);
      if (failure !== null) throw failure;
      if (writing.includes(name)) writes.push(name);
      return original(...parameters);
    };
    Object.assign(observed, { [name]: call });
  }
  return observed;
}
