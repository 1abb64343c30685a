import type { Incoming } from "../../core/incoming.ts";
import type { Vouched } from "../../core/ports/login-provider.ts";
import type { Session, SessionEnd } from "../../core/session.ts";
import type { CookieLine } from "../answers.ts";
import { endSession } from "../end-session.ts";
import type { ControlParts } from "../parts.ts";
import type { ReturnTarget } from "../return-to.ts";
import type { BrowserSession } from "./browser-sessions.ts";
import type { LoginState } from "./login-state.ts";

type Attempted = Pick<LoginState, "provider" | "acr" | "reauthenticate" | "at">;

interface Begun {
  readonly session: Session;
  /** The auth cookie that names it. */
  readonly cookie: CookieLine;
}

/**
 * A new session with a new id for what the provider vouched for (no session fixation, RFC 6265 section 8.4). This browser's
 * earlier session of the same provider ends: one per provider.
 */
export async function beginSession(
  parts: ControlParts,
  incoming: Incoming,
  { login, target, vouched }: { readonly login: Attempted; readonly target: ReturnTarget; readonly vouched: Vouched },
): Promise<Begun> {
  const listed = parts.browserSessions.read(incoming.cookie);
  const twin = await findTwin(parts, listed, login, vouched);
  if (twin !== null) return { session: twin, cookie: parts.browserSessions.add(listed, { provider: login.provider, id: twin.id }).cookie };
  // Made before the old one ends: when the store is full, whoever was signed in stays so.
  const session = await parts.sessions.create(vouched);
  const { principal } = session;
  const { cookie, replaced, dropped } = parts.browserSessions.add(listed, { provider: login.provider, id: session.id });
  parts.metrics.logins(login.provider, "ok");
  parts.audit({
    event: "login",
    request: incoming.id,
    client: incoming.client,
    principal: { provider: principal.provider, subject: principal.subject, email: principal.email },
    session: session.key,
    app: target.site.app?.id ?? null,
    acr: principal.acr,
  });
  await endListed(parts, incoming, replaced, "replaced");
  await endListed(parts, incoming, dropped, "too-many");
  return { session, cookie };
}

async function endListed(parts: ControlParts, incoming: Incoming, listed: readonly BrowserSession[], why: SessionEnd): Promise<void> {
  for (const { id } of listed) {
    const session = await parts.sessions.find(id, { fresh: true });
    if (session !== null) await endSession(parts, incoming, session, why);
  }
}

/**
 * Two tabs that sign in at the same time are one login: the session which the other tab has made since this attempt began, for
 * the very same person, is kept, or the tabs would end each other's. Never where a new proof or a new strength was asked for.
 */
async function findTwin(
  parts: ControlParts,
  listed: readonly BrowserSession[],
  login: Attempted,
  { principal }: Vouched,
): Promise<Session | null> {
  const other = listed.find(({ provider }) => provider === login.provider);
  if (other === undefined || login.reauthenticate || login.acr.length > 0) return null;
  const session = await parts.sessions.find(other.id, { fresh: true });
  if (session === null || session.createdAt < login.at) return null;
  return session.principal.subject === principal.subject && session.principal.acr === principal.acr ? session : null;
}
