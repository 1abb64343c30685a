import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Log } from "../../core/ports/log.ts";
import { noTracing, type SpanPart, type Tracing } from "../../core/ports/tracing.ts";
import { type LdapConnection, openConnection } from "./connection.ts";
import { createServers, type LdapServers } from "./servers.ts";
import { type LdapServer, type LdapSettings, urlOf } from "./settings.ts";
import { createWorkSlots } from "./slots.ts";

/** The connections to one directory. `deadline` is a time of `performance.now()`. */
export interface LdapPool {
  /** Works on a connection that is bound as the service account and is used again after. */
  asService<T>(deadline: number, work: (connection: LdapConnection, left: () => number) => Promise<T>): Promise<T>;
  /** Works on a new connection that belongs to one visitor's bind alone and is closed after it. */
  asVisitor<T>(deadline: number, work: (connection: LdapConnection, left: () => number) => Promise<T>): Promise<T>;
  readonly servers: LdapServers;
  /** Open and in use now. */
  connections(): { readonly service: number; readonly visitors: number };
}

export interface PoolDeps {
  readonly settings: LdapSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** Spans around what the servers are asked; absent = none. */
  readonly tracing?: Tracing;
  /** Of this directory, for those spans. */
  readonly providerId?: string;
}

export const mostServiceConnections = 4;
export const mostVisitorConnections = 8;
const longestLine = 500;
const idleMs = 60_000;
/** A directory that locks accounts after wrong passwords must not lock ours: a refused service account rests this long. */
const refusedRestMs = 30_000;

/**
 * A pool of service connections, and places for visitors' own. A visitor's password is never sent on a connection that another visitor
 * or the service account uses: after a bind the connection has that visitor's rights.
 */
export function createPool({ settings, clock, log, tracing = noTracing, providerId = "" }: PoolDeps): LdapPool {
  const idle = new Map<LdapServer, IdleConnection[]>(settings.servers.map((server) => [server, []]));
  const serviceSlots = createWorkSlots(mostServiceConnections, longestLine, () => performance.now());
  const visitorSlots = createWorkSlots(mostVisitorConnections, longestLine, () => performance.now());
  const refused = new Map<LdapServer, number>();
  const open = (server: LdapServer, timeoutMs: number) => {
    const part = (what: string) => partOf(providerId, server, what);
    return tracing
      .span(part("connect"), () => openConnection(settings, server, timeoutMs))
      .then((connection) => traced(connection, tracing, part));
  };
  const probe = async (server: LdapServer) => (await open(server, settings.timeoutMs)).close();
  const servers = createServers({ servers: settings.servers, clock, log, probe });

  const openBound = async (server: LdapServer, left: () => number): Promise<LdapConnection> => {
    const { bind } = settings;
    if (bind === null) throw new GatewayError("gateway.internal", "a directory without a service account was searched");
    if ((refused.get(server) ?? 0) > clock()) throw serviceRefused(server, bind.dn, "it was refused less than 30 seconds ago");
    const connection = await open(server, left());
    try {
      const answer = await connection.bind(bind.dn, bind.password.reveal(), left());
      if (answer.kind === "ok") return connection;
      refused.set(server, clock() + refusedRestMs);
      throw serviceRefused(server, bind.dn, answer.message);
    } catch (error) {
      connection.close();
      throw error;
    }
  };
  /** An idle connection may have died unnoticed: then a new one to the same server gets its chance. */
  const onServer = async <T>(server: LdapServer, left: () => number, work: (connection: LdapConnection) => Promise<T>): Promise<T> => {
    const kept = takeIdle(idle.get(server) ?? []);
    if (kept !== null) {
      try {
        return await use(idle.get(server) ?? [], kept, work);
      } catch (error) {
        if (!isUnreachable(error) || left() <= 0) throw error;
      }
    }
    return use(idle.get(server) ?? [], await openBound(server, left), work);
  };

  return {
    servers,
    connections: () => ({ service: serviceSlots.inUse(), visitors: visitorSlots.inUse() }),
    asService: (deadline, work) =>
      serviceSlots.within(deadline, () =>
        overServers(servers, deadline, (server, left) => onServer(server, left, (connection) => work(connection, left))),
      ),
    asVisitor: (deadline, work) =>
      visitorSlots.within(deadline, () =>
        overServers(servers, deadline, async (server, left) => {
          const connection = await open(server, left());
          try {
            return await work(connection, left);
          } finally {
            connection.close();
          }
        }),
      ),
  };
}

/** The same connection, with a span for each question. Names and filters stay out of it: they say who signs in. */
function traced(connection: LdapConnection, tracing: Tracing, part: (what: string) => SpanPart): LdapConnection {
  const [bind, search] = [part("bind"), part("search")];
  return {
    ...connection,
    bind: (...asked) =>
      tracing.span(
        bind,
        () => connection.bind(...asked),
        ({ kind }) => ({ "vestibule.ldap.answer": kind }),
      ),
    search: (...asked) =>
      tracing.span(
        search,
        () => connection.search(...asked),
        ({ length }) => ({ "vestibule.ldap.entries": length }),
      ),
  };
}

function partOf(provider: string, server: LdapServer, what: string): SpanPart {
  return {
    kind: "client",
    name: `ldap ${what}`,
    facts: { "vestibule.provider": provider, "server.address": server.host, "server.port": server.port },
  };
}

/** Each server in turn gets its share of the time that is left, so that one black hole leaves time for the next. */
async function overServers<T>(
  servers: LdapServers,
  deadline: number,
  attempt: (server: LdapServer, left: () => number) => Promise<T>,
): Promise<T> {
  const order = servers.order();
  let failure: unknown = new GatewayError("ldap.unreachable", "the time was over before a directory server was asked");
  for (const [at, server] of order.entries()) {
    const now = performance.now();
    if (now >= deadline) break;
    const ends = now + (deadline - now) / (order.length - at);
    try {
      const result = await attempt(server, () => ends - performance.now());
      servers.worked(server);
      return result;
    } catch (error) {
      if (!isUnreachable(error)) throw error;
      servers.failed(server, (error as Error).message);
      failure = error;
    }
  }
  throw failure;
}

interface IdleConnection {
  readonly connection: LdapConnection;
  readonly bell: NodeJS.Timeout;
}

async function use<T>(idle: IdleConnection[], connection: LdapConnection, work: (connection: LdapConnection) => Promise<T>): Promise<T> {
  try {
    return await work(connection);
  } finally {
    if (connection.isOpen()) keep(idle, connection);
  }
}

function keep(idle: IdleConnection[], connection: LdapConnection): void {
  const bell = setTimeout(() => {
    const at = idle.findIndex((one) => one.connection === connection);
    if (at >= 0) idle.splice(at, 1);
    connection.close();
  }, idleMs).unref();
  idle.push({ connection, bell });
}

function takeIdle(idle: IdleConnection[]): LdapConnection | null {
  for (let kept = idle.pop(); kept !== undefined; kept = idle.pop()) {
    clearTimeout(kept.bell);
    if (kept.connection.isOpen()) return kept.connection;
  }
  return null;
}

const isUnreachable = (error: unknown) => error instanceof GatewayError && (error.code === "ldap.unreachable" || error.code === "ldap.tls");

function serviceRefused(server: LdapServer, dn: string, detail: string): GatewayError {
  return new GatewayError("ldap.service-account", `${urlOf(server)} refuses the service account ${dn}: ${detail}`);
}
