import type { AuditEvent } from "../../src/core/audit-events.ts";
import type { AccessRecord } from "../../src/core/ports/log.ts";
import type { SessionStore } from "../../src/core/ports/session-store.ts";
import type { Principal, Session } from "../../src/core/session.ts";
import type { AppSettings, ListenSettings, RouteSettings, Settings } from "../../src/core/settings.ts";
import { createDomainWatch } from "../../src/directory/domains.ts";
import { createRequestHandler, createUpgradeHandler } from "../../src/gateway/handle.ts";
import { isStillAllowed } from "../../src/gateway/judge.ts";
import { createOpenConnections } from "../../src/gateway/open-connections.ts";
import { createSessionCookies } from "../../src/http/cookies.ts";
import { createListener, type Listener } from "../../src/http/listener/server.ts";
import { createTracing } from "../../src/observe/tracing.ts";
import { composeVersion, createCounts, createMakeProvider, type Lasting, type Version } from "../../src/process/version.ts";
import { createMemoryStore } from "../../src/sessions/memory/store.ts";
import { keepTokensCurrent } from "../../src/sessions/session-rules.ts";
import { createUpstreams } from "../../src/upstream/upstreams.ts";
import { anApp, aRoute, someSettings } from "./policy-builders.ts";
import { noMetrics, recordingLog } from "./quiet.ts";
import { type RecordingUpstream, startRecordingUpstream } from "./recording-upstream.ts";
import { aNewSession } from "./session-builders.ts";

/** The real request flow on a real listener, put together as compose.ts does, with sessions in memory and a recording upstream. */
export interface InProcessGateway {
  readonly port: number;
  readonly upstream: RecordingUpstream;
  readonly sessions: SessionStore;
  readonly listener: Listener;
  readonly log: ReturnType<typeof recordingLog>;
  readonly accesses: readonly AccessRecord[];
  readonly audits: readonly AuditEvent[];
  openConnections(): { readonly tunnels: number; readonly watched: number };
  /** A session of its own, and the Cookie header that it takes on `hostname`. */
  signIn(principal?: Partial<Principal>, hostname?: string): Promise<{ readonly session: Session; readonly cookie: string }>;
  close(): Promise<void>;
}

export interface InProcessOptions {
  /** What the only app and its routes say beyond the defaults; upstreams are filled in where a route names none. */
  readonly app?: Partial<Omit<AppSettings, "routes">>;
  readonly routes?: readonly Partial<RouteSettings>[];
  readonly settings?: Partial<Settings>;
  readonly listen?: Partial<ListenSettings>;
}

/** Serves `wiki.acme.example`; the auth origin is `https://auth.acme.example`. */
export async function startGatewayInProcess({
  app = {},
  routes = [{}],
  settings = {},
  listen = {},
}: InProcessOptions = {}): Promise<InProcessGateway> {
  const upstream = await startRecordingUpstream();
  const upstreams = [{ url: upstream.url, weight: 1 }];
  const all = someSettings([anApp({ routes: routes.map((route) => aRoute({ upstreams, ...route })), ...app })], settings);
  const log = recordingLog();
  const accesses: AccessRecord[] = [];
  const audits: AuditEvent[] = [];
  const clock = Date.now;
  const store = keepTokensCurrent(
    createMemoryStore({
      settings: all.sessions,
      clock,
      random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
      log,
      metrics: noMetrics,
    }),
  );
  const { sessions } = store;
  const pools = createUpstreams({ log, clock });
  const connections = createOpenConnections({
    sessions,
    tokens: store.tokens,
    clock,
    isStillAllowed: (incoming, caller) => isStillAllowed(version.gateway, incoming, caller),
    appOf: (hostname) => version.gateway.findSite(hostname)?.app?.settings ?? null,
  });
  const provider = (id: string) => version.providers.get(id);
  const domainWatch = createDomainWatch({ ...store, claims: () => [], lookUp: async () => [], clock, log });
  const audit = (event: AuditEvent) => void audits.push(event);
  const counting = { ...store, provider, directoryNow: () => null, clock, log, metrics: noMetrics, audit };
  const lasting: Lasting = {
    directory: null,
    domainWatch,
    tracing: createTracing({ log, counted: () => {}, instance: {} }),
    provider,
    ...createCounts(all.limits, counting),
    store,
    upstreams: pools,
    connections,
    log,
    clock,
    metrics: noMetrics,
    accessLog: (record: AccessRecord) => void accesses.push(record),
    audit,
  };
  const version: Version = composeVersion(all, lasting, createMakeProvider(all, lasting));
  const { cookieName, secrets } = all.sessions;
  const cookies = createSessionCookies({ baseName: cookieName, secure: all.auth.origin.scheme === "https", secrets });
  const listener = await createListener({
    settings: { host: "127.0.0.1", port: 0, tls: null, ...listen },
    log,
    onRequest: createRequestHandler(version.gateway),
    onUpgrade: createUpgradeHandler(version.gateway),
    newRequestId: version.gateway.newRequestId,
  });
  return {
    port: listener.address().port,
    upstream,
    sessions,
    listener,
    log,
    accesses,
    audits,
    openConnections: () => connections.counts(),
    signIn: async (principal = {}, hostname = "wiki.acme.example") => {
      const session = await sessions.create(aNewSession({ principal }));
      const line = cookies.issue(session.id, hostname);
      return { session, cookie: line.slice(0, line.indexOf(";")) };
    },
    close: async () => {
      await listener.close(0);
      connections.close();
      for (const provider of version.providers.values()) provider.close();
      await pools.close();
      await store.close();
      await upstream.close();
    },
  };
}
