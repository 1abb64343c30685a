import { appsPage } from "./apps.ts";
import { auditPage } from "./audit.ts";
import { configurationPage } from "./configuration.ts";
import { explainPage } from "./explain.ts";
import { nowPage } from "./now.ts";
import type { ConsolePage } from "./page.ts";
import { peoplePage } from "./people.ts";
import { providersPage } from "./providers.ts";
import { refusalsPage } from "./refusals.ts";
import { scimPage } from "./scim.ts";
import { sessionsPage } from "./sessions.ts";

/** The places of the console in the order of the navigation. A new page is a file beside this one and a row here. */
export const consolePages: readonly ConsolePage[] = [
  nowPage,
  sessionsPage,
  peoplePage,
  scimPage,
  providersPage,
  appsPage,
  refusalsPage,
  explainPage,
  configurationPage,
  auditPage,
];
