import { z } from "zod";
import { parseHostPattern, parsePageUrl } from "../values/hosts.ts";
import { duration, fileRef, key, parsed, secret, text } from "../values/schema-values.ts";
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
