import type { Browser, BrowserContext } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type Rig, startRig } from "../support/rig.ts";
import { launchChromium } from "./chromium.ts";
import { signInAtProvider } from "./steps.ts";

/**
 * A script that an application stores registers a service worker for the whole host. It sees every address that a visitor is led through
 * there, keeps the request from the gateway, and tells somebody else, who opens the address in a browser of their own.
 */
const page = (body: string, type = "text/html") =>
  `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nCache-Control: no-store\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const worker = `
  self.addEventListener("install", () => self.skipWaiting());
  self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
  self.addEventListener("fetch", (event) => {
    const { pathname, search } = new URL(event.request.url);
    if (pathname !== "/_vestibule/enter") return;
    const seen = fetch("/seen", { method: "POST", body: pathname + search });
    if (self.location.search === "?steal") {
      event.respondWith(seen.then(() => new Response("nothing here", { headers: { "Content-Type": "text/html" } })));
    }
  });`;

let rig: Rig;
let browser: Browser;
beforeAll(async () => {
  rig = await startRig();
  rig.wiki.answerWith(({ target }) =>
    target.startsWith("/worker.js") ? page(worker, "text/javascript") : page(`<p id="who">the wiki</p>`),
  );
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await rig?.close();
});
beforeEach(() => rig.wiki.forget());

/** A visitor signed in on the wiki, in whose browser the application's script has registered its worker. */
async function victimWith(script: string): Promise<BrowserContext> {
  const context = await browser.newContext();
  const tab = await context.newPage();
  await tab.goto(`${rig.urls.wiki}/`);
  await signInAtProvider(tab, "alice");
  await tab.waitForURL(`${rig.urls.wiki}/`);
  await tab.evaluate(
    `navigator.serviceWorker.register(${JSON.stringify(script)}).then(() => navigator.serviceWorker.ready).then(() => null)`,
  );
  return context;
}
const seen = () => rig.wiki.requests.filter(({ target }) => target === "/seen").map(({ body }) => body.toString());
/** The hosts on which this browser has a session cookie of an app. */
const sessionsOf = async (context: BrowserContext) =>
  (await context.cookies([rig.urls.wiki, rig.urls.auth])).filter(({ name }) => name === "vestibule").map(({ domain }) => domain);

test("a service worker of the app that carries home what it saw of a signed-in visitor's way opens no session there", async () => {
  const victim = await victimWith("/worker.js?steal");
  // The attacker begins a login and sends the victim its address.
  const attacker = await browser.newContext();
  const tab = await attacker.newPage();
  const asked: string[] = [];
  tab.on("request", (request) => asked.push(request.url()));
  await tab.goto(`${rig.urls.wiki}/secret`);
  const wanted = asked.find((url) => url.startsWith(`${rig.urls.auth}/_vestibule/login?wish=`));
  expect(wanted).toBeDefined();
  const lured = await victim.newPage();
  await lured.goto(wanted ?? "");
  await eventually(() => expect(seen()).toEqual([expect.stringMatching(/^\/_vestibule\/enter\?\w+=/)]));
  expect(await lured.textContent("body")).toContain("nothing here");
  await tab.goto(rig.urls.wiki + seen()[0]);
  // It is led to a login of its own, as any stranger is.
  await tab.waitForURL((url) => url.origin === new URL(rig.provider.issuer).origin);
  expect(await sessionsOf(attacker)).toEqual([]);
  expect(rig.wiki.requests.filter(({ target }) => target === "/secret")).toEqual([]);
  expect(await sessionsOf(victim)).toEqual(["wiki.localhost"]);
});

test("benign twin: with a service worker that looks on, a visitor comes back to the app from the auth origin", async () => {
  const victim = await victimWith("/worker.js?look");
  // The host's cookie alone is gone: the session at the auth origin brings it back.
  const kept = (await victim.cookies()).filter(({ name, domain }) => !(name === "vestibule" && domain === "wiki.localhost"));
  await victim.clearCookies();
  await victim.addCookies(kept);
  const tab = await victim.newPage();
  await tab.goto(`${rig.urls.wiki}/page?x=1`);
  await tab.waitForURL(`${rig.urls.wiki}/page?x=1`);
  expect(await tab.textContent("#who")).toBe("the wiki");
  expect(await sessionsOf(victim)).toEqual(["wiki.localhost"]);
});

test("no service worker is registered from the gateway's own addresses", async () => {
  const victim = await victimWith("/worker.js?look");
  const tab = await victim.newPage();
  await tab.goto(`${rig.urls.wiki}/`);
  const outcome = await tab.evaluate(
    `navigator.serviceWorker.register("/_vestibule/session", { scope: "/_vestibule/" }).then(() => "registered", (error) => error.name)`,
  );
  expect(outcome).toBe("TypeError");
});
