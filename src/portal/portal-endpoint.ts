import { page, redirectTo } from "../control/answers.ts";
import type { ControlRequest, Endpoint } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import type { DirectoryPeople } from "../core/ports/directory.ts";
import type { OwnDataModel, RenderPage } from "../core/ports/pages.ts";
import type { Session } from "../core/session.ts";
import type { PortalSettings } from "../core/settings.ts";
import { type OwnDeps, ownSessions } from "./own-sessions.ts";

/** An app that the rules let this visitor open now. */
export interface PortalApp {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly description: string | null;
  /** `data:` URL. */
  readonly icon: string | null;
  readonly category: string | null;
}

export interface PortalDeps extends OwnDeps {
  readonly portal: PortalSettings;
  /** The login that comes back here. */
  readonly loginUrl: string;
  readonly renderPage: RenderPage;
  /** The apps whose rules let one of these sessions `GET /` in at this moment. */
  readonly appsFor: (sessions: readonly Session[], incoming: Incoming) => readonly PortalApp[];
}

/** `GET /` on the auth origin, where no app lives there: the visitor's apps; the login for a stranger. */
export function portalEndpoint(deps: PortalDeps): Endpoint {
  const run = (request: ControlRequest) => portal(deps, request);
  return { path: "/", isRoot: true, on: "auth", methods: ["GET", "HEAD"], limited: false, urgent: false, run };
}

async function portal(deps: PortalDeps, { visit: { incoming } }: ControlRequest): Promise<Answer> {
  const { enabled, home } = deps.portal;
  if (!enabled && home !== null) return redirectTo(home, { status: 302 });
  const own = await ownSessions(deps, incoming.cookie);
  const [first] = own;
  if (first === undefined) return redirectTo(deps.loginUrl, { status: 302 });
  const opened = (id: string) => Math.max(0, ...own.map(({ apps }) => apps[id] ?? 0));
  const { name, email, subject } = first.principal;
  return page(deps, incoming, 200, {
    page: "portal",
    who: { name: name ?? email ?? subject, email },
    apps: deps.appsFor(own, incoming).map((app) => ({ ...app, lastOpenedAt: opened(app.id) === 0 ? null : opened(app.id) })),
    sessionsUrl: "/_vestibule/sessions",
    dataUrl: "/_vestibule/account",
    logoutUrl: "/_vestibule/logout",
  });
}

export interface OwnDataDeps extends OwnDeps {
  readonly loginUrl: string;
  readonly renderPage: RenderPage;
  /** Null without a directory. */
  readonly people: Pick<DirectoryPeople, "person"> | null;
  /** As visitors know it. */
  readonly providerName: (id: string) => string;
}

/** `GET /_vestibule/account` on the auth origin: what is known of the visitor, and of no other person; the login for one who is not signed in. */
export function ownDataEndpoint(deps: OwnDataDeps): Endpoint {
  const run = async ({ visit: { incoming } }: ControlRequest): Promise<Answer> => {
    const own = await ownSessions(deps, incoming.cookie);
    if (own.length === 0) return redirectTo(deps.loginUrl, { status: 302 });
    const known = await Promise.all(own.map((session) => knownOf(deps, session)));
    // Several sessions of one person show that person once, by the latest login.
    const people = [...new Map(known.toReversed().map((one) => [one.person?.id ?? one, one])).values()].toReversed();
    return page(deps, incoming, 200, { page: "own-data", homeUrl: "/", sessionsUrl: "/_vestibule/sessions", people });
  };
  return { path: "/account", on: "auth", methods: ["GET", "HEAD"], limited: false, urgent: false, run };
}

/** One session's principal, with what the directory keeps of the person. */
async function knownOf({ people, providerName }: OwnDataDeps, { principal }: Session): Promise<OwnDataModel> {
  const { provider, subject, email, name, groups, extra, person: facts } = principal;
  const person = facts === undefined ? null : ((await people?.person(facts.id)) ?? null);
  const here = { provider: providerName(provider), subject, email };
  const linked = person?.accounts.flatMap((one) =>
    one.subject === null ? [] : [{ provider: providerName(one.provider), subject: one.subject, email: one.email }],
  );
  return {
    name: name ?? email ?? subject,
    email,
    groups: groups.kind === "known" ? groups.names : null,
    attributes: Object.entries(extra).map(([attribute, values]) => ({ name: attribute, values })),
    accounts: linked ?? [here],
    person:
      person === null || facts === undefined
        ? null
        : {
            ...{ id: person.id, since: person.createdAt, addresses: person.addresses },
            ...{ roles: facts.roles, teams: facts.teams, manager: facts.manager, why: facts.why },
          },
  };
}
