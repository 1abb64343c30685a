import type { Draft } from "./draft.ts";
import { refuseReserved } from "./not-available.ts";
import type { References } from "./references.ts";
import type { Report } from "./report.ts";
import { checkPolicies } from "./rules-access.ts";
import { checkApps } from "./rules-apps.ts";
import { checkHeaders } from "./rules-headers.ts";
import { checkProviders } from "./rules-providers.ts";
import { checkServer } from "./rules-server.ts";
import { checkSessions } from "./rules-sessions.ts";
import { checkTests } from "./rules-tests.ts";

/** The meaning pass: everything that is wrong although each key by itself looks right. */
export function checkMeaning(draft: Draft, references: References, report: Report): void {
  refuseReserved(draft, report);
  checkServer(draft, report);
  checkSessions(draft, references, report);
  checkProviders(draft, references, report);
  checkPolicies(draft, report);
  checkApps(draft, report);
  checkHeaders(draft, report);
  checkTests(draft, report);
}
