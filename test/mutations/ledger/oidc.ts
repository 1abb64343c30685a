import type { Chapter } from "../mutation.ts";
import { oidcDocuments } from "./oidc/documents.ts";
import { oidcGroups } from "./oidc/groups.ts";
import { oidcIdToken } from "./oidc/id-token.ts";
import { oidcLogin } from "./oidc/login.ts";
import { oidcLogout } from "./oidc/logout.ts";
import { oidcPeople } from "./oidc/people.ts";
import { oidcSignature } from "./oidc/signature.ts";

export const oidc: Chapter = {
  title: "OpenID Connect (Core 3.1.3.7, RFC 9700, RFC 9207, Back-Channel Logout 1.0)",
  promises: [...oidcLogin, ...oidcSignature, ...oidcIdToken, ...oidcPeople, ...oidcGroups, ...oidcLogout, ...oidcDocuments],
};
