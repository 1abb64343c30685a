import { z } from "zod";
import type { ConditionSpec, HoursSpec } from "../../core/rules.ts";
import { parseNetwork } from "../../lib/networks.ts";
import { bad, good, type Parsed, parseTime } from "../values/amounts.ts";
import { parseHost } from "../values/hosts.ts";
import { parseGlob, parseMethod } from "../values/paths.ts";
import { key, network, parsed, someOf, text } from "../values/schema-values.ts";

const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

const hours = z
  .strictObject({
    days: key(someOf(z.enum(days), "day"), "mon, tue, wed, thu, fri, sat, sun; default: every day.").optional(),
    from: key(parsed(parseTime), 'Such as "08:00".'),
    to: key(parsed(parseTime), 'Such as "18:00"; earlier than from spans midnight.'),
    zone: key(parsed(parseZone), "IANA time zone, such as Europe/Paris."),
  })
  .refine((value) => value.from !== value.to, { error: 'from and to are the same: write "00:00" and "24:00" for the whole day' })
  .transform((value): HoursSpec => ({ days: value.days ?? [...days], fromMinute: value.from, toMinute: value.to, zone: value.zone }));

function parseZone(name: string): Parsed<string> {
  try {
    // Offsets such as +02:00 are accepted by Intl, and would be wrong for half of the year.
    if (/^[A-Za-z]/.test(name)) return good(new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone && name);
  } catch {
    // RangeError: no such zone.
  }
  return bad(`${JSON.stringify(name)} is not a time zone: write an IANA name such as Europe/Paris, or UTC`);
}

/** A name to compare with, `*` at its start or its end. */
const pattern = () => parsed(parseNamePattern);

export function parseNamePattern(name: string): Parsed<string> {
  if (name.trim() === "") return bad("this is empty: write a name");
  if (name === "*") return bad("* alone would mean everybody: write anyone: true");
  const inner = name.replace(/^\*/, "").replace(/\*$/, "");
  if (inner === "" || inner.includes("*")) return bad(`${JSON.stringify(name)}: * stands at the start or at the end of a name`);
  return good(name);
}

function parseDomainPattern(domain: string): Parsed<string> {
  if (domain.startsWith("@")) return bad(`${JSON.stringify(domain)}: write the domain without the @`);
  const wild = domain.startsWith("*.") ? "*." : "";
  const host = parseHost(domain.slice(wild.length));
  return host.ok ? good(`${wild}${host.value}`) : host;
}

const claimValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const acr = z.union([text().transform((value) => [value]), someOf(text(), "acr value")]);

const conditionShape = z.strictObject({
  users: key(someOf(pattern(), "user"), "Subjects or e-mail addresses.").exactOptional(),
  groups: key(someOf(pattern(), "group"), "One of these groups.").exactOptional(),
  roles: key(someOf(pattern(), "role"), "One of these roles of the directory.").exactOptional(),
  teams: key(someOf(pattern(), "team"), "In one of these teams of the directory.").exactOptional(),
  emailDomains: key(someOf(parsed(parseDomainPattern), "domain"), "One of these mail domains.").exactOptional(),
  providers: key(someOf(text(), "provider"), "Signed in at one of these.").exactOptional(),
  claims: key(z.record(text(), someOf(claimValue, "value")), "Each claim has one of its values.").exactOptional(),
  methods: key(someOf(parsed(parseMethod), "method"), "One of these request methods.").exactOptional(),
  paths: key(someOf(parsed(parseGlob), "path"), "Globs on the canonical path: * within a segment, ** across segments.").exactOptional(),
  networks: key(someOf(network(), "network"), "The client's address is in one of these.").exactOptional(),
  hours: key(hours, "Hours of the week in a time zone.").exactOptional(),
  acr: key(acr, "The login was as strong as one of these; a weaker one leads to a new login.").exactOptional(),
  anyone: key(z.literal(true, { error: "write anyone: true, or leave it out" }), "Any signed-in visitor.").exactOptional(),
  any: key(
    z.lazy(() => someOf(condition, "condition")),
    "One of these holds.",
  ).exactOptional(),
  all: key(
    z.lazy(() => someOf(condition, "condition")),
    "All of these hold.",
  ).exactOptional(),
  not: key(
    z.lazy(() => condition),
    "This does not hold.",
  ).exactOptional(),
});

const emptyCondition = "an empty condition says nothing: write what must hold, or anyone: true for any signed-in visitor";

/** Inside one object every condition must hold; a list holds when one of its entries does. */
export const condition: z.ZodType<ConditionSpec> = conditionShape
  .refine((value) => Object.keys(value).length > 0, { error: emptyCondition })
  .refine((value) => value.claims === undefined || Object.keys(value.claims).length > 0, {
    error: "an empty mapping says nothing: write { name: [values] }",
    path: ["claims"],
  })
  .meta({ id: "condition" });

/** One entry of an access list. */
export interface RuleFile {
  readonly effect: "allow" | "deny";
  readonly when: ConditionSpec;
}

export const rule = z
  .strictObject({
    allow: key(condition, "Let in who fits.").optional(),
    deny: key(condition, "Refuse who fits.").optional(),
  })
  .refine((value) => (value.allow === undefined) !== (value.deny === undefined), {
    error: "a rule is exactly one of allow: and deny:",
  })
  .transform((value): RuleFile => {
    if (value.allow !== undefined) return { effect: "allow", when: value.allow };
    // An absent condition never gets here; if it did, no visitor fits it and `deny` refuses all.
    return { effect: "deny", when: value.deny ?? { anyone: true } };
  });

export const ruleList = () => someOf(rule, "rule");
export const policies = key(z.record(text(), ruleList()).prefault({}), "Named rule lists, for reuse.");

/** Kept here for the tests' `address`. */
export function parseClientAddress(address: string): Parsed<string> {
  if (!address.includes("/") && parseNetwork(address) !== null) return good(address);
  return bad(`${JSON.stringify(address)} is not an IP address`);
}
