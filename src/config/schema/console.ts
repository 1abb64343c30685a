import { z } from "zod";
import { parseHostPattern, parsePageUrl } from "../values/hosts.ts";
import { duration, fileRef, key, network, parsed, secret, text } from "../values/schema-values.ts";
import { rule } from "./access.ts";

const consoleHost = parsed(parseHostPattern).refine((host) => !host.startsWith("*"), { error: "the console has one host, not a pattern" });

export const operators = key(
  z
    .strictObject({
      token: key(
        secret().nullable().prefault(null),
        "Bearer for the API and the command line, and the console's sign-in on the admin listener.",
      ),
      host: key(consoleHost.nullable().prefault(null), "Publishes the console as an app of the gateway itself, with single sign-on."),
      access: key(z.array(rule).prefault([]), "Who may look and act there; first match wins; no match = refused."),
      readers: key(z.array(rule).prefault([]), "Who may look but not act."),
    })
    .prefault({}),
  "The operators' console and API; always on the admin listener.",
);

export const portal = key(
  z
    .strictObject({
      enabled: key(z.boolean().prefault(true), "The auth origin's first page shows the visitor's apps; false = redirect to home."),
      home: key(parsed(parsePageUrl).nullable().prefault(null), "Where the auth origin's first page leads instead."),
    })
    .prefault({}),
  "What the auth origin's first page is.",
);

/** How one app stands on the portal. */
export const appPortal = key(
  z
    .strictObject({
      hidden: key(z.boolean().prefault(false), "Not shown, although it may be opened."),
      description: key(text().nullable().prefault(null), "One line about the app."),
      icon: key(fileRef("page").nullable().prefault(null), "{ file: PATH }: SVG, PNG, JPEG, WebP or GIF."),
      category: key(text().nullable().prefault(null), "Apps of one category stand together."),
    })
    .prefault({}),
  "How the app stands on the portal.",
);

/** The first instant on which it no longer counts. */
const day = () =>
  z
    .string()
    .refine((value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)), { error: "a day is written 2027-06-30" })
    .transform((value) => Date.parse(value));

const serviceToken = z.strictObject({
  hash: key(
    z
      .string()
      .regex(/^sha256:[0-9a-f]{64}$/, { error: "write the hash that `vestibule token add` prints: sha256: and 64 hexadecimal digits" }),
    "Of the token; the token itself is nowhere.",
  ),
  groups: key(z.array(text()).prefault([]), "What rules see of it."),
  networks: key(z.array(network()).prefault([]), "Where it counts; empty is everywhere."),
  expires: key(day(), "The first day on which it no longer counts."),
});

const serviceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, { error: "a service token's name is lower-case letters, digits and hyphens" });
export const serviceTokens = key(
  z.record(serviceName, serviceToken).prefault({}),
  "Callers that are no people, by name; made by `vestibule token add`. They send the token as Bearer, or as the password of Basic.",
);

export const personalTokens = key(
  z
    .strictObject({
      lifetime: key(duration({ min: "1h", max: "3650d" }).prefault("90d"), "How long a token is good at most."),
      perUser: key(z.int().min(1).max(1_000).prefault(10), "How many one person may have."),
    })
    .nullable()
    .prefault(null),
  "People make tokens for programs on their sessions page; null = they cannot.",
);
