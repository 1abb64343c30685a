import { demoUsers, type OidcUser } from "../support/oidc-provider.ts";

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
