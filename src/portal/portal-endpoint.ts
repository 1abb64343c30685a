import { page, redirectTo } from "../control/answers.ts";
import type { ControlRequest, Endpoint } from "../control/router.ts";
import type { Answer } from "../core/answer.ts";
import type { Incoming } from "../core/incoming.ts";
import type { RenderPage } from "../core/ports/pages.ts";
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
    logoutUrl: "/_vestibule/logout",
  });
}
