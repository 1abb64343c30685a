import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { type SamlRig, samlSignIn, startSamlRig } from "../support/saml-rig.ts";
import { firstForm, newVisitor, type VisitorAnswer } from "../support/visitor.ts";

let redis: TestRedis;
let rig: SamlRig;
let second: GatewayProcess;
let ports: readonly number[];
beforeAll(async () => {
  redis = await startRedis();
  rig = await startSamlRig({ sessions: "  store: { redis: { url: { env: REDIS_URL } } }", env: { REDIS_URL: redis.url } });
  const [port = 0, adminPort = 0] = await freePorts(2);
  ports = [rig.port, port];
  second = await startGatewayProcess({ yaml: rig.yamlAt({ port, adminPort }), adminPort, env: { ...rig.env } });
});
afterAll(async () => {
  await second.stop();
  await rig.close();
  await redis.stop();
});

/** `url` asked at one of the two instances, as a balancer would. */
const at = (instance: number, url: string) => {
  const target = new URL(url);
  return { url: url.replace(target.host, `${target.hostname}:${ports[instance]}`), headers: { host: target.host } };
};

test("one assertion posted to both instances at once logs in exactly once", async () => {
  for (let round = 0; round < 5; round += 1) {
    const visitor = newVisitor();
    const login = await visitor.browse(`${rig.urls.wiki}/`);
    const answer = await visitor.visit(firstForm(login).action, { form: { login: "alice", password: "alice" } });
    const { action, fields } = firstForm(answer);
    const post = (instance: number): Promise<VisitorAnswer> => {
      const { url, headers } = at(instance, action);
      return newVisitor().visit(url, { form: fields, headers });
    };
    const answers = await Promise.all([post(0), post(1), post(0), post(1)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([303, 400, 400, 400]);
    const parked = answers.find(({ status }) => status === 303)?.location ?? "";
    // Parked at one instance, finished at either.
    const other = at(1, parked);
    const finished = await visitor.visit(other.url, { headers: { ...other.headers } });
    expect(finished.status).toBe(303);
    expect((await visitor.browse(finished.location ?? "")).status).toBe(200);
    expect((await visitor.visit(parked)).status).toBe(400);
  }
});

test("a provider's logout that reaches one instance ends the session in the other within a second", async () => {
  const visitor = newVisitor();
  await samlSignIn(visitor, `${rig.urls.wiki}/`, "bob");
  const there = at(1, `${rig.urls.wiki}/x`);
  expect((await visitor.visit(there.url, { headers: there.headers })).status).toBe(200);
  expect((await newVisitor().visit(rig.idp.logoutUrl("bob"))).status).toBe(303);
  await eventually(async () => expect((await visitor.visit(there.url, { headers: there.headers })).status).toBe(302), { timeoutMs: 1_000 });
});

test("a restart finds the provider's last metadata, though the provider is away", async () => {
  rig.idp.behaviour.available = false;
  try {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const third = await startGatewayProcess({ yaml: rig.yamlAt({ port, adminPort }), adminPort, env: { ...rig.env } });
    try {
      const wish = await newVisitor().visit(`http://wiki.localhost:${port}/`, { headers: { host: `wiki.localhost:${rig.port}` } });
      const there = at(0, wish.location ?? "");
      const login = await newVisitor().visit(there.url.replace(`:${rig.port}`, `:${port}`), {
        headers: { host: `auth.localhost:${rig.port}` },
      });
      expect(login.status, third.lines.join("\n") + login.body).toBe(303);
      expect(login.location).toContain(rig.idp.origin);
    } finally {
      await third.stop();
    }
  } finally {
    rig.idp.behaviour.available = true;
  }
});
