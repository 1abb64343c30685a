import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type FakeOidc, startFakeOidc } from "../support/fake-oidc.ts";
import { freePorts } from "../support/free-port.ts";
import { startGatewayProcess } from "../support/gateway-process.ts";
import { spawnOwned } from "../support/owned.ts";
import { rigSecret, rigYaml } from "../support/rig.ts";
import { type SamlRig, startSamlRig } from "../support/saml-rig.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";
import { aConfig } from "./run-command.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

/** `vestibule login-test`, as it is typed: its output so far, its input, and how it ended. */
function typed(args: readonly string[], env: Readonly<Record<string, string>>) {
  const child = spawnOwned(process.execPath, [main, "login-test", ...args], {
    env: { PATH: process.env.PATH ?? "", ...env },
    stdio: "pipe",
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    said: () => text,
    ended,
    type: (line: string) => child.stdin?.write(`${line}\n`),
    address: () =>
      eventually(
        () => {
          const found = /^ {2}(http\S+)$/m.exec(text)?.[1];
          if (found === undefined || !/Waiting|paste it here/.test(text)) throw new Error(`no address yet: ${text}`);
          return found;
        },
        { timeoutMs: 20_000, everyMs: 50 },
      ),
  };
}

let fake: FakeOidc;
let port = 0;
let adminPort = 0;
const env = { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: "client-secret" };
const yaml = () =>
  rigYaml({ port, adminPort, issuer: fake.issuer, wiki: "http://127.0.0.1:9", reports: "http://127.0.0.1:9" }).replace(
    "clientId: vestibule",
    "clientId: gateway",
  );
beforeAll(async () => {
  fake = await startFakeOidc();
  [port = 0, adminPort = 0] = await freePorts(2);
});
afterAll(() => fake?.close());

test("where no gateway runs, the command takes the answer itself: claims, who that becomes, and what opens", async () => {
  const command = typed(["acme", "--config", aConfig(yaml())], env);
  const page = await newVisitor().browse(await command.address());
  expect(page.body).toContain("the terminal shows what it says");
  expect(page.setCookies).toEqual([]);
  expect(await command.ended).toBe(0);
  expect(command.said()).toContain(`Waiting for the answer at http://auth.localhost:${port}/_vestibule/oidc/acme/callback`);
  expect(command.said()).toMatch(/what the provider says\n(?: {2}.*\n)* {2}groups +\["staff"\]\n/);
  expect(command.said()).toMatch(/who that becomes\n {2}subject +alice\n {2}email +alice@acme\.example\n/);
  expect(command.said()).toMatch(new RegExp(`allow +http://wiki\\.localhost:${port}/`));
  expect(command.said()).toContain("no session was made");
  expect(command.said()).not.toContain(fake.accessToken);
});

test("beside a running gateway the answer is brought by hand, and that gateway has neither a session nor a word of it", async () => {
  const gateway = await startGatewayProcess({ yaml: yaml(), adminPort, env });
  try {
    const command = typed(["acme", "--config", aConfig(yaml())], env);
    const visitor = newVisitor();
    const page = await visitor.browse(await command.address());
    expect(page.status).toBe(400);
    command.type(page.url.href);
    expect(await command.ended).toBe(0);
    expect(command.said()).toMatch(/subject +alice/);
    expect(gateway.logged(({ audit }) => audit === "login")).toEqual([]);
    expect((await visitor.visit(`http://wiki.localhost:${port}/`)).status).toBe(302);
  } finally {
    await gateway.stop();
  }
});

test("a login that the gateway would refuse is refused here, with the reason and its cure", async () => {
  fake.script = { idTokenClaims: (good) => ({ ...good, aud: "another-client" }) };
  const command = typed(["acme", "--config", aConfig(yaml())], env);
  await newVisitor().browse(await command.address());
  expect(await command.ended).toBe(1);
  expect(command.said()).toMatch(
    /setup\.audience: token: aud is another-client, this gateway is gateway; write under providers\.acme\.oidc/,
  );
  fake.script = {};
});

test("an answer of another login is none of this one", async () => {
  const command = typed(["acme", "--config", aConfig(yaml())], env);
  await command.address();
  await newVisitor().visit(`http://auth.localhost:${port}/_vestibule/oidc/acme/callback?code=c&state=of-another&iss=${fake.issuer}`);
  expect(await command.ended).toBe(1);
  expect(command.said()).toContain("state is not the one of this login");
});

test.each([
  { when: "the provider is missing", args: [], code: 2, told: "the provider is missing" },
  { when: "there is no such provider", args: ["acmee"], code: 1, told: "there is no provider 'acmee'; providers are acme" },
])("$when: $code", async ({ args, code, told }) => {
  const command = typed([...args, "--config", aConfig(yaml())], env);
  expect(await command.ended).toBe(code);
  expect(command.said()).toContain(told);
});

test("SAML beside a running gateway: the value of SAMLResponse, pasted", async () => {
  const rig: SamlRig = await startSamlRig();
  try {
    const command = typed(["campus", "--config", rig.gateway.configFile], rig.env);
    const visitor = newVisitor();
    const login = await visitor.browse(await command.address());
    const form = firstForm(login);
    const answer = firstForm(await visitor.visit(form.action, { form: { ...form.fields, login: "alice", password: "alice" } }));
    command.type(answer.fields.SAMLResponse ?? "");
    expect(await command.ended).toBe(0);
    expect(command.said()).toMatch(/who that becomes\n {2}subject +alice\n/);
    expect(command.said()).toMatch(/http:\/\/schemas\.xmlsoap\.org\/claims\/Group +\["staff","admins"\]/);
    expect(rig.gateway.logged(({ audit }) => audit === "login")).toEqual([]);
  } finally {
    await rig.close();
  }
});
