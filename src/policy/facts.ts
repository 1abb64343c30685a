import type { Incoming } from "../core/incoming.ts";
import { type DomainProofs, nothingToProve } from "../core/ports/domain-proofs.ts";
import type { Principal } from "../core/principal.ts";
import type { ProviderSettings } from "../core/settings.ts";
import { emailDomain, foldName } from "../lib/names.ts";

/** All that a rule may ask about, for one reading of one request by one signed-in visitor. */
export interface Facts {
  readonly who: KnownAs;
  readonly incoming: Incoming;
  readonly reading: string;
  readonly now: number;
  /** Usually the principal's; another one when asking what a stronger login would change. */
  readonly acr: string | null;
}

/** A principal in the forms that rules compare, made once per principal. */
export interface KnownAs {
  readonly principal: Principal;
  /** Folded subject and, when one is known and verified, e-mail address. */
  readonly userNames: readonly string[];
  readonly emailDomain: string | null;
  /** Folded; null = not known. */
  readonly groups: ReadonlySet<string> | null;
  /** Of the directory, folded; null = not known: it does not know this caller, or groups that may give more are not known. */
  readonly roles: ReadonlySet<string> | null;
  readonly teams: ReadonlySet<string> | null;
}

/**
 * Prepares principals for comparison and remembers the result as long as the principal itself lives.
 *
 * A subject that looks like an address of a domain owned by another provider is no user name: where
 * people choose their own subject, anybody could call himself `alice@acme.example` in `users:`. Nor does an address count whose
 * domain must be proved and is not, also in a session that began before.
 */
export function createKnownAs(
  providers: readonly ProviderSettings[],
  proofs: DomainProofs = nothingToProve,
): (principal: Principal) => KnownAs {
  const owners = new Map(providers.flatMap((provider) => provider.emailDomains.map((domain) => [domain, provider.id] as const)));
  let remembered = new WeakMap<Principal, KnownAs>();
  let epoch = proofs.epoch();
  return (principal) => {
    if (proofs.epoch() !== epoch) {
      epoch = proofs.epoch();
      remembered = new WeakMap();
    }
    const known = remembered.get(principal);
    if (known !== undefined) return known;
    const made = prepare(principal, owners, proofs);
    remembered.set(principal, made);
    return made;
  };
}

function prepare(principal: Principal, owners: ReadonlyMap<string, string>, proofs: DomainProofs): KnownAs {
  const counting = (text: string | null) => {
    const domain = text === null ? null : emailDomain(text);
    return domain === null || proofs.isUnproven(domain) ? null : domain;
  };
  const apparent = emailDomain(principal.subject);
  const owner = apparent === null ? undefined : owners.get(apparent);
  const isOwn = owner === undefined || (owner === principal.provider && counting(principal.subject) !== null);
  const userNames = isOwn ? [foldName(principal.subject)] : [];
  const domain = counting(principal.email);
  if (principal.email !== null && domain !== null) userNames.push(foldName(principal.email));
  return {
    principal,
    userNames,
    emailDomain: domain,
    groups: principal.groups.kind === "known" ? new Set(principal.groups.names.map(foldName)) : null,
    roles: ofDirectory(principal, principal.person?.roles),
    teams: ofDirectory(principal, principal.person?.teams),
  };
}

function ofDirectory({ groups }: Principal, names: readonly string[] | undefined): ReadonlySet<string> | null {
  return names === undefined || groups.kind === "unknown" ? null : new Set(names.map(foldName));
}
