import { afterAll, beforeAll, expect, test } from "vitest";
import { demoUsers } from "../support/oidc-provider.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

/**
 * The provider's tokens open the visitor's accounts elsewhere: they are in no address, cookie, page or log line, and in no upstream's
 * headers but those of a rule that asks for one by name. That rule is also how this test learns what to look for.
 */
let rig: Rig;
beforeAll(async () => {
  rig = await startRig({
    users: demoUsers(),
    reports: '    headers:\n      set: { X-Access: "{accessToken}", X-Id: "{idToken}", Remote-User: "{subject}" }',
    top: "log: { level: debug }",
  });
});
afterAll(() => rig.close());

test("a login leaves no token anywhere but in the headers that ask for one by name", async () => {
  const visitor = newVisitor();
  const addresses: string[] = [];
  const pages: string[] = [];
  const keep = ({ body, headers }: { body: string; headers: object }) => {
    pages.push(body, JSON.stringify(headers));
    addresses.push(...visitor.trail);
  };
  keep(await signIn(visitor, `${rig.urls.wiki}/`, "bob"));
  keep(await visitor.browse(`${rig.urls.reports}/`));
  keep(await visitor.browse(`${rig.urls.wiki}/admin/x`));
  keep(await visitor.fetch(`${rig.urls.wiki}/_vestibule/session`));
  const asked = rig.reports.requests.at(-1);
  const tokens = [asked?.header("x-access") ?? "", asked?.header("x-id") ?? ""];
  for (const token of tokens) expect(token.length).toBeGreaterThan(20);

  const cookies = ["wiki.localhost", "reports.internal.localhost", "auth.localhost"].map((host) => visitor.cookies(host));
  expect(cookies.map(({ size }) => size > 0)).toEqual([true, true, true]);
  const wiki = rig.wiki.requests.map(({ target, headers }) => `${target} ${JSON.stringify(headers)}`);
  const seen = { addresses, pages, wiki, cookies: cookies.flatMap((jar) => [...jar.values()]), log: rig.gateway.lines };
  for (const [where, texts] of Object.entries(seen)) {
    expect([where, texts.length > 0]).toEqual([where, true]);
    for (const token of tokens) expect([where, texts.filter((text) => text.includes(token))]).toEqual([where, []]);
  }
});

test("benign twin: the header that asks for a token holds the caller's own", async () => {
  const [alice, bob] = [newVisitor(), newVisitor()];
  await signIn(alice, `${rig.urls.reports}/`, "alice");
  const hers = rig.reports.requests.at(-1)?.header("x-access");
  await signIn(bob, `${rig.urls.reports}/`, "bob");
  const his = rig.reports.requests.at(-1);
  expect([his?.header("remote-user"), his?.header("x-access") === hers]).toEqual(["bob", false]);
});
