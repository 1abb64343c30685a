import { createServer, type Server } from "node:http";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { noBranding } from "../../src/core/branding.ts";
import type { PageModel } from "../../src/core/ports/pages.ts";
import { createRenderPage } from "../../src/pages/render-page.ts";
import { composeExplain } from "../../src/process/check.ts";
import { anAdmin, consoleToken, someOperations } from "../support/operations.ts";
import { anApp, aProvider, someSettings } from "../support/policy-builders.ts";
import { createScimRig } from "../support/scim-rig.ts";
import { aNewSession } from "../support/session-builders.ts";
import { launchChromium } from "./chromium.ts";

/*
 * What strangers and directories may bring into the pages: names with markup, with characters that turn the direction of a line, of any
 * length, group lists of ten kilobytes; and more apps and sessions than a page was drawn for.
 */

const override = "\u202e";
const markup = `<img src=x onerror="window.ran=1"><script>window.ran=1</script>"'><b>`;
const people = [
  { subject: "markup", name: `Eve ${markup}`, email: `"${markup}"@acme.example`.slice(0, 250) },
  { subject: "turned", name: `Bob ${override}elgooG`, email: `bob${override}moc.elgoog@acme.example` },
  { subject: `${"s".repeat(255)}`, name: "N".repeat(300), email: `${"very-long-address".repeat(14)}@${"sub.".repeat(12)}acme.example` },
  { subject: "rtl", name: "مستخدم תיבת דואר", email: "rtl@acme.example" },
];
const groups = Array.from({ length: 700 }, (_, at) => `group-${at}-${at % 90 === 0 ? markup : "abcdef"}`);
const aPath = `/${"deep/".repeat(60)}${override}%3Cscript%3E${"x".repeat(300)}`;

let browser: Browser;
let server: Server;
let origin: string;
const visitorPages = new Map<string, { readonly body: string; readonly headers: readonly (readonly [string, string])[] }>();
let personId = "";
let sessionHandle = "";

beforeAll(async () => {
  browser = await launchChromium();
  const apps = [anApp({ providers: ["entra"], name: `Wiki ${"of the whole department ".repeat(8)}` })];
  const settings = someSettings(apps, { providers: [aProvider("entra")] });
  const rig = createScimRig({ roles: {} });
  const explain = composeExplain(settings);
  const operations = someOperations({
    ...{ sessions: rig.sessions, people: () => rig },
    explain: ({ url, method, address, at, websocket, asUser: subject, ...as }) =>
      explain({ url, method, address, at, websocket, as: { subject, ...as } }),
  });
  for (const person of people) {
    const known = { kind: "known", names: groups } as const;
    const { principal, key } = await rig.signIn({ provider: "okta", groups: known, ...person });
    personId ||= principal.person?.id ?? "";
    sessionHandle ||= key;
    for (const text of [person.name, override])
      operations.audit({
        ...{ event: "refusal", request: `r-${person.subject.slice(0, 9)}`, client: "192.0.2.1", enforced: true, reason: "no-rule-matched" },
        ...{
          principal,
          host: "wiki.acme.example",
          method: "PROPFIND",
          websocket: false,
          path: aPath,
          rule: null,
          detail: `groups: has ${text}, wanted staff`,
        },
      });
    operations.audit({ event: "login", principal, request: "r", client: "192.0.2.1", session: key, app: null, acr: markup });
    await operations.store.create(
      aNewSession({ principal: person, address: "2001:db8:1234:5678:9abc:def0:1234:5678", userAgent: markup.repeat(20) }),
    );
  }
  const admin = anAdmin(operations);
  server = createServer((req, res) => {
    const own = visitorPages.get(req.url ?? "");
    if (own !== undefined) {
      for (const [name, value] of own.headers) res.setHeader(name, value);
      return void res.end(own.body);
    }
    const chunks: Buffer[] = [];
    req.on("data", (chunk: Buffer) => chunks.push(chunk));
    req.on("end", () => {
      const body = req.method === "POST" ? { body: Buffer.concat(chunks) } : {};
      const request = new Request(`${origin}${req.url}`, {
        method: req.method ?? "GET",
        headers: req.headers as Record<string, string>,
        ...body,
      });
      void Promise.resolve(admin(request, "192.0.2.9")).then(async (answer) => {
        res.writeHead(answer.status, Object.fromEntries(answer.headers));
        res.end(Buffer.from(await answer.arrayBuffer()));
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  const render = createRenderPage({
    locale: { default: "en", available: ["en", "fr"] },
    insecure: { plainHttp: true, httpProviders: true },
    branding: noBranding,
  });
  for (const [path, model] of Object.entries(visitorModels())) {
    for (const tag of ["en", "fr"]) {
      const { body, headers } = render(200, model, { requestId: "r-1", acceptLanguage: tag, hostname: "wiki.acme.example", again: "/" });
      visitorPages.set(`/${tag}/${path}`, { body, headers: headers.filter(([name]) => name !== "Vary") });
    }
  }
}, 60_000);
afterAll(async () => {
  await browser?.close();
  server?.close();
});

function visitorModels(): Readonly<Record<string, PageModel>> {
  const now = Date.UTC(2026, 10, 30);
  const icon = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4" cy="4" r="4"/></svg>')}`;
  const at = (index: number) => people[index % people.length] ?? { name: "", email: "", subject: "" };
  const urls = { homeUrl: "/en/portal", logoutUrl: "/en/portal" };
  return {
    portal: {
      ...{ page: "portal", who: { name: at(0).name, email: at(0).email }, sessionsUrl: "/en/sessions", dataUrl: "/en/sessions" },
      ...urls,
      apps: Array.from({ length: 200 }, (_, index) => ({
        name:
          index % 7 === 0
            ? `Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft ${index}`
            : index % 5 === 0
              ? at(index).name
              : `App ${index}`,
        url: `/app/${index}`,
        description: index % 3 === 0 ? `${at(index).email} ${"words ".repeat(index % 40)}` : null,
        icon: index % 2 === 0 ? icon : null,
        category: index % 4 === 0 ? null : `Category ${index % 4}`,
        lastOpenedAt: index % 6 === 0 ? now : null,
      })),
    },
    sessions: {
      ...{ page: "own-sessions", action: "/en/sessions", guard: "g", ended: 3, ...urls },
      sessions: Array.from({ length: 1_000 }, (_, index) => ({
        ...{ handle: `h-${index}`, isHere: index === 0, browser: index % 3 === 0 ? null : "Chrome", system: "Linux", address: "192.0.2.7" },
        ...{
          provider: "Entra",
          who: at(index).email,
          startedAt: now,
          lastSeenAt: now,
          apps: Array.from({ length: index % 30 }, (__, one) => `App ${one}`),
        },
      })),
      tokens: {
        ...{ made: { name: markup, token: `vst_${"x".repeat(60)}` }, problem: "name", ended: null, lifetimeDays: 90, most: 20 },
        accounts: people.map(({ subject, email }) => ({ key: subject, who: email, provider: "Entra" })),
        items: people.map(({ subject, email, name }) => ({
          ...{ handle: subject, name, who: email, provider: "Entra", startedAt: now, expiresAt: now, lastUsedAt: null, apps: [] },
        })),
      },
    },
    refusal: {
      ...{ page: "refusal", app: at(2).name, who: { ...at(2), provider: "entra" }, reason: "no-rule-matched", path: aPath },
      ...{ appUrl: "/", anotherAccountUrl: "/", logoutUrl: "/" },
    },
    data: {
      ...{ page: "own-data", homeUrl: "/", sessionsUrl: "/" },
      people: people.map((person) => ({
        ...{ name: person.name, email: person.email, groups, attributes: [{ name: markup, values: [markup, override] }], person: null },
        accounts: [{ provider: "Entra", subject: person.subject, email: person.email }],
      })),
    },
  };
}

const views: readonly { readonly name: string; readonly options: BrowserContextOptions }[] = [
  { name: "light", options: { viewport: { width: 1280, height: 860 } } },
  { name: "dark", options: { viewport: { width: 1280, height: 860 }, colorScheme: "dark" } },
  { name: "narrow", options: { viewport: { width: 320, height: 700 }, locale: "fr-FR" } },
];

/** Opens each page, and holds that it fits its window, runs nothing of a stranger's and turns no line. */
async function look(page: Page, name: string, paths: readonly (readonly [string, string])[]): Promise<void> {
  const problems: string[] = [];
  page.on("console", (message) => problems.push(message.text()));
  page.on("dialog", (dialog) => void dialog.dismiss().then(() => problems.push("a dialog")));
  page.on("request", (request) => {
    if (!request.url().startsWith(origin) && !request.url().startsWith("data:")) problems.push(request.url());
  });
  for (const [what, path] of paths) {
    expect((await page.goto(origin + path))?.status(), path).toBe(200);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${what}-${name}.png` });
    expect(await page.evaluate(tooWide), path).toEqual([]);
    expect(await page.evaluate(tooTall), path).toEqual([]);
    expect(await page.evaluate("window.ran"), path).toBe(undefined);
    expect(await page.locator("img[src=x], main script, main b").count(), path).toBe(0);
    expect(await page.evaluate(`document.body.innerText.includes(${JSON.stringify(override)})`), path).toBe(false);
  }
  expect(problems).toEqual([]);
}

/** What reaches beyond the window, but for what scrolls by itself. */
const tooWide = `document.documentElement.scrollWidth <= window.innerWidth ? [] : [...document.querySelectorAll("body *")]
  .filter(node => node.getBoundingClientRect().right > window.innerWidth + 1 && !node.closest(".scroll, nav ul, pre")).slice(0, 3).map(node => node.outerHTML.slice(0, 300))`;

/** One value that fills more than a window keeps everything below it out of reach. */
const tooTall = `[...document.querySelectorAll("dd, td, th, li.tile")].filter(node => node.getBoundingClientRect().height > 700).map(node => node.outerHTML.slice(0, 200))`;

test.each(views)("hostile names break no page of the console and run nothing: $name", async ({ name, options }) => {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    await page.goto(`${origin}/console/now`);
    await page.locator("input[name=token]").fill(consoleToken);
    await page.keyboard.press("Enter");
    await page.locator("nav").waitFor();
    await look(page, `console-${name}`, [
      ["sessions", "/console/sessions"],
      ["session", `/console/sessions/${sessionHandle}`],
      ["people", "/console/people?q=acme"],
      ["person", `/console/people/${personId}`],
      ["refusals", "/console/refusals"],
      ["explain", `/console/explain?request=r-markup`],
      ["audit", "/console/audit"],
      ["now", "/console/now"],
    ]);
  } finally {
    await context.close();
  }
});

test.each(views)("two hundred apps, a thousand sessions and hostile names fit the visitors' pages: $name", async ({ name, options }) => {
  const context = await browser.newContext(options);
  try {
    const tag = options.locale === undefined ? "en" : "fr";
    await look(
      await context.newPage(),
      `own-${name}`,
      ["portal", "sessions", "refusal", "data"].map((path) => [path, `/${tag}/${path}`] as const),
    );
  } finally {
    await context.close();
  }
});
