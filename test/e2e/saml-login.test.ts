import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { demoUsers } from "../support/oidc-provider.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { finish, postForm, type SamlRig, samlSignIn, samlSignInAt, startSamlRig } from "../support/saml-rig.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";

describe("a login by SAML", () => {
  let rig: SamlRig;
  beforeAll(async () => {
    rig = await startSamlRig();
  });
  afterAll(() => rig.close());

  /** What operators read of the last login that failed so. */
  const failure = (code: string) =>
    eventually(() => {
      const line = rig.gateway.logged((one) => one.audit === "login-failed" && one.code === code).at(-1);
      if (line === undefined) throw new Error(`no line says ${code}`);
      return String(line.detail);
    });

  test("comes back to the page that was wanted, with the identity in headers, for two root names", async () => {
    const visitor = newVisitor();
    const page = await samlSignIn(visitor, `${rig.urls.wiki}/wanted?x=1`, "alice");
    expect(page.url.href).toBe(`${rig.urls.wiki}/wanted?x=1`);
    expect(page.status).toBe(200);
    const seen = rig.wiki.requests.at(-1);
    expect(seen?.header("remote-user")).toBe("alice");
    expect(seen?.header("remote-email")).toBe("alice@acme.example");
    expect(seen?.header("remote-name")).toBe("Alice Archer");
    expect(seen?.header("remote-groups")).toBe("staff,admins");
    const asked = rig.idp.received.length;
    expect((await visitor.browse(`${rig.urls.reports}/q3`)).status).toBe(200);
    expect(rig.idp.received.length).toBe(asked);
    expect(rig.idp.received.every(({ signed }) => signed)).toBe(true);
  });

  test("obeys the groups: bob is no admin, carol is in no group", async () => {
    const bob = newVisitor();
    expect((await samlSignIn(bob, `${rig.urls.wiki}/`, "bob")).status).toBe(200);
    expect((await bob.visit(`${rig.urls.wiki}/admin`)).status).toBe(403);
    const carol = newVisitor();
    const seen = rig.wiki.requests.length;
    expect((await samlSignIn(carol, `${rig.urls.wiki}/`, "carol")).status).toBe(403);
    expect(rig.wiki.requests.length).toBe(seen);
    expect((await carol.browse(`${rig.urls.reports}/`)).status).toBe(200);
  });

  test("a provider's no is told as one, with the status for operators only", async () => {
    const visitor = newVisitor();
    const login = await visitor.browse(`${rig.urls.wiki}/`);
    const page = await finish(visitor, await visitor.visit(firstForm(login).action, { form: { login: "", password: "", cancel: "1" } }));
    expect(page.status).toBe(403);
    expect(page.body).not.toContain("AuthnFailed");
    expect(await failure("saml.status")).toContain("AuthnFailed");
  });

  test("another browser's answer signs nobody in (login CSRF), and neither does the same answer twice", async () => {
    const attacker = newVisitor();
    const login = await attacker.browse(`${rig.urls.wiki}/`);
    const answer = await attacker.visit(firstForm(login).action, { form: { login: "alice", password: "alice" } });
    const victim = newVisitor();
    await victim.browse(`${rig.urls.wiki}/`);
    const parked = await postForm(answer);
    expect(parked.status).toBe(303);
    expect((await victim.browse(parked.location ?? "")).status).toBe(400);
    expect((await victim.visit(`${rig.urls.wiki}/`)).status).toBe(302);
    expect((await postForm(answer)).status).toBe(400);
    expect(await failure("saml.replayed")).toContain("used already");
  });

  test("an answer that nobody asked for is refused unless it is allowed", async () => {
    const { action, fields } = { action: rig.idp.behaviour.sp.acsUrl, fields: rig.idp.answerFields("alice") };
    const answer = await newVisitor().visit(action, { form: fields, headers: { "sec-fetch-site": "cross-site" } });
    expect(answer.status).toBe(400);
    expect(answer.setCookies).toEqual([]);
    expect(await failure("saml.unsolicited")).toContain("allowIdpInitiated");
  });

  test("our metadata names our endpoints and our certificate", async () => {
    const { status, headers, body } = await newVisitor().visit(`${rig.urls.saml}/metadata`);
    expect(status).toBe(200);
    expect(headers["content-type"]).toMatch(/^application\/samlmetadata\+xml/);
    expect(body).toContain(`${rig.urls.saml}/acs`);
    expect(body).toContain(`${rig.urls.saml}/slo`);
    expect(body).toContain(rig.ownKey.certificate.replace(/-----[^-]+-----|\s/g, ""));
  });

  test.each(["response", "both"] as const)("is accepted with %s signed, encrypted or not", async (sign) => {
    rig.idp.behaviour.sign = sign;
    for (const encrypt of [false, true]) {
      rig.idp.behaviour.encrypt = encrypt;
      expect((await samlSignIn(newVisitor(), `${rig.urls.wiki}/`, "alice")).status).toBe(200);
    }
    Object.assign(rig.idp.behaviour, { sign: "assertion", encrypt: false });
  });

  test("an encrypted assertion that is signed inside is accepted", async () => {
    rig.idp.behaviour.encrypt = true;
    expect((await samlSignIn(newVisitor(), `${rig.urls.wiki}/`, "alice")).status).toBe(200);
    rig.idp.behaviour.encrypt = false;
  });

  test("a certificate that changes costs no login, announced or not, and the old one is believed no longer", async () => {
    const [old, next, last] = [rig.idp.behaviour.key, await makeSamlKey("next"), await makeSamlKey("last")];
    // Announced: the next one stands first, the signing one behind it.
    rig.idp.behaviour.published = [next.certificate, old.certificate];
    expect((await samlSignIn(newVisitor(), `${rig.urls.wiki}/`, "alice")).status).toBe(200);
    // Not announced: the metadata that is held does not know it yet.
    Object.assign(rig.idp.behaviour, { key: last, published: [last.certificate] });
    expect((await samlSignIn(newVisitor(), `${rig.urls.wiki}/`, "alice")).status).toBe(200);
    rig.idp.behaviour.key = old;
    expect((await samlSignIn(newVisitor(), `${rig.urls.wiki}/`, "alice")).status).toBe(400);
    rig.idp.behaviour.key = last;
    expect(await failure("saml.signature")).toMatch(/fingerprints?.*[0-9a-f]{64}/);
  });

  test("another account means a new proof at the provider", async () => {
    const visitor = newVisitor();
    await samlSignIn(visitor, `${rig.urls.wiki}/`, "bob");
    const login = await visitor.browse(
      `${rig.urls.auth}/_vestibule/login?another=1&return=${encodeURIComponent(`${rig.urls.wiki}/admin`)}`,
    );
    expect(rig.idp.received.at(-1)?.xml).toContain('ForceAuthn="true"');
    const page = await samlSignInAt(visitor, login, "alice");
    expect(page.url.href).toBe(`${rig.urls.wiki}/admin`);
    expect(page.status).toBe(200);
  });
});

describe("with allowIdpInitiated", () => {
  let rig: SamlRig;
  beforeAll(async () => {
    rig = await startSamlRig({ saml: "      allowIdpInitiated: true\n" });
  });
  afterAll(() => rig.close());

  test.each([
    { when: "a page", relayState: (wiki: string) => `${wiki}/deep?q=1`, path: "/deep?q=1" },
    { when: "another site", relayState: () => "https://evil.example/", path: "/" },
  ])("a login that begins at the provider leads to $path when RelayState is $when", async ({ relayState, path }) => {
    const visitor = newVisitor();
    const form = rig.idp.answerFields("alice", { relayState: relayState(rig.urls.wiki) });
    const parked = await newVisitor().visit(rig.idp.behaviour.sp.acsUrl, { form });
    const page = await visitor.browse(parked.location ?? "");
    expect(page.url.href).toBe(`${rig.urls.wiki}${path}`);
    expect(page.status).toBe(200);
  });

  test("an unsolicited answer works once", async () => {
    const form = rig.idp.answerFields("alice");
    const post = () => newVisitor().visit(rig.idp.behaviour.sp.acsUrl, { form });
    const answers = await Promise.all([post(), post(), post()]);
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 400, 400]);
  });
});

describe("step-up and strength", () => {
  let rig: SamlRig;
  beforeAll(async () => {
    rig = await startSamlRig({
      wiki: "      - path: /vault\n        access:\n          - allow: { groups: [admins], acr: [urn:strong] }\n",
    });
  });
  afterAll(() => rig.close());

  test("a rule that needs a stronger login asks the provider for it", async () => {
    const visitor = newVisitor();
    await samlSignIn(visitor, `${rig.urls.wiki}/`, "alice");
    const login = await visitor.browse(`${rig.urls.wiki}/vault/1`);
    expect(rig.idp.received.at(-1)?.xml).toContain("urn:strong");
    const page = await samlSignInAt(visitor, login, "alice");
    expect(page.url.href).toBe(`${rig.urls.wiki}/vault/1`);
    expect(page.status).toBe(200);
  });
});

describe("a provider that is away", () => {
  test("at the start: the gateway runs, the login says so with 503, and works as soon as the provider is back", async () => {
    const rig = await startSamlRig({ users: demoUsers(), behaviour: { available: false } });
    try {
      const away = await newVisitor().browse(`${rig.urls.wiki}/`);
      expect(away.status).toBe(503);
      rig.idp.behaviour.available = true;
      await eventually(async () => expect((await newVisitor().browse(`${rig.urls.wiki}/`)).url.origin).toBe(rig.idp.origin), {
        timeoutMs: 15_000,
        everyMs: 200,
      });
    } finally {
      await rig.close();
    }
  });
});
