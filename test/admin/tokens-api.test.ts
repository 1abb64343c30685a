import { expect, test } from "vitest";
import { aNewToken } from "../contract/token-records.contract.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";
import { aNewSession } from "../support/session-builders.ts";

function aRig() {
  const operations = someOperations();
  const admin = anAdmin(operations);
  const call = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${consoleToken}`, ...(body === undefined ? {} : { "content-type": "application/json" }) };
    const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const response = await admin(new Request(`http://127.0.0.1:9090/api/v1${path}`, sent), "192.0.2.1");
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  };
  return { operations, call };
}
const tokenOf = (subject: string, text: string) =>
  aNewToken(text, aNewSession({ principal: { subject, email: `${subject}@acme.example` }, address: "192.0.2.9" }));

test("tokens are listed by their owner, with name and times, and without what opens them", async () => {
  const { operations, call } = aRig();
  const made = await operations.tokenStore.create(tokenOf("alice", "vst_a"));
  await operations.tokenStore.create(tokenOf("bob", "vst_b"));
  const { body } = await call("GET", "/tokens?person=alice");
  expect(body).toMatchObject({ next: null, tokens: [{ handle: made.key, name: "laptop", person: { subject: "alice" }, apps: [] }] });
  expect(JSON.stringify(body)).not.toContain(made.id);
  expect((await call("GET", `/tokens/${made.key}`)).body).toMatchObject({ handle: made.key, name: "laptop" });
  expect((await call("GET", "/sessions")).body.sessions).toEqual([]);
});

test("one is ended by its handle, once, and the audit log says by whom", async () => {
  const { operations, call } = aRig();
  const made = await operations.tokenStore.create(tokenOf("alice", "vst_a"));
  expect((await call("DELETE", `/tokens/${made.key}`)).status).toBe(204);
  expect(await call("DELETE", `/tokens/${made.key}`)).toMatchObject({ status: 404, body: { code: "token.unknown" } });
  expect(await operations.tokenStore.find(made.id)).toBeNull();
  expect(operations.audited).toEqual([
    expect.objectContaining({ event: "personal-token", action: "ended", handle: made.key, name: "laptop", why: "revoked", by: "token" }),
    { event: "operator", by: "token", client: "192.0.2.1", act: "end-token", what: made.key, count: 1 },
  ]);
});

test("who ends a person ends the person's tokens; who ends what came from an address, or everyone's sessions, does not", async () => {
  const { operations, call } = aRig();
  const end = (body: object) => call("POST", "/sessions/end", body);
  const alive = async () =>
    (await call("GET", "/tokens")).body.tokens.map((one: { person: { subject: string } }) => one.person.subject).sort();
  for (const subject of ["alice", "bob", "carol"]) {
    await operations.tokenStore.create(tokenOf(subject, `vst_${subject}`));
    await operations.store.create(aNewSession({ principal: { subject, email: `${subject}@acme.example` }, address: "192.0.2.9" }));
  }
  await end({ person: "alice", dryRun: true });
  await end({ address: "192.0.2.9" });
  await end({ person: "alice", address: "192.0.2.9" });
  await end({ all: true });
  expect(await alive()).toEqual(["alice", "bob", "carol"]);
  await end({ person: "alice" });
  await end({ email: "BOB@acme.example" });
  expect(await alive()).toEqual(["carol"]);
  expect((await call("POST", "/tokens/end", { all: true, dryRun: true })).body).toEqual({ ended: 1, dryRun: true });
  expect((await call("POST", "/tokens/end", { all: true })).body.ended).toBe(1);
  expect(await alive()).toEqual([]);
});

test("a reload that an operator asks for is noted with what came of it", async () => {
  const { operations, call } = aRig();
  await call("POST", "/reload");
  expect(operations.audited).toEqual([{ event: "operator", by: "token", client: "192.0.2.1", act: "reload", what: null, count: 1 }]);
});

test("the OpenAPI document has the tokens", async () => {
  const { call } = aRig();
  const { paths } = (await call("GET", "/openapi.json")).body;
  expect(Object.keys(paths).filter((path) => path.includes("tokens"))).toEqual([
    "/api/v1/tokens",
    "/api/v1/tokens/{handle}",
    "/api/v1/tokens/end",
  ]);
});
