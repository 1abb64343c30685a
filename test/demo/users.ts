import { demoUsers, type OidcUser } from "../support/oidc-provider.ts";
import type { DemoEntry } from "./directory.ts";

/** Who can sign in at the demo's first provider. */
export const acmeUsers: readonly OidcUser[] = demoUsers("acme.example").map((user) => ({
  ...user,
  claims: { ...user.claims, department: user.login === "alice" ? "Engineering" : "Sales" },
}));

/** Who can sign in at its second one. */
export const partnerUsers: readonly OidcUser[] = [
  {
    login: "dave",
    password: "dave",
    claims: {
      name: "Dave Dupré",
      given_name: "Dave",
      family_name: "Dupré",
      email: "dave@partner.example",
      email_verified: true,
      groups: ["partners"],
    },
  },
];

/** Who can sign in at its SAML provider. Groups come as distinguished names there, as directories give them. */
export const campusUsers: readonly OidcUser[] = [
  {
    login: "erin",
    password: "erin",
    claims: {
      name: "Erin Eklund",
      email: "erin@saml.example",
      groups: ["CN=staff,OU=Groups,DC=saml,DC=example", "CN=admins,OU=Groups,DC=saml,DC=example"],
    },
  },
  { login: "frank", password: "frank", claims: { name: "Frank Fischer", email: "frank@saml.example" } },
];

const corp = "dc=corp,dc=example";
const corpPerson = (uid: string, cn: string, groups: readonly string[], more: Partial<DemoEntry> = {}): DemoEntry => ({
  dn: `uid=${uid},ou=people,${corp}`,
  password: uid,
  attributes: {
    objectClass: ["inetOrgPerson"],
    entryUUID: [`demo-${uid}`],
    uid: [uid],
    cn: [cn],
    mail: [`${uid}@corp.example`],
    memberOf: groups.map((group) => `cn=${group},ou=groups,${corp}`),
  },
  ...more,
});

/** The demo's directory: its service account, and who can sign in there. Heidi's account is disabled, as Active Directory says it. */
export const corpEntries: readonly DemoEntry[] = [
  { dn: "", attributes: { objectClass: ["top"], namingContexts: [corp], vendorName: ["Vestibule demo"] } },
  { dn: `cn=vestibule,${corp}`, attributes: { objectClass: ["applicationProcess"] }, password: "demo-secret-of-the-directory" },
  { dn: `ou=people,${corp}`, attributes: { objectClass: ["organizationalUnit"] } },
  corpPerson("grace", "Grace Gómez", ["staff"]),
  corpPerson("heidi", "Heidi Hansen", ["staff"], {
    refusal: "80090308: LdapErr: DSID-0C09056B, comment: AcceptSecurityContext error, data 533, v4563",
  }),
];
