import { z } from "zod";
import { key } from "../values/schema-values.ts";
import { policies } from "./access.ts";
import { apps } from "./apps.ts";
import { operators, personalTokens, portal, serviceTokens } from "./console.ts";
import { directory } from "./directory.ts";
import { branding } from "./pages.ts";
import { providers } from "./providers.ts";
import { admin, audit, auth, forwardAuth, insecure, limits, listen, log, sessions, tracing, trustedProxies, workers } from "./server.ts";
import { tests } from "./tests.ts";

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
