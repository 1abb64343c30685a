import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { cookieLine } from "../support/cookie-line.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { type LiveUpstream, startLiveUpstream } from "../support/live-upstream.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

let rig: Rig;
let live: LiveUpstream;
let tokens: FakeOidc;
let host: string;
beforeAll(async () => {
  [live, tokens] = [await startLiveUpstream(), await startFakeOidc()];
  rig = await startRig({
    oidc: `  tokens: { oidc: { issuer: "${tokens.issuer}", clientId: ${tokens.clientId}, clientAuth: none } }\n`,
    top: `  - name: Live
    host: live.localhost
    upstream: ${live.url}
    providers: [acme]
    sharedSubjects: true
    bearer: [tokens]
    access:
      - allow: { groups: [staff] }
    public: [/socket/public]
`,
  });
  host = `live.localhost:${rig.port}`;
});
afterAll(async () => {
  await rig.close();
  await Promise.all([live.close(), tokens.close()]);
});

const connect = (visitor: Visitor, headers: Record<string, string> = {}, path = "/socket") =>
  new WebSocket(`ws://127.0.0.1:${rig.port}${path}`, {
    headers: { host, cookie: cookieLine(visitor, "live.localhost"), origin: `http://${host}`, ...headers },
  });

/** Resolves with the status that refused the handshake, or 101. */
const handshake = (socket: WebSocket) =>
  new Promise<number>((resolve, reject) => {
    socket.once("open", () => resolve(101));
    socket.once("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
    socket.once("error", reject);
  });

const openStream = (visitor: Visitor) =>
  new Promise<{ ended: Promise<void> }>((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port: rig.port, path: "/events", headers: { host, cookie: cookieLine(visitor, "live.localhost") } },
      (response) => {
        response.once("data", () => resolve({ ended: new Promise((done) => response.once("close", done)) }));
        response.on("error", () => {});
      },
    );
    sent.on("error", reject);
    sent.end();
  });

test("a WebSocket carries messages both ways and knows who is behind it", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `http://${host}/`, "alice");
  const socket = connect(visitor);
  expect(await handshake(socket)).toBe(101);
  const echo = new Promise<string>((resolve) => socket.once("message", (data) => resolve(String(data))));
  socket.send("hello");
  expect(await echo).toBe("alice: hello");
  socket.close();
});

test.each([
  { when: "nobody is signed in", signedIn: false, headers: {}, status: 401 },
  { when: "a page of another site opens it", signedIn: true, headers: { origin: "https://evil.example" }, status: 403 },
])("a WebSocket is refused with $status when $when", async ({ signedIn, headers, status }) => {
  const visitor = newVisitor();
  if (signedIn) await signIn(visitor, `http://${host}/`, "alice");
  const before = live.sockets();
  expect(await handshake(connect(visitor, headers))).toBe(status);
  expect(live.sockets()).toBe(before);
});

test("logout cuts the session's WebSocket and event stream, and nobody else's", async () => {
  const alice = newVisitor();
  const bob = newVisitor();
  await signIn(alice, `http://${host}/`, "alice");
  await signIn(bob, `http://${host}/`, "bob");
  const hers = connect(alice);
  const his = connect(bob);
  expect([await handshake(hers), await handshake(his)]).toEqual([101, 101]);
  const closed = new Promise<void>((resolve) => hers.once("close", () => resolve()));
  const stream = await openStream(alice);
  await alice.visit(`http://${host}/_vestibule/logout`, { headers: { "sec-fetch-site": "same-origin" } });
  await closed;
  await stream.ended;
  expect(his.readyState).toBe(WebSocket.OPEN);
  his.close();
});

test("the provider's back-channel logout ends the session everywhere and cuts what is open", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `http://${host}/`, "bob");
  await visitor.browse(`${rig.urls.reports}/`);
  const socket = connect(visitor);
  expect(await handshake(socket)).toBe(101);
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await endAtProvider(visitor);
  await closed;
  expect((await visitor.visit(`${rig.urls.reports}/`)).status).toBe(302);
  expect(rig.provider.events.some((event) => event.startsWith("backchannel.success"))).toBe(true);
});

test("changed rules cut what they no longer let in, whoever had it open, and nothing else", async () => {
  const visitor = newVisitor();
  await signIn(visitor, `http://${host}/`, "alice");
  const authorization = `Bearer ${await tokens.bearerToken()}`;
  const cut = [connect(visitor), connect(newVisitor(), { authorization }), connect(newVisitor(), {}, "/socket/public")];
  const kept = connect(visitor, {}, "/socket/kept");
  expect(await Promise.all([...cut, kept].map(handshake))).toEqual([101, 101, 101, 101]);
  const closed = Promise.all(cut.map((socket) => new Promise<void>((resolve) => socket.once("close", () => resolve()))));
  const stricter = "access:\n      - allow: { groups: [staff], paths: [/socket/kept] }\n";
  await rig.gateway.rewriteConfig(rig.yaml.replace(/(live\.localhost[\s\S]*?)access:[\s\S]*?public: .*\n/, `$1${stricter}`));
  await closed;
  expect(kept.readyState).toBe(WebSocket.OPEN);
  kept.close();
  await rig.gateway.rewriteConfig(rig.yaml);
});

/** Signs out at the provider itself, as somebody would who never visits the gateway again. */
async function endAtProvider(visitor: Visitor): Promise<void> {
  const page = await visitor.browse(`${rig.provider.issuer}/session/end`);
  const action = /action="([^"]*)"/.exec(page.body)?.[1] ?? "";
  const xsrf = /name="xsrf" value="([^"]*)"/.exec(page.body)?.[1] ?? "";
  await visitor.visit(new URL(action, page.url).href, { form: { xsrf, logout: "yes" } });
  await eventually(() => expect(rig.provider.events.join()).toContain("backchannel"));
}
