import { expect, test } from "vitest";
import { useDemo } from "./demo-page.ts";
import { walk } from "./keyboard-walk.ts";
import { signIn } from "./steps.ts";

const { demo, browser } = useDemo();

const consoleUrl = () => `${demo.wiki.replace("wiki.", "console.")}/console`;

test.each(["en-GB", "fr-FR"])(
  "Tab reaches everything on the console, the portal and My sessions, in order, visibly and by name: %s",
  async (locale) => {
    const context = await browser().newContext({ locale, viewport: { width: 1100, height: 800 } });
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
  const context = await browser().newContext();
  try {
    const page = await context.newPage();
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    const other = await browser().newContext();
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
    const third = await browser().newContext();
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
