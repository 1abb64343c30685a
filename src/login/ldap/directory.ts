import { randomBytes } from "node:crypto";
import { AndFilter } from "ldapts";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Tracing } from "../../core/ports/tracing.ts";
import type { Groups } from "../../core/session.ts";
import { type AccountProblem, problemOfEntry, problemOfPolicy, problemOfRefusedBind, stateAttributes } from "./account-state.ts";
import type { BindAnswer, LdapConnection } from "./connection.ts";
import { escapeNameValue, nameKey } from "./distinguished-names.ts";
import { bytesOf, type LdapEntry } from "./entries.ts";
import { anyEntry, equals, readFilter } from "./filters.ts";
import { type GroupRules, groupsOf } from "./groups.ts";
import { inspectServer } from "./inspect.ts";
import { createPool, type LdapPool } from "./pool.ts";
import type { Spend } from "./port.ts";
import { createRootReader } from "./root-entry.ts";
import type { LdapServer, LdapSettings } from "./settings.ts";

/** A person in the directory. */
export interface LdapPerson {
  readonly entry: LdapEntry;
  readonly groups: Groups;
}

export type PasswordAnswer =
  | { readonly kind: "ok"; readonly person: LdapPerson; readonly graceLogins: number | null }
  /** Unknown or wrong, which visitors cannot tell apart; `detail` is for operators. */
  | { readonly kind: "refused"; readonly detail: string }
  /** The right account, which may not sign in now. */
  | { readonly kind: "problem"; readonly problem: AccountProblem; readonly detail: string };

export type FoundAnswer =
  | { readonly kind: "ok"; readonly person: LdapPerson }
  | { readonly kind: "none"; readonly detail: string }
  | { readonly kind: "problem"; readonly problem: AccountProblem; readonly detail: string; readonly person: LdapPerson };

/** A directory of people. What fails throws `ldap.*` codes; every answer comes within `timeout`. */
export interface Directory {
  /** Whether this password is this login's: one bind, whatever comes of it, and none when `spend` throws. */
  verify(login: string, password: string, spend: Spend): Promise<PasswordAnswer>;
  /** Who has this login, without a password. Needs the service account. */
  find(login: string): Promise<FoundAnswer>;
  /** Who has this subject now. Needs the service account. */
  findSubject(subject: string): Promise<FoundAnswer>;
  /** Connects to this one server, binds as the service account and reads the base of people; says what came of it. Never throws. */
  inspect(server: LdapServer): Promise<{ readonly ok: boolean; readonly detail: string }>;
  readonly pool: LdapPool;
}

export interface DirectoryDeps {
  readonly settings: LdapSettings;
  /** The attributes to read besides those of the account's state. */
  readonly attributes: { readonly subject: string; readonly groups: string; readonly wanted: readonly string[] };
  /** What a group is called for good, by distinguished name. */
  readonly groupNames: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing;
  readonly providerId?: string;
}

/** Active Directory's: a ticket names it too. */
const accountId = "objectSid";
interface DirectBind {
  readonly login: string;
  readonly password: string;
  /** `userDn`. */
  readonly template: string;
}

const longestLogin = 256;
const longestPassword = 1_024;

export function createDirectory(deps: DirectoryDeps): Directory {
  const { settings, clock } = deps;
  const pool = createPool(deps);
  const root = createRootReader(clock);
  const userFilter = readFilter(settings.userFilter);
  const openUserFilter = userFilter.open("login");
  const rules: GroupRules = {
    base: settings.groupBase,
    filter: readFilter(settings.groupFilter),
    name: settings.groupName,
    nested: settings.nestedGroups,
    attribute: deps.attributes.groups,
    names: new Map(Object.entries(deps.groupNames).map(([dn, name]) => [nameKey(dn), name])),
  };
  const all = [...deps.attributes.wanted, ...stateAttributes, accountId, deps.attributes.groups, ...rules.filter.placeholders];
  const wanted = [...new Set(all)].filter((name) => name !== "dn");
  const deadline = () => performance.now() + settings.timeoutMs;
  const search = (connection: LdapConnection, left: () => number, base: string, filter = anyEntry, scope: "base" | "sub" = "sub") =>
    connection.search({ base, scope, filter, attributes: wanted, most: 1 }, left());

  /** The entry with its groups, and what the entry says against its owner. */
  const complete = async (connection: LdapConnection, left: () => number, entry: LdapEntry): Promise<LdapPerson> => {
    const { isActiveDirectory, rootBase } = rules.nested ? await root.read(connection, left) : { isActiveDirectory: false, rootBase: null };
    return { entry, groups: await groupsOf({ connection, left, isActiveDirectory, rootBase }, rules, entry) };
  };
  const judge = (person: LdapPerson): FoundAnswer => {
    const problem = problemOfEntry(person.entry, clock());
    return problem === null ? { kind: "ok", person } : { kind: "problem", problem, person, detail: `${person.entry.dn} is ${problem}` };
  };
  const findBy = (filter: Parameters<typeof search>[3], what: string, ends: number): Promise<FoundAnswer> =>
    pool.asService(ends, async (connection, left) => {
      const entries = await search(connection, left, settings.userBase ?? "", filter);
      const [entry] = entries;
      if (entry === undefined) return { kind: "none", detail: `no entry for ${what}` };
      // Which of them the password belongs to is a guess.
      if (entries.length > 1) return { kind: "none", detail: `several entries for ${what}: ${entries.map(({ dn }) => dn).join("; ")}` };
      return judge(await complete(connection, left, entry));
    });

  const bindAs = (
    dn: string,
    password: string,
    ends: number,
    after?: (connection: LdapConnection, left: () => number) => Promise<LdapPerson | null>,
  ) =>
    pool.asVisitor(ends, async (connection, left) => {
      const answer = await connection.bind(dn, password, left());
      const person = answer.kind === "ok" && after !== undefined ? await after(connection, left) : null;
      return { answer, person };
    });
  const searchThenBind = async (login: string, password: string, spend: Spend, ends: number): Promise<PasswordAnswer> => {
    const found = await findBy(userFilter.fill({ login }), "this login", ends);
    if (found.kind === "none") {
      // An unknown name costs a bind too, so that the time of the answer does not tell which names exist. The password stays here.
      await bindAs(`cn=${randomBytes(12).toString("hex")},${settings.userBase ?? ""}`, randomBytes(18).toString("base64url"), ends);
      return { kind: "refused", detail: found.detail };
    }
    const { person } = found;
    await spend(nameKey(person.entry.dn));
    const { answer } = await bindAs(person.entry.dn, password, ends);
    return concluded(answer, found, person.entry.dn);
  };
  const bindDirectly = async ({ login, password, template }: DirectBind, spend: Spend, ends: number): Promise<PasswordAnswer> => {
    const dn = directName(template, login);
    if (dn === null) return { kind: "refused", detail: "the login has characters that no account name has" };
    await spend(nameKey(dn));
    const own = settings.bind === null;
    const { answer, person } = await bindAs(
      dn,
      password,
      ends,
      own ? (connection, left) => readOwn(connection, left, dn, login) : undefined,
    );
    if (answer.kind === "refused") return concluded(answer, null, dn);
    if (own) return person === null ? { kind: "refused", detail: `${dn} cannot read its own entry` } : concluded(answer, judge(person), dn);
    const found = await findOwn(dn, login, ends);
    return found.kind === "none" ? { kind: "refused", detail: found.detail } : concluded(answer, found, dn);
  };
  const readOwn = async (connection: LdapConnection, left: () => number, dn: string, login: string): Promise<LdapPerson | null> => {
    const entries = dn.includes("=")
      ? await search(connection, left, dn, anyEntry, "base")
      : await search(connection, left, settings.userBase ?? "", userFilter.fill({ login }));
    const [entry] = entries;
    return entry === undefined || entries.length > 1 ? null : complete(connection, left, entry);
  };
  const findOwn = (dn: string, login: string, ends: number): Promise<FoundAnswer> =>
    pool.asService(ends, async (connection, left) => {
      const person = await readOwn(connection, left, dn, login);
      return person === null ? { kind: "none", detail: `no entry for ${dn}` } : judge(person);
    });

  return {
    pool,
    inspect: (server) => inspectServer(settings, server, root),
    verify: async (login, password, spend) => {
      if (!isPlausible(login, longestLogin)) return { kind: "refused", detail: "the login is empty, too long or no text" };
      // RFC 4513 5.1.2: sent empty, a password is an anonymous bind, which many servers answer with success.
      if (isNoPassword(password)) return { kind: "refused", detail: "the password is empty, too long or no text" };
      const ends = deadline();
      const { userDn } = settings;
      return userDn === null
        ? searchThenBind(login, password, spend, ends)
        : bindDirectly({ login, password, template: userDn }, spend, ends);
    },
    find: (login) =>
      isPlausible(login, longestLogin)
        ? findBy(userFilter.fill({ login }), "this login", deadline())
        : Promise.resolve({ kind: "none", detail: "the login is empty, too long or no text" }),
    findSubject: (subject) => {
      const { subject: attribute } = deps.attributes;
      const isSubject = equals(attribute, bytesOf(attribute, subject) ?? subject);
      return findBy(new AndFilter({ filters: [isSubject, openUserFilter] }), `${attribute} ${subject}`, deadline());
    },
  };
}

function isPlausible(text: string, longest: number): boolean {
  return text.trim() !== "" && text.length <= longest && text.isWellFormed() && !/\p{Cc}/u.test(text);
}

/**
 * A server that reads up to a NUL, or leaves out what SASLprep maps to nothing (RFC 4013 2.1), takes such a password for an empty one:
 * an anonymous bind, which goes well.
 */
function isNoPassword(password: string): boolean {
  if (password.includes("\0") || !password.isWellFormed() || Buffer.byteLength(password) > longestPassword) return true;
  return password.replace(/[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, "") === "";
}

/** What a bind and the entry together mean. */
function concluded(answer: BindAnswer, found: FoundAnswer | null, dn: string): PasswordAnswer {
  if (answer.kind === "refused") {
    const problem = problemOfRefusedBind(answer.message, answer.policyError);
    const detail = `the bind as ${dn} was refused: ${answer.message}`;
    return problem === null ? { kind: "refused", detail } : { kind: "problem", problem, detail };
  }
  const problem = problemOfPolicy(answer.policyError);
  if (problem !== null) return { kind: "problem", problem, detail: `the bind as ${dn} went well, but its password policy says ${problem}` };
  if (found === null || found.kind === "none") return { kind: "refused", detail: `${dn} has no entry` };
  return found.kind === "problem" ? found : { kind: "ok", person: found.person, graceLogins: answer.graceLogins };
}

/** The name to bind with. One that is no DN (`{login}@acme.example`, `ACME\{login}`) takes plain account names only: there is no escape in it. */
function directName(template: string, login: string): string | null {
  if (template.includes("=")) return template.replaceAll("{login}", () => escapeNameValue(login));
  return /^[\p{L}\p{N}._-]+$/u.test(login) ? template.replaceAll("{login}", () => login) : null;
}
