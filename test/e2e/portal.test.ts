import { afterAll, beforeAll, expect, test } from "vitest";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.close());

const portal = () => `${rig.urls.auth}/`;
const sessionsPage = () => `${rig.urls.auth}/_vestibule/sessions`;
const agent = (name: string) => ({ headers: { "user-agent": name } });

test("a stranger at the auth origin's first page signs in and comes back to it", async () => {
  const visitor = newVisitor();
  const page = await signIn(visitor, portal(), "alice");
  expect([page.status, page.url.href]).toEqual([200, portal()]);
  expect(page.body).toContain("Your applications");
  expect(page.headers["cache-control"]).toBe("no-store");
});

test("it shows the apps that the rules let this visitor open, and no others", async () => {
  const alice = await signIn(newVisitor(), portal(), "alice");
  expect(linksOf(alice.body)).toEqual([`${rig.urls.wiki}/`, `${rig.urls.reports}/`]);
  const carol = await signIn(newVisitor(), portal(), "carol");
  expect(linksOf(carol.body)).toEqual([`${rig.urls.reports}/`]);
});

test("nothing else on the auth origin is a page, and no other method is answered", async () => {
  const visitor = newVisitor();
  expect((await visitor.visit(`${rig.urls.auth}/page`)).status).toBe(404);
  expect((await visitor.visit(portal(), { method: "POST", form: {} })).status).toBe(405);
  expect((await visitor.visit(`${rig.urls.wiki}/_vestibule/sessions`)).status).toBe(404);
  expect(
    (await visitor.visit(`${rig.urls.auth}/_vestibule/login?return=${encodeURIComponent("https://evil.example/")}`)).location,
  ).not.toContain("evil");
});

test("what is known of the visitor is shown to the visitor: account, address, groups, and nothing of anybody else", async () => {
  const account = `${rig.urls.auth}/_vestibule/account`;
  const stranger = await newVisitor().visit(account);
  expect([stranger.status, stranger.location?.startsWith("/_vestibule/login")]).toEqual([302, true]);
  const visitor = newVisitor();
  const page = await signIn(visitor, portal(), "alice");
  expect(page.body).toContain('href="/_vestibule/account"');
  const { status, body } = await visitor.visit(account);
  expect(status).toBe(200);
  for (const text of ["What is known about you", "alice@acme.example", "staff", "admins"]) expect(body).toContain(text);
  expect(body).not.toContain("bob");
  expect((await visitor.visit(account, { method: "HEAD" })).status).toBe(200);
  expect((await visitor.visit(account, { method: "POST", form: {} })).status).toBe(405);
  expect((await visitor.visit(`${rig.urls.wiki}/_vestibule/account`)).status).toBe(404);
});

async function twoBrowsers(): Promise<readonly [Visitor, Visitor]> {
  const [desk, phone] = [newVisitor(), newVisitor()];
  await desk.browse(portal(), agent("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"));
  await signIn(desk, portal(), "bob");
  await signIn(phone, `${rig.urls.reports}/`, "bob");
  return [desk, phone];
}

test("the sessions page shows all of the visitor's sessions, and ends the one that is chosen", async () => {
  const [desk, phone] = await twoBrowsers();
  const page = await desk.visit(sessionsPage());
  expect(page.status).toBe(200);
  expect(page.body.match(/class="entry"/g)).toHaveLength(2);
  expect(page.body.match(/This browser/g)).toHaveLength(1);
  expect(page.body).toContain("127.0.0.1");
  const other = formsOf(page.body).find(({ entry, fields }) => "end" in fields && !entry.includes("This browser"));
  const after = await desk.visit(sessionsPage(), { method: "POST", form: other?.fields ?? {}, headers: { origin: rig.urls.auth } });
  expect([after.status, after.body.includes("Sessions ended: 1")]).toEqual([200, true]);
  expect((await phone.visit(`${rig.urls.reports}/`)).status).toBe(302);
  expect((await desk.visit(portal())).status).toBe(200);
});

test("all other sessions end at once, this one stays", async () => {
  const [desk, phone] = await twoBrowsers();
  const page = await desk.visit(sessionsPage());
  const others = formsOf(page.body).find(({ fields }) => "others" in fields);
  await desk.visit(sessionsPage(), { method: "POST", form: others?.fields ?? {}, headers: { origin: rig.urls.auth } });
  expect((await phone.visit(`${rig.urls.reports}/`)).status).toBe(302);
  expect((await desk.visit(sessionsPage())).body.match(/class="entry"/g)).toHaveLength(1);
});

test("nobody ends another person's session, and no other site's form ends any", async () => {
  const [alice, mallory] = [newVisitor(), newVisitor()];
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
  await signIn(mallory, portal(), "carol");
  const theirs = formsOf((await alice.visit(sessionsPage())).body).find(({ fields }) => "end" in fields)?.fields ?? {};
  const own = formsOf((await mallory.visit(sessionsPage())).body).find(({ fields }) => "end" in fields)?.fields ?? {};
  const stolen = { guard: own.guard ?? "", end: theirs.end ?? "" };
  const post = (visitor: Visitor, form: Record<string, string>, headers: Record<string, string>) =>
    visitor.visit(sessionsPage(), { method: "POST", form, headers }).then(({ status }) => status);
  expect(await post(mallory, stolen, { origin: rig.urls.auth })).toBe(200);
  expect((await alice.visit(`${rig.urls.wiki}/`)).status).toBe(200);
  expect(await post(alice, theirs, { origin: "https://evil.example" })).toBe(403);
  expect(await post(alice, theirs, { origin: rig.urls.auth, "sec-fetch-site": "cross-site" })).toBe(403);
  expect(await post(alice, { ...theirs, guard: own.guard ?? "" }, { origin: rig.urls.auth })).toBe(403);
  expect(await post(alice, { end: theirs.end ?? "" }, { origin: rig.urls.auth })).toBe(403);
  expect((await alice.visit(`${rig.urls.wiki}/`)).status).toBe(200);
  // The twin: her own form from her own page.
  expect(await post(alice, theirs, { origin: rig.urls.auth })).toBe(302);
  expect((await alice.visit(`${rig.urls.wiki}/`)).status).toBe(302);
});

const linksOf = (body: string) => [...body.matchAll(/<li class="tile"><a href="([^"]+)"/g)].map(([, href]) => href);

function formsOf(body: string): { readonly entry: string; readonly fields: Record<string, string> }[] {
  return body.split('class="entry"').flatMap((entry) =>
    [...entry.matchAll(/<form method="post"[^>]*>(.*?)<\/form>/gs)].map(([, form = ""]) => ({
      entry,
      fields: Object.fromEntries([...form.matchAll(/name="([^"]+)" value="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value])),
    })),
  );
}
