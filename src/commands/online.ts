import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { LoginProvider } from "../core/ports/login-provider.ts";
import type { Store } from "../core/ports/store.ts";
import type { ProxySettings, Settings } from "../core/settings.ts";
import { createLookUpTxt, type DomainClaim } from "../directory/domains.ts";
import { connectionCure, providerKeys, storeCure } from "../lib/connection-cures.ts";
import { pause } from "../lib/timing.ts";
import { domainClaims } from "../process/directory.ts";
import { seeClaim } from "./domains.ts";
import { probeUpstream } from "./probe-upstream.ts";

/** What one reach for the outside gave. */
export interface OnlineResult {
  readonly what: string;
  readonly ok: boolean;
  readonly detail: string;
}
type Probed = Omit<OnlineResult, "what">;

/** The parts that reach out, and what the store said of its connections meanwhile. */
export interface OnlineParts {
  readonly providers: Iterable<LoginProvider>;
  readonly store: Store;
  /** The last thing that kept the store from being reached; null when nothing did. */
  storeFailure(): string | null;
}

/**
 * Reaches out once to every provider, every upstream, the session store and the name service, and reports each as soon as it is known.
 * Nothing is sent to upstreams: a connection (with TLS where configured) is opened and closed.
 */
export async function checkOnline(settings: Settings, parts: OnlineParts, report: (result: OnlineResult) => void): Promise<boolean> {
  const tell = async (what: string, probe: Promise<Probed>) => {
    const result = { what, ...(await probe) };
    report(result);
    return result.ok;
  };
  const reached = await Promise.all([
    ...[...parts.providers].map((provider) => tell(`provider ${provider.id}`, probeProvider(provider))),
    ...upstreamsOf(settings).map(({ url, proxy }) => tell(`upstream ${url}`, probeUpstream(url, proxy))),
    ...domainClaims(settings).map((claim) => tell(`mail domain ${claim.domain}`, probeClaim(claim))),
    ...namesOf(settings).map((name) => tell(`name ${name}`, probeName(name))),
    tell(`sessions in ${settings.sessions.store.kind}`, probeStore(parts, isSecure(settings.sessions.store))),
  ]);
  return reached.every((ok) => ok);
}

/** Each upstream once, however many routes share it with the same TLS options. */
function upstreamsOf(settings: Settings): { url: string; proxy: ProxySettings }[] {
  const found = new Map<string, { url: string; proxy: ProxySettings }>();
  for (const route of settings.apps.flatMap((app) => app.routes)) {
    for (const { url } of route.upstreams) found.set(`${url} ${JSON.stringify(route.proxy.tls)}`, { url, proxy: route.proxy });
  }
  return [...found.values()];
}

/** Its documents, and then one request that says at once whether it knows us, where it takes such requests. */
async function probeProvider(provider: LoginProvider): Promise<Probed> {
  const documents = withCure(await provider.probe());
  if (!documents.ok || provider.tryRequest === undefined) return documents;
  const tried = await provider.tryRequest();
  if (tried === null) return documents;
  return tried.ok ? { ok: true, detail: `${documents.detail}; ${tried.detail}` } : tried;
}

function withCure({ ok, detail }: Probed): Probed {
  const code = ok ? undefined : /\b(?:E[A-Z]{4,}|[A-Z]+(?:_[A-Z]+){2,})\b/.exec(detail)?.[0];
  const cure = code === undefined ? null : connectionCure(code, providerKeys);
  return { ok, detail: cure === null || detail.includes(cure) ? detail : `${detail}; ${cure}` };
}

/** The hosts that visitors type. Addresses need no name service, and what stands for a wildcard cannot be asked for. */
function namesOf(settings: Settings): readonly string[] {
  const hosts = [settings.auth.origin.hostname, ...settings.apps.flatMap((app) => app.hosts)];
  return [...new Set(hosts)].filter((host) => !host.startsWith("*.") && isIP(host.replace(/^\[|\]$/g, "")) === 0);
}

async function probeName(name: string): Promise<Probed> {
  // RFC 6761 6.3: these are this machine, whatever the name service says.
  if (name === "localhost" || name.endsWith(".localhost")) return { ok: true, detail: "this machine" };
  try {
    const addresses = await lookup(name, { all: true });
    return { ok: true, detail: addresses.map(({ address }) => address).join(", ") };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return { ok: false, detail: `does not resolve (${code}): add it to DNS, pointing to this gateway or to what stands before it` };
  }
}

async function probeClaim(claim: DomainClaim): Promise<Probed> {
  const { found, detail } = await seeClaim(claim, createLookUpTxt());
  return { ok: found === true, detail: found === true ? detail : `${detail}: enter ${claim.name} TXT "${claim.value}"` };
}

const storePatienceMs = 5_000;
const pauseMs = 50;

/**
 * Writes and reads back one short-lived fact: proves address, credentials and permissions at once. The store refuses while its connection
 * is being made, so it is asked again until that had its time.
 */
async function probeStore({ store, storeFailure }: OnlineParts, secure: boolean): Promise<Probed> {
  const deadline = performance.now() + storePatienceMs;
  for (;;) {
    try {
      const handle = await store.facts.park("check", "online", 5_000);
      const back = await store.facts.unpark("check", handle);
      return back === "online" ? { ok: true, detail: "writes and reads" } : { ok: false, detail: "what was written did not come back" };
    } catch (error) {
      const why = storeFailure();
      const refused = why !== null && /WRONGPASS|NOAUTH|NOPERM|invalid password|ERR AUTH/i.test(why);
      const message = error instanceof Error ? error.message : String(error);
      if (refused || /NOPERM|READONLY|OOM|MOVED/.test(message) || performance.now() > deadline)
        return { ok: false, detail: withStoreCure(why ?? message, secure) };
      await pause(pauseMs);
    }
  }
}

function withStoreCure(why: string, secure: boolean): string {
  const cure = storeCure(why, secure);
  return cure === null ? why : `${why}; ${cure}`;
}

function isSecure(store: Settings["sessions"]["store"]): boolean {
  if (store.kind !== "redis") return false;
  return store.tls !== null || (store.target.kind === "single" && store.target.url.reveal().startsWith("rediss:"));
}
