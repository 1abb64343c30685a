import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { demoUsers } from "../support/oidc-provider.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";

describe("form_post", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({ oidc: "      responseMode: form_post\n      pushedAuthorization: required\n" });
  });
  afterAll(() => rig.close());

  test("the cross-site post finishes on a same-site page, and no code stands in any address", async () => {
    const visitor = newVisitor();
    const login = await visitor.browse(`${rig.urls.wiki}/wanted?x=1`);
    const form = firstForm(login);
    const posting = await visitor.browse(form.action, { form: { ...form.fields, login: "alice", password: "alice" } });
    const answer = firstForm(posting);
    expect(answer.method).toBe("post");
    // A cross-site post carries no Lax cookie: the callback must do without.
    const stranger = newVisitor();
    const parked = await stranger.visit(answer.action, { form: answer.fields, headers: { "sec-fetch-site": "cross-site" } });
    expect(parked.status).toBe(303);
    expect(parked.location).not.toContain(answer.fields.code);
    const page = await visitor.browse(new URL(parked.location ?? "", answer.action).href);
    expect(page.url.href).toBe(`${rig.urls.wiki}/wanted?x=1`);
    expect(page.status).toBe(200);
    // Another browser cannot finish it, and neither can this one a second time.
    expect((await newVisitor().browse(new URL(parked.location ?? "", answer.action).href)).status).toBe(400);
  });
});

describe("step-up", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({
      provider: { acrValues: ["low", "high"] },
      oidc: "      pushedAuthorization: never\n",
      wiki: "      - path: /vault\n        access:\n          - allow: { groups: [admins], acr: [high] }\n",
    });
  });
  afterAll(() => rig.close());

  test("a rule that needs a stronger acr leads to a new login that asks for it, under a new session", async () => {
    const visitor = newVisitor();
    await signIn(visitor, `${rig.urls.wiki}/`, "alice");
    const before = visitor.cookies("wiki.localhost").get("vestibule");
    const asked = await visitor.browse(`${rig.urls.wiki}/vault/1`);
    expect(visitor.trail.some((url) => url.includes("acr_values=high"))).toBe(true);
    const form = firstForm(asked);
    const page = await visitor.browse(form.action, { form: { ...form.fields, login: "alice", password: "alice" } });
    expect(page.url.href).toBe(`${rig.urls.wiki}/vault/1`);
    expect(page.status).toBe(200);
    expect(visitor.cookies("wiki.localhost").get("vestibule")).not.toBe(before);
    const old = newVisitor();
    old.setCookie("wiki.localhost", "vestibule", before ?? "");
    expect((await old.visit(`${rig.urls.wiki}/`)).status).toBe(302);
  });

  test("who would not be let in with the stronger login either is refused without one", async () => {
    const visitor = newVisitor();
    await signIn(visitor, `${rig.urls.wiki}/`, "bob");
    expect((await visitor.visit(`${rig.urls.wiki}/vault/1`)).status).toBe(403);
  });
});

describe("refresh", () => {
  let rig: Rig;
  const users = demoUsers();
  beforeAll(async () => {
    rig = await startRig({
      users,
      provider: { accessTokenSeconds: 4 },
    });
  });
  afterAll(() => rig.close());

  test("a group that is taken away at the provider is gone after the next refresh, with one grant for many requests", async () => {
    const visitor = newVisitor();
    const page = await signIn(visitor, `${rig.urls.wiki}/admin`, "alice");
    expect(page.status).toBe(200);
    const alice = users.find(({ login }) => login === "alice");
    if (alice !== undefined) alice.claims = { ...alice.claims, groups: ["staff"] };
    const grants = () => rig.provider.requests.filter((request) => request === "POST /token").length;
    const before = grants();
    await eventually(async () => expect((await visitor.visit(`${rig.urls.wiki}/admin`)).status).toBe(403), {
      timeoutMs: 10_000,
      everyMs: 100,
    });
    const many = await Promise.all(Array.from({ length: 30 }, () => visitor.visit(`${rig.urls.wiki}/page`)));
    expect(new Set(many.map(({ status }) => status))).toEqual(new Set([200]));
    expect(rig.wiki.requests.at(-1)?.header("remote-groups")).toBe("staff");
    expect(grants() - before).toBeGreaterThan(0);
    expect(rig.provider.events.filter((event) => event.startsWith("grant.error"))).toEqual([]);
  });
});
