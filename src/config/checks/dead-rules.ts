import type { Draft } from "../draft.ts";
import { formatKeyPath, type KeyPath, type Report } from "../problems/report.ts";
import type { RuleFile } from "../schema/access.ts";
import type { AppFile } from "../schema/apps.ts";
import { clash, contradiction, implies } from "./rule-logic.ts";

/**
 * Rules that no request can ever meet: hidden by an earlier one (first match wins), contradicting themselves, or asking for what the app
 * or the route never has. A deny that was written too late is the dangerous one. Warnings: such a file still does what it says.
 */
export function warnOfDeadRules(draft: Draft, report: Report): void {
  for (const [name, rules] of draft.policies) warnOfList(rules ?? [], ["policies", name], report);
  for (const [at, app] of draft.apps.entries()) if (app !== null) warnOfApp(app, ["apps", at], draft, report);
}

function warnOfApp(app: AppFile, path: KeyPath, draft: Draft, report: Report): void {
  const accepted = app.providers ?? [...draft.providers.keys()];
  const scopes = [{ rules: app.access, path, prefix: "/" }].concat(
    app.routes.map((route, at) => ({ rules: route.access, path: [...path, "routes", at], prefix: route.path })),
  );
  for (const { rules, path: here, prefix } of scopes) {
    if (rules === undefined || typeof rules === "string") continue;
    warnOfList(rules, [...here, "access"], report);
    for (const [at, { effect, when }] of rules.entries()) {
      const where = [...here, "access", at, effect];
      const foreign = accepted.length === 0 ? null : clash(when, { providers: accepted });
      if (foreign !== null) report.warning(where, `this rule can never match: this app takes sign-ins of ${accepted.join(", ")} only`);
      const outside = prefix === "/" ? undefined : when.paths?.every((glob) => liesOutside(glob, prefix));
      if (outside === true)
        report.warning(where, `this rule can never match: none of its paths lies under ${prefix}, paths begin at the host`);
    }
  }
}

function warnOfList(rules: readonly RuleFile[], path: KeyPath, report: Report): void {
  for (const [at, rule] of rules.entries()) {
    const here = [...path, at, rule.effect];
    const why = contradiction(rule.when);
    if (why !== null) {
      report.warning(here, `this rule can never match: ${why}`);
      continue;
    }
    const earlier = rules.slice(0, at).findIndex((other) => implies(rule.when, other.when));
    if (earlier === -1) continue;
    const hidden = rules[earlier]?.effect === "allow" ? "already allows" : "already refuses";
    const cure =
      rules[earlier]?.effect === rule.effect ? "remove one of the two" : `put it in front of ${formatKeyPath([...path, earlier])}`;
    report.warning(
      here,
      `this rule can never match: ${formatKeyPath([...path, earlier])} above it ${hidden} everybody that it names; ${cure}`,
    );
  }
}

/** A glob whose literal beginning leads elsewhere. */
function liesOutside(glob: string, prefix: string): boolean {
  const literal = glob.split("*", 1)[0] ?? "";
  return literal.length > prefix.length
    ? !literal.startsWith(`${prefix}/`)
    : !`${prefix}/`.startsWith(literal) || (!glob.includes("*") && glob !== prefix);
}
