import * as client from "openid-client";
import type { Clock } from "../../core/clock.ts";
import type { GraphSettings } from "../../core/directory-settings.ts";
import type { Log } from "../../core/ports/log.ts";
import type { Groups, Principal } from "../../core/session.ts";
import { remember } from "../../lib/collections.ts";
import { type Claims, isElsewhere } from "../claims/claim-values.ts";
import { messageOf, unavailable } from "../remote/provider-errors.ts";
import { isObject } from "../remote/provider-fetch.ts";
import type { LibraryConfiguration } from "./context.ts";
import type { ProviderMetadata } from "./discovery.ts";
import { createGraphRequests, type GraphRequestsDeps } from "./graph-requests.ts";

type Identity = Pick<Principal, "subject" | "groups" | "extra">;

/** Microsoft Graph, asked with the app's own credentials about an Entra account. */
export interface Graph {
  /** What the token says, completed by Graph. Where Graph cannot say and is needed, groups are unknown: never fewer, never more. */
  complete<I extends Identity>(claims: Claims, identity: I, metadata: ProviderMetadata): Promise<I>;
}

export interface GraphDeps extends Omit<GraphRequestsDeps, "authorize"> {
  readonly settings: GraphSettings;
  /** `attributes.groups`: where the token has them. */
  readonly groupsPath: string | null;
  readonly groupNames: Readonly<Record<string, string>>;
  readonly configure: LibraryConfiguration;
  readonly clock: Clock;
  readonly log: Log;
}

/** What Graph has said of one account. */
interface Answer {
  readonly groups: readonly GraphGroup[] | null;
  readonly profile: Readonly<Record<string, readonly string[]>>;
}
interface GraphGroup {
  readonly id: string;
  /** Only of a security group: any member of the organisation can make a Microsoft 365 group of any name. */
  readonly name: string | null;
}

/** Asked again after this time: refreshes of one account's many sessions come together. */
const freshMs = 60_000;
/** While Graph is away its last word counts for so long; afterwards groups are unknown. */
const staleMs = 30 * 60_000;
const mostRemembered = 10_000;
const mostGroups = 2_000;

export function createGraph(deps: GraphDeps): Graph {
  const remembered = new Map<string, { readonly at: number; readonly answer: Answer }>();
  const tokens = createAppTokens(deps);

  const ask = async (oid: string, metadata: ProviderMetadata, wantsGroups: boolean): Promise<Answer> => {
    const known = remembered.get(oid);
    const now = deps.clock();
    const isEnough = known !== undefined && (!wantsGroups || known.answer.groups !== null);
    if (isEnough && now - known.at < freshMs) return known.answer;
    try {
      const get = createGraphRequests({ ...deps, authorize: () => tokens(metadata) });
      const base = `${baseOf(metadata)}/v1.0/users/${encodeURIComponent(oid)}`;
      const [groups, profile] = await Promise.all([
        wantsGroups ? readGroups(get, base) : null,
        readProfile(get, base, deps.settings.profile),
      ]);
      const answer = { groups, profile };
      remember(remembered, mostRemembered, oid, { at: now, answer });
      return answer;
    } catch (error) {
      if (isEnough && now - known.at < staleMs) {
        deps.log.warn({ provider: deps.provider, reason: messageOf(error) }, "graph does not answer: its last word counts");
        return known.answer;
      }
      throw error;
    }
  };

  return {
    complete: async (claims, identity, metadata) => {
      const { settings, groupsPath } = deps;
      const overage = groupsPath !== null && (isElsewhere(claims, groupsPath) || claims.hasgroups === true);
      const wantsGroups = settings.groups === "always" || (settings.groups === "overage" && overage);
      if (!wantsGroups && settings.profile.length === 0) return identity;
      const oid = typeof claims.oid === "string" ? claims.oid : identity.subject;
      try {
        const answer = await ask(oid, metadata, wantsGroups);
        const extra = { ...identity.extra, ...answer.profile };
        if (!wantsGroups) return { ...identity, extra };
        return { ...identity, extra, groups: groupsFrom(answer.groups ?? [], deps.groupNames, settings.groups === "always") };
      } catch (error) {
        const why = messageOf(error);
        deps.log.warn({ provider: deps.provider, reason: why }, "graph could not be asked about a person");
        return wantsGroups ? { ...identity, groups: { kind: "unknown", why: `Microsoft Graph could not be asked: ${why}` } } : identity;
      }
    },
  };
}

/** The cloud's own Graph, as its discovery document says. */
function baseOf({ issuer, msgraph_host }: ProviderMetadata): string {
  return `${new URL(issuer).protocol}//${msgraph_host ?? "graph.microsoft.com"}`;
}

/** One app token for all questions, until shortly before it ends (RFC 6749 4.4). */
function createAppTokens(deps: GraphDeps): (metadata: ProviderMetadata) => Promise<string> {
  let kept: { readonly token: Promise<string>; until: number } | null = null;
  return (metadata) => {
    const now = deps.clock();
    if (kept !== null && now < kept.until) return kept.token;
    const own = { token: grant(), until: now + 60_000 };
    kept = own;
    own.token.catch(() => {
      if (kept === own) kept = null;
    });
    return own.token;

    async function grant(): Promise<string> {
      const configuration = await deps.configure(metadata);
      const answer = await client.clientCredentialsGrant(configuration, { scope: `${baseOf(metadata)}/.default` });
      own.until = now + Math.max(0, (answer.expires_in ?? 60) - 60) * 1_000;
      return answer.access_token;
    }
  };
}

type Get = ReturnType<typeof createGraphRequests>;

/** All groups, those that are reached through others as well. */
async function readGroups(get: Get, base: string): Promise<readonly GraphGroup[]> {
  const groups: GraphGroup[] = [];
  const first = `${base}/transitiveMemberOf/microsoft.graph.group?$select=id,displayName,securityEnabled&$top=999`;
  for (let next: string | null = first; next !== null; ) {
    const page: Readonly<Record<string, unknown>> = await get(next);
    if (!Array.isArray(page.value)) throw unavailable("graph: an answer without a list");
    for (const one of page.value as readonly unknown[]) {
      if (!isObject(one) || typeof one.id !== "string") throw unavailable("graph: a group without an id");
      const name =
        one.securityEnabled === true && typeof one.displayName === "string" && !/\p{Cc}/u.test(one.displayName) ? one.displayName : null;
      groups.push({ id: one.id, name });
    }
    if (groups.length > mostGroups) throw unavailable(`graph: more than ${mostGroups} groups`);
    const link: unknown = page["@odata.nextLink"];
    if (link !== undefined && (typeof link !== "string" || !link.startsWith(`${new URL(base).origin}/`)))
      throw unavailable("graph: the next page is elsewhere");
    next = link ?? null;
  }
  return groups;
}

async function readProfile(get: Get, base: string, wanted: GraphSettings["profile"]): Promise<Answer["profile"]> {
  if (wanted.length === 0) return {};
  const select = ["id", ...wanted.filter((name) => name !== "manager")].join(",");
  const expand = wanted.includes("manager") ? "&$expand=manager($select=id,displayName,mail,userPrincipalName)" : "";
  const user = await get(`${base}?$select=${select}${expand}`);
  const manager = isObject(user.manager) ? user.manager : {};
  const said: Readonly<Record<string, unknown>> = {
    department: wanted.includes("department") ? user.department : undefined,
    title: wanted.includes("jobTitle") ? user.jobTitle : undefined,
    jobTitle: wanted.includes("jobTitle") ? user.jobTitle : undefined,
    manager: manager.mail ?? manager.userPrincipalName ?? manager.displayName,
  };
  return Object.fromEntries(
    Object.entries(said).flatMap(([name, value]) =>
      typeof value === "string" && value !== "" && !/\p{Cc}/u.test(value) ? [[name, [value]] as const] : [],
    ),
  );
}

/**
 * Names as the token would have them: the configured name of an id, else the id. With `always`, also the name that Entra shows, of
 * security groups whose name no other of these groups has.
 */
function groupsFrom(groups: readonly GraphGroup[], groupNames: Readonly<Record<string, string>>, withNames: boolean): Groups {
  const count = new Map<string, number>();
  for (const { name } of groups) if (name !== null) count.set(name, (count.get(name) ?? 0) + 1);
  const ids: Record<string, string> = {};
  for (const { id, name } of groups) {
    const configured = Object.hasOwn(groupNames, id) ? groupNames[id] : undefined;
    ids[configured ?? id] = id;
    if (withNames && configured === undefined && name !== null && count.get(name) === 1) ids[name] = id;
  }
  return { kind: "known", names: Object.keys(ids), ids };
}
