import { expect, test } from "vitest";
import { issueConsoleCookie } from "../../src/admin/console/sign-on.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";
import { createScimRig } from "../support/scim-rig.ts";

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const rig = createScimRig({ roles: {} });
const admin = anAdmin(someOperations({ people: () => rig }));

async function ask(method: string, path: string) {
  const headers = {
    authorization: `Bearer ${consoleToken}`,
    cookie: issueConsoleCookie(consoleToken, Date.now()).split(";")[0] ?? "",
    "sec-fetch-site": "same-origin",
    "content-type": path.startsWith("/api/") ? "application/json" : "application/x-www-form-urlencoded",
  };
  const body = method === "POST" ? "{}" : null;
  const response = await admin(new Request(`http://127.0.0.1:9090${path}`, { method, headers, body }), "192.0.2.1");
  return { status: response.status, allow: response.headers.get("allow"), text: await response.text() };
}

/*
 * Each address with the methods that it takes. A fixed address that a pattern covers as well stands here: `/sessions/end` is no session.
 */
const reads = "GET, HEAD";
test.each([
  ...["/", "/console", "/console/", "/healthz", "/readyz", "/metrics"].map((path) => ({ path, allow: reads })),
  ...["openapi.json", "status", "sessions", "providers", "apps", "config", "audit"].map((name) => ({
    path: `/api/v1/${name}`,
    allow: reads,
  })),
  ...["sessions/end", "tokens/end", "explain", "reload", "people/x/merge", "people/x/split"].map((name) => ({
    path: `/api/v1/${name}`,
    allow: "POST",
  })),
  { path: "/api/v1/sessions/x", allow: "GET, HEAD, DELETE" },
  { path: "/api/v1/tokens/x", allow: "GET, HEAD, DELETE" },
  ...["now", "sessions", "sessions/x", "people", "people/x", "providers", "apps", "apps/x", "refusals", "config", "audit"].map((name) => ({
    path: `/console/${name}`,
    allow: reads,
  })),
  ...["sessions/end", "sessions/count", "sessions/end-all", "sessions/end-token", "people/forget", "config/reload"].map((name) => ({
    path: `/console/${name}`,
    allow: "POST",
  })),
  { path: "/console/explain", allow: "GET, HEAD, POST" },
  { path: "/console/sign-out", allow: "GET, HEAD, POST" },
])("$path takes $allow, and says so to every other method", async ({ path, allow }) => {
  const taken = allow.split(", ");
  for (const method of methods) {
    const answer = await ask(method, path);
    const isTaken = taken.includes(method);
    expect([method, answer.status === 405, answer.allow], method).toEqual([method, !isTaken, isTaken ? null : allow]);
    if (method === "HEAD") expect([answer.status, answer.text]).toEqual([isTaken ? (await ask("GET", path)).status : 405, ""]);
  }
});

test("the address of a button, opened by itself, says that nothing was done, with the way to the page", async () => {
  const { text } = await ask("GET", "/console/sessions/count");
  expect(text).toContain("Nothing was done");
  expect(text).toContain('<a href="/console/sessions">');
  expect((await ask("GET", "/console/sign-in")).status).toBe(303);
});

test("an address that is none has no methods: 404", async () => {
  for (const path of ["/nothing", "/api/v1/nothing", "/console/nothing", "/api/v1/sessions/x/y", "/console/refusals/x"])
    for (const method of methods) expect([path, (await ask(method, path)).status]).toEqual([path, 404]);
});
