import { z } from "zod";
import { type Account, isOut, type Person } from "../../core/person.ts";
import type { DirectoryCaller, DirectoryPeople, PersonExplanation, ScimLog } from "../../core/ports/directory.ts";
import type { SessionSummary } from "../../core/session.ts";
import { endMatching, type Operations, type Operator } from "../operations.ts";
import { ApiProblem } from "./problem.ts";
import { type ApiCall, type ApiRoute, sessionJson } from "./routes.ts";
import { sessionItem } from "./schemas.ts";

/** What the directory offers operators: the API and the console stand on it. */
export interface PeopleDesk {
  readonly people: DirectoryPeople;
  readonly scimRequests: Pick<ScimLog, "last">;
  /** The providers by which an account of this one may be signed in, itself among them. */
  readonly providersOf: (provider: string) => readonly string[];
}

/** All that is shown of one person: what is kept, what each account would get now, and where they are signed in. */
export interface PersonSeen {
  readonly person: Person;
  readonly accounts: readonly { readonly account: Account; readonly now: PersonExplanation | null }[];
  readonly sessions: readonly SessionSummary[];
}

const sessionsOfAccount = 100;

/** Throws `directory.unknown` where there is no such person, `directory.none` without a directory. */
export async function seePerson(operations: Operations, id: string): Promise<PersonSeen> {
  const desk = deskOf(operations);
  const { people } = desk;
  const person = await people.person(id);
  if (person === null) throw noPerson();
  const accounts = await Promise.all(person.accounts.map(async (account) => ({ account, now: await people.explain(id, account) })));
  const lists = await Promise.all(
    signInsOf(desk, person).map(
      async (filter) => (await operations.sessions.list(filter, { cursor: null, limit: sessionsOfAccount })).sessions,
    ),
  );
  return { person, accounts, sessions: lists.flat().toSorted((one, other) => other.startedAt - one.startedAt) };
}

/** Ends the sessions of all accounts of a person; answers how many. They may sign in again. */
export async function endPerson(operations: Operations, operator: Operator, id: string): Promise<number> {
  const desk = deskOf(operations);
  const person = await desk.people.person(id);
  if (person === null) throw noPerson();
  let ended = 0;
  for (const filter of signInsOf(desk, person)) ended += await endMatching(operations, operator, filter);
  return ended;
}

/** As whom a person's sessions are kept: an account of a directory also by the providers that lead to it. */
function signInsOf({ providersOf }: PeopleDesk, { accounts }: Person): readonly { readonly provider: string; readonly subject: string }[] {
  return accounts.flatMap(({ provider, subject }) =>
    subject === null ? [] : providersOf(provider).map((each) => ({ provider: each, subject })),
  );
}

/** The desk. Throws `directory.none` where the configuration has no `directory`. */
export function deskOf({ people }: Operations): PeopleDesk {
  const desk = people();
  if (desk === null) throw new ApiProblem("directory.none", "there is no directory: write directory: { store: … } into the configuration");
  return desk;
}

/** Who stands in the audit line. */
export const callerOf = ({ name, address }: Operator): DirectoryCaller => ({ request: null, client: address, by: name });

const noPerson = () => new ApiProblem("directory.unknown", "there is no such person, or not any more");

const iso = (at: number) => new Date(at).toISOString();
const isoOrNull = (at: number | null) => (at === null ? null : iso(at));

const accountKey = z.strictObject({ provider: z.string().min(1).max(64), subject: z.string().min(1).max(255) });
const explanation = z.object({
  groups: z.array(z.string()),
  roles: z.array(z.string()),
  teams: z.array(z.string()),
  manager: z.string().nullable(),
  why: z.array(z.string()).describe("Where each role, team and group comes from."),
});
const accountItem = z.object({
  provider: z.string(),
  subject: z.string().nullable().describe("Null while a provisioned person has not met a login."),
  email: z.string().nullable(),
  via: z.enum(["login", "email", "scim", "operator"]).describe("How it came to belong to this person."),
  since: z.iso.datetime(),
  seenAt: z.iso.datetime().nullable(),
  provisioned: z
    .object({ userName: z.string(), externalId: z.string().nullable(), active: z.boolean() })
    .nullable()
    .describe("What the provider's SCIM says."),
  removed: z.boolean().describe("The provider's SCIM has deleted it."),
});
const personItem = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    addresses: z.array(z.string()),
    active: z.boolean().describe("False: shut out by an operator, or deactivated or deleted by a provider's SCIM."),
    blocked: z.boolean(),
    createdAt: z.iso.datetime(),
    seenAt: z.iso.datetime().nullable(),
    accounts: z.array(accountItem),
  })
  .meta({ id: "Person" });
const personDetail = personItem
  .extend({
    attributes: z.record(z.string(), z.object({ values: z.array(z.string()), from: z.string(), by: z.string() })),
    accounts: z.array(accountItem.extend({ now: explanation.nullable().describe("What a login by this account would get now.") })),
    sessions: z.array(sessionItem),
  })
  .meta({ id: "PersonDetail" });

/** As the API shows a person in a list. */
export function personJson(person: Person): z.input<typeof personItem> {
  const { id, addresses, blocked, createdAt, seenAt, accounts, attributes } = person;
  return {
    ...{ id, blocked, addresses: [...addresses] },
    name: attributes.name?.values[0] ?? null,
    active: !isOut(person),
    createdAt: iso(createdAt),
    seenAt: isoOrNull(seenAt),
    accounts: accounts.map(accountJson),
  };
}

function accountJson({ provider, subject, email, via, since, seenAt, user, removed }: Account): z.input<typeof accountItem> {
  const provisioned = user === null ? null : { userName: user.userName, externalId: user.externalId, active: user.active };
  return { ...{ provider, subject, email, via, removed, provisioned }, since: iso(since), seenAt: isoOrNull(seenAt) };
}

function detailJson({ person, accounts, sessions }: PersonSeen): object {
  return {
    ...personJson(person),
    attributes: person.attributes,
    accounts: accounts.map(({ account, now }) => ({ ...accountJson(account), now })),
    sessions: sessions.map(sessionJson),
  };
}

const searchQuery = z.strictObject({
  q: z.string().max(320).default("").describe("A name, a word of it, an address, a user name or a subject, without case; empty = all."),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
const scimQuery = z.strictObject({
  provider: z.string().min(1).max(64).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});
const attributeRequest = z.strictObject({
  name: z.string().min(1).max(64),
  values: z.array(z.string().max(8_192)).min(1).max(100).nullable().describe("Null takes it away."),
});
const splitRequest = z.strictObject({ accounts: z.array(accountKey).min(1).max(100) });
const mergeRequest = z.strictObject({ from: z.string().min(1).max(64).describe("The person who ends.") });

/** A change of one person, by their id in the path. */
function change<Body>(
  path: string,
  summary: string,
  run: (desk: PeopleDesk, id: string, caller: DirectoryCaller, body: Body) => Promise<boolean>,
  body?: z.ZodType<Body>,
): ApiRoute {
  return {
    ...{ method: "post", path: `/people/:handle/${path}`, summary, answer: null },
    ...(body === undefined ? {} : { body }),
    run: async (call) => {
      if (!(await run(deskOf(call.operations), call.handle, callerOf(call.operator), call.body as Body))) throw noPerson();
      return null;
    },
  };
}

/** Parts accounts from a person. Only those of this very person: an id and an account that do not go together change nothing. */
async function split({ operations, operator, handle }: ApiCall, accounts: readonly z.output<typeof accountKey>[]): Promise<object> {
  const parted = await deskOf(operations).people.split(handle, accounts, callerOf(operator));
  if (parted === null) throw new ApiProblem("directory.unknown", "there is no such person with these accounts, or not any more");
  return { person: parted };
}
const parted = z.object({ person: z.string().describe("Whose the accounts are now: the person itself where these were all.") });

export const peopleRoutes: readonly ApiRoute[] = [
  {
    ...{ method: "get", path: "/people", summary: "People of the directory, the oldest first.", query: searchQuery },
    answer: z.object({ people: z.array(personItem), total: z.int() }),
    run: async ({ operations, query }) => {
      const { q, offset, limit } = query as z.output<typeof searchQuery>;
      const { people, total } = await deskOf(operations).people.search(q, { offset, limit });
      return { people: people.map(personJson), total };
    },
  },
  {
    ...{ method: "get", path: "/people/:handle", answer: personDetail },
    summary: "One person: attributes, accounts with groups, roles and teams and where these come from, and open sessions.",
    run: async ({ operations, handle }) => detailJson(await seePerson(operations, handle)),
  },
  {
    ...{ method: "delete", path: "/people/:handle", answer: null },
    summary: "Forgets a person and all that was provisioned of them; their sessions end.",
    run: async ({ operations, operator, handle }) => {
      if (!(await deskOf(operations).people.remove(handle, callerOf(operator)))) throw noPerson();
      return null;
    },
  },
  {
    ...{ method: "post", path: "/people/:handle/end", summary: "Ends all sessions of a person, at every provider." },
    answer: z.object({ ended: z.int() }),
    run: async ({ operations, operator, handle }) => ({ ended: await endPerson(operations, operator, handle) }),
  },
  change("deactivate", "Shuts a person out, everywhere within a second.", ({ people }, id, caller) => people.setBlocked(id, true, caller)),
  change("activate", "Lets a person in again whom an operator has shut out.", ({ people }, id, caller) =>
    people.setBlocked(id, false, caller),
  ),
  change(
    "attribute",
    "Sets a kept attribute; localLogin: forbidden keeps a person from emergency accounts.",
    ({ people }, id, caller, { name, values }) => people.setAttribute(id, name, values, caller),
    attributeRequest,
  ),
  change("merge", "Makes one person of two.", ({ people }, id, caller, { from }) => people.merge(id, from, caller), mergeRequest),
  {
    ...{ method: "post", path: "/people/:handle/unlink", summary: "Parts an account from a person.", body: accountKey, answer: parted },
    run: (call) => split(call, [call.body as z.output<typeof accountKey>]),
  },
  {
    ...{ method: "post", path: "/people/:handle/split", summary: "Makes a person of some of a person's accounts.", body: splitRequest },
    answer: parted,
    run: (call) => split(call, (call.body as z.output<typeof splitRequest>).accounts),
  },
  {
    ...{ method: "get", path: "/scim/requests", summary: "The latest SCIM requests of all instances, the newest first.", query: scimQuery },
    answer: z.object({ requests: z.array(z.looseObject({ at: z.iso.datetime(), provider: z.string(), status: z.int() })) }),
    run: async ({ operations, query }) => {
      const { provider, limit } = query as z.output<typeof scimQuery>;
      const entries = await deskOf(operations).scimRequests.last(provider ?? null, limit);
      return { requests: entries.map(({ at, ...entry }) => ({ ...entry, at: iso(at) })) };
    },
  },
];
