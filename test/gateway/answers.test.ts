import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { allow, deny } from "../support/policy-builders.ts";
import { exchange, rawConnect } from "../support/raw-client.ts";
import { okAnswer } from "../support/recording-upstream.ts";

let gateway: InProcessGateway;
let cookie: string;
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [
      { path: "/" },
      { path: "/admin", access: [allow({ groups: ["admins"] })] },
      { path: "/shadow", access: [deny({ groups: ["staff"] })], enforce: false },
      { path: "/open", public: [{ method: null, glob: "/open/**" }] },
      { path: "/maybe", optional: [{ method: null, glob: "/maybe/**" }] },
      { path: "/api", bearer: ["entra"] },
      { path: "/dead", upstreams: [{ url: "http://127.0.0.1:1", weight: 1 }] },
      { path: "/strong", access: [allow({ acr: ["mfa"] })] },
    ],
  });
  ({ cookie } = await gateway.signIn());
});
afterAll(() => gateway.close());
beforeEach(() => {
  gateway.upstream.forget();
  gateway.upstream.answerWith(() => okAnswer);
});

const page = "Accept: text/html,*/*\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n";
const script = "Accept: */*\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n";
const ask = async (line: string, fields = "", credentials: string | null = null) => {
  const signedIn = credentials === null ? "" : `Cookie: ${credentials}\r\n`;
  const bytes = `${line} HTTP/1.1\r\nHost: wiki.acme.example\r\n${signedIn}${fields}Connection: close\r\n\r\n`;
  const { answers } = await exchange(gateway, bytes);
  const [answer] = answers;
  if (answer === undefined) throw new Error("no answer");
  return answer;
};
const lastAccess = () => gateway.accesses.at(-1);

describe("a visitor without a session", () => {
  test.each([
    { when: "navigates", line: "GET /a?b=c", fields: page, status: 302 },
    { when: "navigates in a frame", line: "GET /a", fields: "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: iframe\r\n", status: 302 },
    { when: "asks for HTML with an old browser", line: "GET /a", fields: "Accept: text/html\r\n", status: 302 },
    { when: "asks with HEAD", line: "HEAD /a", fields: page, status: 302 },
    { when: "runs a script", line: "GET /a", fields: script, status: 401 },
    { when: "runs an old script", line: "GET /a", fields: "Accept: text/html\r\nX-Requested-With: XMLHttpRequest\r\n", status: 401 },
    { when: "fetches HTML by script", line: "GET /a", fields: "Accept: text/html\r\nSec-Fetch-Mode: cors\r\n", status: 401 },
    { when: "loads an image", line: "GET /a.png", fields: "Accept: image/*\r\nSec-Fetch-Mode: no-cors\r\n", status: 401 },
    { when: "is curl", line: "GET /a", fields: "Accept: */*\r\n", status: 401 },
    { when: "posts a form", line: "POST /a", fields: `${page}Content-Length: 0\r\n`, status: 401 },
  ])("who $when gets $status", async ({ line, fields, status }) => {
    const answer = await ask(line, fields);
    expect(answer.status).toBe(status);
    expect(answer.header("cache-control")).toBe("no-store");
    expect(answer.header("x-request-id")).toBe(lastAccess()?.id);
    expect(gateway.upstream.requests).toEqual([]);
    expect(lastAccess()).toMatchObject({ status, decision: status === 302 ? "login" : "challenge", reason: "no-session" });
  });

  test("who runs a script is told where to sign in", async () => {
    const answer = await ask("GET /api/x", script);
    const body = JSON.parse(answer.text);
    expect(body).toMatchObject({ error: "login_required", request_id: answer.header("x-request-id") });
    expect(body.login_url).toMatch(/^https:\/\/auth\.acme\.example\/_vestibule\/login\?return=/);
    expect(answer.headerValues("www-authenticate")[0]).toBe('Bearer realm="wiki.acme.example"');
    expect((await ask("GET /x", script)).headerValues("www-authenticate").join()).not.toContain("Bearer");
  });
});

describe("a visitor with a session", () => {
  test("who is not a member gets a page that says who they are, and a line in the audit log", async () => {
    const answer = await ask("GET /admin/x", page, cookie);
    expect([answer.status, answer.header("content-type")]).toEqual([403, "text/html; charset=utf-8"]);
    expect(answer.text).toContain("alice@acme.example");
    expect(answer.text).toContain(answer.header("x-request-id"));
    expect(gateway.audits.at(-1)).toMatchObject({
      event: "refusal",
      method: "GET",
      path: "/admin/x",
      reason: "no-rule-matched",
      enforced: true,
    });
    expect(lastAccess()).toMatchObject({ status: 403, decision: "refuse", reason: "no-rule-matched", via: "session", aborted: false });
  });

  test.each([
    { path: "/admin/x", status: 403, enforced: true },
    { path: "/shadow", status: 200, enforced: false },
  ])("whose WebSocket is refused at $path: the audit log says that it was one", async ({ path, status, enforced }) => {
    const handshake = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ZXhwbGFpbiBleHBsYWluIQ==\r\n";
    const asked = `GET ${path} HTTP/1.1\r\nHost: wiki.acme.example\r\nOrigin: https://wiki.acme.example\r\nCookie: ${cookie}\r\n`;
    const { answers } = await exchange(gateway, `${asked}Connection: Upgrade\r\n${handshake}\r\n`);
    expect(answers[0]?.status).toBe(status);
    expect(gateway.audits.at(-1)).toMatchObject({ event: "refusal", path, websocket: true, enforced });
    await ask("GET /admin/x", script, cookie);
    expect(gateway.audits.at(-1)).toMatchObject({ path: "/admin/x", websocket: false });
  });

  test("whose script is refused gets JSON", async () => {
    const answer = await ask("GET /admin/x", script, cookie);
    expect([answer.status, JSON.parse(answer.text).error]).toEqual([403, "access_refused"]);
  });

  test("passes where rules are not enforced, and the audit log says what would have been", async () => {
    expect((await ask("GET /shadow", page, cookie)).status).toBe(200);
    expect(gateway.audits.at(-1)).toMatchObject({ event: "refusal", enforced: false });
    expect(lastAccess()).toMatchObject({ status: 200, decision: "allow", shadow: expect.any(String) });
  });

  test("whose login is too weak is sent to a stronger one, their script told so", async () => {
    expect((await ask("GET /strong", page, cookie)).status).toBe(302);
    expect(JSON.parse((await ask("GET /strong", script, cookie)).text)).toMatchObject({ error: "login_required", acr_values: ["mfa"] });
  });

  test("leaves an access line with route, principal, upstream time and bytes, without the query", async () => {
    await ask("GET /a?token=secret", page, cookie);
    expect(lastAccess()).toMatchObject({
      method: "GET",
      host: "wiki.acme.example",
      path: "/a",
      route: "wiki.acme.example/",
      principal: expect.objectContaining({ provider: "entra", subject: "s-1" }),
      status: 200,
      bytesSent: 2,
      upstreamMs: expect.any(Number),
      durationMs: expect.any(Number),
      aborted: false,
    });
    expect(JSON.stringify(lastAccess())).not.toContain("secret");
  });
});

describe("failures", () => {
  test("an upstream that is away: a page for people, JSON for scripts, the request id on both", async () => {
    const forPeople = await ask("GET /dead", page, cookie);
    expect([forPeople.status, forPeople.header("content-type")]).toEqual([502, "text/html; charset=utf-8"]);
    expect(forPeople.text).toContain(forPeople.header("x-request-id"));
    const forScripts = await ask("GET /dead", script, cookie);
    expect(JSON.parse(forScripts.text)).toMatchObject({ error: "upstream.unreachable", request_id: forScripts.header("x-request-id") });
    expect(lastAccess()).toMatchObject({ status: 502, decision: "allow", reason: "upstream.unreachable" });
  });

  test("a store that cannot answer: 503 and a time to come back, neither a login nor a cleared cookie; open paths go on", async () => {
    const { peek, find } = gateway.sessions;
    Object.assign(gateway.sessions, {
      peek: () => undefined,
      find: () => Promise.reject(new GatewayError("store.unavailable", "no answer")),
    });
    try {
      const answer = await ask("GET /a", page, cookie);
      expect([answer.status, answer.header("retry-after"), answer.headerValues("set-cookie")]).toEqual([503, "5", []]);
      expect((await ask("GET /open/a", page, cookie)).status).toBe(200);
      expect(gateway.upstream.requests.map((request) => request.target)).toEqual(["/open/a"]);
    } finally {
      Object.assign(gateway.sessions, { peek, find });
    }
  });

  test("a client that leaves before the answer is recorded as gone", async () => {
    gateway.upstream.answerWith(() => null);
    const client = await rawConnect(gateway);
    client.send(`GET /left HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\n\r\n`);
    await expect.poll(() => gateway.upstream.requests.length).toBe(1);
    client.destroy();
    await expect.poll(() => gateway.accesses.find((record) => record.path === "/left")).toMatchObject({ status: 499, aborted: true });
  });

  test("a HEAD of a failure has the length and no body", async () => {
    const { answers } = await exchange(gateway, `HEAD /dead HTTP/1.1\r\nHost: wiki.acme.example\r\nCookie: ${cookie}\r\n${script}\r\n`);
    expect(answers).toHaveLength(1);
    expect([answers[0]?.status, Number(answers[0]?.header("content-length")) > 0]).toEqual([502, true]);
  });
});

describe("public and optional paths", () => {
  test("send no identity on a public path, whoever calls", async () => {
    await ask("GET /open/a", "Remote-User: eve\r\n", cookie);
    expect(gateway.upstream.requests[0]?.headerValues("remote-user")).toEqual([]);
    expect(lastAccess()).toMatchObject({ decision: "pass", principal: null });
  });

  test("send an identity on an optional path when there is one", async () => {
    await ask("GET /maybe/a", "", cookie);
    await ask("GET /maybe/a", "Remote-User: eve\r\n");
    expect(gateway.upstream.requests.map((request) => request.headerValues("remote-user"))).toEqual([["s-1"], []]);
  });
});

test("the gateway's own endpoints answer on the app's host and leave their access line", async () => {
  const answer = await ask("GET /_vestibule/session", script);
  expect(answer.status).toBe(401);
  expect(answer.header("x-request-id")).toBe(lastAccess()?.id);
  expect(lastAccess()).toMatchObject({ decision: "control", path: "/_vestibule/session" });
});
