import type { Incoming } from "../../core/incoming.ts";
import type { Needs } from "./parts.ts";

/** The name of the newest person that this browser is signed in as; null without one, and where the store cannot tell. */
export async function signedInHere(
  { browserSessions, sessions, log }: Needs<"browserSessions" | "sessions" | "log">,
  incoming: Incoming,
): Promise<string | null> {
  try {
    for (const { id } of browserSessions.read(incoming.cookie)) {
      const session = await sessions.find(id, { fresh: true });
      if (session === null) continue;
      const { name, email, subject } = session.principal;
      return name ?? email ?? subject;
    }
  } catch (error) {
    log.warn({ request: incoming.id, error }, "who is signed in here cannot be told");
  }
  return null;
}
