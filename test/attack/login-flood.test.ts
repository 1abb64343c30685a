import { expect, test } from "vitest";
import { createControlBrowser, throughProvider } from "../support/control-browser.ts";
import { createControlRig } from "../support/control-rig.ts";

/**
 * Attacks by numbers: anonymous logins must not fill the store, and attempts must not fill a browser's Cookie header, at whose
 * 16 KiB every request would be refused.
 */
const auth = "https://auth.acme.example";
const wiki = "https://wiki.acme.example";
const loginUrl = (page: string) => `${auth}/_vestibule/login?return=${encodeURIComponent(page)}`;

test("a flood of anonymous logins, answers made up included, writes nothing to the store", async () => {
  const rig = createControlRig();
  for (let visitor = 0; visitor < 200; visitor += 1) {
    const browser = createControlBrowser(rig);
    const login = await browser.ask((await browser.ask(`${wiki}/${visitor}`)).location ?? "");
    await createControlBrowser(rig).ask(throughProvider(login.location ?? "", rig));
    await browser.ask(`${auth}/_vestibule/oidc/entra/callback?state=${visitor}&code=x`);
    await browser.ask(`${wiki}/_vestibule/logout`, { headers: { "sec-fetch-site": "none" } });
  }
  expect(rig.writes).toEqual([]);
});

test.each([
  { when: "short addresses", page: (turn: number) => `${wiki}/${turn}` },
  { when: "the longest addresses", page: (turn: number) => `${wiki}/${turn}?${"q".repeat(1_950)}` },
  { when: "addresses beyond all limits", page: (turn: number) => `${wiki}/${turn}/${"p".repeat(4_000)}` },
  { when: "addresses full of quotation marks", page: (turn: number) => `${wiki}/${turn}?${'"'.repeat(600)}` },
])("fifty logins begun in one browser keep its cookies small: $when", async ({ page }) => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  let last = "";
  for (let turn = 0; turn < 50; turn += 1) {
    rig.now += 10;
    const bound = await browser.ask((await browser.ask(loginUrl(page(turn)))).location ?? "");
    last = (await browser.ask(bound.location ?? "")).location ?? "";
    expect(Buffer.byteLength(browser.jar.header("auth.acme.example") ?? "")).toBeLessThan(8 * 1024);
  }
  expect(browser.jar.names("auth.acme.example").length).toBeLessThanOrEqual(9);
  expect((await browser.go(throughProvider(last, rig))).body).toContain("the page of");
});

test("two tabs fit always: the older of two logins with the longest addresses still succeeds", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const begin = async (page: string) => (await browser.ask((await browser.ask(page)).location ?? "")).location ?? "";
  const pages = ["a", "b"].map((name) => `${wiki}/${name}?${"q".repeat(1_990)}`);
  const begun = [await begin(pages[0] ?? ""), await begin(pages[1] ?? "")];
  expect((await browser.go(throughProvider(begun[0] ?? "", rig))).url).toBe(pages[0]);
  expect((await browser.go(throughProvider(begun[1] ?? "", rig))).url).toBe(pages[1]);
});

test.each(["image", "script", "iframe", "empty", "style"])("no login begins in a request for %s", async (destination) => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const { location } = await browser.ask(`${wiki}/`);
  const reply = await browser.ask(location ?? "", { headers: { "sec-fetch-dest": destination } });
  expect([reply.status, reply.setCookies]).toEqual([400, []]);
});

test("cookies of attempts that nobody here sealed are cleared away with the next attempt", async () => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  for (let at = 0; at < 30; at += 1) browser.jar.set("auth.acme.example", `__Host-vestibule-login-planted${at}`, "x".repeat(100));
  const { location } = await browser.ask(`${wiki}/`);
  await browser.ask(location ?? "");
  expect(browser.jar.names("auth.acme.example")).toHaveLength(1);
});

test.each([
  { when: "a form of megabytes", body: `state=${"x".repeat(300_000)}`, type: "application/x-www-form-urlencoded", status: 413 },
  { when: "another content type", body: "state=x", type: "text/plain", status: 400 },
  { when: "bytes that are no UTF-8", body: Buffer.from([0x73, 0x3d, 0xff, 0xfe]), type: "application/x-www-form-urlencoded", status: 400 },
])("a posted callback with $when is refused", async ({ body, type, status }) => {
  const rig = createControlRig();
  Object.assign(rig.providers.entra, { responseMode: "form_post" });
  const reply = await createControlBrowser(rig).ask(`${auth}/_vestibule/oidc/entra/callback`, {
    method: "POST",
    headers: { "content-type": type },
    body,
  });
  expect([reply.status, reply.location]).toEqual([status, null]);
});
