import { GatewayError } from "../core/errors.ts";
import type { Known } from "../core/identity.ts";
import { unfitness } from "./identity-value.ts";

/** What a placeholder yields for one caller. */
export type Value =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "list"; readonly members: readonly string[] }
  | { readonly kind: "missing" }
  | { readonly kind: "unknown"; readonly why: string }
  | { readonly kind: "unfit"; readonly why: string };

export type TemplatePart =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "placeholder";
      readonly name: string;
      /** Members are names that applications grant rights by, so their list must decode exactly. */
      readonly exact: boolean;
      /** The value comes from the session's tokens and changes with them. */
      readonly fromTokens: boolean;
      read(identity: Known): Value;
    };

/** Parses `Bearer {accessToken}` and the like; throws `config.invalid` for a placeholder that nothing fills. */
export function parseTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  for (const [index, piece] of template.split(/\{([^{}]*)\}/).entries()) {
    if (index % 2 === 1) parts.push(placeholder(piece));
    else if (piece !== "") parts.push(literal(piece));
  }
  return parts;
}

function literal(text: string): TemplatePart {
  const problem = unfitness(text);
  if (problem !== null) throw new GatewayError("config.invalid", `the header template ${JSON.stringify(text)} ${problem}`);
  return { kind: "literal", text };
}

const scalars: Readonly<Record<string, (identity: Known) => Value>> = {
  subject: ({ principal }) => exactText(principal.subject),
  email: ({ principal }) => exactText(principal.email),
  name: ({ principal }) => text(principal.name?.trim() ?? null),
  provider: ({ principal }) => exactText(principal.provider),
  acr: ({ principal }) => exactText(principal.acr),
};
const tokens: Readonly<Record<string, (identity: Known) => Value>> = {
  accessToken: ({ session }) => exactText(session?.tokens?.accessToken ?? null),
  idToken: ({ session }) => exactText(session?.tokens?.idToken ?? null),
};

function placeholder(name: string): TemplatePart {
  const base = { kind: "placeholder", name, exact: false, fromTokens: false } as const;
  if (name === "groups") return { ...base, exact: true, read: groups };
  if (name.startsWith("extra.")) return { ...base, read: extra(name.slice("extra.".length)) };
  const scalar = Object.hasOwn(scalars, name) ? scalars[name] : undefined;
  if (scalar !== undefined) return { ...base, read: scalar };
  const token = Object.hasOwn(tokens, name) ? tokens[name] : undefined;
  if (token !== undefined) return { ...base, fromTokens: true, read: token };
  throw new GatewayError("config.invalid", `nothing fills {${name}} in a header template`);
}

function groups({ principal }: Known): Value {
  if (principal.groups.kind === "unknown") return { kind: "unknown", why: `groups are not known (${principal.groups.why})` };
  return list(principal.groups.names);
}

function extra(name: string): (identity: Known) => Value {
  return ({ principal }) => (Object.hasOwn(principal.extra, name) ? list(principal.extra[name] ?? []) : { kind: "missing" });
}

function list(members: readonly string[]): Value {
  for (const member of members) {
    const problem = unfitness(member);
    if (problem !== null) return { kind: "unfit", why: `a member ${problem}` };
  }
  return { kind: "list", members: members.filter((member) => member !== "") };
}

function text(value: string | null): Value {
  if (value === null || value === "") return { kind: "missing" };
  const problem = unfitness(value);
  return problem === null ? { kind: "text", text: value } : { kind: "unfit", why: problem };
}

/** Header values lose white space at their ends on the way: `alice ` would arrive as `alice`, who is somebody else. */
function exactText(value: string | null): Value {
  if (value !== null && value !== value.trim()) return { kind: "unfit", why: "begins or ends with white space" };
  return text(value);
}
