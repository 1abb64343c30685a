import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { firstForm, newVisitor } from "../support/visitor.ts";
import { projectRoot } from "./source-files.ts";

/** What one must open to follow a request or a login; V8's own counters in a gateway process say which functions ran. */
interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

const folder = mkdtempSync(join(tmpdir(), "vestibule-files-touched-"));
const preload = new URL("../support/coverage-on-signal.mjs", import.meta.url).href;
let rig: Rig;
beforeAll(async () => {
  rig = await startRig({ env: { NODE_V8_COVERAGE: folder, NODE_OPTIONS: `--import=${preload}` } });
});
afterAll(async () => {
  await rig?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The files of `src/` in which a function ran since the last call. */
async function filesTouched(): Promise<readonly string[]> {
  const before = new Set(readdirSync(folder));
  process.kill(rig.gateway.pid, "SIGUSR2");
  const text = await eventually(() => {
    const [name] = readdirSync(folder).filter((one) => !before.has(one));
    if (name === undefined) throw new Error("no coverage was written yet");
    return JSON.parse(readFileSync(join(folder, name), "utf8")) as Coverage;
  });
  return text.result
    .filter(({ url, functions }) => url.includes("/src/") && functions.some(({ ranges }) => (ranges[0]?.count ?? 0) > 0))
    .map(({ url }) => relative(projectRoot, fileURLToPath(url)))
    .filter((path) => path.startsWith("src/"))
    .sort();
}

/**
 * The goal was 40 for a request and 60 for a login. docs/architecture.md says what the last four of the login are. A file that joins one of the
 * lists needs a reason that readers accept.
 */
const bounds = { request: 40, login: 64, loginAndPage: 77 } as const;

/** What runs each time that `go` is done: done twice, because a timer that fires meanwhile is no part of it. */
async function touchedBy(go: () => Promise<unknown>): Promise<readonly string[]> {
  await filesTouched();
  await go();
  const first = new Set(await filesTouched());
  await go();
  return (await filesTouched()).filter((path) => first.has(path));
}

/** Signs in as bob at `page`, up to the answer that holds the session's cookie and sends on to the page: the page itself is a request of its own. */
async function signInOnly(page: string): Promise<void> {
  const visitor = newVisitor();
  const form = firstForm(await visitor.browse(page));
  let answer = await visitor.visit(form.action, { form: { ...form.fields, login: "bob", password: "bob" } });
  const next = () => new URL(answer.location ?? page, answer.url).href;
  while (next() !== page) answer = await visitor.visit(next());
  expect(answer.status).toBe(303);
  expect(visitor.cookies(new URL(page).hostname).has("vestibule")).toBe(true);
}

test("a warm request runs through few files, and so does an OpenID Connect login", async () => {
  const page = `${rig.urls.wiki}/`;
  const visitor = newVisitor();
  await signIn(visitor, page, "alice");
  const loginAndPage = await touchedBy(() => signIn(newVisitor(), page, "bob"));
  const login = await touchedBy(() => signInOnly(page));
  const read = async () => expect((await visitor.visit(`${rig.urls.wiki}/page`)).status).toBe(200);
  await read();
  const request = await touchedBy(read);
  const all = { request, login, loginAndPage };
  const counts = Object.entries(all).map(([name, files]) => `${name} ${files.length}`);
  process.stdout.write(`\nfiles that run: ${counts.join(", ")}\n`);
  expect(request).toContain("src/policy/decide.ts");
  expect(login).toContain("src/login/oidc/id-token.ts");
  for (const [name, bound] of Object.entries(bounds)) {
    const files = all[name as keyof typeof all];
    expect(files.length, files.join("\n")).toBeLessThanOrEqual(bound);
  }
});
