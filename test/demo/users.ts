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
