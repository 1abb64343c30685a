import { z } from "zod";
import { bad, good, type Parsed } from "../values/amounts.ts";
import { methods } from "../values/paths.ts";
import { key, parsed, text } from "../values/schema-values.ts";
import { parseClientAddress, policies } from "./access.ts";
import { apps } from "./apps.ts";
import { operators, personalTokens, portal, serviceTokens } from "./console.ts";
import { directory } from "./directory.ts";
import { branding } from "./pages.ts";
import { providers } from "./providers.ts";
import { admin, audit, auth, forwardAuth, insecure, limits, listen, log, sessions, tracing, trustedProxies, workers } from "./server.ts";

const claimValue = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const as = z
  .strictObject({
    subject: key(text(), "Default: the address, else test.").optional(),
    email: key(text(), "Address.").optional(),
    name: key(text(), "Display name.").optional(),
    groups: key(z.array(text()).prefault([]), "Groups."),
    provider: key(text(), "Where they signed in; default: the app's first provider.").optional(),
    acr: key(text(), "How strongly.").optional(),
    claims: key(z.record(text(), z.union([z.array(claimValue), claimValue.transform((one) => [one])])).prefault({}), "Claims."),
  })
  .refine((value) => [value.subject, value.email, value.name].some((one) => one !== undefined) || value.groups.length > 0, {
    error: "nobody in particular: write subject, email or groups, or leave `as` out for a visitor who has not signed in",
  });

function parseTestUrl(value: string): Parsed<string> {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) return bad("write a whole URL, such as https://wiki.acme.example/admin");
  const url = new URL(value);
  if (url.username !== "" || url.password !== "") return bad("credentials do not belong in this URL");
  if (value.includes("#")) return bad("a fragment (#…) never reaches a server: leave it out");
  return good(value);
}

function parseInstant(value: string): Parsed<string> {
  const shape = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/;
  if (shape.test(value) && !Number.isNaN(Date.parse(value))) return good(value);
  return bad(`${JSON.stringify(value)} is not a point in time: write ISO 8601 with a zone, such as 2026-01-31T18:30:00+01:00`);
}

const byMethod = Object.fromEntries(
  methods.map((method) => [method.toLowerCase(), key(parsed(parseTestUrl), `URL that is asked for with ${method}.`).optional()]),
);

const test = z
  .strictObject({
    as: key(as.nullable().prefault(null), "Who asks; left out: a visitor who has not signed in."),
    ...byMethod,
    address: key(parsed(parseClientAddress).nullable().prefault(null), "The client's address; default: 127.0.0.1."),
    at: key(parsed(parseInstant).nullable().prefault(null), "When; default: now."),
    expect: key(z.enum(["allow", "refuse", "login", "pass"]), "What the gateway must decide."),
  })
  .transform((value, context) => {
    const asked = methods.filter((method) => Object.hasOwn(value, method.toLowerCase()));
    const [method, ...others] = asked;
    if (method === undefined || others.length > 0) {
      context.issues.push({ code: "custom", message: "a test asks for exactly one URL: write one of get:, head:, post: …", input: value });
      return z.NEVER;
    }
    const url = (value as Readonly<Record<string, unknown>>)[method.toLowerCase()];
    return { as: value.as, address: value.address, at: value.at, expect: value.expect, method, url: typeof url === "string" ? url : "" };
  });

export const testSchema = test;
const tests = key(z.array(test).prefault([]), "Policy tests, run by `vestibule check`: the file proves itself.");
export type TestFile = z.output<typeof test>;

const later = (what: string) => key(z.unknown().optional(), `Not available yet: ${what}`, null);

/** Every key of the file. The areas live in files of their own beside this one. */
export const sections = {
  version: key(z.literal(1, { error: "the only version of this file is 1" }).prefault(1), "Of this file's form."),
  listen,
  admin,
  workers,
  trustedProxies,
  log,
  audit,
  tracing,
  insecure,
  limits,
  auth,
  branding,
  sessions,
  providers,
  policies,
  apps,
  portal,
  console: operators,
  serviceTokens,
  personalTokens,
  tests,
  directory,
  localUsers: later("break-glass accounts with a second factor."),
  forwardAuth,
};

export const fileSchema = z.strictObject(sections);
/** The file as the schema understands it: amounts parsed, defaults applied, references not yet read, nothing inherited. */
export type ConfigFile = z.output<typeof fileSchema>;
