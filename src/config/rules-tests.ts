import type { Draft } from "./draft.ts";
import { coversHost, parseHost } from "./parse-host.ts";
import type { Report } from "./report.ts";
import { checkName } from "./rules-access.ts";

/** The file's own tests: each must ask for a URL that is served here. */
export function checkTests(draft: Draft, report: Report): void {
  const hosts = draft.apps.flatMap((app) => (app === null ? [] : (app.hosts ?? (app.host === undefined ? [] : [app.host]))));
  const known = draft.auth === null ? hosts : [...hosts, draft.auth.origin.hostname];
  const complete = !draft.apps.includes(null) && draft.auth !== null;
  for (const [at, test] of draft.tests.entries()) {
    if (test === null) continue;
    const host = parseHost(new URL(test.url).hostname);
    if (complete && !(host.ok && known.some((pattern) => coversHost(pattern, host.value)))) {
      report.problem(["tests", at, test.method.toLowerCase()], `the host ${new URL(test.url).hostname} is not configured here`);
    }
    if (test.as?.provider !== undefined) {
      checkName(test.as.provider, [...draft.providers.keys()], "provider", ["tests", at, "as", "provider"], report);
    }
  }
}
