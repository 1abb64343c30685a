import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ownedFolder } from "../support/owned.ts";
import { startRecordingUpstream } from "../support/recording-upstream.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const env = { VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef", CLIENT_SECRET: "s", PATH: process.env.PATH ?? "" };
const folder = ownedFolder("vestibule-cli-");

function vestibule(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

function written(name: string, yaml: string): string {
  const file = join(folder, name);
  writeFileSync(file, yaml);
  return file;
}

const good = (issuer = "https://idp.acme.example", upstream = "http://127.0.0.1:1", top = "") => `version: 1
insecure: { httpProviders: true }
auth: { origin: https://auth.acme.example }
sessions: { secret: [{ env: VESTIBULE_SECRET }] }
providers:
  acme: { oidc: { issuer: "${issuer}", clientId: gw, clientSecret: { env: CLIENT_SECRET } } }
apps:
  - host: wiki.acme.example
    upstream: ${upstream}
    access: [{ allow: { groups: [staff] } }]
    public: [/healthz]
${top}
tests:
  - { as: { email: bob@acme.example, groups: [staff] }, get: https://wiki.acme.example/, expect: allow }
  - { get: https://wiki.acme.example/healthz, expect: pass }
`;

/** The same with the listener to which visitors come: `check` has nothing to note. */
const onPort443 = good().replace("version: 1\n", "version: 1\nlisten: [{ address: 0.0.0.0:443 }]\n");

test.each([
  { when: "asked for help", args: ["--help"], status: 0, says: "Usage: vestibule COMMAND" },
  { when: "asked for a command's help", args: ["explain", "--help"], status: 0, says: "--as-user" },
  { when: "asked for the version", args: ["--version"], status: 0, says: "0.1.0" },
  { when: "asked for the schema", args: ["schema"], status: 0, says: "json-schema.org" },
  { when: "called with nothing", args: [], status: 2, says: "Usage: vestibule COMMAND" },
  { when: "given an unknown command", args: ["serv"], status: 2, says: "there is no command 'serv'" },
  { when: "given an unknown option", args: ["check", "--nope"], status: 2, says: "--nope" },
  { when: "explain is given no URL", args: ["explain"], status: 2, says: "URL is missing" },
  { when: "explain is given something else than a URL", args: ["explain", "wiki"], status: 2, says: "not an http or https URL" },
  { when: "the file is not there", args: ["check", "-c", "/nowhere/vestibule.yaml"], status: 1, says: "/nowhere/vestibule.yaml" },
  { when: "serve's file is not there", args: ["serve", "-c", "/nowhere/vestibule.yaml"], status: 1, says: "/nowhere/vestibule.yaml" },
])("exits with $status when $when", ({ args, status, says }) => {
  const ran = vestibule(...args);
  expect(ran.status).toBe(status);
  expect(ran.stdout + ran.stderr).toContain(says);
});

test("check names every problem with file, line and column, without colours where there is no terminal", () => {
  const file = written("bad.yaml", good().replace("groups: [staff]", "group: [staff]").replace("upstream: http", "upsteam: http"));
  const ran = vestibule("check", "--config", file);
  expect(ran.status).toBe(1);
  expect(ran.stderr).toContain(`${file}:9:5`);
  expect(ran.stderr).toContain("did you mean 'upstream'?");
  expect(ran.stderr).toContain("did you mean 'groups'?");
  expect(ran.stderr).not.toContain("\u001b[");
});

test("serve starts nothing with a bad file: it names every problem with line and key, and exits with 1", () => {
  const bad = good()
    .replace("groups: [staff]", "groups: []")
    .replace("clientId: gw", "clientID: gw")
    .replace("https://auth", "http://auth");
  const file = written("unservable.yaml", bad.replace("version: 1", "version: 1\nlisten: [{ address: 127.0.0.1:0 }]"));
  const ran = spawnSync(process.execPath, [main, "serve", "--config", file], { env, encoding: "utf8", timeout: 10_000 });
  const places = [...ran.stderr.matchAll(/^\S+unservable\.yaml:(\d+):\d+: (\S+): /gm)].map(([, line, key]) => `${line} ${key}`);
  expect(places).toEqual([
    "4 auth.origin",
    "7 providers.acme.oidc.clientId",
    "7 providers.acme.oidc.clientID",
    "11 apps[0].access[0].allow.groups",
  ]);
  expect([ran.status, ran.stdout]).toEqual([1, ""]);
});

test("check runs the file's own tests and fails with the reason", () => {
  const file = written("tests.yaml", onPort443);
  expect(vestibule("check", "-c", file)).toMatchObject({
    status: 0,
    stdout: `${file}: 1 app, 1 route, 1 provider; 2 of 2 policy tests hold\n`,
  });
  const wrong = written(
    "wrong.yaml",
    `${good()}  - { as: { email: eve@acme.example, groups: [] }, get: https://wiki.acme.example/, expect: allow }\n`,
  );
  const ran = vestibule("check", "-c", wrong);
  expect(ran.status).toBe(1);
  expect(ran.stderr).toContain("expected allow, got refuse");
  expect(ran.stdout).toContain("2 of 3 policy tests hold\n");
});

test("check counts what there is of each", () => {
  const another = "  - { host: tea.acme.example, upstream: http://127.0.0.1:1, access: [{ allow: { anyone: true } }] }\n";
  const [apps = "", tests = ""] = onPort443.split("\n\ntests:\n");
  const file = written("counts.yaml", `${apps}\n${another}tests:\n${tests.split("\n").at(-2)}\n`);
  expect(vestibule("check", "-c", file).stdout).toBe(`${file}: 2 apps, 2 routes, 1 provider; 1 of 1 policy test holds\n`);
});

test("explain answers with the decision, the rule and the headers", () => {
  const file = written("explain.yaml", good());
  const allowed = vestibule(
    "explain",
    "-c",
    file,
    "--as-user",
    "u1",
    "--email",
    "bob@acme.example",
    "--groups",
    "staff,dev",
    "https://wiki.acme.example/x",
  );
  expect(allowed.status).toBe(0);
  expect(allowed.stdout).toContain("Remote-User");
  const refused = vestibule("explain", "-c", file, "--email", "eve@acme.example", "--json", "https://wiki.acme.example/x");
  expect(refused.status).toBe(1);
  expect(JSON.parse(refused.stdout)).toMatchObject({ outcome: "refuse" });
});

test("check --online tells what cannot be reached, and exits with 1", async () => {
  const upstream = await startRecordingUpstream();
  const file = written("online.yaml", good(`http://127.0.0.1:${await freePort()}`, upstream.url));
  const ran = vestibule("check", "--online", "-c", file);
  expect(ran.status).toBe(1);
  expect(ran.stdout).toMatch(/failed.*provider acme/);
  expect(ran.stdout).toMatch(/ok.*upstream http/);
  expect(ran.stdout).toMatch(/ok.*sessions in memory/);
  await upstream.close();
});
