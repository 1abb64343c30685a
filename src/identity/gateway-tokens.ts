import { hash } from "node:crypto";
import { onFirstOpening } from "../core/audit-events.ts";
import type { Clock } from "../core/clock.ts";
import { GatewayError } from "../core/errors.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { Audit } from "../core/ports/log.ts";
import type { SessionStore } from "../core/ports/session-store.ts";
import { type ServiceTokenSettings, serviceProvider } from "../core/service-tokens.ts";
import type { Session } from "../core/session.ts";
import type { PersonalTokenSettings } from "../core/settings.ts";
import { remember } from "../lib/collections.ts";
import { gatewayTokenIn } from "../lib/gateway-token.ts";
import { type Networks, networkOf, parseNetworks } from "../lib/networks.ts";
import type { Refresh } from "./refresh.ts";

/** How often the last use of a token is noted, at most. */
const notedEveryMs = 60_000;
/** `SessionStore.touch` notes an activity once in a tenth of the idle limit. */
const touchMs = 10 * notedEveryMs;

export interface PersonalTokenDeps {
  readonly tokens: Pick<SessionStore, "peek" | "find" | "touch">;
  /** Null = switched off: none is good. */
  readonly settings: PersonalTokenSettings | null;
  readonly refresh: Refresh;
  readonly clock: Clock;
  readonly audit?: Audit;
}

type Caller = Pick<Incoming, "id" | "client">;

/** The identity of a personal token. At once for one that is in use here; rejects with `store.unavailable` or `token.too-many`. */
type FromPersonalToken = (token: string, incoming: Caller, app: string | undefined) => Identity | Promise<Identity>;

/**
 * Looks a token up by its SHA-256. A fast hash is right: the token is 256 random bits, so there is nothing to try out, and a slow hash
 * would only make each request slow. What is compared is a hash, so how long it takes tells nothing.
 */
export function createFromPersonalToken(deps: PersonalTokenDeps): FromPersonalToken {
  const guesses = createGuesses(deps.clock);
  const judged = (id: string, record: Session | null, incoming: Caller, app: string | undefined) => {
    if (record === null) {
      guesses.wrong(id, incoming.client);
      return unknown;
    }
    return settle(deps, record, app, incoming);
  };
  return (token, incoming, app) => {
    if (deps.settings === null) return rejected("personal tokens are switched off");
    const id = hash("sha256", token, "base64url");
    const believed = deps.tokens.peek(id);
    if (believed != null) return settle(deps, believed, app, incoming);
    if (guesses.isKnown(id)) return unknown;
    // Counted before the store is asked, so that no number of guesses at the same time gets past.
    guesses.begin(incoming.client);
    if (believed === null) {
      guesses.end(incoming.client);
      return judged(id, null, incoming, app);
    }
    return deps.tokens
      .find(id)
      .then((record) => judged(id, record, incoming, app))
      .finally(() => guesses.end(incoming.client));
  };
}

function settle(deps: PersonalTokenDeps, record: Session, app: string | undefined, incoming: Caller): Identity | Promise<Identity> {
  const { settings, clock, refresh, tokens } = deps;
  // By today's file too: a lifetime that was shortened counts at once.
  if (settings === null || clock() >= record.createdAt + settings.lifetimeMs) return rejected("this personal token has expired");
  tokens.touch(record, touchMs, app, onFirstOpening(deps.audit, record, incoming, app));
  if (!refresh.isDue(record)) return known(record);
  return refresh.refreshed(record).then((current) => (current === null ? unknown : known(current)));
}

const known = (record: Session): Identity => ({ kind: "known", principal: record.principal, session: record, via: "token" });
const rejected = (why: string): Identity => ({ kind: "rejected", scheme: "bearer", why });
const unknown = rejected("this personal token is not known here, or not any more");

const windowMs = 60_000;
/** Of one address (IPv6: one /64), in a minute, in this process: different tokens that are none. */
const mostGuesses = 20;
const maxRemembered = 10_000;

/** What is tried out: 256 bits cannot be guessed, but the store need not be asked for each attempt. */
interface Guesses {
  /** It was none before: asked again, it costs nothing and counts nothing. */
  isKnown(id: string): boolean;
  /** Throws `token.too-many`. */
  begin(address: string): void;
  end(address: string): void;
  wrong(id: string, address: string): void;
}

function createGuesses(clock: Clock): Guesses {
  const wrongIds = new Map<string, true>();
  const asking = new Map<string, number>();
  let began = clock();
  let counts = new Map<string, number>();
  const turn = () => {
    const now = clock();
    if (now - began < windowMs && now >= began && counts.size < maxRemembered) return;
    began = now;
    counts = new Map();
  };
  return {
    isKnown: (id) => wrongIds.has(id),
    begin: (address) => {
      turn();
      const who = networkOf(address);
      const under = asking.get(who) ?? 0;
      if ((counts.get(who) ?? 0) + under >= mostGuesses)
        throw new GatewayError("token.too-many", `${who} sent ${mostGuesses} personal tokens in a minute that are none`);
      asking.set(who, under + 1);
    },
    end: (address) => {
      const who = networkOf(address);
      const left = (asking.get(who) ?? 1) - 1;
      if (left <= 0) asking.delete(who);
      else asking.set(who, left);
    },
    wrong: (id, address) => {
      const who = networkOf(address);
      counts.set(who, (counts.get(who) ?? 0) + 1);
      remember(wrongIds, maxRemembered, id, true);
    },
  };
}

/**
 * The identity of a service token (`serviceTokens` in the file), or null when the request carries none. It comes as `Bearer TOKEN`, or as
 * the password of Basic, for programs that know nothing else. What does not begin as our tokens do belongs to the app and is left alone.
 */
type FromServiceToken = (incoming: Pick<Incoming, "authorization" | "client">) => Identity | null;

export function createFromServiceToken(tokens: readonly ServiceTokenSettings[], clock: Clock): FromServiceToken {
  // Found by hash: how long it takes says nothing of what is in the file.
  const byHash = new Map(
    tokens.map((token) => [token.sha256, { token, identity: identityOf(token), networks: networksOf(token) }] as const),
  );
  return ({ authorization, client }) => {
    const presented = gatewayTokenIn(authorization);
    if (presented === null) return null;
    const found = byHash.get(hash("sha256", presented, "hex"));
    if (found === undefined) return rejected("this service token is not known here");
    if (clock() >= found.token.expiresAt) return rejected(`the service token ${found.token.name} has expired`);
    if (found.networks !== null && !found.networks.has(client))
      return rejected(`the service token ${found.token.name} does not count from ${client}`);
    return found.identity;
  };
}

/** A subject that no person has by chance: identity headers must not name a program like a person. */
function identityOf({ name, groups, expiresAt }: ServiceTokenSettings): Identity {
  const principal = {
    provider: serviceProvider,
    subject: `service:${name}`,
    email: null,
    name,
    groups: { kind: "known", names: groups },
    extra: {},
    claims: {},
    authenticatedAt: 0,
    acr: null,
  } as const;
  return { kind: "known", principal, session: null, via: "bearer", expiresAt };
}

function networksOf({ networks }: ServiceTokenSettings): Networks | null {
  return networks.length === 0 ? null : parseNetworks(networks);
}
