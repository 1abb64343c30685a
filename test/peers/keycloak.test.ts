import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { clientSecret } from "../support/rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";
import { carryForms } from "./support/carry-forms.ts";
import {
  aVisitorAndAThief,
  expectAliceToArrive,
  expectBothLeft,
  expectGroupsToCount,
  fillIn,
  fillInAndPost,
  leaveGateway,
  type SignIn,
} from "./support/journeys.ts";
import { findKeycloak, type Keycloak, keycloakIssuer, startKeycloak } from "./support/keycloak.ts";
import { type PeerRig, startPeerRig } from "./support/peer-rig.ts";
import { isSignedIn } from "./support/signed-in.ts";

/** The recipe of docs/providers/keycloak.md, step by step, at a Keycloak of the version that the page names. */
const found = await findKeycloak();
const missing = "missing" in found ? found.missing : null;
if (missing !== null) process.stderr.write(`Keycloak is not tried: ${missing}\n`);

let keycloak: Keycloak;
let oidc: PeerRig;
let saml: PeerRig;

const groupMapper = (protocolMapper: string, protocol: string, config: Record<string, string>) => ({
  name: "groups",
  protocol,
  protocolMapper,
  config: { "full.path": "false", ...config },
});

/** The steps under "OpenID Connect, there". */
async function registerOidc(): Promise<void> {
  const here = `${oidc.urls.auth}/_vestibule`;
  await keycloak.admin("POST", "clients", {
    clientId: "vestibule",
    protocol: "openid-connect",
    secret: clientSecret,
    publicClient: false,
    standardFlowEnabled: true,
    directAccessGrantsEnabled: false,
    redirectUris: [`${here}/oidc/peer/callback`],
    frontchannelLogout: false,
    attributes: {
      "post.logout.redirect.uris": `${here}/signed-out`,
      "backchannel.logout.url": `${here}/oidc/peer/backchannel-logout`,
      "backchannel.logout.session.required": "true",
    },
    protocolMappers: [
      groupMapper("oidc-group-membership-mapper", "openid-connect", {
        "claim.name": "groups",
        "id.token.claim": "true",
        "access.token.claim": "false",
      }),
    ],
  });
}

/** The steps under "SAML, there": our metadata imported, the import's mappers replaced. */
async function registerSaml(): Promise<void> {
  const client = (await keycloak.admin("POST", "client-description-converter", await saml.metadata())) as object;
  const property = (name: string, attribute: string) => ({
    name,
    protocol: "saml",
    protocolMapper: "saml-user-property-mapper",
    config: { "user.attribute": name, "attribute.name": attribute, "attribute.nameformat": "Basic" },
  });
  await keycloak.admin("POST", "clients", {
    ...client,
    // The import leaves it on: then Keycloak tells a browser, and where an administrator ends a session nobody.
    frontchannelLogout: false,
    protocolMappers: [
      property("username", "username"),
      property("email", "email"),
      property("firstName", "firstName"),
      property("lastName", "lastName"),
      property("emailVerified", "email_verified"),
      groupMapper("saml-group-membership-mapper", "saml", { "attribute.name": "groups", "attribute.nameformat": "Basic", single: "true" }),
    ],
  });
}

/** All sessions of a person end at Keycloak, as *Sign out* on the person's page does. */
async function endAt(login: string): Promise<void> {
  const [user] = (await keycloak.admin("GET", `users?exact=true&username=${login}`)) as { id: string }[];
  await keycloak.admin("POST", `users/${user?.id}/logout`);
}

async function sessionsOf(login: string): Promise<readonly { readonly id: string }[]> {
  const [user] = (await keycloak.admin("GET", `users?exact=true&username=${login}`)) as { id: string }[];
  return (await keycloak.admin("GET", `users/${user?.id}/sessions`)) as { id: string }[];
}

const signedOut = (visitor: Visitor, url: string) =>
  eventually(async () => expect(await isSignedIn(visitor, url)).toBe(false), { timeoutMs: 20_000, everyMs: 200 });

describe.skipIf(missing !== null)(`Keycloak${missing === null ? "" : ` (${missing})`}`, () => {
  beforeAll(async () => {
    if ("missing" in found) return;
    const port = await freePort();
    oidc = await startPeerRig(`    oidc:
      issuer: ${keycloakIssuer(port)}
      clientId: vestibule
      clientSecret: { env: CLIENT_SECRET }
    attributes: { subject: preferred_username }`);
    saml = await startPeerRig(`    saml:
      metadata: ${keycloakIssuer(port)}/protocol/saml/descriptor
      keys: {keys}
    attributes: { subject: username, email: email, name: ["{firstName} {lastName}"], groups: groups }`);
    keycloak = await startKeycloak(found.archive, port, [new URL(oidc.urls.auth).hostname]);
    await registerOidc();
    await registerSaml();
  }, 300_000);
  afterAll(async () => {
    await Promise.all([oidc?.close(), saml?.close(), keycloak?.close()]);
  });

  describe("OpenID Connect", () => {
    const signIn: SignIn = (visitor, url, login) => fillIn(visitor, url, "username", login);

    test("check --online proves the registration by a pushed request", async () => {
      const { code, stdout } = await oidc.command("check", "--online");
      expect(stdout).toContain("a pushed request was taken: clientId, secret and redirect URI are right");
      expect(code).toBe(0);
    });

    test("a visitor signs in with the groups that the mapper sends", () => expectAliceToArrive(oidc, signIn));

    test("one group is a group, and none is none", () => expectGroupsToCount(oidc, signIn));

    test("leaving the gateway leaves Keycloak, too", async () => {
      const both = await aVisitorAndAThief(oidc, signIn);
      await expectBothLeft(oidc, await leaveGateway(oidc, both.visitor), both);
    });

    test("back-channel logout: an administrator ends one session of two, and only that one is out", async () => {
      const [one, other] = [newVisitor(), newVisitor()];
      await signIn(one, `${oidc.urls.wiki}/`, "bob");
      const before = new Set((await sessionsOf("bob")).map(({ id }) => id));
      await signIn(other, `${oidc.urls.wiki}/`, "bob");
      const fresh = (await sessionsOf("bob")).find(({ id }) => !before.has(id));
      await keycloak.admin("DELETE", `sessions/${fresh?.id}`);
      await signedOut(other, oidc.urls.wiki);
      expect(await isSignedIn(one, oidc.urls.wiki)).toBe(true);
      expect(oidc.gateway.logged(({ audit }) => audit === "revocation")).not.toHaveLength(0);
    });

    test("a group that is taken away is gone at the next refresh", { timeout: 60_000 }, async () => {
      const visitor = newVisitor();
      await signIn(visitor, `${oidc.urls.wiki}/`, "dave");
      expect((await visitor.visit(`${oidc.urls.wiki}/`)).status).toBe(200);
      const [user] = (await keycloak.admin("GET", "users?exact=true&username=dave")) as { id: string }[];
      const [staff] = (await keycloak.admin("GET", "groups?exact=true&search=staff")) as { id: string }[];
      await keycloak.admin("DELETE", `users/${user?.id}/groups/${staff?.id}`);
      await eventually(async () => expect((await visitor.visit(`${oidc.urls.wiki}/`)).status).toBe(403), {
        timeoutMs: 40_000,
        everyMs: 300,
      });
      await keycloak.admin("PUT", `users/${user?.id}/groups/${staff?.id}`);
    });
  });

  describe("SAML", () => {
    const signIn: SignIn = (visitor, url, login) => fillInAndPost(visitor, url, "username", login);

    test("our metadata, imported: signed requests, encrypted assertions, groups", async () => {
      await expectAliceToArrive(saml, signIn);
      const [client] = (await keycloak.admin(
        "GET",
        `clients?clientId=${encodeURIComponent(`${saml.urls.auth}/_vestibule/saml/peer/metadata`)}`,
      )) as {
        attributes: Record<string, string>;
      }[];
      expect([client?.attributes["saml.encrypt"], client?.attributes["saml.client.signature"]]).toEqual(["true", "true"]);
    });

    test("one group is a group, and none is none", () => expectGroupsToCount(saml, signIn));

    test("an address that Keycloak calls unverified is none", async () => {
      await signIn(newVisitor(), `${saml.urls.wiki}/`, "dave");
      const request = saml.wiki.requests.at(-1);
      expect([request?.header("remote-user"), request?.header("remote-email")]).toEqual(["dave", null]);
    });

    test("leaving the gateway leaves Keycloak, too", async () => {
      const both = await aVisitorAndAThief(saml, signIn);
      const { page } = await carryForms(both.visitor, await leaveGateway(saml, both.visitor));
      await expectBothLeft(saml, page, both);
    });

    test("an administrator ends a person's sessions, and Keycloak says so by the back channel", async () => {
      const { thief } = await aVisitorAndAThief(saml, signIn);
      await endAt("alice");
      await signedOut(thief, saml.urls.wiki);
    });
  });
});
