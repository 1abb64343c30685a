import type { BrowserContextOptions, Page } from "playwright-core";
import { expect, test } from "vitest";
import { useDemo } from "./demo-page.ts";
import { signIn } from "./steps.ts";

const { demo, browser, withPage } = useDemo();

const consoleUrl = () => `${demo.wiki.replace("wiki.", "console.")}/console`;

/** A page of an operator who is signed in to the console. */
const atTheConsole = (options: BrowserContextOptions, work: (page: Page) => Promise<void>) =>
  withPage(options, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    await work(page);
  });

const places = ["now", "sessions", "providers", "apps", "refusals", "explain", "config", "audit"];

test.each([
  { name: "light", options: { viewport: { width: 1280, height: 860 } } },
  { name: "dark", options: { viewport: { width: 1280, height: 860 }, colorScheme: "dark" as const } },
  { name: "narrow", options: { viewport: { width: 360, height: 760 } } },
])("every page of the console fits its window and names what it holds: $name", ({ options }) =>
  atTheConsole(options, async (page) => {
    for (const place of places) {
      await page.goto(`${consoleUrl()}/${place}`);
      expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), place).toBe(true);
      expect(await page.getByRole("heading", { level: 1 }).count(), place).toBe(1);
      expect(await page.locator('nav a[aria-current="page"]').count(), place).toBe(1);
      expect(await page.evaluate(withoutName), place).toEqual([]);
    }
  }),
);

/** Controls and pictures of which a screen reader would say nothing, as the page has them. */
const withoutName = `[...document.querySelectorAll("a, button, input:not([type=hidden]), select, [role=img]")]
  .filter(node => [node.getAttribute("aria-label"), ...[...(node.labels ?? [])].map(label => label.textContent), node.textContent].join("").trim() === "")
  .map(node => node.outerHTML)`;

test("the page of the moment is live by itself, and stands still when asked to", () =>
  atTheConsole({}, async (page) => {
    await page.goto(`${consoleUrl()}/now`);
    await page.evaluate('document.getElementById("live").firstElementChild.dataset.old = "1"');
    // What was there is replaced by what the stream sends.
    await page.locator("#live > [data-old]").waitFor({ state: "detached" });
    await page.locator(".figure svg").first().waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    expect(await page.getByRole("button", { name: "Go on" }).getAttribute("aria-pressed")).toBe("true");
  }));

test("with the keyboard alone a session is found and ended", () =>
  atTheConsole({}, async (page) => {
    const other = await browser().newContext();
    await signIn(await other.newPage(), `${demo.wiki}/`, "bob@acme.example");
    await other.close();
    await page.goto(`${consoleUrl()}/sessions`);
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.className")).toBe("skip");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await page.evaluate("document.activeElement.name")).toBe("person");
    await page.keyboard.press("Tab");
    await page.keyboard.type("bob@acme.example");
    await page.keyboard.press("Enter");
    await page.waitForURL(/email=bob/);
    expect(await page.locator("tbody tr").count()).toBeGreaterThan(0);
    await page
      .getByRole("button", { name: /^End the session of Bob/ })
      .first()
      .focus();
    await page.keyboard.press("Enter");
    expect(await page.getByRole("status").textContent()).toContain("Sessions ended: 1");
  }));

test("an operator whose own session is over signs in again, and sends by a click what had been sent", () =>
  atTheConsole({}, async (page) => {
    const other = await browser().newContext();
    await signIn(await other.newPage(), `${demo.wiki}/`, "bob@acme.example");
    await other.close();
    await page.goto(`${consoleUrl()}/sessions?email=bob@acme.example`);
    const again = await page.context().newPage();
    await again.goto(`${consoleUrl()}/sessions?email=alice@acme.example`);
    // All of them: earlier tests left some.
    await again.getByRole("button", { name: /^End all that match/ }).click();
    await again.getByRole("button", { name: /^End \d/ }).click();
    // The operator's own is among them: the way leads to the login, on another origin.
    await again.waitForURL(/_vestibule\/login/);
    await page
      .getByRole("button", { name: /^End the session of Bob/ })
      .first()
      .click();
    // The provider knows her still, and asks for no password.
    await page.locator("#email").fill("alice@acme.example");
    await page.keyboard.press("Enter");
    await page.getByText("/console/sessions/end").waitFor();
    await page.locator("form button.primary").click();
    await page.waitForURL(/ended=1/);
    expect(await page.getByRole("status").textContent()).toContain("Sessions ended: 1");
  }));

test("without a script it works as well, in French", () =>
  atTheConsole({ javaScriptEnabled: false, locale: "fr-FR" }, async (page) => {
    await page.goto(`${consoleUrl()}/now`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("En direct");
    expect(await page.locator("#pause").isVisible()).toBe(false);
    expect(await page.locator("noscript meta, meta[http-equiv=refresh]").count()).toBeGreaterThan(0);
    await page.getByRole("link", { name: "Sessions", exact: true }).first().click();
    await page.getByRole("button", { name: "Mettre fin à toutes…" }).click();
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Mettre fin aux sessions ?");
    await page.getByRole("link", { name: "Retour" }).click();
    expect(await page.locator("tbody tr").count()).toBeGreaterThan(0);
  }));
