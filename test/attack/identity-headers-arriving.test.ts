import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Principal } from "../../src/core/session.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { headerSettings } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";
import { okAnswer } from "../support/recording-upstream.ts";

/** The attack: identity headers of the caller's own, in every spelling, on every kind of route. The verdict is what the upstream recorded. */
let gateway: InProcessGateway;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/" },
      { path: "/open", public: [{ method: null, glob: "/open/**" }] },
      { path: "/maybe", optional: [{ method: null, glob: "/maybe/**" }] },
      { path: "/proof", headers: headerSettings({ set: [], assertion: { header: "X-Proof" } }) },
    ],
  });
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.upstream.forget();
  gateway.upstream.answerWith(() => okAnswer);
});

const names = ["Remote-User", "Remote-Email", "Remote-Name", "Remote-Groups", "X-Proof", "X-Forwarded-User", "X-Auth-Request-Email"];
const spelled = (name: string) => [name, name.toLowerCase(), name.replaceAll("-", "_"), name.toUpperCase().replaceAll("-", "."), name];
const forged = names.flatMap(spelled).map((name) => `${name}: admin\r\n`);
const handshake =
  "Origin: https://wiki.acme.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** What arrives of one request with all these headers: identity headers by their name as the least careful application reads it. */
async function arrived(path: string, who: Partial<Principal> | null, more = "Connection: close\r\n") {
  const cookie = who === null ? "" : `Cookie: ${(await gateway.signIn(who)).cookie}\r\n`;
  const bytes = `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\n${cookie}${forged.join("")}X-Kept: 1\r\n${more}\r\n`;
  const { statuses } = await exchange(gateway, bytes, { quietMs: 60 });
  const [request, ...others] = gateway.upstream.requests;
  expect([statuses, others, request?.headerValues("x-kept")]).toEqual([[more === handshake ? 502 : 200], [], ["1"]]);
  const folded = (request?.headers ?? []).map(([name, value]) => [name.toLowerCase().replace(/[^a-z0-9]/g, "-"), value] as const);
  return folded.filter(([name]) => names.some((one) => one.toLowerCase() === name));
}
const alice = [
  ["remote-user", "s-1"],
  ["remote-email", "alice@acme.example"],
  ["remote-name", "Alice"],
  ["remote-groups", "staff"],
];
const without = (name: string) => alice.filter(([one]) => one !== name);

test.each([
  { when: "a signed-in visitor", path: "/a", who: {}, own: alice },
  { when: "a visitor without an address", path: "/a", who: { email: null }, own: without("remote-email") },
  { when: "a visitor without a name", path: "/a", who: { name: null }, own: without("remote-name") },
  { when: "a visitor on a public path", path: "/open/a", who: {}, own: [] },
  { when: "a stranger on a public path", path: "/open/a", who: null, own: [] },
  { when: "a visitor on an optional path", path: "/maybe/a", who: {}, own: alice },
  { when: "a stranger on an optional path", path: "/maybe/a", who: null, own: [] },
])("of $when arrives exactly what the session says, whatever the caller adds", async ({ path, who, own }) => {
  expect(await arrived(path, who)).toEqual(own);
});

test("of a WebSocket handshake too", async () => {
  // Not a real tunnel: the upstream's answer to the handshake is broken off on purpose.
  gateway.upstream.answerWith(() => ({ bytes: "", after: "destroy" }));
  expect(await arrived("/a", {}, handshake)).toEqual(alice);
});

test("a route with an assertion alone sends one, and it is not the caller's", async () => {
  const own = await arrived("/proof/a", {});
  expect(own).toEqual([["x-proof", expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/)]]);
});

test.each([
  { when: "a line break in the name", who: { name: "Alice\r\nRemote-Groups: admins" } },
  { when: "a NUL in the address", who: { email: "alice\0@acme.example" } },
  { when: "a line break in a group", who: { groups: { kind: "known", names: ["staff\nadmins"] } } },
  { when: "a subject with a space behind it", who: { subject: "admin " } },
  { when: "groups that nobody knows", who: { groups: { kind: "unknown", why: "overage" } } },
  {
    when: "more groups than a header holds",
    who: { groups: { kind: "known", names: Array.from({ length: 3_000 }, (_, at) => `g-${at}`) } },
  },
] as const)("$when: refused, and nothing arrives", async ({ who }) => {
  const { cookie } = await gateway.signIn(who);
  const answer = await exchange(gateway, `GET /a HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`);
  expect([answer.statuses, gateway.upstream.requests]).toEqual([[403], []]);
});
