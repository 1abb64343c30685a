import { afterAll, beforeAll, expect, test } from "vitest";
import { exchange } from "../support/raw-client.ts";
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
  const kept = [cookie, `${cookie}-person`].map((name) => [name, visitor.cookies(hostname).get(name) ?? ""] as const);
  await visitor.visit(`${site}/_vestibule/logout`, { method: "POST", headers: { origin: site, "sec-fetch-site": "same-origin" } });
  const fresh = newVisitor();
  for (const [name, value] of kept) fresh.setCookie(hostname, name, value);
  return fresh;
}
const fromOwnPage = { "sec-fetch-site": "same-origin" };
const typed = { title: "Zürich & Genève", text: 'two\r\nlines = "quoted" <b>', token: "a+b/c==" };

test("a form that a login interrupts is shown again after it, and a click sends it as it was", async () => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const seen = rig.wiki.requests.length;
  const interrupted = await visitor.visit(`${rig.urls.wiki}/pages/new?space=a%20b`, { method: "POST", form: typed, headers: fromOwnPage });
  expect(interrupted.status).toBe(401);
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

/** The address at which a form of alice's waits in her browser, which has not opened it yet. */
async function waitingForm() {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const interrupted = await visitor.visit(`${rig.urls.wiki}/pages/new`, { method: "POST", form: typed, headers: fromOwnPage });
  const asked = await visitor.browse(interrupted.location ?? "");
  const form = firstForm(asked);
  let step = await visitor.visit(form.action, { form: { ...form.fields, login: "alice", password: "alice" } });
  for (let hop = 0; hop < 10 && !step.location?.includes("/_vestibule/form"); hop += 1) {
    step = await visitor.visit(new URL(step.location ?? "", step.url).href);
  }
  return { visitor, address: new URL(step.location ?? "", step.url) };
}

test.each(["bob", "alice"])("another browser, in which %s is signed in, never sees what was typed", async (login) => {
  const { address } = await waitingForm();
  const thief = newVisitor();
  await signIn(thief, `${rig.urls.wiki}/`, login);
  const stolen = await thief.visit(address.href);
  expect([stolen.status, stolen.location]).toEqual([303, `${rig.urls.wiki}/`]);
});

test("another host never sees what was typed, and the own one does", async () => {
  const [one, other] = [await waitingForm(), await waitingForm()];
  // Signed in at the provider already: the other host needs no form.
  expect((await one.visitor.browse(`${rig.urls.reports}/`)).status).toBe(200);
  expect((await one.visitor.visit(`${rig.urls.reports}${one.address.pathname}${one.address.search}`)).body).not.toContain("Genève");
  expect((await other.visitor.browse(other.address.href)).body).toContain("Genève");
});

test.each(["//evil.example/collect", "///evil.example/collect", "/%2f/evil.example/x"])(
  "a form for the path %s is sent to its own host and to no other",
  async (path) => {
    const visitor = await signedInEarlier(rig.urls.wiki, host);
    const interrupted = await visitor.visit(`${rig.urls.wiki}${path}`, { method: "POST", form: typed, headers: fromOwnPage });
    if (interrupted.location === null) return expect(interrupted.status).toBeGreaterThanOrEqual(400);
    const page = await signIn(visitor, interrupted.location ?? "", "alice");
    const action = /<form[^>]* action="([^"]*)"/.exec(page.body)?.[1] ?? "";
    expect(new URL(action, page.url).href).toBe(`${rig.urls.wiki}${path}`);
  },
);

test("another person who signs in at the same browser never sees what was typed, nor sends it", async () => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const interrupted = await visitor.visit(`${rig.urls.wiki}/pages/new`, { method: "POST", form: typed, headers: fromOwnPage });
  expect(interrupted.status).toBe(401);
  const page = await signIn(visitor, interrupted.location ?? "", "bob");
  expect([page.status, page.url.href]).toEqual([200, `${rig.urls.wiki}/`]);
  // It is gone for good: signing in as the first person again brings it back to no screen.
  expect(visitor.trail.some((url) => url.includes("/_vestibule/form?id="))).toBe(true);
  const address = visitor.trail.find((url) => url.includes("/_vestibule/form?id=")) ?? "";
  expect((await visitor.visit(address)).body).not.toContain("Genève");
});

test("without knowing whose it is a form is not kept, and a made-up name counts as none", async () => {
  const post = { method: "POST", form: typed, headers: fromOwnPage };
  for (const person of [null, "", "A".repeat(120)]) {
    const visitor = await signedInEarlier(rig.urls.wiki, host);
    const other = newVisitor();
    other.setCookie(host, cookie, visitor.cookies(host).get(cookie) ?? "");
    if (person !== null) other.setCookie(host, `${cookie}-person`, person);
    expect((await other.visit(`${rig.urls.wiki}/pages/new`, post)).status).toBe(401);
  }
});

test("files in a form come back as they were, once", async () => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const boundary = "----x7MA4YWxk";
  const bytes = Buffer.from([0, 1, 2, 255, 254, 13, 10, 45, 45, 120]);
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nZürich\r\n`),
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a b.bin"\r\nContent-Type: application/x-thing\r\n\r\n`,
    ),
    bytes,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  const jar = [...visitor.cookies(host)].map(([name, value]) => `${name}=${value}`).join("; ");
  const { answers } = await exchange(
    { port: rig.port },
    Buffer.concat([
      Buffer.from(
        `POST /upload HTTP/1.1\r\nHost: ${host}:${rig.port}\r\nCookie: ${jar}\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n` +
          `Accept: text/html\r\nContent-Type: multipart/form-data; boundary=${boundary}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`,
      ),
      body,
    ]),
  );
  const [answer] = answers;
  expect(answer?.status).toBe(401);
  for (const line of answer?.headerValues("set-cookie") ?? []) {
    const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    visitor.setCookie(host, name, value);
  }
  const page = await signIn(visitor, answer?.header("refresh")?.replace("0;url=", "") ?? "", "alice");
  expect(page.url.pathname).toBe("/_vestibule/form");
  expect(page.body).toContain("multipart/form-data");
  expect(page.body).toContain("a b.bin");
  expect(page.body).toContain(bytes.toString("base64"));
});

test("one earlier session leaves few forms behind", async () => {
  const visitor = await signedInEarlier(rig.urls.wiki, host);
  const answers: boolean[] = [];
  for (let at = 0; at < 7; at += 1) {
    const answer = await visitor.visit(`${rig.urls.wiki}/pages/new`, { method: "POST", form: typed, headers: fromOwnPage });
    answers.push(answer.location !== null);
  }
  expect(answers).toEqual([true, true, true, true, true, false, false]);
});
