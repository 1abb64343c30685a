import { expect, test } from "vitest";
import { useDemo } from "./demo-page.ts";
import { signIn } from "./steps.ts";

const { demo, withPage } = useDemo("errors");

test("the portal shows the visitor's apps, searches as one types, and leads to the sessions", () =>
  withPage({}, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    await page.goto(`${demo.auth}/`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Your applications");
    const tiles = page.locator(".tile:visible");
    const all = await tiles.count();
    expect(all).toBeGreaterThan(0);
    await page.getByLabel("Search").fill("wiki");
    expect(await tiles.count()).toBeLessThanOrEqual(all);
    expect(await tiles.first().textContent()).toMatch(/wiki/i);
    await page.getByLabel("Search").fill("no such application");
    expect(await tiles.count()).toBe(0);
    expect(await page.getByRole("status").textContent()).toContain("No application");
    await page.getByRole("link", { name: "Your sessions" }).click();
    await page.getByText("This browser").waitFor();
    expect(await page.getByRole("heading", { level: 2 }).first().textContent()).toContain("Chrome on Linux");
  }));

test("without a script everything but the search is there", () =>
  withPage({ javaScriptEnabled: false, locale: "fr-FR" }, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    await page.goto(`${demo.auth}/`);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Vos applications");
    expect(await page.locator("#search").isVisible()).toBe(false);
    expect(await page.locator(".tile").count()).toBeGreaterThan(0);
    await page.getByRole("link", { name: "Vos sessions" }).click();
    await page
      .getByRole("button", { name: /^Mettre fin/ })
      .first()
      .click();
    await page.waitForURL((url) => !url.href.endsWith("/_vestibule/sessions"));
    expect((await page.goto(`${demo.wiki}/`))?.url()).not.toBe(`${demo.wiki}/`);
  }));

test.each([
  { name: "light", options: { viewport: { width: 1100, height: 760 } } },
  { name: "dark", options: { viewport: { width: 1100, height: 760 }, colorScheme: "dark" as const } },
  { name: "narrow", options: { viewport: { width: 320, height: 640 } } },
])("the pages fit and can be read: $name", ({ name, options }) =>
  withPage(options, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    for (const [what, path] of [
      ["portal", "/"],
      ["sessions", "/_vestibule/sessions"],
    ] as const) {
      await page.goto(demo.auth + path);
      expect(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")).toBe(true);
      if (process.env.SCREENSHOTS) await page.screenshot({ path: `${process.env.SCREENSHOTS}/${what}-${name}.png`, fullPage: true });
    }
  }),
);
