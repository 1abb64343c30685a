import {
  foldHeaderName,
  type HeaderRole,
  headerRole,
  isFramingName,
  isHeaderValue,
  isWellKnownIdentityName,
} from "../../lib/header-names.ts";
import type { Draft } from "../draft.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import { didYouMean } from "../problems/suggest.ts";
import type { AppFile } from "../schema/apps.ts";
import { directoryPlaceholders, effectiveHeaders, placeholders, readTemplate } from "../schema/header-presets.ts";
import { resolveRoutes, type Scope, scopesOf } from "../settings/inheritance.ts";
import type { References } from "../values/references.ts";

/** Identity headers, the assertion and plain edits of every app and its routes. */
export function checkHeaders(draft: Draft, references: References, report: Report): void {
  const known = { identity: identityNames(draft), references };
  for (const [at, app] of draft.apps.entries()) {
    if (app !== null) checkAppHeaders(app, ["apps", at], draft, known, report);
  }
}

/** What edits of requests are judged by. */
interface Known {
  /** Every identity header of the file, folded. */
  readonly identity: ReadonlySet<string>;
  readonly references: References;
}

function checkAppHeaders(app: AppFile, path: KeyPath, draft: Draft, known: Known, report: Report): void {
  const fillable = { extras: extrasOf(app, draft), directory: draft.directory !== null };
  for (const scope of scopesOf(app, path)) {
    checkIdentityHeaders(scope, fillable, report);
    checkRequestEdits(scope, known, report);
    checkResponseEdits(scope, report);
  }
  for (const route of resolveRoutes(app, path)) {
    const { assertion } = route.says.headers ?? {};
    const names = Object.keys(effectiveHeaders(route.says.headers ?? {})).map((name) => ({
      name,
      path: route.saidAt("headers", "set", name),
    }));
    if (assertion) names.push({ name: assertion.header, path: route.saidAt("headers", "assertion", "header") });
    checkFoldedNames(names, report);
  }
}

/** Two names that upstreams cannot tell apart would be two values of one header there. */
function checkFoldedNames(names: readonly { readonly name: string; readonly path: KeyPath }[], report: Report): void {
  const seen = new Map<string, string>();
  for (const { name, path } of names) {
    const folded = foldHeaderName(name);
    const other = seen.get(folded);
    if (other === undefined) seen.set(folded, name);
    else report.problemAtKey(path, `many apps cannot tell ${name} from ${other}: remove one of the two`);
  }
}

/** What placeholders can be filled with: names under `extra` (null = any), and whether there is a directory. */
interface Fillable {
  readonly extras: ReadonlySet<string> | null;
  readonly directory: boolean;
}

function checkIdentityHeaders(scope: Scope, fillable: Fillable, report: Report): void {
  const { set, assertion } = scope.says.headers ?? {};
  for (const [name, header] of Object.entries(set ?? {})) {
    const path = [...scope.path, "headers", "set", name];
    checkIdentityName(name, path, report);
    checkTemplate(header.value, path, fillable, report);
  }
  if (assertion) {
    const path = [...scope.path, "headers", "assertion", "header"];
    checkIdentityName(assertion.header, path, report);
    if (foldHeaderName(assertion.header) === "authorization")
      report.problem(path, "the assertion needs a header of its own, such as X-Vestibule-Assertion");
  }
}

const neverIdentity = new Set("host cookie set-cookie content-type content-encoding date origin referer user-agent".split(" "));

function checkIdentityName(name: string, path: KeyPath, report: Report): void {
  const why = whyNotIdentity(name);
  if (why !== null) report.problemAtKey(path, `${why} and cannot carry an identity: choose another name, such as Remote-User`);
}

function whyNotIdentity(name: string): string | null {
  const role = headerRole(name);
  if (isFramingName(name) || neverIdentity.has(foldHeaderName(name))) return `${name} has a meaning of its own in HTTP`;
  return role === "plain" || role === "identity" ? null : whyOurs(name, role);
}

/** Why the file may not write this request header: what the gateway itself does with it. */
function whyOurs(name: string, role: Exclude<HeaderRole, "plain" | "identity">): string {
  if (role === "written" || role === "via") return `${name} is written by the gateway itself`;
  return `${name} is deleted from every request, because applications take the ${role} from it,`;
}

function checkTemplate(value: string, path: KeyPath, fillable: Fillable, report: Report): void {
  const template = readTemplate(value);
  if (!template.ok) {
    report.problem(path, template.why);
    return;
  }
  for (const name of template.placeholders) checkPlaceholder(name, path, fillable, report);
  if (template.placeholders.length === 0) {
    report.warning(path, `this value is the same for every visitor: placeholders are written in braces, such as {subject}`);
  }
}

function checkPlaceholder(name: string, path: KeyPath, { extras, directory }: Fillable, report: Report): void {
  if (placeholders.includes(name)) return;
  if (directoryPlaceholders.includes(name)) {
    if (!directory) report.problem(path, `{${name}} comes from the gateway's own directory: write directory: { store: … }`);
    return;
  }
  if (name.startsWith("extra.")) {
    const wanted = name.slice("extra.".length);
    // The directory keeps attributes that one provider said for logins by another, and what SCIM said.
    if (extras === null || directory || extras.has(wanted)) return;
    const guess = didYouMean(wanted, extras);
    report.problem(path, `no provider of this app fills {${name}}: add ${wanted} under attributes.extra of one`, guess);
    return;
  }
  const known = [...placeholders, ...(directory ? directoryPlaceholders : []), "extra.<name>"].map((one) => `{${one}}`).join(", ");
  report.problem(path, `unknown placeholder {${name}}`, didYouMean(name, placeholders) ?? `known are ${known}`);
}

/** Names under `extra` of the app's providers; null when one of them could not be read. */
function extrasOf(app: AppFile, draft: Draft): ReadonlySet<string> | null {
  const names = new Set<string>();
  for (const id of app.providers ?? draft.providers.keys()) {
    const provider = draft.providers.get(id);
    if (provider === null) return null;
    for (const name of Object.keys(provider?.attributes.extra ?? {})) names.add(name);
    for (const name of provider?.graph?.profile ?? []) names.add(name === "jobTitle" ? "title" : name);
  }
  return names;
}

function checkRequestEdits(scope: Scope, { identity, references }: Known, report: Report): void {
  const edits = scope.says.headers?.request;
  const path = [...scope.path, "headers", "request"];
  for (const [at, name] of (edits?.remove ?? []).entries()) checkEditable(name, [...path, "remove", at], report);
  for (const [name, value] of Object.entries(edits?.set ?? {})) {
    const here = [...path, "set", name];
    checkEditable(name, here, report);
    const folded = foldHeaderName(name);
    if (identity.has(folded) || isWellKnownIdentityName(name)) {
      report.problemAtKey(here, `${name} carries an identity: only headers.set may fill it`);
    }
    if (folded === "cookie") report.problemAtKey(here, "cookies belong to the visitor: they can be removed, not set");
    if (value.kind === "secret" && !isHeaderValue(references.secret(value).reveal())) {
      report.problem(here, "what this holds is no header value: printable ASCII in one line, without spaces around it");
    }
    if (value.kind === "basic" && folded !== "authorization") report.problemAtKey(here, "basic fills Authorization alone");
    const template = value.kind === "text" ? readTemplate(value.text) : null;
    if (
      template?.ok &&
      template.placeholders.some((one) => placeholders.includes(one) || directoryPlaceholders.includes(one) || one.startsWith("extra."))
    ) {
      report.problem(here, "placeholders work in headers.set alone: move this there");
    }
  }
}

/** Every identity header of the file, folded: a plain edit must not forge one, wherever it is named. */
function identityNames(draft: Draft): ReadonlySet<string> {
  const names = new Set<string>();
  for (const app of draft.apps) {
    for (const { says } of app === null ? [] : scopesOf(app, [])) {
      const { preset, set } = says.headers ?? {};
      if (preset != null || set !== undefined)
        for (const name of Object.keys(effectiveHeaders({ preset, set }))) names.add(foldHeaderName(name));
      if (says.headers?.assertion) names.add(foldHeaderName(says.headers.assertion.header));
    }
  }
  // One route may fill it from a token while another sends a fixed one to its own upstream.
  names.delete("authorization");
  return names;
}

function checkResponseEdits(scope: Scope, report: Report): void {
  const edits = scope.says.headers?.response;
  const path = [...scope.path, "headers", "response"];
  for (const [at, name] of (edits?.remove ?? []).entries()) checkFraming(name, [...path, "remove", at], report);
  for (const name of Object.keys(edits?.set ?? {})) {
    checkFraming(name, [...path, "set", name], report);
    if (foldHeaderName(name) === "set-cookie")
      report.problemAtKey([...path, "set", name], "cookies belong to the app: they can be removed, not set");
  }
}

function checkEditable(name: string, path: KeyPath, report: Report): void {
  if (foldHeaderName(name) === "host") {
    report.problemAtKey(path, `${name} is written by the gateway itself and cannot be edited: see proxy.preserveHost`);
    return;
  }
  const role = headerRole(name);
  if (isFramingName(name) || role === "plain" || role === "identity") checkFraming(name, path, report);
  else report.problemAtKey(path, `${whyOurs(name, role)} and cannot be edited`);
}

function checkFraming(name: string, path: KeyPath, report: Report): void {
  const isVia = headerRole(name) === "via";
  if (isFramingName(name) || isVia) report.problemAtKey(path, `${name} is written by the gateway itself and cannot be edited`);
}
