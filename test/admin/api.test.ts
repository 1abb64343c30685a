import { describe, expect, test } from "vitest";
import type { Operations } from "../../src/admin/operations.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";
import { aNewSession } from "../support/session-builders.ts";

function anApi(operations: Operations = someOperations()) {
  const admin = anAdmin(operations);
  return async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const sent = {
      method,
      headers: {
        authorization: `Bearer ${consoleToken}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const response = await admin(new Request(`http://127.0.0.1:9090/api/v1${path}`, sent), "192.0.2.1");
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
  };
}

describe("who may ask", () => {
  test.each([
    { when: "no token", authorization: "" },
    { when: "another token", authorization: "Bearer something-else-that-is-long-enough" },
    { when: "the token as a password", authorization: `Basic ${btoa(`admin:${consoleToken}`)}` },
    { when: "a part of the token", authorization: `Bearer ${consoleToken.slice(0, -1)}` },
  ])("$when is refused with a problem", async ({ authorization }) => {
    for (const path of ["/sessions", "/openapi.json", "/nothing"]) {
      const answer = await anApi()("GET", path, undefined, { authorization });
      expect([answer.status, answer.headers.get("content-type")]).toEqual([401, "application/problem+json"]);
      expect(answer.body).toMatchObject({ status: 401, code: "console.token-rejected" });
      expect(answer.headers.get("www-authenticate")).toContain("Bearer");
    }
  });

  test("the token counts in one Authorization field alone: in no query, no cookie, and not beside another", async () => {
    const ask = anApi();
    const good = `Bearer ${consoleToken}`;
    expect((await ask("GET", "/status", undefined, { authorization: `bearer  ${consoleToken}` })).status).toBe(200);
    for (const authorization of [`${good}, ${good}`, `${good}, Bearer x`, `Basic eDp5, ${good}`, consoleToken]) {
      expect((await ask("GET", "/status", undefined, { authorization })).status, authorization).toBe(401);
    }
    const elsewhere = await ask("GET", `/status?access_token=${consoleToken}`, undefined, {
      authorization: "",
      cookie: `token=${consoleToken}; authorization=${good}`,
    });
    expect(elsewhere.status).toBe(401);
  });

  test("without console.token nobody is let in, and the answer says what to write", async () => {
    const answer = await anApi(someOperations({}, { console: { token: null, host: null } }))("GET", "/sessions");
    expect([answer.status, answer.body.code]).toEqual([403, "console.no-token"]);
    expect(answer.body.detail).toContain("console: { token: { file: PATH } }");
  });
});

describe("sessions", () => {
  test("are shown with who, where and when, and without what opens them", async () => {
    const operations = someOperations();
    const made = await operations.store.create(
      aNewSession({ principal: { subject: "s-7", email: "a@b.example" }, address: "192.0.2.7", userAgent: "X" }),
    );
    const { body } = await anApi(operations)("GET", "/sessions");
    expect(body.sessions).toEqual([
      {
        handle: made.key,
        person: { provider: "entra", subject: "s-7", email: "a@b.example", name: made.principal.name },
        groups: expect.any(Array),
        address: "192.0.2.7",
        userAgent: "X",
        startedAt: new Date(made.createdAt).toISOString(),
        lastSeenAt: new Date(made.lastSeenAt).toISOString(),
        expiresAt: new Date(made.expiresAt).toISOString(),
        apps: [],
      },
    ]);
    expect(JSON.stringify(body)).not.toContain(made.id);
  });

  test("come page by page, each once", async () => {
    const operations = someOperations();
    for (let at = 0; at < 25; at += 1) await operations.store.create(aNewSession({ principal: { subject: `s-${at}` } }));
    const ask = anApi(operations);
    const seen: string[] = [];
    let next: string | null = "";
    while (next !== null) {
      const { body }: { body: { sessions: { person: { subject: string } }[]; next: string | null } } = await ask(
        "GET",
        `/sessions?limit=10${next === "" ? "" : `&cursor=${encodeURIComponent(next)}`}`,
      );
      expect(body.sessions.length).toBeLessThanOrEqual(10);
      seen.push(...body.sessions.map(({ person }) => person.subject));
      next = body.next;
    }
    expect(seen.toSorted()).toEqual(Array.from({ length: 25 }, (_, at) => `s-${at}`).toSorted());
  });

  test("end by handle, once, with an audit line that names the operator", async () => {
    const operations = someOperations();
    const { key } = await operations.store.create(aNewSession());
    const ask = anApi(operations);
    expect((await ask("GET", `/sessions/${key}`)).body.handle).toBe(key);
    expect((await ask("DELETE", `/sessions/${key}`)).status).toBe(204);
    expect((await ask("DELETE", `/sessions/${key}`)).status).toBe(404);
    expect((await ask("GET", `/sessions/${key}`)).body.code).toBe("session.unknown");
    expect(operations.audited).toEqual([
      expect.objectContaining({ event: "logout", why: "revoked", by: "token", client: "192.0.2.1" }),
      { event: "operator", by: "token", client: "192.0.2.1", act: "end-session", what: expect.stringMatching(/^[\w-]{43}$/), count: 1 },
    ]);
  });

  test("end by a condition: first counted, then ended, and no other", async () => {
    const operations = someOperations();
    for (const subject of ["alice", "alice", "bob"]) await operations.store.create(aNewSession({ principal: { subject } }));
    const ask = anApi(operations);
    expect((await ask("POST", "/sessions/end", { person: "alice", dryRun: true })).body).toEqual({ ended: 2, dryRun: true });
    expect((await ask("POST", "/sessions/end", { person: "alice" })).body).toEqual({ ended: 2, dryRun: false });
    expect((await ask("GET", "/sessions")).body.sessions).toHaveLength(1);
    expect(operations.audited).toContainEqual(expect.objectContaining({ event: "revocation", subject: "alice", sessions: 2, by: "token" }));
    expect((await ask("POST", "/sessions/end", { all: true })).body.ended).toBe(1);
  });

  test.each([
    { when: "no condition at all", body: {} },
    { when: "everyone together with a condition", body: { all: true, person: "alice" } },
    { when: "a misspelt condition", body: { persons: "alice" } },
    { when: "all: false", body: { all: false } },
  ])("$when ends nothing", async ({ body }) => {
    const operations = someOperations();
    await operations.store.create(aNewSession());
    const answer = await anApi(operations)("POST", "/sessions/end", body);
    expect([answer.status, answer.body.code, await operations.store.openCount()]).toEqual([400, "request.malformed", 1]);
  });

  test("several conditions must all hold: a subject is one person only beside its provider", async () => {
    const operations = someOperations();
    for (const provider of ["entra", "okta"]) await operations.store.create(aNewSession({ principal: { provider, subject: "1" } }));
    const ask = anApi(operations);
    expect((await ask("POST", "/sessions/end", { person: "1", provider: "okta" })).body.ended).toBe(1);
    expect((await ask("GET", "/sessions")).body.sessions[0].person.provider).toBe("entra");
  });

  test.each([
    { body: { person: "" }, says: "person: this is empty" },
    { body: { provider: 7 }, says: "provider" },
    { body: { email: "x".repeat(321) }, says: "email: at most 320 characters" },
    { body: { all: "true" }, says: "all" },
    { body: { person: "a", dryRun: "no" }, says: "dryRun" },
    { body: { persons: "a" }, says: "persons" },
    { body: {}, says: "name whose sessions" },
    { body: [], says: "expected object" },
    { body: null, says: "expected object" },
  ])("$body is refused, and the problem names $says", async ({ body, says }) => {
    const { status, body: problem } = await anApi()("POST", "/sessions/end", body);
    expect([status, problem.code]).toEqual([400, "request.malformed"]);
    expect(problem.detail).toContain(says);
  });

  test("a cursor is a place and no permission: with another filter it shows no session that the filter leaves out", async () => {
    const operations = someOperations();
    for (let at = 0; at < 6; at += 1) await operations.store.create(aNewSession({ principal: { subject: at < 3 ? "alice" : "bob" } }));
    const ask = anApi(operations);
    const { next } = (await ask("GET", "/sessions?person=bob&limit=1")).body;
    const answer = await ask("GET", `/sessions?person=alice&limit=500&cursor=${encodeURIComponent(next)}`);
    if (answer.status === 200) {
      const subjects = answer.body.sessions.map(({ person }: { person: { subject: string } }) => person.subject);
      expect(subjects).not.toContain("bob");
    } else expect([answer.status, answer.body.code]).toEqual([400, "request.malformed"]);
    const forged = (place: unknown) => Buffer.from(JSON.stringify(place)).toString("base64url");
    for (const place of [{}, [], [null], [["x"]], [1e300], ["x".repeat(200)], [-1, "x", 3, 4], "x", 7]) {
      const { status, body } = await ask("GET", `/sessions?cursor=${forged(place)}`);
      expect(status === 200 ? Array.isArray(body.sessions) : body.code, JSON.stringify(place)).toBe(status === 200 || "request.malformed");
    }
    expect((await ask("GET", `/sessions?cursor=${"A".repeat(5_000)}`)).status).toBe(400);
  });

  test.each(["limit=0", "limit=501", "limit=x", "unknown=1", "person=a&person=b", "cursor=made-up"])(
    "a list by %s is a problem",
    async (query) => {
      expect((await anApi()("GET", `/sessions?${query}`)).status).toBe(400);
    },
  );
});

test("the other questions: status, providers, apps, explain, configuration, audit, reload", async () => {
  const operations = someOperations();
  await operations.store.create(aNewSession());
  operations.audit({ event: "reload", outcome: "applied", detail: "x" });
  const ask = anApi(operations);
  expect((await ask("GET", "/status")).body).toMatchObject({ version: "0.0.0", ready: true, sessions: 1 });
  expect((await ask("GET", "/providers")).body.providers).toEqual([
    expect.objectContaining({ id: "entra", method: "oidc", ok: true, logins: { ok: 3 }, lastError: null, documents: [], expiryDays: {} }),
  ]);
  expect((await ask("GET", "/apps")).body.apps[0]).toMatchObject({
    providers: ["entra"],
    routes: [expect.objectContaining({ path: "/" })],
  });
  expect((await ask("POST", "/explain", { url: "https://wiki.acme.example/" })).body).toEqual({
    outcome: "control",
    asked: "https://wiki.acme.example/",
    why: "a test",
  });
  expect((await ask("GET", "/audit?event=reload")).body.events).toEqual([
    expect.objectContaining({ event: "reload", at: expect.any(String) }),
  ]);
  expect((await ask("GET", "/audit?event=login")).body.events).toEqual([]);
  expect((await ask("POST", "/reload")).body).toEqual({ outcome: "applied", detail: "1 apps" });
  const { body } = await ask("GET", "/config");
  expect(JSON.stringify(body)).not.toContain(consoleToken);
  expect(body.console.token).toBe("[secret]");
});

test("what is asked wrongly is told as a problem", async () => {
  const ask = anApi();
  const allowed = async (path: string) => {
    const { status, headers, body } = await ask("PUT", path);
    return [status, body.code, headers.get("allow")];
  };
  expect(await allowed("/sessions")).toEqual([405, "request.method-not-allowed", "GET, HEAD"]);
  expect(await allowed("/openapi.json")).toEqual([405, "request.method-not-allowed", "GET, HEAD"]);
  expect(await allowed("/sessions/x")).toEqual([405, "request.method-not-allowed", "GET, HEAD, DELETE"]);
  expect(await allowed("/reload")).toEqual([405, "request.method-not-allowed", "POST"]);
  expect((await ask("OPTIONS", "/sessions")).status).toBe(405);
  expect(await ask("HEAD", "/status")).toMatchObject({ status: 200, body: null });
  expect((await ask("GET", "/nothing")).body).toMatchObject({ status: 404, code: "request.not-found" });
  expect((await ask("POST", "/sessions/end", { all: true }, { "content-type": "text/plain" })).status).toBe(415);
  expect((await ask("POST", "/explain", { url: "ftp://x" })).body.detail).toContain("url");
  for (const body of [{}, { url: "https://wiki.acme.example/", request: "r-1" }])
    expect((await ask("POST", "/explain", body)).body).toMatchObject({ status: 400, detail: "url: either url or request" });
  expect((await ask("POST", "/explain", { request: "r-1" })).body).toMatchObject({ status: 404, code: "refusal.unknown" });
  expect((await ask("POST", "/sessions/end", { person: "x".repeat(300_000) })).body).toMatchObject({
    status: 413,
    code: "request.body-too-large",
  });
});

test("the OpenAPI document refers to nothing that is not in it, and declares what its paths take", async () => {
  const { body } = await anApi()("GET", "/openapi.json");
  const references: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("$ref" in value) references.push(String(value.$ref));
    for (const one of Object.values(value)) walk(one);
  };
  walk(body);
  const at = (reference: string) =>
    reference
      .slice(2)
      .split("/")
      .reduce<unknown>((place, name) => (place as Record<string, unknown> | undefined)?.[name], body);
  expect(references).toContain("#/components/schemas/Session");
  for (const reference of references) expect(at(reference), reference).toBeTypeOf("object");
  for (const [path, operations] of Object.entries(
    body.paths as Record<string, Record<string, { parameters: { in: string; name: string }[] }>>,
  )) {
    const wanted = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const { parameters } of Object.values(operations))
      expect(parameters.flatMap((one) => (one.in === "path" ? one.name : []))).toEqual(wanted);
  }
});

test("the OpenAPI document names every address with its shapes", async () => {
  const { body } = await anApi()("GET", "/openapi.json");
  expect(body.openapi).toBe("3.1.0");
  const verbs = ["activate", "attribute", "deactivate", "end", "merge", "split", "unlink"];
  const ofPerson = ["/people/{handle}", ...verbs.map((verb) => `/people/{handle}/${verb}`)];
  expect(Object.keys(body.paths).toSorted()).toEqual(
    [
      "/apps",
      "/audit",
      "/config",
      "/explain",
      "/people",
      ...ofPerson,
      "/providers",
      "/reload",
      "/scim/requests",
      "/sessions",
      "/sessions/end",
      "/sessions/{handle}",
      "/status",
      "/tokens",
      "/tokens/end",
      "/tokens/{handle}",
    ].map((path) => `/api/v1${path}`),
  );
  const { parameters } = body.paths["/api/v1/sessions"].get;
  expect(parameters.map(({ name }: { name: string }) => name)).toEqual([
    "person",
    "email",
    "group",
    "provider",
    "address",
    "app",
    "limit",
    "cursor",
  ]);
  const ids = Object.values(body.paths as Record<string, Record<string, { operationId: string }>>).flatMap((one) =>
    Object.values(one).map(({ operationId }) => operationId),
  );
  expect(new Set(ids).size).toBe(ids.length);
});
