import { page } from "../../control/answers.ts";
import { type ReturnTarget, urlOfTarget } from "../../control/browser-state.ts";
import type { Answer } from "../../core/answer.ts";
import type { Incoming } from "../../core/incoming.ts";
import type { PageModel } from "../../core/ports/pages.ts";
import type { Needs } from "./parts.ts";

type Cause = (PageModel & { page: "loop" })["causes"][number];

/** Stops a login that leads nowhere, and names what usually makes it so. The caller has logged it. */
export function loopAnswer(parts: Needs<"renderPage">, incoming: Incoming, target: ReturnTarget, causes: readonly Cause[]): Answer {
  const status = causes.includes("strength-not-given") ? 403 : causes.length === 1 ? 400 : 508;
  const app = target.site.app?.settings.name ?? null;
  return page(parts, incoming, status, { page: "loop", app, causes, startAgainUrl: urlOfTarget(target) });
}
