import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type GitServer, startGitServer } from "../support/git-server.ts";
import { ownedFolder } from "../support/owned.ts";
import { basic, bearer, makeToken, tokensPage } from "../support/personal-tokens.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";

const run = promisify(execFile);
const tokens = "personalTokens: { lifetime: 90d, perUser: 3 }\n";
let rig: Rig;
let git: GitServer;
let alice: Visitor;
beforeAll(async () => {
  git = await startGitServer();
  const code = `  - { name: Code, host: code.localhost, upstream: "${git.url}", access: [{ allow: { groups: [staff] } }], basicChallenge: true }\n`;
  rig = await startRig({
    reports: '    optional: ["/maybe"]\n    public: ["/open"]\n    session: { lifetime: 1s }\n',
    top: code + tokens,
  });
  alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
});
afterAll(async () => {
  await rig?.close();
  await git?.close();
});

const page = (form?: Readonly<Record<string, string>>, visitor = alice) => tokensPage(visitor, rig.urls.auth, form);
const endAll = async (visitor = alice) => {
  for (const endToken of (await page(undefined, visitor)).handles.values()) await page({ endToken }, visitor);
};
const ask = (url: string, authorization: string, headers: Record<string, string> = {}) =>
  newVisitor().fetch(url, { headers: { accept: "application/json", authorization, ...headers } });

test("a token that a person makes is shown once, and lets programs in as that person under the same rules", async () => {
  const token = await makeToken(alice, rig.urls.auth, "laptop");
  const after = await page();
  expect([after.token, [...after.handles.keys()], after.body.includes(token)]).toEqual([null, ["laptop"], false]);
  for (const authorization of [bearer(token), basic("alice", token), basic("anything", token), basic("", token)]) {
    expect((await ask(`${rig.urls.wiki}/page`, authorization)).status).toBe(200);
    const request = rig.wiki.requests.at(-1);
    expect(["remote-user", "remote-groups", "authorization"].map((name) => request?.header(name) ?? null)).toEqual([
      "alice",
      "staff,admins",
      null,
    ]);
  }
  expect((await ask(`${rig.urls.wiki}/admin`, bearer(token))).status).toBe(200);
  const bob = newVisitor();
  await signIn(bob, `${rig.urls.wiki}/`, "bob");
  const bobs = await makeToken(bob, rig.urls.auth, "laptop");
  expect((await ask(`${rig.urls.wiki}/admin`, bearer(bobs))).status).toBe(403);
  await endAll();
});

test("an app's shorter session limits are the browser's, not the token's", async () => {
  const token = await makeToken(alice, rig.urls.auth, "long");
  await eventually(async () => expect((await alice.fetch(`${rig.urls.reports}/`)).status).toBe(401));
  expect((await ask(`${rig.urls.reports}/`, bearer(token))).status).toBe(200);
  await endAll();
});

test("an ended token is refused, whoever's cookie rides along, and its owner alone can end it", async () => {
  const token = await makeToken(alice, rig.urls.auth, "old");
  const handle = (await page()).handles.get("old") ?? "";
  const bob = newVisitor();
  await signIn(bob, `${rig.urls.wiki}/`, "bob");
  expect((await page({ endToken: handle }, bob)).body).toContain("Tokens ended: 0");
  expect((await ask(`${rig.urls.wiki}/page`, bearer(token))).status).toBe(200);
  expect((await page({ endToken: handle })).body).toContain("Tokens ended: 1");
  await eventually(async () => expect((await ask(`${rig.urls.wiki}/page`, bearer(token))).status).toBe(401));
  const withCookie = await bob.fetch(`${rig.urls.wiki}/page`, { headers: { authorization: bearer(token) } });
  expect([withCookie.status, JSON.parse(withCookie.body).error]).toEqual([401, "invalid_token"]);
  expect((await bob.fetch(`${rig.urls.wiki}/page`)).status).toBe(200);
});

test("no more are made than the file allows, each with a name, and only from the page's own form", async () => {
  for (const name of ["one", "two", "three"]) await makeToken(alice, rig.urls.auth, name);
  expect((await page({ name: "four" })).body).toContain("You may have 3 tokens");
  await endAll();
  for (const name of ["", "   ", "x".repeat(61), "tab\tinside", "\u202egnp"])
    expect((await page({ name })).body, JSON.stringify(name)).toContain("a name of 1 to 60 characters");
  const url = `${rig.urls.auth}/_vestibule/sessions`;
  const guard = /name="guard" value="([^"]+)"/.exec((await alice.visit(url)).body)?.[1] ?? "";
  const forged = [
    { form: { name: "evil" }, origin: rig.urls.auth },
    { form: { name: "evil", guard: "x" }, origin: rig.urls.auth },
    { form: { name: "evil", guard }, origin: rig.urls.wiki },
  ];
  for (const { form, origin } of forged)
    expect((await alice.visit(url, { method: "POST", form, headers: { origin } })).status).toBeGreaterThanOrEqual(400);
  expect((await page()).handles.size).toBe(0);
  const markup = await page({ name: "<b>&amp;" });
  expect(markup.body).toContain("&lt;b&gt;&amp;amp;");
  await endAll();
});

test("a token makes no token and shows no page of its owner's", async () => {
  const token = await makeToken(alice, rig.urls.auth, "script");
  const shown = await newVisitor().visit(`${rig.urls.auth}/_vestibule/sessions`, { headers: { authorization: bearer(token) } });
  expect([shown.status, shown.location]).toEqual([302, expect.stringContaining("/_vestibule/login")]);
  await endAll();
});

test("a token goes to no application: not on public or optional paths, not when it is refused, and not from the query", async () => {
  const token = await makeToken(alice, rig.urls.auth, "careful");
  const before = rig.reports.requests.length;
  expect((await ask(`${rig.urls.reports}/open`, bearer(token))).status).toBe(200);
  expect((await ask(`${rig.urls.reports}/open`, basic("x", `${token}x`))).status).toBe(200);
  expect((await ask(`${rig.urls.reports}/maybe`, basic("x", token))).status).toBe(200);
  const seen = rig.reports.requests.slice(before);
  expect(seen.map((request) => [request.header("authorization"), request.header("remote-user")])).toEqual([
    [null, null],
    [null, null],
    [null, "alice"],
  ]);
  for (const query of [`?access_token=${token}`, `?token=${token}`])
    expect((await newVisitor().fetch(`${rig.urls.reports}/${query}`)).status).toBe(401);
  // What is no token of ours belongs to the application.
  await ask(`${rig.urls.reports}/open`, basic("alice", "secret"));
  expect(rig.reports.requests.at(-1)?.header("authorization")).toBe(basic("alice", "secret"));
  expect(rig.gateway.lines.join("\n")).not.toContain(token);
  await endAll();
});

test("git clones and pushes with a token as the password, after a challenge that it understands", { timeout: 60_000 }, async () => {
  const token = await makeToken(alice, rig.urls.auth, "git");
  const folder = ownedFolder("vestibule-clone-");
  const reach = ["-c", `http.curloptResolve=code.localhost:${rig.port}:127.0.0.1`, "-c", "user.name=A", "-c", "user.email=a@example.org"];
  const helper = (password: string) => ["-c", `credential.helper=!f() { echo username=git; echo password=${password}; }; f`];
  const env = { ...process.env, GIT_TERMINAL_PROMPT: "0", GIT_CONFIG_NOSYSTEM: "1", HOME: folder };
  const gitDoes = (password: string, ...args: string[]) => run("git", [...reach, ...helper(password), ...args], { env });
  const url = `http://code.localhost:${rig.port}/project.git`;
  await gitDoes(token, "clone", "--quiet", url, `${folder}/work`);
  await gitDoes(token, "-C", `${folder}/work`, "commit", "--quiet", "--allow-empty", "-m", "first");
  await gitDoes(token, "-C", `${folder}/work`, "push", "--quiet", "origin", "HEAD:main");
  expect((await gitDoes(token, "ls-remote", url)).stdout).toContain("refs/heads/main");
  expect(new Set(git.callers.map(({ user, authorization }) => `${user} ${authorization}`))).toEqual(new Set(["alice null"]));
  await expect(gitDoes(`${token.slice(0, -1)}_`, "ls-remote", url)).rejects.toMatchObject({
    stderr: expect.stringContaining("Authentication failed"),
  });
  await endAll();
});

test("curl is asked for Basic where the app says so; a browser never is, and other apps do not ask", async () => {
  const url = `http://code.localhost:${rig.port}/project.git/info/refs`;
  const curl = async (...args: string[]) =>
    (await run("curl", ["-s", "-i", "--resolve", `code.localhost:${rig.port}:127.0.0.1`, ...args])).stdout;
  const challenged = await curl(url);
  expect(challenged).toMatch(/^HTTP\/1\.1 401 /);
  expect(challenged).toContain('WWW-Authenticate: Basic realm="code.localhost", charset="UTF-8"');
  const token = await makeToken(alice, rig.urls.auth, "curl");
  expect(await curl("--anyauth", "-u", `me:${token}`, `${url}?service=git-upload-pack`)).toContain("200 OK");
  expect((await newVisitor().fetch(url)).headers["www-authenticate"]).not.toContain("Basic");
  expect((await ask(`${rig.urls.wiki}/page`, bearer("vst_x"), { "sec-fetch-site": "none" })).headers["www-authenticate"]).not.toContain(
    "Basic",
  );
  await endAll();
});

test("groups that the person loses are lost with the token at the person's next login, and no login is needed to use it till then", async () => {
  const dora = newVisitor();
  await signIn(dora, `${rig.urls.wiki}/`, "bob");
  const token = await makeToken(dora, rig.urls.auth, "narrow");
  expect((await ask(`${rig.urls.wiki}/page`, bearer(token))).status).toBe(200);
  const bob = rig.provider.users.get("bob");
  if (bob === undefined) throw new Error("there is no bob");
  rig.provider.users.set("bob", { ...bob, claims: { ...bob.claims, groups: ["guests"] } });
  await signIn(newVisitor(), `${rig.urls.reports}/`, "bob");
  await eventually(async () => expect((await ask(`${rig.urls.wiki}/page`, bearer(token))).status).toBe(403));
  await endAll(dora);
});

test("a reload that switches tokens off, or shortens their life, counts at once; switched on again, they live on", async () => {
  const token = await makeToken(alice, rig.urls.auth, "reloaded");
  const status = async () => (await ask(`${rig.urls.wiki}/page`, bearer(token))).status;
  expect(await status()).toBe(200);
  await rig.gateway.rewriteConfig(rig.yaml.replace(tokens, ""));
  rig.gateway.signal("SIGHUP");
  await eventually(async () => expect(await status()).toBe(401));
  expect((await page()).body).not.toContain('name="endToken"');
  await rig.gateway.rewriteConfig(rig.yaml);
  rig.gateway.signal("SIGHUP");
  await eventually(async () => expect(await status()).toBe(200));
  await endAll();
});

test("making, using first and ending a token are in the audit log, under a handle that opens nothing", async () => {
  const token = await makeToken(alice, rig.urls.auth, "audited");
  await ask(`${rig.urls.wiki}/page`, bearer(token));
  await ask(`${rig.urls.wiki}/page`, bearer(token));
  const handle = (await page()).handles.get("audited") ?? "";
  expect((await ask(`${rig.urls.wiki}/page`, bearer(`vst_${handle}`))).status).toBe(401);
  await page({ endToken: handle });
  await eventually(() => {
    const events = rig.gateway.logged(({ audit, name }) => audit === "personal-token" && name === "audited");
    expect(events.map(({ action }) => action)).toEqual(["made", "first-used", "ended"]);
    expect(new Set(events.map((event) => event.handle))).toEqual(new Set([handle]));
    expect(events[2]).toMatchObject({ why: "logout", principal: { subject: "alice" } });
  });
});

test("the page speaks French, and needs no script", async () => {
  const shown = await alice.visit(`${rig.urls.auth}/_vestibule/sessions`, { headers: { "accept-language": "fr" } });
  expect(shown.body).toContain("Créer un jeton");
  expect(shown.body).not.toContain("<script");
});
