import type { Refusal } from "../../core/decision.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Known } from "../../core/identity.ts";
import type { HeaderSettings, IdentityHeaderSettings, Settings } from "../../core/settings.ts";
import { rememberPerName } from "../../lib/collections.ts";
import { foldHeaderName, isWellKnownIdentityName } from "../../lib/header-names.ts";
import { compileNamePattern, foldName } from "../../lib/names.ts";
import type { HeaderEdit } from "../plan.ts";
import { createJoin, type Encoding, encodeValue, parseTemplate } from "./template.ts";

/** Sizes of what is sent, names included in the total. Beyond them the request is refused: half a group list is a wrong one. */
const maxValueBytes = 8 * 1024;
const maxTotalBytes = 16 * 1024;

/** The identity headers of one request, or why this identity cannot be put into headers. */
export type IdentityHeaders = { readonly kind: "edit"; readonly edit: HeaderEdit } | { readonly kind: "refuse"; readonly refusal: Refusal };

type Rendered =
  | { readonly kind: "value"; readonly value: string }
  | { readonly kind: "missing" }
  | { readonly kind: "refuse"; readonly reason: Refusal["reason"]; readonly why: string };

/**
 * Compiles a route's identity headers. The result is remembered per caller, so a warm request costs one look-up.
 *
 * Removal follows the names, never the values: a caller without an e-mail address gets no `Remote-Email` from us and must not be
 * able to supply one, and neither must an anonymous one (`identity: null`) on a public route. A template with a missing part
 * yields no header; a group list that is known to be empty yields an empty one, so that an application which
 * remembers groups forgets them. Groups that are not known refuse: silence would read as "no restriction".
 */
export function compileIdentityHeaders(headers: HeaderSettings, managed: ManagedNames): (identity: Known | null) => IdentityHeaders {
  const rules = headers.set.map((rule) => ({ name: rule.name, render: compileRule(rule, headers.encoding) }));
  const folded = new Set(rules.map((rule) => foldHeaderName(rule.name)));
  if (folded.size !== rules.length) throw new GatewayError("config.invalid", "two identity headers differ only in case or signs");
  // Not managed everywhere, so that other applications keep theirs; on this route it is ours.
  const ownsAuthorization = folded.has("authorization");
  const removes = ownsAuthorization
    ? (name: string) => managed.isManaged(name) || foldHeaderName(name) === "authorization"
    : managed.isManaged;
  const fromTokens = headers.set.some((rule) =>
    parseTemplate(rule.template).some((part) => part.kind === "placeholder" && part.fromTokens),
  );

  const nobody: IdentityHeaders = { kind: "edit", edit: { removes, set: [] } };
  const remembered = new WeakMap<object, IdentityHeaders>();
  return (identity) => {
    if (identity === null) return nobody;
    const key = fromTokens && identity.session !== null ? identity.session : identity.principal;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const made = build(rules, identity, removes);
    remembered.set(key, made);
    return made;
  };
}

interface Rule {
  readonly name: string;
  render(identity: Known): Rendered;
}

function build(rules: readonly Rule[], identity: Known, removes: HeaderEdit["removes"]): IdentityHeaders {
  const set: (readonly [string, string])[] = [];
  let total = 0;
  for (const { name, render } of rules) {
    const rendered = render(identity);
    if (rendered.kind === "missing") continue;
    if (rendered.kind === "refuse") return refuse(rendered.reason, `${name}: ${rendered.why}`);
    total += name.length + rendered.value.length + 4;
    set.push([name, rendered.value]);
  }
  if (total > maxTotalBytes) return refuse("identity-unfit-for-header", `${total} bytes of identity headers, at most ${maxTotalBytes}`);
  return { kind: "edit", edit: { removes, set } };
}

function refuse(reason: Refusal["reason"], why: string): IdentityHeaders {
  return { kind: "refuse", refusal: { reason, rule: null, why } };
}

/** One header's template as a function. List members are made safe first, then the value as a whole is encoded. */
function compileRule(rule: IdentityHeaderSettings, encoding: Encoding): (identity: Known) => Rendered {
  const parts = parseTemplate(rule.template);
  const isWanted = compileOnly(rule.only);
  const joins = { exact: createJoin(rule.separator, true), loose: createJoin(rule.separator, false) };
  return (identity) => {
    let text = "";
    for (const part of parts) {
      const value = part.kind === "literal" ? part : part.read(identity);
      if (value.kind === "missing") return value;
      if (value.kind === "unknown") return { kind: "refuse", reason: "membership-unknown", why: value.why };
      if (value.kind === "unfit") return unfit(value.why);
      if (value.kind === "list") {
        const members = value.members.filter(isWanted);
        if (members.length === 0 && parts.length > 1) return { kind: "missing" };
        // Encoding only lengthens: what is too long already need not be built.
        if (members.reduce((sum, member) => sum + member.length, 0) > maxValueBytes) return tooLong();
        text += part.kind === "placeholder" && part.exact ? joins.exact(members) : joins.loose(members);
      } else text += value.text;
      if (text.length > maxValueBytes) return tooLong();
    }
    const encoded = encodeValue(text, encoding);
    return encoded.length > maxValueBytes ? tooLong() : { kind: "value", value: encoded };
  };
}

function unfit(why: string): Rendered {
  return { kind: "refuse", reason: "identity-unfit-for-header", why };
}

function tooLong(): Rendered {
  return unfit(`more than ${maxValueBytes} bytes`);
}

function compileOnly(only: readonly string[] | null): (member: string) => boolean {
  if (only === null) return () => true;
  const patterns = only.map((pattern) => compileNamePattern(pattern));
  return (member) => {
    const folded = foldName(member);
    return patterns.some((pattern) => pattern.matches(folded));
  };
}

/** The header names that only the gateway may fill, on every route, public ones too. */
interface ManagedNames {
  /** Asked for every header of every request, with the name as received. */
  isManaged(name: string): boolean;
}

/** Longer names are judged each time: a caller may invent as many as they like, and each one kept costs its length. */
const rememberedLength = 64;

/**
 * Every identity and assertion header named anywhere in the configuration, and the well-known ones, in every spelling.
 *
 * `Authorization` is the one exception: a rule may fill it on its own route (see `compileIdentityHeaders`), but other
 * applications keep their own use of it.
 */
export function managedNames(settings: Settings): ManagedNames {
  const names = new Set<string>();
  for (const app of settings.apps) {
    for (const { headers } of app.routes) {
      for (const rule of headers.set) names.add(foldHeaderName(rule.name));
      if (headers.assertion !== null) names.add(foldHeaderName(headers.assertion.header));
    }
  }
  names.delete("authorization");
  const judge = (name: string) => names.has(foldHeaderName(name)) || isWellKnownIdentityName(name);
  const judgeOnce = rememberPerName(judge);
  return { isManaged: (name) => (name.length > rememberedLength ? judge(name) : judgeOnce(name)) };
}
