import type { IncomingMessage } from "node:http";
import type { Answer } from "../core/answer.ts";
import type { Decision } from "../core/decision.ts";
import type { LoginRedirect, SubmittedForm } from "../core/ports/login-redirect.ts";
import type { SessionCookies } from "../core/ports/session-cookies.ts";
import type { AppCall } from "./call.ts";
import type { Line } from "./line.ts";

/** What a person types fits into this; uploads are not kept. */
const largestBytes = 1_048_576;

interface KeepingDeps {
  readonly cookies: Pick<SessionCookies, "read">;
  readonly loginRedirect: Pick<LoginRedirect, "answerWithForm">;
}

/**
 * The answer to a form that a login interrupts: it is kept, and the browser is sent to sign in. Null where there is nothing to keep: no
 * form of a page of this very host that a person sent, too large, or from a browser that was never signed in here.
 */
export function keepInterruptedForm(deps: KeepingDeps, line: Line, call: AppCall, decision: Decision): Promise<Answer | null> | null {
  const { incoming, site } = call;
  if (decision.kind !== "challenge" || decision.because === "credential-rejected" || line.kind !== "response") return null;
  if (incoming.method !== "POST" || !site.app.settings.keepForms || incoming.expectsContinue === true) return null;
  const { body } = incoming;
  if (body.kind !== "length" || body.bytes === 0 || body.bytes > largestBytes) return null;
  // A navigation from a page of this origin: what another site's page sends is no work of this visitor's (CSRF).
  if (
    incoming.fetchSite !== "same-origin" ||
    fieldOf(line.req, "sec-fetch-mode") !== "navigate" ||
    fieldOf(line.req, "sec-fetch-dest") !== "document"
  )
    return null;
  const contentType = fieldOf(line.req, "content-type");
  if (!/^(?:application\/x-www-form-urlencoded|multipart\/form-data; *boundary=)/i.test(contentType)) return null;
  // The cookie's own signature proves an earlier session on this host, without asking the store.
  const earlierSession = deps.cookies.read(incoming.cookie, incoming.hostname);
  if (earlierSession === null) return null;
  return readBody(line.req, body.bytes).then((bytes) => {
    const form: SubmittedForm = { contentType, body: bytes, earlierSession };
    return deps.loginRedirect.answerWithForm(call, { acr: decision.acr }, form);
  });
}

function fieldOf(req: IncomingMessage, name: string): string {
  const value = req.headers[name];
  return typeof value === "string" ? value : "";
}

async function readBody(req: IncomingMessage, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole.subarray(0, at);
}
