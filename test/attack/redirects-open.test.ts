import { expect, test } from "vitest";
import { createControlBrowser } from "../support/control-browser.ts";
import { createControlRig } from "../support/control-rig.ts";

/**
 * Open redirects and header injection: whatever stands in `return`, every Location begins with a configured origin, and what
 * follows is visible ASCII. Benign twins at the end.
 */
const auth = "https://auth.acme.example";
const wiki = "https://wiki.acme.example";
const origins = [
  auth,
  wiki,
  "https://reports.other.example",
  "https://tools.acme.example",
  "https://entra.idp.example",
  "https://google.idp.example",
];

const hostile = [
  "https://evil.example/",
  "https://evil.example",
  "//evil.example/",
  "///evil.example/",
  "/\\evil.example/",
  "\\\\evil.example/",
  "/\t/evil.example/",
  "/%09/evil.example",
  "https:evil.example",
  "https:/evil.example",
  "https:///evil.example",
  "https:\\\\evil.example",
  "http://wiki.acme.example/",
  "ftp://wiki.acme.example/",
  "javascript:alert(1)//wiki.acme.example/",
  "data:text/html,<script>alert(1)</script>",
  "https://wiki.acme.example@evil.example/",
  "https://wiki.acme.example:x@evil.example/",
  "https://evil.example#@wiki.acme.example/",
  "https://evil.example?@wiki.acme.example/",
  "https://evil.example\\@wiki.acme.example/",
  "https://wiki.acme.example.evil.example/",
  "https://evilwiki.acme.example/",
  "https://wiki.acme.example:8443/",
  "https://wiki.acme.example%2eevil.example/",
  "https://wiki.acme.example%00.evil.example/",
  "https://wiki.acme.example\u0000.evil.example/",
  "https://wiki.acme.example\r\nLocation: https://evil.example/",
  "https://wiki.acme.example/\r\nSet-Cookie: a=b",
  "https://wiki.acme.example/%0d%0aSet-Cookie:%20a=b",
  "https://[::1]/",
  "https://0x7f000001/",
  "https://user:pass@wiki.acme.example/",
  " https://evil.example/",
  "https://evil。example/",
  "https://xn--80ak6aa92e.com/",
  "https://wiki.acme.example/..//evil.example/",
  "https://wiki.acme.example//evil.example/%2e%2e",
  "//wiki.acme.example:443@evil.example",
  "https://a.b.tenants.example/",
  "https://tenants.example/",
  "x".repeat(9_000),
  `https://wiki.acme.example/${"x".repeat(9_000)}`,
];

function isHarmless(location: string): boolean {
  return /^[!-~]+$/.test(location) && origins.some((origin) => location.startsWith(`${origin}/`));
}

test.each(hostile)("login?return=%j stays on configured origins", async (value) => {
  const rig = createControlRig();
  const browser = createControlBrowser(rig);
  const page = await browser.go(`${auth}/_vestibule/login?return=${encodeURIComponent(value)}`);
  expect(browser.trail.filter((url) => !isHarmless(url.replace(/return=[^&]*/, "")))).toEqual([]);
  expect(page.url.startsWith(`${wiki}/`)).toBe(true);
  expect(page.setCookies.join()).not.toContain("a=b");
});

test.each(hostile)("enter?return=%j stays on its own host", async (value) => {
  const rig = createControlRig();
  const page = await createControlBrowser(rig).go(`${wiki}/_vestibule/enter?return=${encodeURIComponent(value)}`);
  expect(page.url.startsWith(`${wiki}/`)).toBe(true);
});

test.each([
  "/_vestibule/logout",
  "/_vestibule/",
  "/%5fvestibule/logout",
  "//_vestibule/logout",
  "/_VESTIBULE/logout",
  "/x;/%2e%2e/_vestibule/logout",
])("coming back to the gateway's own %s is the app's root instead: a login must not log out", async (path) => {
  const rig = createControlRig();
  const page = await createControlBrowser(rig).go(`${auth}/_vestibule/login?return=${encodeURIComponent(wiki + path)}`);
  expect(page.url).toBe(`${wiki}/`);
});

test.each([
  "http://wiki.acme.example/x",
  "https://wiki.acme.example:8443/x",
  "https://alice@wiki.acme.example/x",
  "https://:p@wiki.acme.example/x",
])("%s is not quite the app's origin: its root instead", async (wanted) => {
  const page = await createControlBrowser(createControlRig()).go(`${auth}/_vestibule/login?return=${encodeURIComponent(wanted)}`);
  expect(page.url).toBe(`${wiki}/`);
});

test.each(["//evil.example/", "///evil.example/x", "//evil.example:443/?a=b"])(
  "coming back to the page %s stays on its host",
  async (path) => {
    expect((await createControlBrowser(createControlRig()).go(wiki + path)).url).toBe(wiki + path);
  },
);

test.each([
  { when: "a query beyond the limit is dropped", wanted: `/p?${"q".repeat(2_100)}`, url: `${wiki}/p` },
  { when: "a path beyond the limit is the root", wanted: `/${"p".repeat(2_100)}`, url: `${wiki}/` },
])("$when, and the login goes on", async ({ wanted, url }) => {
  expect((await createControlBrowser(createControlRig()).go(wiki + wanted)).url).toBe(url);
});

test("a made-up state on the signed-out page names no place to go", async () => {
  const page = await createControlBrowser(createControlRig()).ask(`${auth}/_vestibule/signed-out?state=https://evil.example/`);
  expect(page.status).toBe(200);
  expect(page.body).not.toContain("evil");
  const links = [...page.body.matchAll(/<a [^>]*href="([^"]*)"/g)].map(([, href = ""]) => new URL(href, auth).origin);
  expect(links.filter((origin) => origin !== auth)).toEqual([]);
});

test.each([
  { when: "a plain page", wanted: `${wiki}/a/b?c=d&e=%2F#f`, url: `${wiki}/a/b?c=d&e=%2F` },
  { when: "the default port written out", wanted: "https://wiki.acme.example:443/a", url: `${wiki}/a` },
  { when: "capitals and a trailing dot", wanted: "HTTPS://WIKI.Acme.Example./a", url: `${wiki}/a` },
  { when: "a host under a wildcard", wanted: "https://one.tenants.example/a", url: "https://one.tenants.example/a" },
  { when: "non-ASCII in path and query", wanted: `${wiki}/café?q=é`, url: `${wiki}/caf%C3%A9?q=%C3%A9` },
])("benign: $when is come back to", async ({ wanted, url }) => {
  const page = await createControlBrowser(createControlRig()).go(`${auth}/_vestibule/login?return=${encodeURIComponent(wanted)}`);
  expect(page.url).toBe(url);
});
