import type { Decision } from "../../core/decision.ts";
import type { DecidedExplanation, Explanation, Question, ReadingExplanation } from "../../core/explanation.ts";
import type { Identity } from "../../core/identity.ts";
import type { Incoming } from "../../core/incoming.ts";
import { authorityOf, formatOrigin, type Origin } from "../../core/origin.ts";
import type { Route } from "../../core/route.ts";
import type { Settings } from "../../core/settings.ts";
import { type AppSite, decideReading } from "../../policy/decide.ts";
import type { HeaderEdit } from "../../upstream/plan.ts";
import { appCall, facetsOf, foldedReadings, isControlPath } from "../call.ts";
import { portProblem } from "../handle.ts";
import { compileRules, judgeAs } from "../judge.ts";
import { type Asked, fromOwnPage, readQuestion } from "./question.ts";
import { type AssumePerson, createAssumedIdentity } from "./visitor.ts";

/** What `explain` takes from folders that the gateway does not know. */
export interface ExplainDeps {
  readonly assumePerson: AssumePerson;
  /** The known word that a slip most likely means; null when none is close. */
  readonly nearest: (word: string, known: readonly string[]) => string | null;
}

/** Compiles the configuration once and answers any number of questions with the very functions that judge requests. */
export function createExplain(settings: Settings, { assumePerson, nearest }: ExplainDeps): (question: Question) => Explanation {
  const rules = compileRules(settings);
  const assume = createAssumedIdentity(settings, assumePerson);
  const hosts = settings.apps.flatMap((app) => app.hosts);

  return (question) => {
    const asked = `${question.method} ${question.url}`;
    const read = readQuestion(rules, question, null);
    if (read.kind === "malformed") return { outcome: "malformed", asked, why: read.why };
    const { incoming } = read;
    const site = rules.findSite(incoming.hostname);
    if (site === null) {
      const guess = nearest(incoming.hostname, hosts);
      const hint = guess === null ? "" : `; did you mean ${guess}?`;
      return { outcome: "unknown-host", asked, why: `no app is published on ${incoming.hostname}: 421${hint}` };
    }
    const elsewhere = portProblem(
      site,
      incoming.port,
      settings.listen.map(({ port }) => port),
    );
    if (elsewhere !== null) return { outcome: "unknown-host", asked, why: `${elsewhere}: 421` };
    if (isControlPath(incoming))
      return { outcome: "control", asked, why: "paths under /_vestibule are the gateway's own and never reach an app" };
    const { app } = site;
    if (app === null)
      return { outcome: "unknown-host", asked, why: `${incoming.hostname} is where people sign in; no app is published there` };
    const assumed = assume(question.as, app);
    if (assumed.kind === "unknown-provider") return { outcome: "unknown-provider", asked, why: assumed.why };
    const explained = explainAt({ ...site, app }, assumed.identity, fromOwnPage(rules, question, read, site), question.at);
    return {
      ...explained,
      asked,
      who: assumed.words,
      address: incoming.client,
      at: new Date(question.at).toISOString(),
      notes: [...assumed.notes, ...notesOn(site.origin, read)],
    };
  };

  function explainAt(site: AppSite, identity: Identity, incoming: Incoming, now: number): Omit<DecidedExplanation, Given> {
    const call = appCall(rules.findRoute, incoming, site);
    const { route } = call;
    const { decision, headers } = judgeAs(rules, call, identity, now);
    return {
      outcome: outcomeOf(decision),
      app: { name: site.app.settings.name, host: site.hostname, origin: formatOrigin(site.origin) },
      route: { id: route.id, path: route.settings.path, upstreams: route.settings.upstreams.map(({ url }) => url) },
      readings: [
        ...incoming.readings.map((reading) => explainReading(site, identity, incoming, reading, now)),
        ...foldedReadings(call, incoming).map((reading) => explainFolded(site, route, identity, incoming, reading, now)),
        ...facetsOf(call, rules.findRoute).others.flatMap(({ what, incoming: other }) =>
          other.readings.map((reading) => {
            const explained = explainReading(site, identity, other, reading, now);
            return { ...explained, path: `${explained.path} (${what})` };
          }),
        ),
      ],
      ...spellDecision(decision),
      headers: headers === null ? null : shownHeaders(route, headers),
    };
  }

  function explainReading(site: AppSite, identity: Identity, incoming: Incoming, path: string, now: number): ReadingExplanation {
    return explainUnder(rules.findRoute(site.app, path), site, identity, incoming, path, now);
  }

  /** Under the rules as a server that folds names understands them. */
  function explainFolded(
    site: AppSite,
    plain: Route,
    identity: Identity,
    incoming: Incoming,
    path: string,
    now: number,
  ): ReadingExplanation {
    return explainUnder(site.app.folded?.routeFor(path, plain) ?? plain, site, identity, incoming, path, now);
  }

  function explainUnder(
    route: Route,
    site: AppSite,
    identity: Identity,
    incoming: Incoming,
    path: string,
    now: number,
  ): ReadingExplanation {
    const access = accessOf(route, incoming.method, path);
    const judged = access === "rules" && identity.kind === "known";
    return {
      path,
      route: route.id,
      access,
      rules: judged ? rules.traceRules(route, identity, incoming, path, now) : [],
      decision: spellDecision(decideReading(site, route, identity, incoming, path, now)).decision,
    };
  }
}

type Given = "asked" | "who" | "address" | "at" | "notes";

function accessOf(route: Route, method: string, path: string): ReadingExplanation["access"] {
  if (route.isPublic(method, path)) return "public";
  return route.isOptional(method, path) ? "optional" : "rules";
}

function shownHeaders(route: Route, edit: HeaderEdit): readonly (readonly [string, string])[] {
  // Values are byte strings; people read them as the UTF-8 that they are.
  const shown = edit.set.map(([name, value]) => [name, Buffer.from(value, "latin1").toString("utf8")] as const);
  const { assertion } = route.settings.headers;
  return assertion === null || edit.set.length === 0 ? shown : [...shown, [assertion.header, "(a JWT, signed when the request is made)"]];
}

function notesOn(origin: Origin, { scheme, incoming }: Asked): readonly string[] {
  const same = scheme === origin.scheme && incoming.port === (authorityOf(origin).includes(":") ? origin.port : null);
  return same ? [] : [`visitors reach this host as ${formatOrigin(origin)}`];
}

/** The four answers that `tests:` can expect; a 401 is a login for a client that cannot be redirected. */
function outcomeOf(decision: Decision): DecidedExplanation["outcome"] {
  return decision.kind === "challenge" ? "login" : decision.kind;
}

/** A decision in words. */
function spellDecision(decision: Decision): Pick<DecidedExplanation, "decision" | "why" | "shadow"> {
  switch (decision.kind) {
    case "allow":
      return {
        decision: "allow",
        why: `allowed by ${decision.rule}`,
        shadow: decision.shadow === null ? null : `${decision.shadow.reason}: ${decision.shadow.why}`,
      };
    case "pass":
      return {
        decision: "pass",
        why: decision.identity === null ? "no identity is needed and none is sent" : "no login is needed",
        shadow: null,
      };
    case "login":
    case "challenge":
      return { decision: decision.kind === "login" ? "login" : "401", why: spellCause(decision.because, decision.acr), shadow: null };
    case "refuse": {
      const { reason, rule, why } = decision.refusal;
      return { decision: "refuse", why: `${reason}${rule === null ? "" : ` by ${rule}`}: ${why}`, shadow: null };
    }
  }
}

const causes = {
  "no-session": "nobody is signed in",
  "other-provider": "the app does not accept this provider",
  "step-up": "a stronger login is needed",
  "credential-rejected": "the credential is no good",
} as const;

function spellCause(because: keyof typeof causes, acr: readonly string[]): string {
  return acr.length === 0 ? causes[because] : `${causes[because]}: acr ${acr.join(" or ")}`;
}
