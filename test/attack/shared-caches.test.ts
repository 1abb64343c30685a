import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { aRoute } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

/** A cache in front sees one address and many visitors: what the application made for one of them it must not serve to the next. */
let gateway: InProcessGateway;
let cookie: string;
const all = [{ method: null, glob: "/**" }];
beforeAll(async () => {
  const { proxy } = aRoute();
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/" },
      { path: "/pub", public: all },
      { path: "/opt", optional: all },
      { path: "/cdn", proxy: { ...proxy, sharedCaches: true } },
      { path: "/set", headers: { ...aRoute().headers, response: { remove: [], set: { "Cache-Control": "public, max-age=5" } } } },
    ],
  });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

async function cachingOf(path: string, fields: readonly string[], credentials = cookie) {
  gateway.upstream.answerWith(() => `${["HTTP/1.1 200 OK", ...fields, "Content-Length: 0"].join("\r\n")}\r\n\r\n`);
  const answer = await exchange(
    gateway,
    `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${credentials}\r\nConnection: close\r\n\r\n`,
  );
  const [head] = answer.answers;
  return [answer.statuses[0], head?.headerValues("cache-control").join(" | "), head?.headerValues("vary").join(" | ")];
}

test.each([
  { says: [], gets: "private" },
  { says: ["Cache-Control: public"], gets: "private" },
  { says: ["Cache-Control: public, max-age=3600"], gets: "private, max-age=3600" },
  { says: ["Cache-Control: PUBLIC,s-maxage=60 , must-revalidate"], gets: "private, must-revalidate" },
  { says: ["Cache-Control: max-age=60", "Cache-Control: public"], gets: "private, max-age=60" },
  { says: ['Cache-Control: private="Set-Cookie, X-A", max-age=9'], gets: "private, max-age=9" },
  { says: ["Expires: Wed, 21 Oct 2037 07:28:00 GMT"], gets: "private" },
  { says: ["Cache-Control: private, max-age=1"], gets: "private, max-age=1" },
  { says: ["Cache-Control: no-store"], gets: "no-store" },
  { says: ["Cache-Control: no-cache"], gets: "private, no-cache" },
])("an answer made for a visitor that says $says goes out as $gets", async ({ says, gets }) => {
  expect(await cachingOf("/x", says)).toEqual([200, gets, ""]);
});

test("fields that speak to shared caches alone end here", async () => {
  const fields = ["CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control", "X-Accel-Expires", "Edge-Control"];
  await cachingOf(
    "/x",
    fields.map((field) => `${field}: max-age=60`),
  );
  const answer = await exchange(gateway, `GET /x HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
  for (const field of fields) expect(answer.answers[0]?.header(field.toLowerCase())).toBeNull();
});

test("where being signed in only makes a difference, the answer is private to both and varies", async () => {
  expect(await cachingOf("/opt/x", ["Cache-Control: public", "Vary: Accept"])).toEqual([200, "private", "Accept | Cookie"]);
  expect(await cachingOf("/opt/x", ["Cache-Control: public"], "a=b")).toEqual([200, "private", "Cookie"]);
  expect(await cachingOf("/opt/x", ["Vary: accept, cookie"], "a=b")).toEqual([200, "private", "accept, cookie"]);
});

test("a public path, a route that says so, and what the operator writes stay as they are", async () => {
  expect(await cachingOf("/pub/x", ["Cache-Control: public, max-age=60"])).toEqual([200, "public, max-age=60", ""]);
  expect(await cachingOf("/pub/x", [])).toEqual([200, "", ""]);
  expect(await cachingOf("/cdn/x", ["Cache-Control: public, s-maxage=60"])).toEqual([200, "public, s-maxage=60", ""]);
  expect(await cachingOf("/set/x", ["Cache-Control: no-store"])).toEqual([200, "public, max-age=5", ""]);
});

test.each([
  { says: '"cookies"', gets: null },
  { says: '"*"', gets: null },
  { says: '"cache", "cookies", "storage"', gets: '"cache", "storage"' },
  { says: '"Cookies" ,"executionContexts"', gets: '"executionContexts"' },
  { says: '"cache"', gets: '"cache"' },
])("Clear-Site-Data: $says signs nobody out of other hosts", async ({ says, gets }) => {
  await cachingOf("/pub/x", [`Clear-Site-Data: ${says}`, 'Alt-Svc: h3="evil.example:443"']);
  const answer = await exchange(gateway, "GET /pub/x HTTP/1.1\r\nHost: wiki.acme.example\r\nConnection: close\r\n\r\n");
  expect(answer.answers[0]?.header("clear-site-data")).toBe(gets);
  // Nor does it lead visitors past the gateway.
  expect(answer.answers[0]?.header("alt-svc")).toBeNull();
});
