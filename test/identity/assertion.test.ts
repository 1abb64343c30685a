import { createPublicKey, verify } from "node:crypto";
import { createLocalJWKSet, jwtVerify } from "jose";
import { expect, test } from "vitest";
import { makeSecret } from "../../src/core/secret.ts";
import { createAssertions } from "../../src/identity/assertion.ts";
import { aPrincipal } from "../support/policy-builders.ts";

const [oldest, newest] = [makeSecret("the oldest secret, long enough"), makeSecret("the newest secret, long enough")];
const host = "wiki.acme.example";
const issuer = "https://wiki.acme.example";
const at = 1_700_000_000_000;
const alice = aPrincipal({ authenticatedAt: at - 5_000, acr: "gold" });

function aSigner(secrets = [newest]) {
  const time = { now: at };
  return { time, ...createAssertions({ secrets, clock: () => time.now }) };
}

test("an application can verify it with the published keys and a common library", async () => {
  const { sign, jwks } = aSigner();
  const token = sign(alice, { key: "s" }, host, issuer);
  const keys = createLocalJWKSet({ keys: jwks().keys.map((key) => ({ ...key })) });
  const { payload, protectedHeader } = await jwtVerify(token, keys, { issuer, audience: host, currentDate: new Date(at) });
  expect(protectedHeader).toEqual({ alg: "ES256", typ: "JWT", kid: jwks().keys[0]?.kid });
  expect(payload).toEqual({
    iss: issuer,
    aud: host,
    sub: "s-1",
    provider: "entra",
    email: "alice@acme.example",
    name: "Alice",
    groups: ["staff"],
    acr: "gold",
    auth_time: 1_699_999_995,
    iat: 1_700_000_000,
    exp: 1_700_000_060,
  });
});

test("an altered one does not verify", () => {
  const { sign, jwks } = aSigner();
  const [header, payload, signature] = sign(alice, null, host, issuer).split(".");
  const jwk = jwks().keys[0];
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: jwk?.x ?? "", y: jwk?.y ?? "" }, format: "jwk" });
  const check = (text: string) =>
    verify("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" }, Buffer.from(signature ?? "", "base64url"));
  expect(check(`${header}.${payload}`)).toBe(true);
  expect(check(`${header}.${payload?.replace(/.$/, "_")}x`)).toBe(false);
});

test.each([
  { when: "no e-mail", principal: aPrincipal({ email: null }), claim: "email" },
  { when: "no name", principal: aPrincipal({ name: null }), claim: "name" },
  { when: "groups that are unknown", principal: aPrincipal({ groups: { kind: "unknown", why: "overage" } }), claim: "groups" },
])("$when: the claim is left out", ({ principal, claim }) => {
  const payload = JSON.parse(Buffer.from(aSigner().sign(principal, null, host, issuer).split(".")[1] ?? "", "base64url").toString());
  expect(payload).not.toHaveProperty(claim);
});

test("known groups that are none are an empty list", () => {
  const nobody = aPrincipal({ groups: { kind: "known", names: [] } });
  const payload = JSON.parse(Buffer.from(aSigner().sign(nobody, null, host, issuer).split(".")[1] ?? "", "base64url").toString());
  expect(payload.groups).toEqual([]);
});

test.each([
  { when: "half a minute later", change: { wait: 30_000 }, same: false },
  { when: "just before", change: { wait: 29_999 }, same: true },
  { when: "after the clock was set back", change: { wait: -1 }, same: false },
  { when: "for another host", change: { host: "reports.acme.example" }, same: false },
  { when: "for another session", change: { key: "t" }, same: false },
  { when: "for a refreshed principal", change: { principal: { ...alice, groups: { kind: "known", names: [] } } as const }, same: false },
])("asked again $when, the same assertion is given: $same", ({ change, same }) => {
  const { sign, time } = aSigner();
  const first = sign(alice, { key: "s" }, host, issuer);
  time.now += change.wait ?? 0;
  const again = sign(change.principal ?? alice, { key: change.key ?? "s" }, change.host ?? host, issuer);
  expect(again === first).toBe(same);
});

test("every process derives the same key, each secret its own, and the newest signs", () => {
  const rotated = aSigner([newest, oldest]);
  expect(rotated.jwks().keys).toEqual([aSigner([newest]).jwks().keys[0], aSigner([oldest]).jwks().keys[0]]);
  const header = JSON.parse(Buffer.from(rotated.sign(alice, null, host, issuer).split(".")[0] ?? "", "base64url").toString());
  expect(header.kid).toBe(aSigner([newest]).jwks().keys[0]?.kid);
});

test("the published keys hold nothing private", () => {
  expect(Object.keys(aSigner().jwks().keys[0] ?? {}).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
});
