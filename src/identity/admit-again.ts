import { GatewayError } from "../core/errors.ts";
import type { DirectoryStep } from "../core/ports/directory.ts";
import type { Log } from "../core/ports/log.ts";
import type { RefreshOutcome } from "../core/ports/login-provider.ts";
import type { Principal } from "../core/principal.ts";
import type { Session } from "../core/session.ts";

/** What a refresh needs of the directory; null or absent = there is none. */
export interface AdmittingDeps {
  readonly directory?: DirectoryStep | null;
  readonly log: Log;
}

/** What the provider said, with what the directory says of the person now. */
export async function admitAgain({ directory, log }: AdmittingDeps, session: Session, outcome: RefreshOutcome): Promise<RefreshOutcome> {
  if (directory == null || outcome.kind !== "renewed") return outcome;
  try {
    return { ...outcome, principal: await directory.logins.admit(outcome.principal, { request: null, client: null }) };
  } catch (error) {
    if (!(error instanceof GatewayError) || !error.code.startsWith("directory.")) throw error;
    if (error.code !== "directory.unavailable") return { kind: "refused", why: error.message };
    // The tokens are renewed and must be kept; what the directory had said stays until it can be asked again.
    log.warn({ error, session: session.key }, "a session is renewed without the directory");
    return { ...outcome, principal: carriedOver(session.principal, outcome.principal) };
  }
}

/** No more than before: the directory's own groups as they were, and of the provider's what it says now. */
function carriedOver(before: Principal, now: Principal): Principal {
  if (before.person === undefined || now.groups.kind === "unknown" || before.groups.kind === "unknown") return now;
  const said = new Set(before.person.said?.map(({ name }) => name));
  const ofDirectory = before.groups.names.filter((name) => !said.has(name));
  const names = [...new Set([...now.groups.names, ...ofDirectory])];
  return { ...now, name: before.name, extra: before.extra, groups: { kind: "known", names }, person: before.person };
}

/** The directory may have changed while the renewed session was on its way to the store. */
export async function settle({ directory, log }: AdmittingDeps, session: Session | null): Promise<Session | null> {
  if (directory == null || session === null) return session;
  try {
    return await directory.effects.settle(session);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === "directory.deactivated") return null;
    log.warn({ error, session: session.key }, "a renewed session could not be compared with the directory");
    return session;
  }
}
