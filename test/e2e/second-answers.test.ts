import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";
import { rigSecret, rigYaml } from "../support/rig.ts";
import { type RigUrls, rigUrls } from "../support/rig-apps.ts";
import { finish, postForm, type SamlRig, samlSignInAt, startSamlRig } from "../support/saml-rig.ts";
import { firstForm, newVisitor, type Visitor, type VisitorAnswer } from "../support/visitor.ts";

/**
 * What people do with a login besides going through it once: twenty tabs, the back button, a bookmark of the provider's page, a reloaded
 * answer. None of it signs anybody in twice, and each ends at the page that was wanted, at most one click later.
 */
const linksOf = ({ body, url }: VisitorAnswer) =>
  [...body.matchAll(/<a\b[^>]*href="([^"#]+)"/g)].map(([, href = ""]) => new URL(href.replaceAll("&amp;", "&"), url).href);

/** The way on that a page offers first. */
async function goOn(visitor: Visitor, page: VisitorAnswer): Promise<VisitorAnswer> {
  const [link] = linksOf(page);
  if (link === undefined) throw new Error(`a dead end: ${page.status} ${page.url.href}`);
  return visitor.browse(link);
}

describe("OpenID Connect", () => {
  let fake: FakeOidc;
  let gateway: GatewayProcess;
  let wiki: RecordingUpstream;
  let urls: RigUrls;
  beforeAll(async () => {
    [fake, wiki] = await Promise.all([startFakeOidc(), startRecordingUpstream()]);
    const [port = 0, adminPort = 0] = await freePorts(2);
    urls = rigUrls(port);
    gateway = await startGatewayProcess({
      yaml: rigYaml({ port, adminPort, issuer: fake.issuer, wiki: wiki.url, reports: wiki.url }).replace(
        "clientId: vestibule",
        "clientId: gateway",
      ),
      adminPort,
      env: { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: "client-secret" },
    });
  });
  afterEach(() => {
    fake.script = {};
  });
  afterAll(async () => {
    await gateway?.stop();
    await Promise.all([fake?.close(), wiki?.close()]);
  });

  /** Opens a page up to the provider, as a tab that stands at its form: the address where the form is. */
  async function openTab(visitor: Visitor, url: string): Promise<string> {
    let answer = await visitor.visit(url);
    while (answer.location !== null) {
      const next = new URL(answer.location, answer.url).href;
      if (next.startsWith(fake.issuer)) return next;
      answer = await visitor.visit(next);
    }
    throw new Error(`${url} ended at ${answer.url.href}`);
  }
  const exchanges = () => fake.count("/token");
  const logins = () => gateway.logged(({ audit }) => audit === "login");
  const callbackOf = (visitor: Visitor) => visitor.trail.find((url) => url.includes("/oidc/acme/callback?")) ?? "";

  test("twenty tabs: each one comes to a page, and those that were forgotten say how to go on", async () => {
    const visitor = newVisitor();
    const tabs: string[] = [];
    for (let tab = 0; tab < 20; tab += 1) tabs.push(await openTab(visitor, `${urls.wiki}/page-${tab}`));
    const last = await visitor.browse(tabs[19] ?? "");
    expect([last.status, last.url.pathname]).toEqual([200, "/page-19"]);
    const ends: string[] = [];
    for (const tab of tabs.slice(0, 19)) {
      const page = await visitor.browse(tab);
      if (page.status === 200) ends.push(page.url.href);
      else {
        expect([page.status, page.body]).toEqual([400, expect.stringContaining("Please start again")]);
        // The page that this tab wanted is not known any more: the start page is, and there the person is signed in.
        const onward = await goOn(visitor, page);
        expect([onward.status, onward.body]).toEqual([200, expect.stringContaining("Wiki")]);
        ends.push(onward.url.href);
      }
    }
    expect(ends.filter((end) => end.startsWith(`${urls.wiki}/page-`)).length).toBeGreaterThanOrEqual(5);
    expect((await visitor.visit(`${urls.wiki}/page-0`)).status).toBe(200);
  });

  test("a reloaded callback asks nothing of the provider, makes no session, and leads to the page by one click", async () => {
    const visitor = newVisitor();
    const earlier = logins().length;
    await visitor.browse(`${urls.wiki}/deep?q=1`);
    const callback = callbackOf(visitor);
    // Lines leave a moment after the answer.
    await eventually(() => expect(logins()).toHaveLength(earlier + 1));
    const before = exchanges();
    const page = await visitor.browse(callback);
    expect(page.status).toBe(400);
    const onward = await goOn(visitor, page);
    expect([onward.status, onward.url.href]).toEqual([200, `${urls.wiki}/deep?q=1`]);
    expect([exchanges(), logins().length]).toEqual([before, earlier + 1]);
  });

  test("the back button to the provider's form, sent once more: the page by one click", async () => {
    const visitor = newVisitor();
    const form = await openTab(visitor, `${urls.wiki}/back`);
    expect((await visitor.browse(form)).url.pathname).toBe("/back");
    const page = await visitor.browse(form);
    expect(page.status).toBe(400);
    expect((await goOn(visitor, page)).url.href).toBe(`${urls.wiki}/back`);
  });

  test("the same, when the session has ended meanwhile: by one click and a new login", async () => {
    const visitor = newVisitor();
    const form = await openTab(visitor, `${urls.wiki}/back`);
    await visitor.browse(form);
    await visitor.browse(`${urls.wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
    const page = await visitor.browse(form);
    expect(page.status).toBe(400);
    const onward = await goOn(visitor, page);
    expect(onward.status).toBe(200);
  });

  test("a failed login, reloaded: the way on begins a new one", async () => {
    const visitor = newVisitor();
    fake.script = { token: () => ({ status: 400, json: { error: "invalid_grant" } }) };
    const failed = await visitor.browse(`${urls.wiki}/once`);
    expect(failed.status).toBe(400);
    fake.script = {};
    const reloaded = await visitor.browse(failed.url.href);
    expect(reloaded.status).toBe(400);
    expect((await goOn(visitor, reloaded)).url.href).toBe(`${urls.wiki}/once`);
  });

  test("a bookmark of the provider's form, opened in another browser: nobody is signed in by it, and the way on signs in", async () => {
    const form = await openTab(newVisitor(), `${urls.wiki}/bookmarked`);
    const other = newVisitor();
    const page = await other.browse(form);
    expect([page.status, page.body]).toEqual([400, expect.stringContaining("another browser")]);
    expect((await other.visit(`${urls.wiki}/`)).status).toBe(302);
    const onward = await goOn(other, page);
    expect([onward.status, onward.body]).toEqual([200, expect.stringContaining("Wiki")]);
    expect((await other.browse(`${urls.wiki}/bookmarked`)).status).toBe(200);
  });

  test("a page of another host is never the way on: the note is sealed for this state", async () => {
    const visitor = newVisitor();
    await visitor.browse(`${urls.wiki}/mine`);
    const callback = new URL(callbackOf(visitor));
    callback.searchParams.set("state", "A".repeat(43));
    const page = await visitor.browse(callback.href);
    expect(page.status).toBe(400);
    expect(linksOf(page).filter((link) => link.includes("/mine"))).toEqual([]);
  });
});

describe("SAML", () => {
  let rig: SamlRig;
  beforeAll(async () => {
    rig = await startSamlRig();
  });
  afterAll(() => rig?.close());

  test("twenty tabs: the eight newest come to their pages, the others lead on", async () => {
    const visitor = newVisitor();
    const tabs: VisitorAnswer[] = [];
    for (let tab = 0; tab < 20; tab += 1) tabs.push(await visitor.browse(`${rig.urls.wiki}/page-${tab}`));
    for (const [at, tab] of [...tabs.entries()].reverse()) {
      const page = await samlSignInAt(visitor, tab, "alice");
      const end = page.status === 200 ? page : await goOn(visitor, page);
      expect(end.status, `tab ${at}`).toBe(200);
      if (at >= 13) expect(end.url.pathname).toBe(`/page-${at}`);
    }
  });

  /** Leaves the provider's form by its own way out, and goes on where the gateway sends the browser. */
  const giveUp = async (visitor: Visitor, login: VisitorAnswer) =>
    finish(
      visitor,
      await visitor.visit(firstForm(login).action, { form: { ...firstForm(login).fields, login: "", password: "", cancel: "1" } }),
    );

  test("a provider that is busy gets one new try by itself, then the page says so and leads to the page that was wanted", async () => {
    const { refusal } = rig.idp.behaviour;
    rig.idp.behaviour.refusal = "Responder/NoAvailableIDP";
    try {
      const visitor = newVisitor();
      const second = await giveUp(visitor, await visitor.browse(`${rig.urls.wiki}/busy?q=1`));
      // The provider's form again, without a word and without a forced new password.
      expect([second.status, second.url.origin]).toEqual([200, rig.idp.origin]);
      const page = await giveUp(visitor, second);
      expect(page.status).toBe(503);
      expect(linksOf(page)[0]).toBe(`${rig.urls.wiki}/busy?q=1`);
      const failed = () => rig.gateway.logged(({ audit, code }) => audit === "login-failed" && code === "login.provider-busy");
      await eventually(() => expect(failed()).toHaveLength(1));
    } finally {
      rig.idp.behaviour.refusal = refusal;
    }
    const visitor = newVisitor();
    rig.idp.behaviour.refusal = "Responder/NoAvailableIDP";
    const again = await giveUp(visitor, await visitor.browse(`${rig.urls.wiki}/busy-once`));
    rig.idp.behaviour.refusal = refusal;
    expect((await samlSignInAt(visitor, again, "alice")).url.href).toBe(`${rig.urls.wiki}/busy-once`);
  });

  test("a busy answer that is not this browser's begins no login", async () => {
    const page = await newVisitor().visit(`${rig.urls.saml}/finish?busy=${"A".repeat(43)}`);
    expect([page.status, page.location]).toEqual([503, null]);
    // The answer came to an end here: the audit log has it like any other login that failed, with why there was no new try.
    const number = /\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b/.exec(page.body)?.[0];
    const failed = () => rig.gateway.logged(({ audit, request }) => audit === "login-failed" && request === number);
    await eventually(() => expect(failed()).toMatchObject([{ code: "login.provider-busy", detail: expect.stringContaining("browser") }]));
  });

  test("the finishing page, reloaded, leads to the page that was wanted", async () => {
    const visitor = newVisitor();
    const login = await visitor.browse(`${rig.urls.wiki}/deep?q=1`);
    expect((await samlSignInAt(visitor, login, "alice")).url.href).toBe(`${rig.urls.wiki}/deep?q=1`);
    const finish = visitor.trail.find((url) => url.includes("/finish?answer=")) ?? "";
    const page = await visitor.browse(finish);
    expect(page.status).toBe(400);
    expect((await goOn(visitor, page)).url.href).toBe(`${rig.urls.wiki}/deep?q=1`);
  });

  test("the posted answer, sent again, signs nobody in and leads on", async () => {
    const visitor = newVisitor();
    const login = await visitor.browse(`${rig.urls.wiki}/again`);
    const form = { ...login };
    await samlSignInAt(visitor, login, "alice");
    const answer = await visitor.visit(`${rig.idp.origin}/login?ticket=${/ticket=([0-9a-f]+)/.exec(form.body)?.[1]}`, {
      form: { login: "alice", password: "alice" },
    });
    // The provider itself has used its form up: its own page says so, and the gateway is not asked.
    expect(answer.status).toBe(400);
    const fields = rig.idp.answerFields("alice", { inResponseTo: "_spent" });
    const posted = await postForm({
      ...answer,
      body: `<form action="${rig.idp.behaviour.sp.acsUrl}"><input name="SAMLResponse" value="${fields.SAMLResponse}"></form>`,
    });
    const page = posted.location === null ? posted : await visitor.browse(posted.location);
    expect(page.status).toBe(400);
    expect((await goOn(visitor, page)).status).toBe(200);
  });
});
