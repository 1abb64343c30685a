import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchChromium } from "./chromium.ts";
import { type RunningDemo, startDemo } from "./demo-process.ts";
import { signIn } from "./steps.ts";

let demo: RunningDemo;
let browser: Browser;
beforeAll(async () => {
  [demo, browser] = await Promise.all([startDemo(), launchChromium()]);
});
afterAll(async () => {
  await browser?.close();
  await demo?.stop();
});

const consoleUrl = () => `${demo.wiki.replace("wiki.", "console.")}/console`;

/** What can be operated, in the order of the page: what is shown, and not what is skipped on purpose. */
const operable = `[...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")]
  .filter(node => node.checkVisibility() && !node.disabled && node.tabIndex >= 0)`;

/** Where the keyboard is: its place in that list, whether that can be seen, and what a screen reader says. */
const here = `(() => {
  const node = document.activeElement, box = node.getBoundingClientRect(), look = getComputedStyle(node);
  const named = [node.getAttribute("aria-label"), ...[...(node.labels ?? [])].map(label => label.textContent), node.textContent].join("").trim();
  return {
    at: (${operable}).indexOf(node),
    what: node.outerHTML.slice(0, 120),
    seen: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
    named: named !== "",
  };
})()`;

interface Here {
  readonly at: number;
  readonly what: string;
  readonly seen: boolean;
  readonly named: boolean;
}

/** Tab goes through everything that can be operated, once, from the top to the bottom, and each place can be seen and has a name. */
async function walk(page: Page, where: string): Promise<void> {
  const count = await page.evaluate<number>(`(${operable}).length`);
  expect(count, where).toBeGreaterThan(0);
  for (let at = 0; at < count; at += 1) {
    await page.keyboard.press("Tab");
    const found = await page.evaluate<Here>(here);
    expect(found, where).toEqual({ at, what: found.what, seen: true, named: true });
  }
}

test.each(["en-GB", "fr-FR"])(
  "Tab reaches everything on the console, the portal and My sessions, in order, visibly and by name: %s",
  async (locale) => {
    const context = await browser.newContext({ locale, viewport: { width: 1100, height: 800 } });
    try {
      const page = await context.newPage();
      await signIn(page, `${demo.wiki}/`, "alice@acme.example");
      for (const url of [`${demo.auth}/`, `${demo.auth}/_vestibule/sessions`]) {
        await page.goto(url);
        await walk(page, url);
      }
      for (const place of ["sessions", "providers", "apps", "refusals", "explain", "config", "audit"]) {
        await page.goto(`${consoleUrl()}/${place}`);
        await walk(page, place);
      }
      await page.goto(`${consoleUrl()}/now`);
      const graph = page.locator(".figure svg").first();
      await graph.waitFor();
      expect([await graph.getAttribute("role"), (await graph.getAttribute("aria-label")) !== ""]).toEqual(["img", true]);
      await page.locator("#pause").focus();
      await page.keyboard.press("Enter");
      expect(await page.locator("#pause").getAttribute("aria-pressed")).toBe("true");
    } finally {
      await context.close();
    }
  },
);

test("after a session was ended by the keyboard, the keyboard is at what is said of it", async () => {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    const other = await browser.newContext();
    await signIn(await other.newPage(), `${demo.wiki}/`, "bob@acme.example");
    await page.goto(`${consoleUrl()}/sessions?email=bob@acme.example`);
    await page
      .getByRole("button", { name: /^End the session of Bob/ })
      .first()
      .focus();
    await page.keyboard.press("Space");
    await page.waitForURL(/ended=1/);
    expect(await page.evaluate("document.activeElement.getAttribute('role')")).toBe("status");
    expect(await page.evaluate("document.activeElement.textContent")).toContain("Sessions ended: 1");
    await other.close();
    const third = await browser.newContext();
    await signIn(await third.newPage(), `${demo.wiki}/`, "alice@acme.example");
    await page.goto(`${demo.auth}/_vestibule/sessions`);
    await page.getByRole("button", { name: /^End all other/ }).focus();
    await page.keyboard.press("Enter");
    await page.locator(".told").waitFor();
    expect(await page.evaluate("document.activeElement.className")).toBe("told");
    await third.close();
  } finally {
    await context.close();
  }
});
