import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import type { RuleFile } from "../schema/access.ts";
import { brandImage } from "../settings/pages.ts";
import type { References } from "../values/references.ts";
import { checkAccess } from "./access.ts";

const shortestToken = 24;

/** The console as an app of the gateway itself, its token, and what apps say for the portal. */
export function checkConsole(draft: Draft, references: References, report: Report): void {
  checkIcons(draft, references, report);
  if (draft.portal?.enabled === false && draft.portal.home === null) {
    report.problemAtKey(["portal"], "with enabled: false the auth origin's first page needs somewhere to lead: write home: https://...");
  }
  if (draft.console === null) return;
  const { token, host, access, readers } = draft.console;
  if (token !== null) {
    const text = references.secret(token).reveal();
    if (text !== "" && text.length < shortestToken) {
      report.problem(
        ["console", "token"],
        `this token can be guessed: write at least ${shortestToken} random characters (vestibule secret)`,
      );
    }
  }
  checkRules(access, ["console", "access"], draft, report);
  checkRules(readers, ["console", "readers"], draft, report);
  if (host === null) {
    for (const [name, rules] of Object.entries({ access, readers })) {
      if (rules.length > 0) report.problem(["console", name], "without console.host nobody is let in by these rules: write host, too");
    }
    return;
  }
  if (access.length === 0)
    report.problemAtKey(["console"], "with a host the console needs rules: write access (and readers) with who may enter");
  if (draft.auth?.origin.hostname === host)
    report.problem(["console", "host"], "this is where people sign in: the console needs a host of its own");
  for (const [at, app] of draft.apps.entries()) {
    if ((app?.hosts ?? [app?.host]).includes(host))
      report.problem(["console", "host"], `the host ${host} already belongs to apps[${at}]: write another`);
  }
  if (draft.admin?.address.port === 0)
    report.problem(["console", "host"], "the console is reached through the admin listener: give admin.address a port");
}

function checkRules(rules: readonly RuleFile[], path: KeyPath, draft: Draft, report: Report): void {
  if (rules.length > 0) checkAccess([...rules], path, draft, report);
}

function checkIcons(draft: Draft, references: References, report: Report): void {
  for (const [at, app] of draft.apps.entries()) {
    const icon = app?.portal.icon ?? null;
    if (icon === null) continue;
    const bytes = references.bytes(icon);
    if (bytes.length > 0 && brandImage(bytes) === null) {
      report.problem(
        ["apps", at, "portal", "icon", "file"],
        "this is no picture that browsers show: write an SVG, PNG, JPEG, WebP or GIF file",
      );
    }
  }
}
