import type { DirectoryAction } from "../../core/audit-events.ts";
import type { Person } from "../../core/person.ts";
import { emailDomain, foldName } from "../../lib/names.ts";
import type { JsonObject } from "../documents.ts";
import type { Effects } from "../effects.ts";
import type { DirectoryDeps } from "../logins.ts";
import { type Transaction, transact } from "../transaction.ts";

/** One provider's SCIM server: what it may see and touch is that provider's alone. */
export interface ScimContext extends DirectoryDeps {
  readonly provider: string;
  /** `https://auth.acme.example/_vestibule/scim/entra/v2`. */
  readonly baseUrl: string;
  readonly effects: Effects;
}

/** What a request has changed: logged, and brought to sessions, when it is committed. */
export interface ScimOutcome {
  readonly people: Set<string>;
  /** Accounts that people had before and may have lost. */
  readonly before: Map<string, Person>;
  readonly changes: {
    readonly action: DirectoryAction;
    readonly person: string;
    readonly subject: string | null;
    readonly detail: string;
  }[];
}

export function newOutcome(): ScimOutcome {
  return { people: new Set(), before: new Map(), changes: [] };
}

/**
 * Runs a transaction whose changes are added to `outcome` once they are committed: an attempt that met another change at the same time says nothing.
 */
export async function committed<T>(
  { store }: ScimContext,
  outcome: ScimOutcome,
  work: (transaction: Transaction, attempt: ScimOutcome) => Promise<T>,
): Promise<T> {
  const { result, attempt } = await transact(store, async (transaction) => {
    const own = newOutcome();
    return { result: await work(transaction, own), attempt: own };
  });
  for (const id of attempt.people) outcome.people.add(id);
  for (const [id, person] of attempt.before) outcome.before.set(id, person);
  outcome.changes.push(...attempt.changes);
  return result;
}

/** The audit lines, then the effects: when this settles, what was true before admits no visitor. */
export async function conclude(
  context: ScimContext,
  outcome: ScimOutcome,
  caller: { readonly request: string; readonly client: string },
): Promise<void> {
  for (const one of outcome.changes) context.audit({ event: "directory", ...caller, provider: context.provider, ...one });
  for (const [id, { accounts }] of outcome.before) await context.effects.personChanged(id, accounts);
  await context.effects.peopleChanged([...outcome.people].filter((id) => !outcome.before.has(id)));
}

/** A resource as it stands at an address, with its version. */
export interface Rendered {
  readonly id: string;
  readonly version: number;
  readonly resource: JsonObject;
}

export const etagOf = (version: number) => `W/"${version}"`;

/** The addresses by which a provisioned person may be found: those of `emails`, and `userName` where it is one. */
export function addressesIn(resource: JsonObject, emails: readonly string[]): readonly string[] {
  const { userName } = resource;
  const all = [...emails, ...(typeof userName === "string" && emailDomain(userName) !== null ? [userName] : [])];
  return [...new Map(all.map((address) => [foldName(address), address])).values()];
}
