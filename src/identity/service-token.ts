import { hash } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Identity } from "../core/identity.ts";
import type { Incoming } from "../core/incoming.ts";
import type { ServiceTokenSettings } from "../core/service-tokens.ts";
import { serviceProvider } from "../core/service-tokens.ts";
import { gatewayTokenIn } from "../lib/gateway-token.ts";
import { type Networks, parseNetworks } from "../lib/networks.ts";

/**
 * The identity of a service token (`serviceTokens` in the file), or null when the request carries none. It comes as `Bearer TOKEN`, or as
 * the password of Basic, for programs that know nothing else. What does not begin as our tokens do belongs to the app and is left alone.
 */
export type FromServiceToken = (incoming: Pick<Incoming, "authorization" | "client">) => Identity | null;

export function createFromServiceToken(tokens: readonly ServiceTokenSettings[], clock: Clock): FromServiceToken {
  if (tokens.length === 0) return () => null;
  // Found by hash: how long it takes says nothing of what is in the file.
  const known = new Map(
    tokens.map((token) => [token.sha256, { token, identity: identityOf(token), networks: networksOf(token) }] as const),
  );
  return ({ authorization, client }) => {
    const presented = gatewayTokenIn(authorization);
    if (presented === null) return null;
    const found = known.get(hash("sha256", presented, "hex"));
    if (found === undefined) return rejected("this service token is not known here");
    if (clock() >= found.token.expiresAt) return rejected(`the service token ${found.token.name} has expired`);
    if (found.networks !== null && !found.networks.has(client))
      return rejected(`the service token ${found.token.name} does not count from ${client}`);
    return found.identity;
  };
}

/** A subject that no person has by chance: identity headers must not name a program like somebody. */
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

function rejected(why: string): Identity {
  return { kind: "rejected", scheme: "bearer", why };
}
