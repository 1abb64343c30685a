import { mkdirSync } from "node:fs";
import type { BrowserContextOptions, Page } from "playwright-core";
import { launchChromium } from "./chromium.ts";
import { startDemo } from "./demo-process.ts";
import { chooseByEmail, signIn, signInAtProvider } from "./steps.ts";

// `node test/browser/screenshots.ts`: the pictures in the README, taken from the demo.

const folder = new URL("../../docs/", import.meta.url).pathname;
mkdirSync(folder, { recursive: true });
const demo = await startDemo({ port: 8080 });
const browser = await launchChromium();

async function picture(name: string, options: BrowserContextOptions, prepare: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 820, height: 640 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  await prepare(page);
  await page.screenshot({ path: `${folder}${name}.png` });
  await context.close();
  process.stdout.write(`docs/${name}.png\n`);
}

try {
  await picture("chooser", {}, async (page) => void (await page.goto(`${demo.wiki}/`)));
  await picture("chooser-dark-french", { colorScheme: "dark", locale: "fr-FR" }, async (page) => void (await page.goto(`${demo.wiki}/`)));
  await picture("application", { viewport: { width: 820, height: 680 } }, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    for (const id of ["socket", "events"]) await page.locator(`#${id}[data-state=open]`).waitFor();
  });
  await picture("portal", { viewport: { width: 1000, height: 640 } }, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    await page.goto(`${demo.auth}/`);
  });
  await picture("console", { viewport: { width: 1200, height: 640 } }, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    await page.goto(`${demo.wiki.replace("wiki.", "console.")}/console/sessions`);
  });
  await picture("console-now", { viewport: { width: 1200, height: 800 } }, async (page) => {
    await signIn(page, `${demo.wiki}/`, "alice@acme.example");
    // Something to draw: the gateway looks at its numbers every five seconds.
    for (let round = 0; round < 70; round += 1) {
      await page.evaluate("fetch('/')");
      await page.waitForTimeout(150 + (round % 9) * 40);
    }
    await page.goto(`${demo.wiki.replace("wiki.", "console.")}/console/now`);
  });
  await picture("refusal", { viewport: { width: 820, height: 760 } }, async (page) => {
    await signIn(page, `${demo.wiki}/`, "bob@acme.example");
    await page.goto(`${demo.wiki}/admin`);
  });
  await picture("signed-out", {}, async (page) => {
    await page.goto(`${demo.wiki}/`);
    await chooseByEmail(page, "bob@acme.example");
    await signInAtProvider(page, "bob@acme.example");
    await page.getByRole("link", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${demo.auth}/_vestibule/signed-out**`);
  });
} finally {
  await browser.close();
  await demo.stop();
}
