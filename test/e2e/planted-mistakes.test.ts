import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../src/commands/check.ts";
import { explainCommand } from "../../src/commands/explain-command.ts";
import { aConfig, runCommand } from "../commands/run-command.ts";
import { aCertificate, anotherPrivateKey, aPrivateKey } from "../config/environment.ts";
import { eventually } from "../support/eventually.ts";
import { demoUsers } from "../support/oidc-provider.ts";
import { exchange } from "../support/planted.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { newVisitor } from "../support/visitor.ts";

/**
 * Mistakes that operators make, each planted, and what is printed about it: the message must hold the cure. Those that only the world
 * beyond this machine shows (providers, Redis, upstreams' certificates, DNS) are in `test/commands/online.test.ts`.
 */
let rig: Rig;
beforeAll(async () => {
  const ids = demoUsers().map((user) =>
    user.login === "bob" ? { ...user, claims: { ...user.claims, groups: ["5f4c0c0e-1d0f-4d7e-9b0c-0f1f7c1d2e3f"] } } : user,
  );
  rig = await startRig({ users: ids });
});
afterAll(() => rig?.close());

const logged = async (words: RegExp) =>
  eventually(() => {
    const line = rig.gateway.lines.find((one) => words.test(one));
    if (line === undefined) throw new Error(`no line with ${words}`);
    return line;
  });

test("an app's host mistyped in DNS or in the file: the log has what came and what was meant, and explain says the same", async () => {
  await exchange(rig.port, `GET / HTTP/1.1\r\nHost: wikki.localhost:${rig.port}\r\n\r\n`);
  const line = await logged(/wikki\.localhost/);
  expect(line).toContain(`no app has the host that came, wikki.localhost:${rig.port}; did you mean wiki.localhost?`);
  expect(line).toContain('"level":"warn"');
  const file = aConfig(rig.yaml);
  const told = await runCommand(explainCommand, ["-c", file, `http://wikki.localhost:${rig.port}/`]);
  expect(told.out).toContain("did you mean wiki.localhost?");
});

test("a proxy in front that writes a Host of its own: what came, what is published, and what the proxy must do", async () => {
  await exchange(rig.port, "GET / HTTP/1.1\r\nHost: backend\r\nX-Forwarded-Host: wiki.localhost\r\n\r\n");
  const line = await logged(/"host":"backend"/);
  expect(line).toContain("no app has the host that came, backend; published are auth.localhost, wiki.localhost");
  expect(line).toContain("let the proxy in front pass Host on unchanged");
});

test("auth.origin with another port than visitors use: the answer's log line names both, and explain agrees", async () => {
  await exchange(rig.port, "GET / HTTP/1.1\r\nHost: wiki.localhost:9\r\n\r\n");
  const words = `wiki.localhost is published as http://wiki.localhost:${rig.port}, and was asked for at port 9: write the port that visitors use in auth.origin`;
  const told = await runCommand(explainCommand, ["-c", aConfig(rig.yaml), "http://wiki.localhost:9/"]);
  expect(told.out).toContain(words);
});

test("trustedProxies forgotten behind a proxy: said once per peer, with the line to write", async () => {
  const request = `GET / HTTP/1.1\r\nHost: wiki.localhost:${rig.port}\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n\r\n`;
  await exchange(rig.port, request);
  await exchange(rig.port, request);
  expect(await logged(/is ignored/)).toContain("if that is your proxy, write trustedProxies: [127.0.0.1]");
  expect(rig.gateway.lines.filter((line) => line.includes("is ignored"))).toHaveLength(1);
});

test("group ids where names are meant: the refusal has the nearest rule, what was wanted, what came, and where to name ids", async () => {
  await signIn(newVisitor(), `${rig.urls.wiki}/`, "bob");
  const line = await logged(/"audit":"refusal"/);
  expect(line).toMatch(
    /no rule matched; nearest apps\[\d\]\.access\[0\] \(line \d+\): groups: has 5f4c0c0e-[^,]*, wanted staff \(acme sends ids: give them names in its groupNames\)/,
  );
  const { principal } = JSON.parse(line) as { principal: object };
  expect(Object.keys(principal)).toEqual(["provider", "subject", "email"]);
});

test("no groups at all: the refusal asks whether the provider sends them", async () => {
  await signIn(newVisitor(), `${rig.urls.wiki}/`, "carol");
  expect(await logged(/carol.*attributes\.groups/)).toContain("does acme send groups, and does attributes.groups name that claim?");
});

const file = (change: (text: string) => string, files: Readonly<Record<string, string>> = {}) =>
  aConfig(
    change(`listen: [{ address: "0.0.0.0:443", tls: { certificates: [{ certificate: { file: a.crt }, key: { file: a.key } }] } }]
auth: { origin: https://auth.acme.example }
providers: { one: { oidc: { issuer: https://one.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } } }
apps: [{ host: wiki.acme.example, upstream: "http://10.0.0.5:8080", access: [{ allow: { anyone: true } }] }]
`),
    { "a.crt": aCertificate, "a.key": aPrivateKey, ...files },
  );

test.each([
  {
    mistake: "a key that is not the certificate's",
    change: (text: string) => text,
    files: { "a.key": anotherPrivateKey },
    cure: "name the key that was made with it",
  },
  {
    mistake: "a certificate for other names",
    change: (text: string) => text.replaceAll("acme.example", "gamma.example"),
    cure: "no certificate here is for auth.gamma.example, wiki.gamma.example",
  },
  {
    mistake: "a deny behind a wider allow",
    change: (text: string) => text.replace("{ anyone: true } }", "{ anyone: true } }, { deny: { groups: [contractors] } }"),
    cure: "put it in front of apps[0].access[0]",
  },
  {
    mistake: "a rule that contradicts itself",
    change: (text: string) => text.replace("anyone: true", "methods: [GET], all: [{ methods: [POST] }]"),
    cure: "never hold together",
  },
  {
    mistake: "a variable that nothing expands",
    change: (text: string) => text.replace("wiki.acme.example", '"$' + '{WIKI}"'),
    cure: "variables are not expanded in this file",
  },
  {
    mistake: "a port that no listener has",
    change: (text: string) => text.replace("0.0.0.0:443", "0.0.0.0:8443"),
    cure: "no listener has port 443",
  },
  {
    mistake: "a secret that is not set",
    change: (text: string) => text.replace("CLIENT_SECRET", "CLIENT_SECRTE"),
    cure: "did you mean 'CLIENT_SECRET'?",
  },
])("check names the cure of $mistake", async ({ change, files, cure }) => {
  const ran = await runCommand(check, ["-c", file(change, files)]);
  expect(ran.out + ran.err).toContain(cure);
});

test("a certificate that has expired: check says since when, and to renew it", async () => {
  const past = await makeSamlKey("vestibule", -3);
  const yaml = (text: string) =>
    text
      .replace(
        "clientSecret: { env: CLIENT_SECRET } } }",
        'clientSecret: { env: CLIENT_SECRET } } }, two: { saml: { idp: { entityId: a, ssoUrl: "https://two.example/sso", certificates: [{ file: own.crt }] }, keys: [{ certificate: { file: own.crt }, key: { file: own.key } }] } }',
      )
      .replace("providers: { one", "providers: { one")
      .replace("access: [", "providers: [one], access: [");
  const { err } = await runCommand(check, ["-c", file(yaml, { "own.crt": past.certificate, "own.key": past.key })]);
  expect(err).toMatch(/this certificate has expired on \d{4}-\d\d-\d\d: renew it/);
});

test("check has nothing to say about a file without a mistake", async () => {
  const { code, out, err } = await runCommand(check, ["-c", file((text) => text)]);
  expect([code, err]).toEqual([0, ""]);
  expect(out).not.toContain("note:");
  expect(readFileSync(new URL("../commands/online.test.ts", import.meta.url), "utf8")).toContain("WRONGPASS");
});
