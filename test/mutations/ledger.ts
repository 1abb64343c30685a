import { always } from "./ledger/always.ts";
import { configuration } from "./ledger/configuration.ts";
import { operatorsPages } from "./ledger/console.ts";
import { hosts } from "./ledger/hosts.ts";
import { http } from "./ledger/http.ts";
import { identityHeaders } from "./ledger/identity-headers.ts";
import { oidc } from "./ledger/oidc.ts";
import { passwordsAndTickets } from "./ledger/passwords-and-tickets.ts";
import { pastTheRules } from "./ledger/past-the-rules.ts";
import { people } from "./ledger/people.ts";
import { saml } from "./ledger/saml.ts";
import { sessions } from "./ledger/sessions.ts";
import type { Chapter } from "./promise.ts";

/** Every promise, in the order of docs/security.md. */
export const ledger: readonly Chapter[] = [
  always,
  http,
  identityHeaders,
  hosts,
  pastTheRules,
  oidc,
  saml,
  passwordsAndTickets,
  people,
  sessions,
  operatorsPages,
  configuration,
];
