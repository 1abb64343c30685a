import { afterAll, beforeAll, expect, test } from "vitest";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { firstForm, newVisitor, type Visitor } from "../support/visitor.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ wiki: "    keepForms: true", reports: "    keepForms: false" });
});
afterAll(() => rig.close());

const host = "wiki.localhost";
const cookie = "vestibule";

/** A browser that still holds the cookie of a session that has ended. */
async function signedInEarlier(site: string, hostname: string): Promise<Visitor> {
  const visitor = newVisitor();
  await signIn(visitor, `${site}/`, "alice");
  const kept = visitor.cookies(hostname).get(cookie) ?? "";
  await visitor.visit(`${site}/_vestibule/logout`, { method: "POST", headers: { origin: site, "sec-fetch-site": "same-origin" } });
  const fresh = newVisitor();
  fresh.setCookie(hostname, cookie, kept);
  return fresh;
}
const fromOwnPage = { "sec-fetch-site": "same-origin" };
const typed = { title: "Zürich & Genève", text: 'two\r\nlines = "quoted" <b>', token: "a+b/c==" };

test("a form that a login interrupts is shown again after it, and a click sends it as it was", async () => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const seen = rig.wiki.requests.length;
  const interrupted = await visitor.visit(`${rig.urls.wiki}/pages/new?space=a%20b`, { method: "POST", form: typed, headers: fromOwnPage });
  expect(interrupted.status).toBe(303);
  expect(interrupted.location).toContain(`${rig.urls.auth}/_vestibule/login?`);
  const page = await signIn(visitor, interrupted.location ?? "", "alice");
  expect(page.url.pathname).toBe("/_vestibule/form");
  expect(page.body).toContain("wiki.localhost/pages/new");
  expect(rig.wiki.requests.length).toBe(seen);
  const form = firstForm(page);
  expect(form.fields).toEqual(typed);
  const sent = await visitor.visit(form.action, { method: "POST", form: form.fields, headers: fromOwnPage });
  expect(sent.status).toBe(200);
  const request = rig.wiki.requests.at(-1);
  expect(request?.method).toBe("POST");
  expect(request?.target).toBe("/pages/new?space=a%20b");
  expect(Object.fromEntries(new URLSearchParams(request?.body.toString()))).toEqual(typed);
  expect(request?.header("remote-user")).toBe("alice");
  // Shown once: what somebody typed does not stay behind an address.
  expect((await visitor.visit(page.url.href)).location).toBe(`${rig.urls.wiki}/`);
});

test.each([
  { when: "another site's page sent it", headers: { "sec-fetch-site": "cross-site" }, form: typed },
  { when: "a script sent it", headers: { ...fromOwnPage, "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" }, form: typed },
  { when: "it is larger than 1 MiB", headers: fromOwnPage, form: { text: "x".repeat(1_048_576) } },
  { when: "a field would not survive a page", headers: fromOwnPage, form: { text: "a\0b" } },
])("not kept, as $when: 401", async ({ headers, form }) => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const answer = await visitor.visit(`${rig.urls.wiki}/pages/new`, { method: "POST", form, headers });
  expect(answer.status).toBe(401);
});

test("a stranger's form is not kept, nor one with a made-up cookie, nor where the app says no", async () => {
  const post = { method: "POST", form: typed, headers: fromOwnPage };
  expect((await newVisitor().visit(`${rig.urls.wiki}/pages/new`, post)).status).toBe(401);
  const forger = newVisitor();
  forger.setCookie(host, cookie, `${"A".repeat(43)}.${"B".repeat(43)}`);
  expect((await forger.visit(`${rig.urls.wiki}/pages/new`, post)).status).toBe(401);
  const reports = await signedInEarlier(rig.urls.reports, "reports.internal.localhost");
  expect((await reports.visit(`${rig.urls.reports}/q3`, post)).status).toBe(401);
});

test("another browser, and another host, never see what was typed", async () => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const interrupted = await visitor.visit(`${rig.urls.wiki}/pages/new`, { method: "POST", form: typed, headers: fromOwnPage });
  const asked = await visitor.browse(interrupted.location ?? "");
  const form = firstForm(asked);
  let step = await visitor.visit(form.action, { form: { ...form.fields, login: "alice", password: "alice" } });
  for (let hop = 0; hop < 10 && !step.location?.includes("/_vestibule/form"); hop += 1) {
    step = await visitor.visit(new URL(step.location ?? "", step.url).href);
  }
  const address = new URL(step.location ?? "", step.url);
  const thief = newVisitor();
  await signIn(thief, `${rig.urls.wiki}/`, "bob");
  const stolen = await thief.visit(address.href);
  expect([stolen.status, stolen.location]).toEqual([303, `${rig.urls.wiki}/`]);
  expect((await visitor.visit(`${rig.urls.reports}${address.pathname}${address.search}`)).body).not.toContain("Genève");
});

test("one earlier session leaves few forms behind", async () => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const answers: number[] = [];
  for (let at = 0; at < 7; at += 1) {
    const answer = await visitor.visit(`${rig.urls.wiki}/pages/new`, { method: "POST", form: typed, headers: fromOwnPage });
    answers.push(answer.status);
  }
  expect(answers).toEqual([303, 303, 303, 303, 303, 401, 401]);
});
