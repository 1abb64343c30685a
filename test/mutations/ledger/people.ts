import type { Chapter } from "../promise.ts";

/** People: who is who, who is out, and who may say so. */
export const people: Chapter = {
  title: "People (the directory, SCIM, mail domains, emergency accounts)",
  promises: [
    {
      promise: "An address links two accounts once, when it is verified and its domain is no other provider's; afterwards only ids count.",
      tests: {
        "test/directory/logins.test.ts": [
          "mail changes on either side, the link stays",
          "an address under another provider's domain never links",
          "an unverified address, which arrives as none, links nobody",
        ],
        "test/attack/people.test.ts": ["with a Kelvin sign links: false", "in capitals links: true"],
      },
    },
    {
      promise: "A second claimant of a linked address is refused, and the audit log says so.",
      tests: { "test/directory/logins.test.ts": ["a second claimant of a linked address is refused, with an audit line"] },
    },
    {
      promise:
        "A mail domain that must be proved leads nowhere, links nobody and counts in no rule until DNS proves it, and no other provider may vouch for it.",
      tests: {
        "test/attack/domain-proof.test.ts": [
          "its addresses lead to no provider",
          "an address that counts",
          "no other provider may vouch for its addresses",
          "once it is proved, its addresses lead to its provider and count, and mallory stays out",
        ],
        "test/policy/conditions.test.ts": ["of a mail domain that must be proved"],
        "test/directory/domains.test.ts": ["made for another gateway: proven false", "the domain counts for three days more"],
      },
    },
    {
      promise:
        "Whom the SCIM of any of their providers deactivates or deletes is out at every provider and instance, open connections included.",
      tests: {
        "test/e2e/deprovisioning.test.ts": [
          "deprovisioned by SCIM is out on two instances",
          "a bearer token is refused and the WebSocket that it opened is cut",
        ],
        "test/directory/scim/users.test.ts": ["sessions of all accounts end, logins are refused"],
      },
    },
    {
      promise:
        "A userName or address that goes to somebody else brings no former holder back; who is deleted before the first login is not let in.",
      tests: {
        "test/directory/scim/users.test.ts": [
          "makes another person, and brings nobody back",
          "is not let in by just-in-time",
          "the same person provisioned again by the same externalId comes back as before",
        ],
      },
    },
    {
      promise: "A provider's SCIM shows, changes and deletes only the people that it has brought, whatever a path or a bulk request says.",
      tests: {
        "test/attack/people.test.ts": [
          "no request of one provider shows, changes or deletes what another has brought",
          "no group of one provider takes in what another has brought",
        ],
        "test/e2e/directory.test.ts": ["a token counts in one Authorization field alone"],
      },
    },
    {
      promise: "Two of a provider's Users are two people; an address takes somebody over only where addresses may link.",
      tests: {
        "test/attack/people.test.ts": ["two of a provider's Users are two people, whatever address they share"],
        "test/directory/scim/users.test.ts": [
          "by an address nobody is taken over from another provider where addresses do not link",
          "not by an address that two of them have, nor by one of another provider's domain",
          "a stranger's provider cannot take over by an address of another's domain",
        ],
      },
    },
    {
      promise: "What is taken from a person is taken from the open sessions and the personal tokens at once, and the audit log says so.",
      tests: {
        "test/directory/logins.test.ts": [
          "a personal token has the groups and roles of now, and loses what its owner loses",
          "what was ended because of a person stands in the audit log",
        ],
        "test/directory/scim/groups.test.ts": ["a refresh under way does not write back what was taken away"],
        "test/sessions/session-rules.test.ts": ["is lost with the person's tokens, and with nobody else's"],
      },
    },
    {
      promise:
        "With `provisioning: scim` only those whom a provider provisions now may sign in, and only an operator allows emergency accounts.",
      tests: {
        "test/directory/logins.test.ts": [
          "with scim only, a person of before whom nobody has provisioned is refused, until a provider does",
          "whether somebody may use an emergency account is an operator's word, not a provider's",
        ],
      },
    },
    {
      promise: "A filter or a PATCH cannot cost more than its size says, nor reach what is no attribute.",
      tests: {
        "test/attack/people.test.ts": [
          "is refused or answered, and the next one is answered",
          "a PATCH that multiplies a list is refused as a whole",
          "50,000 times over is refused, and the next request is answered",
          "changes no other object",
        ],
      },
    },
    {
      promise: "Of two changes with one ETag at two instances one is made.",
      tests: { "test/attack/people.test.ts": ["of two changes with the same ETag one is made, the other is told 412"] },
    },
    {
      promise: "While the directory is away no person gains a role, and a role whose group the provider took away is unknown.",
      tests: {
        "test/identity/admit-again.test.ts": ["what the provider takes away meanwhile makes groups, roles and teams unknown"],
        "test/login/oidc/graph.test.ts": ["an outage never widens rights"],
      },
    },
    {
      promise:
        "An emergency account needs its second factor, is never offered, cannot be locked for good by strangers, and works while all else is away.",
      tests: {
        "test/login/local/login.test.ts": [
          "emergency user outside single sign-on with a second factor",
          "an emergency provider is not offered",
          "an emergency account works while every provider and the directory are away",
          "password login forbidden per person",
        ],
        "test/login/local/accounts.test.ts": ["never locks its owner out", "six digits cannot be tried out"],
        "test/login/local/provider.test.ts": ["outside its networks it neither shows a form nor takes one"],
      },
    },
    {
      promise: "What the directory has acknowledged outlives kill -9 of the gateway, of Redis, and the end of Redis' primary.",
      tests: {
        "test/directory/sqlite.test.ts": ["what was acknowledged outlives kill -9, and nothing is half there"],
        "test/directory/redis-durability.test.ts": ["outlives kill -9 of Redis", "outlives the primary's sudden end"],
      },
    },
  ],
};
