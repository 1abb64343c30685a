import type { z } from "zod";
import { formatOrigin } from "../../core/origin.ts";
import type { SessionQuery } from "../../core/ports/session-store.ts";
import type { SessionSummary } from "../../core/session.ts";
import { appsOf, isReady, nowOf, providersOf } from "../fleet/summaries.ts";
import { endMatching, endOne, type Operations, type Operator, reloadAs } from "../operations.ts";
import { explainInput } from "./explain.ts";
import { ApiProblem } from "./problem.ts";
import {
  appsAnswer,
  auditAnswer,
  auditQuery,
  configAnswer,
  endAnswer,
  endRequest,
  explainAnswer,
  explainRequest,
  providersAnswer,
  reloadAnswer,
  sessionItem,
  sessionsPage,
  sessionsQuery,
  statusAnswer,
} from "./schemas.ts";

/** One operation of the API as data: the router and the OpenAPI document are both made from it. */
export interface ApiRoute {
  readonly method: "get" | "post" | "delete";
  /** Below `/api/v1`, in hono's form. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Null = 204. */
  readonly answer: z.ZodType | null;
  run(call: ApiCall): Promise<object | null>;
}
export interface ApiCall {
  readonly operations: Operations;
  readonly operator: Operator;
  readonly handle: string;
  readonly query: unknown;
  readonly body: unknown;
  readonly now: number;
}

const iso = (at: number) => new Date(at).toISOString();

/** A session as the API shows it. */
export function sessionJson({ handle, principal, ...session }: SessionSummary): z.input<typeof sessionItem> {
  const { provider, subject, email, name, groups } = principal;
  return {
    handle,
    person: { provider, subject, email, name },
    groups: groups.kind === "known" ? [...groups.names] : null,
    address: session.address,
    userAgent: session.userAgent,
    startedAt: iso(session.startedAt),
    lastSeenAt: iso(session.lastSeenAt),
    expiresAt: iso(session.expiresAt),
    apps: Object.entries(session.apps)
      .toSorted(([, one], [, other]) => other - one)
      .map(([id, at]) => ({ id, lastOpenedAt: iso(at) })),
  };
}

/** The conditions as the store knows them; what was not given is no condition. */
export function queryOf(given: {
  readonly person?: string | undefined;
  readonly email?: string | undefined;
  readonly group?: string | undefined;
  readonly provider?: string | undefined;
  readonly address?: string | undefined;
  readonly app?: string | undefined;
}): SessionQuery {
  const { person, email, group, provider, address, app } = given;
  const pairs = Object.entries({ subject: person, email, group, provider, address, app }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(pairs) as SessionQuery;
}

const noSession = () => new ApiProblem("session.unknown", "there is no such session, or not any more");

export const apiRoutes: readonly ApiRoute[] = [
  {
    ...{ method: "get", path: "/status", summary: "Version, readiness and how many sessions are open.", answer: statusAnswer },
    run: async ({ operations }) => {
      const [state, now] = await Promise.all([operations.state(), nowOf(operations)]);
      const { listening: _, draining, unreachable: __, ...shown } = state;
      const { sessions, requestsPerSecond, refusalsPerMinute, errorsPerMinute, gateway, upstream } = now;
      return {
        ...{ version: operations.version, ready: isReady(state), sessions, draining, ...shown },
        lastMinute: { requestsPerSecond, refusalsPerMinute, errorsPerMinute, gateway, upstream },
        instances: now.instances.map(({ id, name, version, startedAt, state: its }) => ({
          ...{ id, name, version, startedAt: iso(startedAt), ready: isReady(its) },
        })),
      };
    },
  },
  {
    ...{
      method: "get",
      path: "/sessions",
      summary: "The open sessions, the newest login first.",
      query: sessionsQuery,
      answer: sessionsPage,
    },
    run: async ({ operations, query }) => {
      const { limit, cursor, ...given } = query as z.output<typeof sessionsQuery>;
      const { sessions, next } = await operations.sessions.list(queryOf(given), { cursor: cursor ?? null, limit });
      return { sessions: sessions.map(sessionJson), next };
    },
  },
  {
    ...{ method: "get", path: "/sessions/:handle", summary: "One session.", answer: sessionItem },
    run: async ({ operations, handle }) => {
      const session = await operations.sessions.read(handle);
      if (session === null) throw noSession();
      return sessionJson(session);
    },
  },
  {
    ...{ method: "delete", path: "/sessions/:handle", summary: "Ends one session, everywhere within a second.", answer: null },
    run: async ({ operations, operator, handle }) => {
      if (!(await endOne(operations, operator, handle))) throw noSession();
      return null;
    },
  },
  {
    ...{
      method: "post",
      path: "/sessions/end",
      summary: "Ends all sessions that match; of a person, the tokens as well.",
      body: endRequest,
      answer: endAnswer,
    },
    run: async ({ operations, operator, body }) => {
      const { all, dryRun, ...given } = body as z.output<typeof endRequest>;
      const query = all === true ? "everyone" : queryOf(given);
      const ended = dryRun ? await operations.sessions.countMatching(query) : await endMatching(operations, operator, query);
      return { ended, dryRun };
    },
  },
  {
    ...{ method: "get", path: "/providers", summary: "The providers, their health and their logins.", answer: providersAnswer },
    run: async ({ operations }) => {
      const [providers, { domains = [] }] = await Promise.all([providersOf(operations), operations.state()]);
      return {
        providers: providers.map(
          ({ settings: { id, name, protocol, emailDomains }, ok, detail, documents, expiries, logins, lastError }) => ({
            ...{ id, name, method: protocol.kind, emailDomains, ok, detail, logins },
            unproven: domains.flatMap(({ provider, domain, state }) => (provider === id && state === "unproven" ? domain : [])),
            documents: documents.map(({ what, at }) => ({ what, fetchedAt: iso(at) })),
            expiryDays: expiries,
            lastError: lastError === null ? null : { ...lastError, at: iso(lastError.at) },
          }),
        ),
      };
    },
  },
  {
    ...{ method: "get", path: "/apps", summary: "The published apps: routes, upstreams, rates and latencies.", answer: appsAnswer },
    run: async ({ operations, now }) => ({
      apps: (await appsOf(operations, now)).map(({ id, settings, upstreams, counts, windowSeconds, gateway, upstream, people }) => ({
        ...{ id, name: settings.name, hosts: settings.hosts, providers: settings.providers, people },
        upstreams: upstreams.map(({ url, unreachableAt }) => ({ url, unreachableAt: unreachableAt === null ? null : iso(unreachableAt) })),
        lately: {
          ...{ seconds: windowSeconds, requests: counts.requests, refused: counts.refused, errors: counts.errors },
          ...{ failures: counts.failures, gateway, upstream },
        },
        routes: settings.routes.map(({ path, upstreams: own, enforce }) => ({ path, upstreams: own.map(({ url }) => url), enforce })),
      })),
    }),
  },
  {
    ...{ method: "post", path: "/explain", summary: "What the gateway would do with one request, rule by rule.", body: explainRequest },
    answer: explainAnswer,
    run: async ({ operations, body, now }) =>
      operations.explain(await explainInput(operations, body as z.output<typeof explainRequest>, now)),
  },
  {
    ...{ method: "get", path: "/config", summary: "The configuration in force.", answer: configAnswer },
    run: async ({ operations }) => effective(operations.settings()),
  },
  {
    ...{ method: "get", path: "/audit", summary: "The latest audit events of all instances, the newest first.", query: auditQuery },
    answer: auditAnswer,
    run: async ({ operations, query }) => {
      const { event, text, since, limit } = query as z.output<typeof auditQuery>;
      const found = await operations.fleet.find({
        ...{ event: event ?? null, text: text ?? null, limit },
        since: since === undefined ? null : Date.parse(since),
      });
      return { events: found.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })) };
    },
  },
  {
    ...{ method: "post", path: "/reload", summary: "Reads the configuration file again.", answer: reloadAnswer },
    run: ({ operations, operator }) => reloadAs(operations, operator),
  },
];

/** Plain data: secrets print as `[secret]`, pictures as their type. */
function effective(settings: object): object {
  return JSON.parse(
    JSON.stringify(settings, (key, value: unknown) => {
      // A Buffer has become this by itself.
      if (isBuffer(value)) return `[${value.data.length} bytes]`;
      return key === "origin" && isOrigin(value) ? formatOrigin(value) : value;
    }),
  ) as object;
}

function isBuffer(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === "object" && value !== null && "type" in value && value.type === "Buffer" && "data" in value;
}

function isOrigin(value: unknown): value is Parameters<typeof formatOrigin>[0] {
  return typeof value === "object" && value !== null && "scheme" in value && "hostname" in value;
}
