import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import type { References } from "../values/references.ts";
import { checkPolicies, checkTests } from "./access.ts";
import { checkApps } from "./apps.ts";
import { checkCertificates } from "./certificates.ts";
import { checkConsole } from "./console.ts";
import { warnOfDeadRules } from "./dead-rules.ts";
import { checkDirectory } from "./directory.ts";
import { checkHeaders } from "./headers.ts";
import { checkLoops } from "./loops.ts";
import { checkPages } from "./pages.ts";
import { checkProviders } from "./providers.ts";
import { checkServer, checkSessions } from "./server.ts";
import { checkSharedIdentities } from "./shared-identities.ts";

/** The meaning pass: everything that is wrong although each key by itself looks right. */
export function checkMeaning(draft: Draft, references: References, now: number, report: Report): void {
  refuseReserved(draft, report);
  checkServer(draft, references, report);
  checkPages(draft, references, report);
  checkSessions(draft, references, report);
  checkProviders(draft, references, now, report);
  checkDirectory(draft, references, report);
  checkPolicies(draft, report);
  checkApps(draft, report);
  checkLoops(draft, report);
  warnOfDeadRules(draft, report);
  checkHeaders(draft, references, report);
  checkConsole(draft, references, report);
  checkSharedIdentities(draft, report);
  checkCertificates(draft, references, now, report);
  checkTests(draft, report);
}

/** A part of the contract that is validated and not built yet. Deleting its entry here is all it takes to open it. */
interface Reserved {
  readonly what: string;
  usedAt(draft: Draft): readonly KeyPath[];
}

const reserved: readonly Reserved[] = [{ what: "localUsers", usedAt: (draft) => (draft.later.localUsers == null ? [] : [["localUsers"]]) }];

/** Refuses what the contract reserves: never ignored in silence. */
function refuseReserved(draft: Draft, report: Report): void {
  for (const { what, usedAt } of reserved) {
    for (const path of usedAt(draft)) report.problemAtKey(path, `not available yet: ${what}`);
  }
}
