import { createHash, X509Certificate } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../src/commands/check.ts";
import { runCommand } from "../commands/run-command.ts";
import { eventually } from "../support/eventually.ts";
import { type KerberosRig, startKerberosRig } from "../support/kerberos-rig.ts";

let rig: KerberosRig;
let alice: NodeJS.ProcessEnv;
beforeAll(async () => {
  rig = await startKerberosRig();
  alice = await rig.kdc.signIn("alice");
}, 60_000);
afterAll(() => rig?.close());

const challenged = (heads: readonly string[]) => heads.filter((head) => /^www-authenticate: negotiate$/im.test(head)).length;
const outside = ["-H", "X-Forwarded-For: 203.0.113.9"];

test("alice signs in by ticket without seeing a page, and the gateway proves itself to her browser", async () => {
  const { status, body, url, heads } = await rig.curl({ url: `${rig.wiki}/page?x=1`, env: alice });
  expect([status, url]).toEqual([200, `${rig.wiki}/page?x=1`]);
  expect(body).toBe("ok");
  expect(heads.some((head) => /^www-authenticate: negotiate \S+/im.test(head))).toBe(true);
  const seen = rig.upstream.requests.at(-1);
  expect([seen?.header("remote-email"), seen?.header("remote-groups"), seen?.header("authorization")]).toEqual([
    "alice@acme.example",
    "staff",
    null,
  ]);
  await eventually(() => {
    expect(rig.gateway.logged((line) => line.audit === "ticket").at(-1)).toMatchObject({
      principal: "alice@ACME.EXAMPLE",
      realm: "ACME.EXAMPLE",
      enctype: "aes256-cts-hmac-sha1-96",
      result: "accepted",
    });
    expect(rig.gateway.logged((line) => line.audit === "login").at(-1)).toMatchObject({ principal: { provider: "windows" } });
  });
  const metrics = await (await fetch(`http://127.0.0.1:${rig.adminPort}/metrics`)).text();
  expect(metrics).toMatch(/vestibule_kerberos_tickets_total\{[^}]*result="accepted"[^}]*\} 1/);
});

test("bob without a ticket gets one 401 whose page leads on to the form by itself, and is not asked again", async () => {
  const jar = join(rig.folder, "bob");
  const first = await rig.curl({ url: `${rig.wiki}/`, jar });
  expect(first.status).toBe(401);
  const [, onward = ""] = /<meta http-equiv="refresh" content="0; url=([^"]+)">/.exec(first.body) ?? [];
  expect(first.body).not.toContain("<script");
  const form = await rig.curl({ url: new URL(onward.replaceAll("&amp;", "&"), rig.auth).href, jar });
  expect(form.status).toBe(200);
  expect(form.body).toContain('autocomplete="current-password"');
  const [, state = ""] = /name="state" value="([^"]+)"/.exec(form.body) ?? [];
  const fields = ["--data-urlencode", `state=${state}`, "--data-urlencode", "username=bob", "--data-urlencode", "password=bob-secret"];
  const page = await rig.curl({ url: `${rig.auth}/_vestibule/ldap/corp/form`, jar, args: fields });
  expect([page.status, page.url]).toEqual([200, `${rig.wiki}/`]);
  // The next login, after signing out, costs no try.
  await rig.curl({
    url: `${rig.wiki}/_vestibule/logout`,
    jar,
    args: ["-X", "POST", "-H", `Origin: ${rig.wiki}`, "-H", "Sec-Fetch-Site: same-origin"],
    follow: false,
  });
  const again = await rig.curl({ url: `${rig.wiki}/`, jar });
  expect(challenged(again.heads)).toBe(0);
  expect(again.body).toContain('autocomplete="current-password"');
});

test("carol from outside the networks never sees a challenge", async () => {
  const { status, heads, body } = await rig.curl({ url: `${rig.wiki}/`, args: outside });
  expect(status).toBe(200);
  expect(challenged(heads)).toBe(0);
  expect(body).toContain('autocomplete="current-password"');
});

test("a ticket from outside the networks is not looked at", async () => {
  const token = await rig.kdc.token(alice, "auth.localhost");
  const before = rig.gateway.logged((line) => line.audit === "ticket").length;
  const { body } = await rig.curl({ url: `${rig.wiki}/`, args: [...outside, "-H", `Authorization: Negotiate ${token}`] });
  expect(body).toContain('autocomplete="current-password"');
  expect(rig.gateway.logged((line) => line.audit === "ticket")).toHaveLength(before);
});

test("scripts and WebSockets are never challenged", async () => {
  for (const args of [
    ["-H", "Accept: application/json", "-H", "Sec-Fetch-Mode: cors", "-H", "Sec-Fetch-Dest: empty"],
    [
      "-H",
      "Connection: Upgrade",
      "-H",
      "Upgrade: websocket",
      "-H",
      "Sec-WebSocket-Version: 13",
      "-H",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ],
  ]) {
    const { status, heads } = await rig.curl({ url: `${rig.wiki}/`, env: alice, args });
    expect(status).toBe(401);
    expect(challenged(heads)).toBe(0);
  }
});

test("a replayed ticket, a wrong clock and NTLM come to the form, with the cause in the log", async () => {
  const login = `${rig.auth}/_vestibule/login?return=${encodeURIComponent(`${rig.wiki}/`)}`;
  const jarOf = async (name: string) => {
    const jar = join(rig.folder, name);
    const first = await rig.curl({ url: login, jar });
    return { jar, url: first.url };
  };
  const token = await rig.kdc.token(alice, "auth.localhost");
  const send = async (name: string, value: string) => {
    const { jar, url } = await jarOf(name);
    return rig.curl({ url, jar, follow: false, args: ["-H", `Authorization: Negotiate ${value}`] });
  };
  expect((await send("r1", token)).heads[0]).toContain(" 303 ");
  const replay = await send("r2", token);
  const skewed = await send("r3", await rig.kdc.token(alice, "auth.localhost", { offset: "+20m" }));
  const ntlm = await send("r4", Buffer.from("NTLMSSP\0\x01\0\0\0").toString("base64"));
  for (const answer of [replay, skewed, ntlm]) {
    expect(answer.status).toBe(200);
    expect(challenged(answer.heads)).toBe(0);
    expect(answer.body).toContain('autocomplete="current-password"');
  }
  await eventually(() => {
    const results = rig.gateway.logged((line) => line.audit === "ticket").map(({ result }) => result);
    expect(results).toEqual(expect.arrayContaining(["kerberos.replayed", "kerberos.clock-skew", "no-ticket"]));
    expect(
      rig.gateway.logged((line) => line.code === "kerberos.clock-skew" && /\d{4}-.*Z here and \d{4}-.*Z/.test(String(line.why))),
    ).toHaveLength(1);
  });
});

test("a ticket bound to this gateway's TLS is accepted, one bound to another server's was relayed and is not", async () => {
  const login = `${rig.auth}/_vestibule/login?return=${encodeURIComponent(`${rig.wiki}/`)}`;
  const der = new X509Certificate(await readFile(join(rig.folder, "server.crt"))).raw;
  const bindingsOf = (certificate: Uint8Array) =>
    Buffer.concat([Buffer.from("tls-server-end-point:"), createHash("sha256").update(certificate).digest()]);
  const results = [];
  for (const certificate of [der, Buffer.from("another server's")]) {
    const token = await rig.kdc.boundToken(alice, "auth.localhost", bindingsOf(certificate));
    const jar = join(rig.folder, `bound-${results.length}`);
    const { url } = await rig.curl({ url: login, jar });
    const args = ["-H", `Authorization: Negotiate ${token}`];
    results.push((await rig.curl({ url, jar, args, follow: false })).heads[0]?.split(" ")[1]);
  }
  expect(results).toEqual(["303", "200"]);
  await eventually(() =>
    expect(rig.gateway.logged((line) => line.audit === "ticket").at(-1)).toMatchObject({ result: "kerberos.bindings" }),
  );
});

test("the chooser does not ask whether to use a ticket or its fallback, and use another account leads to the fallback", async () => {
  const { body, heads } = await rig.curl({
    url: `${rig.auth}/_vestibule/login?return=${encodeURIComponent(`${rig.wiki}/`)}&another=1`,
    env: alice,
  });
  expect(challenged(heads)).toBe(0);
  expect(body).toContain('autocomplete="current-password"');
});

test("a page that wants a stronger login than a ticket leads to the form, and the password is enough", async () => {
  const jar = join(rig.folder, "strong");
  expect((await rig.curl({ url: `${rig.wiki}/`, env: alice, jar })).body).toBe("ok");
  const form = await rig.curl({ url: `${rig.wiki}/vault`, env: alice, jar });
  expect(challenged(form.heads)).toBe(0);
  const [, state = ""] = /name="state" value="([^"]+)"/.exec(form.body) ?? [];
  const fields = ["--data-urlencode", `state=${state}`, "--data-urlencode", "username=alice", "--data-urlencode", "password=alice-secret"];
  const page = await rig.curl({ url: `${rig.auth}/_vestibule/ldap/corp/form`, jar, args: fields });
  expect([page.url, page.body]).toEqual([`${rig.wiki}/vault`, "ok"]);
});

test("signing out says that the visitor's computer still knows who this is", async () => {
  const jar = join(rig.folder, "leaving");
  expect((await rig.curl({ url: `${rig.wiki}/`, env: alice, jar })).body).toBe("ok");
  const args = ["-X", "POST", "-H", `Origin: ${rig.wiki}`, "-H", "Sec-Fetch-Site: same-origin"];
  const { heads } = await rig.curl({ url: `${rig.wiki}/_vestibule/logout`, jar, args, follow: false });
  const [, location = ""] = /^location: (\S+)/im.exec(heads[0] ?? "") ?? [];
  const { body } = await rig.curl({ url: location, jar });
  expect(body).toContain("Your sign-in service may still remember you.");
});

test("check --online lists the keys of the keytab, and says what is wrong with one that is none", async () => {
  const run = () => runCommand(check, ["--online", "--config", rig.gateway.configFile]);
  const good = await run();
  expect(good.code, good.out + good.err).toBe(0);
  expect(good.out).toContain("HTTP/auth.localhost@ACME.EXAMPLE version 2 aes256-cts-hmac-sha1-96");
  const bytes = await readFile(rig.keytab);
  await writeFile(rig.keytab, "no keytab");
  try {
    const bad = await run();
    expect(bad.code).toBe(1);
    expect(bad.out + bad.err).toContain("cannot be read as a keytab");
  } finally {
    await writeFile(rig.keytab, bytes);
  }
});

test("a KDC that is down disturbs nobody who has a ticket", async () => {
  await rig.kdc.kill();
  try {
    expect((await rig.curl({ url: `${rig.wiki}/`, env: alice })).body).toBe("ok");
  } finally {
    await rig.kdc.restart();
  }
});
