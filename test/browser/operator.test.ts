import type { BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type AdminListener, composeAdmin } from "../../src/admin/listener.ts";
import type { Operations } from "../../src/admin/operations.ts";
import { makeSecret } from "../../src/core/secret.ts";
import { composeExplain } from "../../src/process/check.ts";
import { freePort } from "../support/free-port.ts";
import { consoleToken, someOperations } from "../support/operations.ts";
import { allow, anApp, aProvider, aRoute, someSettings } from "../support/policy-builders.ts";
import { recordingLog } from "../support/quiet.ts";
import { createScimRig, type ScimRig } from "../support/scim-rig.ts";
import { aNewSession } from "../support/session-builders.ts";
import { useChromium } from "./demo-page.ts";
import { listen, walk } from "./keyboard-walk.ts";

/*
 * An operator's day at the admin listener, with a directory, SCIM and a provider that is down, by keyboard and as a screen reader has it.
 */

const browser = useChromium();
let admin: AdminListener;
let port: number;
let origin: string;
let rig: ScimRig;
let operations: ReturnType<typeof someOperations>;
const groups = Array.from({ length: 600 }, (_, at) => `CN=Group ${at},OU=Groups,DC=acme,DC=example`);

beforeAll(async () => {
  port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  await startAdmin();
});
afterAll(() => admin?.close());

async function startAdmin(): Promise<void> {
  admin = composeAdmin({
    ...{ names: () => [], log: recordingLog(), state: () => operations.state(), metricsText: async () => "", clock: Date.now },
    operations: new Proxy({} as Operations, { get: (_, name: keyof Operations) => operations[name] }),
  });
  await admin.listen({ host: "127.0.0.1", port });
}

let bob: { readonly handle: string; readonly person: string };
beforeEach(async () => {
  rig = createScimRig({ roles: { editor: { groups: ["CN=Group 1,OU=Groups,DC=acme,DC=example"], managers: false, keep: false } } });
  const providers = [{ ...aProvider("entra", ["acme.example"]), scim: { tokens: [] } }, aProvider("okta")];
  const routes = [aRoute({ access: [allow({ groups: ["staff"] })] })];
  const settings = someSettings([anApp({ providers: ["entra"], routes })], {
    providers,
    console: { token: makeSecret(consoleToken), host: null },
  });
  const explain = composeExplain(settings);
  const failing = { ok: false, detail: "the discovery document: connect ECONNREFUSED 127.0.0.1:1" };
  const { state } = someOperations();
  operations = someOperations(
    {
      state: async () => ({ ...(await state()), providers: { entra: { ok: true, detail: "" }, okta: failing } }),
      ...{
        sessions: rig.sessions,
        people: () => rig,
        configuration: () => ({ file: "vestibule.yaml", lines: [{ text: "apps:", from: "1" }] }),
      },
      explain: ({ asUser: subject, email, name, groups: own, provider, acr, claims, ...asked }) =>
        explain({ ...asked, as: { subject, email, name, groups: own, provider, acr, claims } }),
    },
    settings,
  );
  const known = { kind: "known", names: groups } as const;
  for (const name of ["Alice", "Bob"]) {
    const { principal, key } = await rig.signIn({ provider: "okta", subject: name, name, email: `${name}@acme.example`, groups: known });
    bob = { handle: key, person: principal.person?.id ?? "" };
    const asked = { client: "192.0.2.1", host: "wiki.acme.example", method: "GET", path: "/live", principal };
    operations.audit({
      ...{
        event: "refusal",
        request: `r-${name}`,
        websocket: name === "Bob",
        reason: "no-rule-matched",
        rule: null,
        enforced: true,
        ...asked,
      },
      detail: "no rule matched",
    });
    operations.audit({ event: "login", principal, request: "r", client: "192.0.2.1", session: key, app: null, acr: null });
  }
  await rig.user({ displayName: "Carol" });
});

const places = () => [
  ...["now", "sessions", `sessions/${bob.handle}`, "people", `people/${bob.person}`, "scim", "providers", "apps", "apps/wiki.acme.example"],
  ...["refusals", "explain?request=r-Bob", "config", "audit"],
];

async function atTheConsole(options: BrowserContextOptions, work: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser().newContext(options);
  try {
    context.setDefaultTimeout(20_000);
    const page = await context.newPage();
    await page.goto(`${origin}/console/now`);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.type(consoleToken);
    await page.keyboard.press("Enter");
    await page.locator("nav").waitFor();
    await work(page);
  } finally {
    await context.close();
  }
}

test.each([
  { name: "light", options: { viewport: { width: 1280, height: 860 } } },
  { name: "dark", options: { viewport: { width: 1280, height: 860 }, colorScheme: "dark" as const } },
  { name: "narrow", options: { viewport: { width: 360, height: 760 } } },
])("each page is walked by keyboard, told by a screen reader, and fits its window: $name", ({ name, options }) =>
  atTheConsole(options, async (page) => {
    for (const place of places()) {
      expect((await page.goto(`${origin}/console/${place}`))?.status(), place).toBe(200);
      const file = `${process.env.SCREENSHOTS}/operator-${place.replace(/\W.*/, (rest) => (rest === "" ? "" : "-one"))}-${name}.png`;
      if (process.env.SCREENSHOTS) await page.screenshot({ path: file, fullPage: true });
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth"), place).toBeLessThanOrEqual(0);
      await listen(page, place);
      // What is live leaves the page alone while the keyboard is in it.
      await page.evaluate("document.activeElement.blur()");
      await page.goto(`${origin}/console/${place}`);
      if (!place.includes("?")) await walk(page, place);
    }
  }),
);

/** Presses Tab until the keyboard is at the control with this name. */
async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const isIt = new RegExp(typeof name === "string" ? `^${name}$` : name);
  for (let at = 0; at < 200; at += 1) {
    await page.keyboard.press("Tab");
    const said = await page.evaluate<string>(
      "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.labels?.[0]?.textContent ?? document.activeElement.textContent).trim()",
    );
    if (isIt.test(said)) return;
  }
  throw new Error(`Tab reaches no ${name}`);
}
async function press(page: Page, name: string | RegExp): Promise<void> {
  await tabTo(page, name);
  await page.keyboard.press("Enter");
}
const focused = (page: Page) => page.evaluate<string>("document.activeElement.textContent");
const title = (page: Page) => page.getByRole("heading", { level: 1 }).textContent();

test("by keyboard alone: a session found, its history read, its person counted and ended", () =>
  atTheConsole({}, async (page) => {
    await press(page, "Sessions");
    await page.waitForURL(/sessions$/);
    await tabTo(page, "Person");
    await page.keyboard.type("Bob");
    await page.keyboard.press("Enter");
    await page.waitForURL(/person=Bob/);
    await press(page, "Bob");
    await page.waitForURL(/sessions\/./);
    expect(await title(page)).toBe("Session of Bob");
    expect(await page.locator("section", { hasText: "History" }).last().textContent()).toContain("WebSocket wiki.acme.example/live");
    await press(page, "All fields");
    expect(await page.locator("details[open] pre").isVisible()).toBe(true);
    await page.keyboard.press("Enter");
    expect(await page.locator("details[open]").count()).toBe(0);
    await press(page, /^End all of this person/);
    await page.getByRole("heading", { name: /1/, level: 2 }).waitFor();
    await press(page, "End 1");
    await page.waitForURL(/ended=1/);
    expect(await focused(page)).toContain("Sessions ended: 1");
    expect((await rig.sessions.list({ subject: "Bob" }, { cursor: null, limit: 5 })).sessions).toEqual([]);
  }));

test("by keyboard alone: a refused WebSocket is explained with its six hundred groups, and asked again for another method", () =>
  atTheConsole({}, async (page) => {
    await press(page, "Refusals");
    await page.waitForURL(/refusals$/);
    await press(page, /^Explain the refusal of Bob@acme.example at WebSocket/);
    await page.waitForURL(/explain\?request=r-Bob/);
    expect(await focused(page)).toContain("From the refusal r-Bob");
    expect(await page.getByLabel("Opens a WebSocket").isChecked()).toBe(true);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ControlOrMeta+A");
    await page.keyboard.type("delete");
    await page.keyboard.press("Enter");
    await page.waitForURL(/explain$/);
    // The answer has the keyboard, and says what was asked.
    expect(await focused(page)).toContain("DELETE https://wiki.acme.example/live");
    expect((await page.getByLabel("Groups, one to a line").inputValue()).split("\n")).toEqual(groups);
  }));

test("two tabs that end one session: the second says that it had ended, and so does its page, also after going back", () =>
  atTheConsole({}, async (page) => {
    const own = `${origin}/console/sessions/${bob.handle}`;
    await page.goto(own);
    const other = await page.context().newPage();
    await other.goto(`${origin}/console/sessions?person=Bob`);
    await page.getByRole("button", { name: "End this session" }).click();
    expect(await focused(page)).toContain("Sessions ended: 1");
    await other.getByRole("button", { name: "End the session of Bob" }).click();
    expect(await focused(other)).toBe("This session had ended already.");
    // What was searched for is searched for still.
    expect(await other.getByLabel("Person").inputValue()).toBe("Bob");
    await page.goBack();
    expect([page.url(), await title(page)]).toEqual([own, "This session is over"]);
    await listen(page, "a session that is over");
    await page.getByRole("link", { name: "What is known of it" }).click();
    expect(await page.locator(".log").textContent()).toContain("signed in");
  }));

test("a page of the moment whose gateway is away says so, goes on by itself, and asks for a new sign-in when the old one is over", () =>
  atTheConsole({}, async (page) => {
    const lost = page.locator("#lost");
    await page.locator("#pause").waitFor();
    expect(await lost.isVisible()).toBe(false);
    await admin.close();
    await lost.waitFor();
    await startAdmin();
    await lost.waitFor({ state: "hidden" });
    Object.assign(operations.settings().console, { token: makeSecret("another-token-of-the-operators-0123456789") });
    await admin.close();
    await startAdmin();
    await page.getByRole("heading", { name: "Sign in", level: 1 }).waitFor();
    expect(await page.locator("nav").count()).toBe(0);
  }));

test("ten thousand sessions are counted before they are ended, and shown page by page", () =>
  atTheConsole({}, async (page) => {
    for (let at = 0; at < 10_000; at += 1) {
      const person = { provider: "okta", subject: `n-${at}`, name: `Visitor ${at}`, email: null };
      await operations.store.create(aNewSession({ principal: person }));
    }
    Object.assign(operations, { sessions: operations.store });
    await page.goto(`${origin}/console/sessions`);
    expect(await page.locator("tbody tr").count()).toBe(50);
    await page.getByRole("link", { name: "More" }).click();
    expect(await page.locator("tbody tr").count()).toBe(50);
    await page.getByRole("button", { name: /^End everyone/ }).click();
    await page.getByRole("button", { name: "End 10,000" }).click();
    expect(await focused(page)).toMatch(/Sessions ended: 10,?000/);
  }));

test("a provider that is down is said to be, with what is wrong", () =>
  atTheConsole({}, async (page) => {
    await page.goto(`${origin}/console/providers`);
    expect(await page.locator(".problem").textContent()).toContain("ECONNREFUSED");
    await page.goto(`${origin}/console/now`);
    expect(await page.locator(".state.bad").count()).toBe(1);
  }));
