import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Rig, startRig } from "../support/rig.ts";
import { launchChromium } from "./chromium.ts";
import { signInAtProvider } from "./steps.ts";

/** What a person typed, and where on the page they were, survives a login that comes in between. */
let rig: Rig;
let browser: Browser;
beforeAll(async () => {
  rig = await startRig();
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await rig?.close();
});

const logInAtProvider = (page: Page) => signInAtProvider(page, "alice");

test("a fragment comes back after the login, and stays with its own page", async () => {
  const page = await browser.newPage();
  await page.goto(`${rig.urls.wiki}/board?b=1#/cards/42?tab=log&x=%C3%A9`);
  await logInAtProvider(page);
  await page.waitForURL((url) => url.hostname === "wiki.localhost" && url.pathname === "/board");
  expect(new URL(page.url()).hash).toBe("#/cards/42?tab=log&x=%C3%A9");
  expect(rig.wiki.requests.map(({ target }) => target)).toContain("/board?b=1");
  expect((await page.context().cookies()).filter(({ name }) => name.endsWith("-fragment"))).toEqual([]);
});

test("without scripts the login goes on, by one request at the provider", async () => {
  const page = await (await browser.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(`${rig.urls.wiki}/plain#part`);
  await logInAtProvider(page);
  await page.waitForURL((url) => url.hostname === "wiki.localhost" && url.pathname === "/plain");
});

test("a form of one mebibyte that a login interrupts is sent by a click, and not before, from a page whose policy knows its own origin alone", async () => {
  // Browsers hold redirects of a form against it as well: the way to the login must be none.
  const policy = "Content-Security-Policy: form-action 'self'";
  const html = "Content-Type: text/html; charset=utf-8";
  rig.wiki.answerWith(() => `HTTP/1.1 200 OK\r\n${html}\r\n${policy}\r\nContent-Length: 8\r\n\r\n<p>notes`);
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${rig.urls.wiki}/`);
  await logInAtProvider(page);
  await page.waitForURL(`${rig.urls.wiki}/`);
  const cookies = await context.cookies(rig.urls.wiki);
  await page.evaluate(() => fetch("/_vestibule/logout", { method: "POST", redirect: "manual" }).then(() => null));
  await context.clearCookies();
  // The browser as it is when a session ended elsewhere: its cookie is still there.
  await context.addCookies(cookies.filter(({ name }) => name === "vestibule" || name === "vestibule-person"));
  const text = "é".repeat(100_000) + "x".repeat(440_000);
  const posts = () => rig.wiki.requests.filter(({ method, target }) => method === "POST" && target === "/notes");
  // A text: tests are compiled without the browser's types.
  await page.evaluate(`(() => {
    const form = document.createElement("form");
    Object.assign(form, { method: "post", action: "/notes", acceptCharset: "utf-8" });
    const area = form.appendChild(document.createElement("textarea"));
    Object.assign(area, { name: "text", value: ${JSON.stringify(text)} });
    document.body.append(form);
    form.submit();
  })()`);
  await logInAtProvider(page);
  await page.waitForURL(/\/_vestibule\/form/);
  expect(await page.locator("main").textContent()).toContain("wiki.localhost/notes");
  if (process.env.SCREENSHOTS !== undefined) await page.screenshot({ path: `${process.env.SCREENSHOTS}/kept-form.png` });
  expect(posts().length).toBe(0);
  await page.getByRole("button", { name: "Send it now" }).click();
  await page.waitForURL(`${rig.urls.wiki}/notes`);
  expect(posts().length).toBe(1);
  expect(new URLSearchParams(posts()[0]?.body.toString()).get("text")).toBe(text);
});
