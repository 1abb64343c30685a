import { expect, test } from "vitest";
import { createControlBrowser } from "../support/control-browser.ts";
import { createControlRig } from "../support/control-rig.ts";

/** Forced logout: no other site's link, image, frame, prefetch or form ends a session. The benign twins do. */
const wiki = "https://wiki.acme.example";
const auth = "https://auth.acme.example";

async function signedIn() {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  await browser.go(`${wiki}/`);
  const id = rig.cookies.read(browser.jar.header("wiki.acme.example"), "wiki.acme.example") ?? "";
  return { rig, browser, alive: async () => (await rig.store.find(id)) !== null };
}

type Headers = Readonly<Record<string, string>>;
const links: readonly { when: string; headers: Headers }[] = [
  { when: "a link on another site", headers: { "sec-fetch-site": "cross-site" } },
  { when: "a link on a sibling host", headers: { "sec-fetch-site": "same-site" } },
  { when: "no word on where it comes from", headers: {} },
  { when: "an image on the app's own page", headers: { "sec-fetch-site": "same-origin", "sec-fetch-dest": "image" } },
  { when: "a frame on the app's own page", headers: { "sec-fetch-site": "same-origin", "sec-fetch-dest": "iframe" } },
  { when: "a prefetch", headers: { "sec-fetch-site": "same-origin", "sec-purpose": "prefetch;prerender" } },
  { when: "a prefetch by an old browser", headers: { "sec-fetch-site": "same-origin", purpose: "prefetch" } },
  { when: "a foreign Origin with our Referer", headers: { origin: "https://evil.example", referer: `${wiki}/` } },
  { when: "two values, one of them good", headers: { "sec-fetch-site": "cross-site, same-origin" } },
  { when: "a foreign Referer", headers: { referer: "https://evil.example/" } },
  { when: "a Referer that begins like ours", headers: { referer: `${wiki}.evil.example/` } },
  { when: "a Referer over http", headers: { referer: "http://wiki.acme.example/" } },
  { when: "a foreign site with our Referer", headers: { "sec-fetch-site": "cross-site", referer: `${wiki}/` } },
  { when: "an opaque origin", headers: { origin: "null" } },
];

test.each(links)("$when: asks first", async ({ headers }) => {
  for (const origin of [wiki, auth]) {
    const { browser, alive } = await signedIn();
    const page = await browser.ask(`${origin}/_vestibule/logout`, { headers });
    expect([page.status, page.setCookies]).toEqual([200, []]);
    expect(page.body).toContain('method="post"');
    expect(await alive()).toBe(true);
  }
});

const forms: readonly { when: string; headers: Headers }[] = [
  { when: "another site's form", headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site" } },
  { when: "a sibling host's form", headers: { origin: "https://tools.acme.example", "sec-fetch-site": "same-site" } },
  { when: "a sandboxed frame's form", headers: { origin: "null", "sec-fetch-site": "cross-site" } },
  { when: "an opaque origin alone", headers: { origin: "null" } },
  { when: "a foreign origin alone", headers: { origin: "https://evil.example" } },
  { when: "our origin over http", headers: { origin: "http://wiki.acme.example" } },
  { when: "our origin, but another site", headers: { origin: wiki, "sec-fetch-site": "cross-site" } },
];

test.each(forms)("$when ends nothing", async ({ headers }) => {
  const { browser, alive } = await signedIn();
  const page = await browser.ask(`${wiki}/_vestibule/logout`, { method: "POST", headers });
  expect([page.status, page.setCookies]).toEqual([403, []]);
  expect(await alive()).toBe(true);
});

test.each([
  { when: "the app's own form", headers: { origin: wiki, "sec-fetch-site": "same-origin" } as Headers },
  { when: "the form in a browser without Fetch Metadata", headers: { origin: wiki } as Headers },
  { when: "a client that sends neither", headers: {} as Headers },
])("benign: $when logs out", async ({ headers }) => {
  const { browser, alive } = await signedIn();
  expect((await browser.ask(`${wiki}/_vestibule/logout`, { method: "POST", headers })).status).toBe(303);
  expect(await alive()).toBe(false);
});

test.each([
  { when: "another site's link", site: "cross-site", cleared: 0 },
  { when: "benign: the visitor's own wish", site: "none", cleared: 1 },
])("$when and a login under way: $cleared attempts are forgotten", async ({ site, cleared }) => {
  const browser = createControlBrowser(createControlRig());
  await browser.ask((await browser.ask(`${wiki}/`)).location ?? "");
  const { setCookies } = await browser.ask(`${auth}/_vestibule/logout`, { headers: { "sec-fetch-site": site } });
  expect(setCookies.filter((line) => line.startsWith("__Host-vestibule-login-"))).toHaveLength(cleared);
});

test("cookies of another host's copy or a stranger's auth cookie end nobody's session", async () => {
  const { rig, browser, alive } = await signedIn();
  const thief = createControlBrowser(rig);
  thief.jar.set("tools.acme.example", "__Host-vestibule", browser.jar.get("wiki.acme.example", "__Host-vestibule") ?? "");
  await thief.ask("https://tools.acme.example/_vestibule/logout", { headers: { "sec-fetch-site": "none" } });
  thief.jar.set("auth.acme.example", "__Host-vestibule-auth", "AAAA");
  await thief.ask(`${auth}/_vestibule/logout`, { headers: { "sec-fetch-site": "none" } });
  expect(await alive()).toBe(true);
});
