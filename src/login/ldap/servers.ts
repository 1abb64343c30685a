import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import { backOffMs } from "../../lib/timing.ts";
import { type LdapServer, urlOf } from "./settings.ts";

/** Which of several servers to ask. */
export interface LdapServers {
  /** All of them: those that answer in the configured order, then those that did not answer lately. */
  order(): readonly LdapServer[];
  worked(server: LdapServer): void;
  /** It did not answer: others are asked first, until a try in the background finds it well. */
  failed(server: LdapServer, why: string): void;
  /** What the last contact gave, per server. */
  report(): readonly { readonly server: LdapServer; readonly ok: boolean; readonly detail: string }[];
}

interface State {
  failures: number;
  restsUntil: number;
  isProbing: boolean;
  detail: string;
}

const shortestRestMs = 5_000;
const longestRestMs = 60_000;

/**
 * The first server that answers is used, and the preferred one again as soon as it is back. A server that was down is tried in the
 * background, never by a visitor's login: a black hole would cost each login its time-out.
 */
export function createServers(deps: {
  readonly servers: readonly LdapServer[];
  readonly clock: Clock;
  readonly log: Log;
  /** Connects and goes again; rejects when that fails. */
  readonly probe: (server: LdapServer) => Promise<void>;
}): LdapServers {
  const { servers, clock, log } = deps;
  const states = new Map<LdapServer, State>(
    servers.map((server) => [server, { failures: 0, restsUntil: 0, isProbing: false, detail: "not asked yet" }]),
  );
  const stateOf = (server: LdapServer) => states.get(server) as State;

  const worked = (server: LdapServer) => {
    const state = stateOf(server);
    if (state.failures > 0) log.info({ server: urlOf(server) }, "a directory server answers again");
    Object.assign(state, { failures: 0, restsUntil: 0, detail: "answers" });
  };
  const failed = (server: LdapServer, why: string) => {
    const state = stateOf(server);
    if (state.failures === 0) log.warn({ server: urlOf(server), why }, "a directory server does not answer: the others are asked");
    state.failures += 1;
    state.detail = why;
    state.restsUntil = clock() + backOffMs(state.failures, shortestRestMs, longestRestMs);
  };
  const probeRested = (server: LdapServer) => {
    const state = stateOf(server);
    if (state.failures === 0 || state.isProbing || clock() < state.restsUntil) return;
    state.isProbing = true;
    deps
      .probe(server)
      .then(
        () => worked(server),
        (error: unknown) => failed(server, error instanceof Error ? error.message : String(error)),
      )
      .finally(() => {
        state.isProbing = false;
      });
  };

  return {
    order: () => {
      for (const server of servers) probeRested(server);
      const isWell = (server: LdapServer) => stateOf(server).failures === 0;
      return [...servers.filter(isWell), ...servers.filter((server) => !isWell(server))];
    },
    worked,
    failed,
    report: () => servers.map((server) => ({ server, ok: stateOf(server).failures === 0, detail: stateOf(server).detail })),
  };
}
