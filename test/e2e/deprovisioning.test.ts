import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { cookieLine } from "../support/cookie-line.ts";
import { eventually } from "../support/eventually.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { type LiveUpstream, startLiveUpstream } from "../support/live-upstream.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { clientSecret, type Rig, rigSecret, rigYaml, signIn, startRig } from "../support/rig.ts";
import { askScim, type ScimBody } from "../support/scim-client.ts";
import { groupSchema, patchOf, userSchema } from "../support/scim-rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

/** Two instances over one Redis. Providers provision at the first, everything is open at the second. */
let redis: TestRedis;
let live: LiveUpstream;
let tokens: FakeOidc;
let rig: Rig;
let second: GatewayProcess;
let secondPort: number;
const scimToken = "scim-token-of-the-rig-0123456789";

beforeAll(async () => {
  [redis, live, tokens] = [await startRedis(), await startLiveUpstream(), await startFakeOidc()];
  const options = {
    sessions: "  store: { redis: { url: { env: REDIS_URL } } }",
    oidc: `    scim: { tokens: [{ env: SCIM_TOKEN }] }
  tokens:
    oidc: { issuer: "${tokens.issuer}", clientId: ${tokens.clientId}, clientAuth: none }
    scim: { tokens: [{ env: SCIM_TOKEN }] }
`,
    top: `  - name: Live
    host: live.localhost
    upstream: ${live.url}
    providers: [acme]
    sharedSubjects: true
    bearer: [tokens]
    access: [{ allow: { anyone: true } }]
  - name: Chiefs
    host: chiefs.localhost
    upstream: ${live.url}
    sharedSubjects: true
    bearer: [tokens]
    access: [{ allow: { roles: [boss] } }]
directory:
  store: redis
  provisioning: both
  roles: { boss: { groups: [Chiefs] } }
`,
  };
  const env = { REDIS_URL: redis.url, SCIM_TOKEN: scimToken };
  rig = await startRig({ ...options, env });
  const [port = 0, adminPort = 0] = await freePorts(2);
  secondPort = port;
  const at = { issuer: rig.provider.issuer, wiki: rig.wiki.url, reports: rig.reports.url };
  const yaml = rigYaml({ ...at, port, adminPort, publicPort: rig.port }, options);
  second = await startGatewayProcess({ yaml, adminPort, env: { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret, ...env } });
}, 60_000);
afterAll(async () => {
  await second.stop();
  await rig.close();
  await Promise.all([live.close(), tokens.close(), redis.stop()]);
});

async function scim(provider: string, method: string, path: string, body?: object): Promise<ScimBody> {
  const answer = await askScim({ port: rig.port, host: `auth.localhost:${rig.port}`, provider, token: scimToken, method, path, body });
  expect(answer.status).toBeLessThan(300);
  return answer.body;
}

const provision = async (provider: string, subject: string) =>
  (await scim(provider, "POST", "/Users", { schemas: [userSchema], userName: `${subject}@${provider}`, externalId: subject })).id;

/** Opens a WebSocket at the second instance; a refused handshake gives its status. */
async function open(host: string, headers: Record<string, string>): Promise<WebSocket | number> {
  const named = `${host}:${rig.port}`;
  const socket = new WebSocket(`ws://127.0.0.1:${secondPort}/socket`, { headers: { host: named, origin: `http://${named}`, ...headers } });
  return new Promise((resolve, reject) => {
    socket.once("open", () => resolve(socket));
    socket.once("unexpected-response", (_, response) => resolve(response.statusCode ?? 0));
    socket.once("error", reject);
  });
}
const opened = async (host: string, headers: Record<string, string>): Promise<WebSocket> => {
  const socket = await open(host, headers);
  if (typeof socket === "number") throw new Error(`the handshake was refused with ${socket}`);
  return socket;
};
const cookieOf = (visitor: Visitor) => ({ cookie: cookieLine(visitor, "live.localhost") });
const tokenOf = async (sub: string) => ({ authorization: `Bearer ${await tokens.bearerToken({ sub, email: `${sub}@tokens.example` })}` });
/** A hang fails; how long it takes is measured by the faults' scenarios. */
const closed = (socket: WebSocket) => new Promise<void>((resolve) => socket.once("close", () => resolve()));
const answers = (socket: WebSocket) =>
  new Promise<void>((resolve) => {
    socket.once("pong", () => resolve());
    socket.ping();
  });

test("deprovisioned by SCIM is out on two instances: session and open WebSocket, at every provider; another person stays", async () => {
  const id = await provision("acme", "alice");
  const [alice, bob] = [newVisitor(), newVisitor()];
  await signIn(alice, `http://live.localhost:${rig.port}/`, "alice");
  await signIn(bob, `http://live.localhost:${rig.port}/`, "bob");
  const [hers, his] = [await opened("live.localhost", cookieOf(alice)), await opened("live.localhost", cookieOf(bob))];
  const end = closed(hers);
  await scim("acme", "PATCH", `/Users/${id}`, patchOf({ op: "replace", value: { active: false } }));
  await end;
  await eventually(async () => expect(await open("live.localhost", cookieOf(alice))).toBe(401));
  await answers(his);
  his.close();
});

test("deactivated by SCIM, a bearer token is refused and the WebSocket that it opened is cut; another token's stays", async () => {
  const id = await provision("tokens", "robot-owner");
  const [hers, his] = [
    await opened("live.localhost", await tokenOf("robot-owner")),
    await opened("live.localhost", await tokenOf("other")),
  ];
  const end = closed(hers);
  await scim("tokens", "DELETE", `/Users/${id}`);
  await end;
  await eventually(async () => expect(await open("live.localhost", await tokenOf("robot-owner"))).toBe(401));
  await answers(his);
  his.close();
});

test("taken out of a group by SCIM, a person loses the WebSocket that a bearer token opened under that role", async () => {
  const id = await provision("tokens", "chief");
  const group = await scim("tokens", "POST", "/Groups", { schemas: [groupSchema], displayName: "Chiefs", members: [{ value: id }] });
  await opened("live.localhost", await tokenOf("chief")).then((socket) => socket.close());
  const socket = await opened("chiefs.localhost", await tokenOf("chief"));
  const end = closed(socket);
  await scim("tokens", "PATCH", `/Groups/${group.id}`, patchOf({ op: "add", path: "externalId", value: "renamed-only" }));
  await answers(socket);
  await scim("tokens", "PATCH", `/Groups/${group.id}`, patchOf({ op: "remove", path: "members" }));
  await end;
  expect(await open("chiefs.localhost", await tokenOf("chief"))).toBe(403);
});
