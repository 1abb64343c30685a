import { describe, expect, test } from "vitest";
import { compileUrgent } from "../../src/gateway/admission.ts";
import { createControlBrowser } from "../support/control-browser.ts";
import { createControlRig } from "../support/control-rig.ts";

const auth = "https://auth.acme.example";
const wiki = "https://wiki.acme.example";

describe("what is served however full the gateway is", () => {
  const isUrgent = compileUrgent(createControlRig().endpoints);

  test.each([
    { target: "/_vestibule/logout", urgent: true },
    { target: "/_vestibule/logout?next=/x", urgent: true },
    { target: "/_vestibule/oidc/acme/backchannel-logout", urgent: true },
    { target: "/_vestibule/oidc/acme/frontchannel-logout?sid=1", urgent: true },
    { target: "/_vestibule/saml/adfs/slo", urgent: true },
    { target: "/_vestibule/saml/adfs/slo?SAMLRequest=x", urgent: true },
    { target: "/_vestibule/login", urgent: false },
    { target: "/_vestibule/oidc/acme/callback?code=1", urgent: false },
    { target: "/_vestibule/saml//slo", urgent: false },
    { target: "/_vestibule/saml/a/b/slo", urgent: false },
    { target: "/_vestibule/%6cogout", urgent: false },
    { target: "/page?/_vestibule/logout", urgent: false },
    { target: "/_vestibule/logouts", urgent: false },
    { target: "/wiki/_vestibule/logout", urgent: false },
  ])("$target: $urgent", ({ target, urgent }) => {
    expect(isUrgent(target)).toBe(urgent);
  });
});

test("an endpoint is limited when it opens, asks or verifies something for a stranger", () => {
  const limited = createControlRig().endpoints.filter((endpoint) => endpoint.limited);
  expect([...new Set(limited.map(({ path }) => path))].toSorted()).toEqual([
    "/confirm",
    "/form",
    "/ldap/:provider/form",
    "/local/:provider/passkey",
    "/local/:provider/password",
    "/local/:provider/second",
    "/login",
    "/oidc/:provider/callback",
    "/oidc/:provider/frontchannel-logout",
    "/saml/:provider/acs",
    "/saml/:provider/slo",
  ]);
});

test("SAML logout messages of one address are counted like logins", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const send = async () => (await browser.ask(`${auth}/_vestibule/saml/shib/slo?SAMLRequest=x`)).status;
  const { loginsPerAddress } = rig.settings.limits;
  for (let count = 0; count < loginsPerAddress; count += 1) expect(await send()).toBe(400);
  expect(await send()).toBe(429);
});

test.each([
  { method: "POST", path: "/session", status: 405, allow: "GET, HEAD" },
  { method: "HEAD", path: "/enter", status: 405, allow: "GET" },
  { method: "PUT", path: "/logout", status: 405, allow: "GET, POST" },
  { method: "PROPFIND", path: "/jwks.json", status: 405, allow: "GET, HEAD" },
  { method: "GET", path: "/login", status: 404, allow: null },
  { method: "GET", path: "/nothing", status: 404, allow: null },
  { method: "GET", path: "/", status: 404, allow: null },
  { method: "HEAD", path: "/jwks.json", status: 200, allow: null },
])("$method $path on an app's host is answered with $status", async ({ method, path, status, allow }) => {
  const reply = await createControlBrowser(createControlRig()).ask(`${wiki}/_vestibule${path}`, { method });
  expect([reply.status, reply.headers.get("allow")]).toEqual([status, allow]);
});

test("one address with a handler for each method names them all", async () => {
  const reply = await createControlBrowser(createControlRig()).ask(`${auth}/_vestibule/oidc/entra/callback`, { method: "PUT" });
  expect([reply.status, reply.headers.get("allow")]).toEqual([405, "GET, POST"]);
});
