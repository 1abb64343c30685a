import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fromBase32, hotp } from "../../../src/login/local/one-time-codes.ts";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway-process.ts";
import { consoleToken } from "../../support/operations.ts";
import { ownedFolder } from "../../support/owned.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../../support/recording-upstream.ts";
import { rigConfig, rigUrls } from "../../support/rig-apps.ts";
import { firstForm, newVisitor, type VisitOptions, type Visitor, type VisitorAnswer } from "../../support/visitor.ts";

const main = new URL("../../../src/main.ts", import.meta.url).pathname;
const password = "correct horse battery";
const users = join(ownedFolder("vestibule-emergency-"), "users.yaml");
const people = join(ownedFolder("vestibule-emergency-"), "people.db");
let [port, adminPort, deadPort] = [0, 0, 0];
let upstream: RecordingUpstream;
let gateway: GatewayProcess;

/** `vestibule user …`, with the password on standard input. */
function user(args: readonly string[], input = `${password}\n`) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "user", ...args, "--file", users], { input, encoding: "utf8" });
  return { status, stdout, stderr };
}
const secretIn = (output: string) => /type the secret ([A-Z2-7]+)/.exec(output)?.[1] ?? "";
const codesIn = (output: string) => output.match(/^ {2}[a-z2-7]{4}(?:-[a-z2-7]{4}){3}$/gm)?.map((code) => code.trim()) ?? [];
const codeOf = (secret: string, steps = 0) => hotp(fromBase32(secret) ?? Buffer.alloc(0), Math.floor(Date.now() / 30_000) + steps);

let [secret, codes, firstOfBea] = ["", [] as readonly string[], ""];
beforeAll(async () => {
  [port = 0, adminPort = 0, deadPort = 0] = await freePorts(3);
  upstream = await startRecordingUpstream();
  const made = user(["add", "ann", "--groups", "staff,admins", "--name", "Ann Admin"]);
  expect(made.stderr).toBe("");
  // The QR code, for a telephone.
  expect(made.stdout).toMatch(/^[ █▀▄]{20,}$/m);
  [secret, codes] = [secretIn(made.stdout), codesIn(made.stdout)];
  [firstOfBea = ""] = codesIn(user(["add", "bea", "--groups", "staff"]).stdout);
  expect(user(["add", "plain", "--groups", "staff", "--no-totp"]).status).toBe(0);
  const providers = `  entra:
    oidc: { issuer: "http://127.0.0.1:${deadPort}", clientId: vestibule, clientAuth: none }
  emergency:
    name: Emergency access
    local: { file: ${users}, networks: [127.0.0.0/8] }
  elsewhere:
    name: From elsewhere
    local: { file: ${users}, networks: [192.0.2.0/24] }`;
  const shared = `    headers: { set: { Remote-User: "{provider}/{subject}", Remote-Groups: { value: "{groups}", separator: "," } } }`;
  const yaml = rigConfig(
    { port, adminPort, providers, upstreams: { wiki: upstream.url, reports: upstream.url } },
    {
      wiki: shared,
      reports: shared,
      top: `trustedProxies: [127.0.0.1]\nconsole: { token: { env: CONSOLE_TOKEN } }\ndirectory: { store: { sqlite: { file: ${people} } } }`,
    },
  );
  gateway = await startGatewayProcess({
    yaml,
    adminPort,
    env: { VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-local", CONSOLE_TOKEN: consoleToken },
  });
});
afterAll(async () => {
  await gateway?.stop();
  await upstream?.close();
});

const wiki = () => rigUrls(port).wiki;

/** A visitor at an address of its own, as the trusted proxy in front says: attempts are counted for each. */
let visitors = 0;
function visitorElsewhere(): Visitor {
  visitors += 1;
  const headers = { "x-forwarded-for": `127.0.1.${visitors}` };
  const visitor = newVisitor();
  const from = (options: VisitOptions = {}) => ({ ...options, headers: { ...headers, ...options.headers } });
  return {
    ...visitor,
    visit: (url, options) => visitor.visit(url, from(options)),
    browse: (url, options) => visitor.browse(url, from(options)),
  };
}

/** From the app's page to the emergency form: named in the address, since it is not on the chooser. */
async function passwordForm(visitor: Visitor): Promise<VisitorAnswer> {
  const chooser = await visitor.browse(`${wiki()}/page`);
  const named = new URL(chooser.url);
  named.searchParams.set("provider", "emergency");
  return visitor.browse(named.href);
}
const submit = (visitor: Visitor, page: VisitorAnswer, fields: Record<string, string>) => {
  const form = firstForm(page);
  return visitor.browse(form.action, { method: "POST", form: { ...form.fields, ...fields } });
};

test("emergency user outside single sign-on with a second factor: while every other provider is away, a password and a one-time code sign in", async () => {
  const visitor = visitorElsewhere();
  const form = await passwordForm(visitor);
  expect(form.status).toBe(200);
  expect(form.body).toContain('autocomplete="current-password"');
  const second = await submit(visitor, form, { username: "ann", password });
  expect(second.body).toContain('autocomplete="one-time-code"');
  const page = await submit(visitor, second, { code: codeOf(secret) });
  expect(page.url.href).toBe(`${wiki()}/page`);
  expect(upstream.requests.at(-1)?.header("remote-user")).toBe("emergency/ann");
  expect(upstream.requests.at(-1)?.header("remote-groups")).toBe("staff,admins");
  await eventually(() =>
    expect(gateway.logged((line) => line.audit === "login" && JSON.stringify(line).includes('"emergency"')).length).toBe(1),
  );
});

test("a recovery code signs in once, and leaves the file", async () => {
  const [code = ""] = codes;
  const before = readFileSync(users, "utf8").match(/^ {6}- /gm)?.length ?? 0;
  const visitor = visitorElsewhere();
  const second = await submit(visitor, await passwordForm(visitor), { username: "ann", password });
  expect((await submit(visitor, second, { code })).status).toBe(200);
  const another = visitorElsewhere();
  const again = await submit(another, await passwordForm(another), { username: "ann", password });
  const refused = await submit(another, again, { code });
  expect(refused.status).toBe(403);
  expect(refused.body).toContain('role="alert"');
  expect(readFileSync(users, "utf8").match(/^ {6}- /gm)?.length).toBe(before - 1);
});

/** A whole login by a recovery code. */
async function signInAgain(visitor: Visitor, code: string, username = "ann"): Promise<VisitorAnswer> {
  return submit(visitor, await submit(visitor, await passwordForm(visitor), { username, password }), { code });
}

test("password login forbidden per person: an operator forbids it, sessions of before go on, and allows it again", async () => {
  const [, , first = "", second = "", third = ""] = codes;
  const before = visitorElsewhere();
  expect((await signInAgain(before, first)).status).toBe(200);
  const api = async (method: string, path: string, body?: object) => {
    const headers = { authorization: `Bearer ${consoleToken}`, "content-type": "application/json" };
    const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answer = await fetch(`http://127.0.0.1:${adminPort}/api/v1${path}`, sent);
    return answer.status === 204 ? null : ((await answer.json()) as { people: { id: string }[] });
  };
  const id = (await api("GET", "/people?q=ann"))?.people[0]?.id;
  await api("POST", `/people/${id}/attribute`, { name: "localLogin", values: ["forbidden"] });
  const refused = await signInAgain(visitorElsewhere(), second);
  expect(refused.status).toBe(403);
  await eventually(() => expect(gateway.logged(({ code }) => code === "directory.local-login-forbidden").length).toBeGreaterThan(0));
  await api("POST", `/people/${id}/attribute`, { name: "localLogin", values: null });
  expect((await signInAgain(visitorElsewhere(), third)).status).toBe(200);
});

test("an emergency account works while every provider and the directory are away, and a warm request does not ask the directory", async () => {
  const [, , , , , code = ""] = codes;
  const before = visitorElsewhere();
  await signInAgain(before, code);
  const other = new DatabaseSync(people);
  other.exec("BEGIN EXCLUSIVE");
  try {
    expect((await before.visit(`${wiki()}/page`)).status).toBe(200);
    // The first login of an account, which the directory cannot write down.
    expect((await signInAgain(visitorElsewhere(), firstOfBea, "bea")).status).toBe(200);
    await eventually(() => expect(gateway.logged(({ msg }) => msg === "an emergency login goes on without the directory").length).toBe(1));
    const { ready, directory } = (await (await fetch(`http://127.0.0.1:${adminPort}/readyz`)).json()) as Record<string, unknown>;
    expect([ready, directory]).toMatchObject([true, { ok: false }]);
  } finally {
    other.exec("ROLLBACK");
    other.close();
  }
});

test("an emergency provider is not offered", async () => {
  const chooser = await visitorElsewhere().browse(`${wiki()}/`);
  expect(chooser.body).not.toContain("Emergency access");
});

test("a wrong password shows the form again, with the login kept and without a session", async () => {
  const visitor = visitorElsewhere();
  const again = await submit(visitor, await passwordForm(visitor), { username: "plain", password: "wrong password here" });
  expect(again.status).toBe(403);
  expect(again.body).toContain('value="plain"');
  expect(again.body).not.toContain("wrong password here");
  expect((await visitor.visit(`${wiki()}/page`)).status).toBe(302);
});

test("an account without a second factor is refused where one is required, and the operator reads the cure", async () => {
  const visitor = visitorElsewhere();
  const refused = await submit(visitor, await passwordForm(visitor), { username: "plain", password });
  expect(refused.status).toBe(403);
  expect(refused.body).toContain("second factor");
  await eventually(() => expect(gateway.logged(({ detail }) => String(detail).includes("vestibule user totp plain")).length).toBe(1));
});

test("the second step is nothing without the first, and a form of another browser is refused", async () => {
  const visitor = visitorElsewhere();
  const form = firstForm(await passwordForm(visitor));
  const state = form.fields.state ?? "";
  const at = (step: string) => `${rigUrls(port).auth}/_vestibule/local/emergency/${step}`;
  const skipped = await visitor.visit(at("second"), { method: "POST", form: { state, code: codeOf(secret, 1) } });
  expect(skipped.status).toBe(400);
  const stranger = await visitorElsewhere().visit(at("password"), { method: "POST", form: { state, username: "ann", password } });
  expect(stranger.status).toBe(400);
});

test("outside its networks a provider asks for nothing", async () => {
  const visitor = visitorElsewhere();
  const chooser = await visitor.browse(`${wiki()}/page`);
  const named = new URL(chooser.url);
  named.searchParams.set("provider", "elsewhere");
  const refused = await visitor.browse(named.href);
  expect(refused.status).toBeGreaterThanOrEqual(400);
  expect(refused.body).not.toContain("current-password");
  // Nor at its addresses, where nobody is sent from here.
  for (const [method, step] of [
    ["POST", "password"],
    ["POST", "second"],
    ["GET", "passkey?login=ann&secret=x"],
  ] as const) {
    const at = (provider: string) => `${rigUrls(port).auth}/_vestibule/local/${provider}/${step}`;
    const options = method === "POST" ? { method, form: { state: "x", username: "ann", password } } : {};
    const [here, elsewhere] = [await visitor.visit(at("emergency"), options), await visitor.visit(at("elsewhere"), options)];
    expect([here.status, elsewhere.status], step).toEqual([400, 403]);
  }
});

test("the commands list, disable and remove accounts, and refuse weak passwords", () => {
  expect(user(["list"]).stdout).toMatch(/^ann {2}TOTP, \d recovery codes; groups: staff, admins$/m);
  expect(user(["add", "weak"], "short\n")).toMatchObject({ status: 1, stderr: expect.stringContaining("12 characters") });
  expect(user(["add", "ann"])).toMatchObject({ status: 1, stderr: expect.stringContaining("already") });
  expect(user(["disable", "plain"]).status).toBe(0);
  expect(user(["list"]).stdout).toContain("plain  disabled, no second factor");
  expect(user(["remove", "plain"]).status).toBe(0);
  expect(user(["remove", "plain"])).toMatchObject({ status: 1, stderr: expect.stringContaining("no account 'plain'") });
  expect(user(["dance", "ann"]).status).toBe(2);
  expect(user(["passkey", "ann"])).toMatchObject({ status: 1, stderr: expect.stringContaining("leave --file out") });
});

test("a malformed file lets no account in and says why, and single sign-on goes on", async () => {
  const good = readFileSync(users, "utf8");
  writeFileSync(users, good.replace("version: 1", "version: 2"));
  try {
    const visitor = visitorElsewhere();
    const refused = await submit(visitor, await passwordForm(visitor), { username: "ann", password });
    expect(refused.status).toBe(503);
    await eventually(() => expect(gateway.logged(({ detail }) => String(detail).includes("version")).length).toBe(1));
  } finally {
    writeFileSync(users, good);
  }
});
