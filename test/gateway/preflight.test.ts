import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { exchange } from "../support/raw-client.ts";

/** Preflights carry no cookies: without an answer of its own the gateway would ask them to sign in, and no page could call the app. */
let gateway: InProcessGateway;
const preflight = {
  origins: ["https://dash.acme.example"],
  methods: ["GET", "PUT"],
  headers: ["X-Csrf"],
  credentials: true,
  maxAgeMs: 600_000,
};
beforeAll(async () => {
  gateway = await startGatewayInProcess({
    routes: [{ path: "/" }, { path: "/api", preflight, bearer: ["entra"] }, { path: "/v2", bearer: ["entra"] }],
  });
});
afterAll(() => gateway.close());
beforeEach(() => gateway.upstream.forget());

async function ask(line: string, fields: readonly string[]) {
  const { answers } = await exchange(
    gateway,
    `${[`${line} HTTP/1.1`, "Host: wiki.acme.example", ...fields, "Connection: close"].join("\r\n")}\r\n\r\n`,
  );
  const [answer] = answers;
  if (answer === undefined) throw new Error("no answer");
  return answer;
}
const origin = "Origin: https://dash.acme.example";
const asks = "Access-Control-Request-Method: PUT";

test("a preflight from a listed origin is answered without a login, and never reaches the app", async () => {
  const answer = await ask("OPTIONS /api/x", [origin, asks]);
  expect(answer.status).toBe(204);
  expect(["origin", "methods", "headers", "credentials"].map((name) => answer.header(`access-control-allow-${name}`))).toEqual([
    "https://dash.acme.example",
    "GET, PUT",
    "X-Csrf",
    "true",
  ]);
  expect(answer.header("access-control-max-age")).toBe("600");
  expect(answer.header("vary")).toContain("Origin");
  expect(gateway.upstream.requests).toEqual([]);
});

test.each([
  { when: "another origin", line: "OPTIONS /api/x", fields: ["Origin: https://evil.example", asks] },
  { when: "an origin that only begins like it", line: "OPTIONS /api/x", fields: ["Origin: https://dash.acme.example.evil.example", asks] },
  { when: "no origin", line: "OPTIONS /api/x", fields: [asks] },
  { when: "no method asked for", line: "OPTIONS /api/x", fields: [origin] },
  { when: "a request that is no preflight", line: "GET /api/x", fields: [origin, asks] },
  { when: "a route that says nothing of it", line: "OPTIONS /x", fields: [origin, asks] },
])("$when: the rules decide as ever", async ({ line, fields }) => {
  expect((await ask(line, fields)).status).toBe(401);
  expect(gateway.upstream.requests).toEqual([]);
});

test("a listed origin may read the 401 and the way to a login in it, another may not", async () => {
  expect((await ask("GET /api/x", [origin])).header("access-control-allow-origin")).toBe("https://dash.acme.example");
  expect((await ask("GET /api/x", ["Origin: https://evil.example"])).header("access-control-allow-origin")).toBeNull();
});

test("what Docker would take for a token server's address is not said where Docker asks", async () => {
  const schemes = async (path: string) =>
    (await ask(`GET ${path}`, [])).headerValues("www-authenticate").map((value) => value.split(" ")[0]);
  expect(await schemes("/v2/")).toEqual(["Vestibule"]);
  expect(await schemes("/v2/library/x/manifests/1")).toEqual(["Vestibule"]);
  expect(await schemes("/api/x")).toEqual(["Bearer", "Vestibule"]);
});
