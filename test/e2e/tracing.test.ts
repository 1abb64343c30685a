import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type OtlpCollector, type SentSpan, startOtlpCollector } from "../support/otlp-collector.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

let collector: OtlpCollector;
let redis: TestRedis;
let rig: Rig;

const top = (url: string) => `tracing: { otlp: "${url}", sample: 1, headers: { Authorization: { env: COLLECTOR_TOKEN } } }
trustedProxies: [127.0.0.9]
forwardAuth: { peers: [127.0.0.9/32] }
workers: 1
`;

beforeAll(async () => {
  [collector, redis] = await Promise.all([startOtlpCollector(), startRedis()]);
  rig = await startRig({
    sessions: "  store: { redis: { url: { env: REDIS_URL } } }",
    env: { COLLECTOR_TOKEN: "Bearer of-the-collector", REDIS_URL: redis.url },
    top: top(collector.url),
  });
}, 60_000);

afterAll(async () => {
  await rig?.close();
  await Promise.all([collector?.close(), redis?.stop()]);
});

const server = (spans: readonly SentSpan[]) => spans.filter(({ kind }) => kind === 2);
const below = (parent: SentSpan) => collector.spans.filter((span) => span.parent === parent.spanId && span.traceId === parent.traceId);
const named = (name: string | RegExp) =>
  collector.spans.filter((span) => (typeof name === "string" ? span.name === name : name.test(span.name)));

/** The request's own span, when everything of it has come. */
const spanOf = (name: string) =>
  eventually(() => {
    const found = server(named(name)).at(-1);
    if (found === undefined) throw new Error(`no ${name} among ${collector.spans.map((span) => span.name).join(", ")}`);
    return found;
  });

test("one login and one request to an app: every part is a span below the request that caused it", { timeout: 60_000 }, async () => {
  const alice = newVisitor();
  const page = await signIn(alice, `${rig.urls.wiki}/secret-page?token=in-the-query`, "alice");
  expect(page.status).toBe(200);

  const forwarded = await spanOf("GET wiki.localhost/");
  expect(
    below(forwarded)
      .map(({ name }) => name)
      .sort(),
  ).toEqual(expect.arrayContaining(["decide", "identify", "read", "upstream GET"]));
  const upstream = below(forwarded).find(({ name }) => name === "upstream GET");
  expect(upstream).toMatchObject({ kind: 3, attributes: { "http.response.status_code": 200, "server.address": "127.0.0.1" } });
  expect(forwarded).toMatchObject({
    kind: 2,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "http.route": "wiki.localhost/",
      "url.scheme": "http",
      "server.address": "wiki.localhost",
      "vestibule.app": "Wiki",
      "vestibule.decision": "allow",
    },
    resource: { "service.name": "vestibule" },
  });

  const callback = await spanOf("GET /_vestibule/oidc/:provider/callback");
  const step = below(callback).find(({ name }) => name === "step /_vestibule/oidc/:provider/callback");
  const finish = step === undefined ? undefined : below(step).find(({ name }) => name === "provider acme finish");
  expect(finish).toBeDefined();
  if (finish === undefined || step === undefined) return;
  expect(below(finish).map(({ name }) => name)).toEqual(expect.arrayContaining(["provider token", "provider jwks"]));
  expect(below(finish).find(({ name }) => name === "provider token")).toMatchObject({
    kind: 3,
    attributes: { "vestibule.provider": "acme" },
  });
  expect(below(step).find(({ name }) => name === "store sessions.create")).toMatchObject({
    kind: 3,
    attributes: { "db.system.name": "redis" },
  });
  for (const path of ["login", "enter", "confirm"]) await spanOf(`GET /_vestibule/${path}`);

  // Each span lies within its parent, and each parent was sent.
  for (const span of collector.spans.filter(({ parent }) => parent !== "")) {
    const parent = collector.spans.find(({ spanId }) => spanId === span.parent);
    expect(parent, span.name).toBeDefined();
    expect(span.start, span.name).toBeGreaterThanOrEqual(parent?.start ?? 0n);
    expect(span.end, span.name).toBeGreaterThanOrEqual(span.start);
  }
  expect(collector.heads[0]?.authorization).toBe("Bearer of-the-collector");

  // What a trace must not tell: who it was, what was asked for, and any secret.
  const sent = Buffer.concat([...collector.bodies]).toString("latin1");
  for (const word of ["alice", "secret-page", "in-the-query", "code=", "client-secret", "staff", "127.0.0.1:"])
    expect(sent).not.toContain(word);

  // The access line names the trace, and the span the request.
  const [line] = rig.gateway.logged(({ msg, path }) => msg === "request" && path === "/secret-page").filter(({ status }) => status === 200);
  expect(line?.trace).toBe(forwarded.traceId);
  expect(forwarded.attributes["vestibule.request.id"]).toBe(line?.request);
});

test("the upstream is told of our span, and not of the one that a stranger made up", { timeout: 30_000 }, async () => {
  const made = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01`, tracestate: "evil=1" };
  rig.wiki.forget();
  expect((await newVisitor().fetch(`${rig.urls.wiki}/healthz`, { headers: made })).status).toBe(200);
  const [request] = rig.wiki.requests;
  const [, traceId, spanId, flags] = request?.header("traceparent")?.split("-") ?? [];
  expect(request?.headerValues("traceparent")).toHaveLength(1);
  expect(request?.header("tracestate")).toBeNull();
  expect([traceId === made.traceparent.slice(3, 35), flags]).toEqual([false, "01"]);
  const upstream = await eventually(() => {
    const found = named("upstream GET").find((span) => span.spanId === spanId);
    if (found === undefined) throw new Error("not yet");
    return found;
  });
  expect(upstream.traceId).toBe(traceId);
  const root = await eventually(() => {
    const found = collector.spans.find((span) => span.spanId === upstream.parent);
    if (found === undefined) throw new Error("not yet");
    return found;
  });
  expect(root.parent).toBe("");
});

test("a head that cannot be understood has a span with its error, and a trace in its access line", { timeout: 30_000 }, async () => {
  collector.forget();
  expect((await newVisitor().fetch(`${rig.urls.wiki}/a%00b`)).status).toBe(400);
  const failed = await spanOf("GET");
  expect(failed.attributes).toMatchObject({ "http.response.status_code": 400, "vestibule.decision": "error" });
  expect(rig.gateway.logged(({ trace }) => trace === failed.traceId)).toHaveLength(1);
});

/** A request from the one address whose headers are believed. */
function fromTrustedProxy(headers: Readonly<Record<string, string>>, path = "/healthz"): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      host: "127.0.0.1",
      port: rig.port,
      localAddress: "127.0.0.9",
      path,
      headers: { host: `wiki.localhost:${rig.port}`, ...headers },
    };
    request(options, (answer) => answer.resume().on("end", () => resolve(answer.statusCode ?? 0)))
      .on("error", reject)
      .end();
  });
}

test("a trusted proxy's trace is carried on, with its state and its word on sampling", { timeout: 30_000 }, async () => {
  rig.wiki.forget();
  const traceId = "c".repeat(32);
  await fromTrustedProxy({ traceparent: `00-${traceId}-${"d".repeat(16)}-01`, tracestate: "vendor=1,other=2" });
  expect(rig.wiki.requests[0]?.header("traceparent")?.slice(3, 35)).toBe(traceId);
  expect(rig.wiki.requests[0]?.header("tracestate")).toBe("vendor=1,other=2");
  const span = await eventually(() => {
    const found = server(collector.spans).find((one) => one.traceId === traceId);
    if (found === undefined) throw new Error("not yet");
    return found;
  });
  expect([span.parent, span.state]).toEqual(["d".repeat(16), "vendor=1,other=2"]);

  // Not sampled there: nothing of it is sent, and the upstream is told so.
  const unsampled = "e".repeat(32);
  await fromTrustedProxy({ traceparent: `00-${unsampled}-${"d".repeat(16)}-00` });
  expect(rig.wiki.requests[1]?.header("traceparent")).toMatch(new RegExp(`^00-${unsampled}-[0-9a-f]{16}-00$`));
  await fromTrustedProxy({ traceparent: `00-${"f".repeat(32)}-${"d".repeat(16)}-01` });
  await eventually(() => expect(collector.spans.some((one) => one.traceId === "f".repeat(32))).toBe(true));
  expect(collector.spans.some((one) => one.traceId === unsampled)).toBe(false);
});

test("a question of another proxy is a request of its own, named by the app that it is about", { timeout: 30_000 }, async () => {
  const traceId = "9".repeat(32);
  const asked = { "x-forwarded-method": "GET", "x-forwarded-host": `wiki.localhost:${rig.port}`, "x-forwarded-uri": "/healthz" };
  const headers = { traceparent: `00-${traceId}-${"d".repeat(16)}-01`, ...asked };
  expect(await fromTrustedProxy(headers, "/_vestibule/forward-auth/traefik")).toBe(200);
  const span = await eventually(() => {
    const found = server(collector.spans).find((one) => one.traceId === traceId);
    if (found === undefined) throw new Error("not yet");
    return found;
  });
  expect([span.name, span.attributes["vestibule.app"], span.attributes["vestibule.decision"]]).toEqual([
    "GET wiki.localhost/",
    "Wiki",
    "pass",
  ]);
  expect(below(span).map(({ name }) => name)).toEqual(["read", "decide"]);
});

test("a collector that is away costs no request: said once, counted, and its return is said too", { timeout: 60_000 }, async () => {
  const dropped = async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${rig.adminPort}/metrics`)).text();
    return Number(/^vestibule_trace_spans_total\{outcome="dropped"\} (\d+)/m.exec(metrics)?.[1] ?? 0);
  };
  for (const status of [400, 500]) {
    collector.answerWith(status);
    const before = await dropped();
    expect((await newVisitor().fetch(`${rig.urls.wiki}/healthz`)).status).toBe(200);
    await eventually(async () => expect(await dropped()).toBeGreaterThan(before));
  }
  expect(rig.gateway.logged(({ msg }) => String(msg).startsWith("spans do not reach"))).toHaveLength(1);
  collector.answerWith(200);
  await newVisitor().fetch(`${rig.urls.wiki}/healthz`);
  await eventually(() => expect(rig.gateway.logged(({ msg }) => msg === "spans reach the collector again")).toHaveLength(1));
});

test("a collector that hangs when the gateway ends does not keep it", { timeout: 60_000 }, async () => {
  const hanging = await startOtlpCollector();
  const other = await startRig({
    sessions: "  store: { redis: { url: { env: REDIS_URL } } }",
    env: { COLLECTOR_TOKEN: "Bearer of-the-collector", REDIS_URL: redis.url },
    top: top(hanging.url),
  });
  try {
    hanging.answerWith(null);
    await newVisitor().fetch(`${other.urls.wiki}/healthz`);
    expect(await other.gateway.stop()).toBe(0);
    const said = other.gateway.logged(({ msg }) => String(msg).startsWith("spans do not reach"));
    expect(said.map(({ reason }) => reason)).toEqual(["the collector did not take them before the end"]);
    expect(hanging.spans).toEqual([]);
  } finally {
    await other.close();
    await hanging.close();
  }
});

test("a reload switches traces off and on again", { timeout: 60_000 }, async () => {
  const reloads = () => rig.gateway.logged(({ audit, outcome }) => audit === "reload" && outcome === "applied").length;
  const reloadTo = async (yaml: string) => {
    const before = reloads();
    await rig.gateway.rewriteConfig(yaml);
    rig.gateway.signal("SIGHUP");
    await eventually(() => expect(reloads()).toBe(before + 1));
  };
  const client = { traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` };
  await reloadTo(rig.yaml.replace(/^tracing: .*$/m, ""));
  rig.wiki.forget();
  await newVisitor().fetch(`${rig.urls.wiki}/healthz`, { headers: client });
  // Without traces of our own the field is one of the application's like any other.
  expect(rig.wiki.requests[0]?.header("traceparent")).toBe(client.traceparent);
  const id = rig.wiki.requests[0]?.header("x-request-id");
  const line = await eventually(() => {
    const [found] = rig.gateway.logged(({ request: of, msg }) => msg === "request" && of === id);
    if (found === undefined) throw new Error("not yet");
    return found;
  });
  expect(line).not.toHaveProperty("trace");
  await reloadTo(rig.yaml);
  await eventually(async () => {
    rig.wiki.forget();
    await newVisitor().fetch(`${rig.urls.wiki}/healthz`, { headers: client });
    expect(rig.wiki.requests[0]?.header("traceparent")).not.toBe(client.traceparent);
  });
});

test("what ended just before the end is sent, by each worker", { timeout: 60_000 }, async () => {
  const own = await startOtlpCollector();
  const other = await startRig({
    sessions: "  store: { redis: { url: { env: REDIS_URL } } }",
    env: { COLLECTOR_TOKEN: "Bearer of-the-collector", REDIS_URL: redis.url },
    top: top(own.url).replace("workers: 1", "workers: 2"),
  });
  try {
    // The kernel gives connections to either; each answers on one of its own.
    await eventually(
      async () => {
        await newVisitor().fetch(`${other.urls.wiki}/healthz`);
        expect(new Set(own.spans.map(({ resource }) => resource["service.instance.id"])).size).toBe(2);
      },
      { timeoutMs: 20_000 },
    );
    own.forget();
    await newVisitor().fetch(`${other.urls.wiki}/healthz`);
    expect(await other.gateway.stop()).toBe(0);
    expect(server(own.spans).length).toBeGreaterThanOrEqual(1);
  } finally {
    await other.close();
    await own.close();
  }
});
