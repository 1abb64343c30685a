import { page } from "../../control/answers.ts";
import type { ControlRequest } from "../../control/control-request.ts";
import type { Endpoint } from "../../control/endpoint.ts";
import type { Answer } from "../../core/answer.ts";
import type { Incoming } from "../../core/incoming.ts";
import { formatOrigin } from "../../core/origin.ts";
import type { Principal } from "../../core/principal.ts";
import type { Needs } from "./parts.ts";

type StartNeeds = Needs<"renderPage" | "browserSessions" | "sessions" | "settings" | "log">;

/** `GET /_vestibule/start`: where the auth origin's own address leads, and pages that know nothing better. */
export function startEndpoint(parts: StartNeeds): Endpoint {
  const run = (request: ControlRequest) => start(parts, request);
  return { path: "/start", on: "auth", methods: ["GET", "HEAD"], limited: false, urgent: false, run };
}

async function start(parts: StartNeeds, { visit: { incoming } }: ControlRequest): Promise<Answer> {
  const who = await signedInHere(parts, incoming);
  const logoutUrl = `${formatOrigin(parts.settings.auth.origin)}/_vestibule/logout`;
  return page(parts, incoming, 200, { page: "start", who: who === null ? null : nameOf(who), logoutUrl });
}

/** The newest person that this browser is signed in as; null without one, and where the store cannot tell. */
export async function signedInHere(
  { browserSessions, sessions, log }: Pick<StartNeeds, "browserSessions" | "sessions" | "log">,
  incoming: Incoming,
): Promise<Principal | null> {
  try {
    for (const { id } of browserSessions.read(incoming.cookie)) {
      const session = await sessions.find(id, { fresh: true });
      if (session !== null) return session.principal;
    }
  } catch (error) {
    log.warn({ request: incoming.id, error }, "who is signed in here cannot be told");
  }
  return null;
}

export const nameOf = ({ name, email, subject }: Principal): string => name ?? email ?? subject;
