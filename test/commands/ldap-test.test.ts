import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../src/commands/check.ts";
import { ldapTest } from "../../src/commands/ldap-test.ts";
import { freePort } from "../support/free-port.ts";
import { ldapYaml } from "../support/ldap-rig.ts";
import { ownedFolder } from "../support/owned.ts";
import { baseEntries, group, person, personDn, startSlapd, type TestSlapd } from "../support/slapd.ts";

const folder = ownedFolder("vestibule-ldap-test-");
const file = join(folder, "vestibule.yaml");
let slapd: TestSlapd;
let closed: number;

beforeAll(async () => {
  closed = await freePort();
  slapd = await startSlapd({
    ldif:
      baseEntries +
      person("alice", { cn: "Alice Adams" }) +
      person("off", { more: ["objectClass: adUser", "userAccountControl: 514"] }) +
      group("staff", personDn("alice")),
  });
}, 30_000);
afterAll(async () => {
  await slapd?.stop();
  rmSync(folder, { recursive: true, force: true });
});

function configured(more: string, urls: readonly string[] = [slapd.url]): void {
  writeFileSync(
    file,
    `version: 1
insecure: { plainLdap: true, literalSecrets: true }
auth: { origin: https://auth.acme.example }
sessions: { secret: ["0123456789abcdef0123456789abcdef"] }
providers:
${ldapYaml("corp", urls, more)}
apps: [{ host: wiki.acme.example, upstream: "${slapd.url.replace("ldap:", "http:")}", access: [{ allow: { anyone: true } }] }]
`,
  );
}

async function run(command: typeof ldapTest, ...args: readonly string[]) {
  let [out, err] = ["", ""];
  const terminal = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    colour: { out: false, err: false },
  };
  const code = await command({ args: ["--config", file, ...args], env: { PATH: process.env.PATH ?? "" }, terminal, version: "0" });
  return { code, out, err };
}

test("ldap-test shows the entry, the groups and who that becomes, and binds as nobody but the service account", async () => {
  configured("");
  const before = (await slapd.settledLog()).length;
  const { code, out } = await run(ldapTest, "alice");
  expect(code).toBe(0);
  expect(out).toContain(`entry     ${personDn("alice")}`);
  expect(out).toMatch(/^ {2}email +alice@acme\.example$/m);
  expect(out).toMatch(/^ {2}name +Alice Adams$/m);
  expect(out).toMatch(/^ {2}groups +staff$/m);
  expect((await slapd.settledLog()).slice(before)).not.toMatch(/BIND dn="uid=/);
});

test("ldap-test says why somebody is not found, or may not sign in, with exit code 1", async () => {
  configured("");
  expect(await run(ldapTest, "nobody")).toMatchObject({ code: 1, out: expect.stringContaining("no entry for this login") });
  expect(await run(ldapTest, "off")).toMatchObject({ code: 1, out: expect.stringContaining("may not sign in") });
  expect(await run(ldapTest, "--provider", "elsewhere", "alice")).toMatchObject({
    code: 1,
    err: expect.stringContaining("ldap providers are corp"),
  });
  expect(await run(ldapTest)).toMatchObject({ code: 2 });
});

test("check --online asks each server, and says what is wrong with which", async () => {
  configured("", [slapd.url, `ldap://127.0.0.1:${closed}`]);
  const both = await run(check, "--online");
  expect(both.out + both.err).toMatch(
    new RegExp(`${slapd.port}: answers, the service account is bound; ldap://127\\.0\\.0\\.1:${closed}: .*ECONNREFUSED`),
  );
  configured("      groupBase: ou=nowhere,dc=acme,dc=example\n");
  const base = await run(check, "--online");
  expect(base.code).toBe(1);
  expect(base.out + base.err).toContain("no entry ou=nowhere,dc=acme,dc=example");
  configured("");
  writeFileSync(file, (await import("node:fs")).readFileSync(file, "utf8").replace("service-secret", "wrong"));
  const account = await run(check, "--online");
  expect(account.code).toBe(1);
  expect(account.out + account.err).toContain("refuses the service account");
});

test("the command is listed and explains itself", () => {
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const help = spawnSync(process.execPath, [main, "ldap-test", "--help"], { encoding: "utf8" });
  expect([help.status, help.stdout]).toEqual([0, expect.stringContaining("No password is asked for or sent")]);
});
