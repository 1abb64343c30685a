import { expect, test } from "vitest";
import { useDemo } from "./demo-page.ts";
import { headerShown, signIn } from "./steps.ts";

const { demo, withPage } = useDemo();

/** The sum of red, green and blue. */
function brightnessOf(colour: string): number {
  return (colour.match(/\d+/g) ?? []).slice(0, 3).reduce((total, part) => total + Number(part), 0);
}

test("login, refusal and logout need no script", () =>
  withPage({ javaScriptEnabled: false }, async (page) => {
    await signIn(page, `${demo.wiki}/page?id=7`, "bob@acme.example");
    expect(page.url()).toBe(`${demo.wiki}/page?id=7`);
    expect(await headerShown(page, "Remote-User")).toBe("bob@acme.example");
    expect((await page.goto(`${demo.wiki}/admin`))?.status()).toBe(403);
    await page.getByRole("link", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.waitForURL(`${demo.auth}/_vestibule/signed-out**`);
  }));

test.each([
  { locale: "fr-FR", lang: "fr", heading: "Connexion" },
  { locale: "de-CH", lang: "en", heading: "Sign in" },
])("a visitor who prefers $locale reads $lang", ({ locale, lang, heading }) =>
  withPage({ locale }, async (page) => {
    await page.goto(`${demo.wiki}/`);
    expect(await page.locator("html").getAttribute("lang")).toBe(lang);
    expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe(heading);
  }),
);

test("a dark desktop gets a dark page, with text that can be read on it", async () => {
  const brightness = async (colorScheme: "light" | "dark") => {
    let found = { ground: 0, text: 0 };
    await withPage({ colorScheme }, async (page) => {
      await page.goto(`${demo.wiki}/`);
      const colour = async (property: string) =>
        brightnessOf(await page.evaluate<string>(`getComputedStyle(document.querySelector("main")).${property}`));
      found = { ground: await colour("backgroundColor"), text: await colour("color") };
    });
    return found;
  };
  const [light, dark] = [await brightness("light"), await brightness("dark")];
  expect(light.ground - light.text).toBeGreaterThan(450);
  expect(dark.text - dark.ground).toBeGreaterThan(450);
});

test.each([
  { when: "on a phone", viewport: { width: 320, height: 640 } },
  { when: "on a desktop", viewport: { width: 1600, height: 1000 } },
])("nothing has to be scrolled sideways $when", ({ viewport }) =>
  withPage({ viewport }, async (page) => {
    await page.goto(`${demo.wiki}/`);
    expect(await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth")).toBeLessThanOrEqual(0);
  }),
);

test("the gateway's pages run no script but the one that notes the fragment, and load nothing from elsewhere", () =>
  withPage({}, async (page) => {
    const origins = new Set<string>();
    const complaints: string[] = [];
    page.on("request", (request) => origins.add(new URL(request.url()).host || "data:"));
    page.on("console", (message) => complaints.push(message.text()));
    const answer = await page.goto(`${demo.wiki}/`);
    expect(await answer?.headerValue("content-security-policy")).toMatch(/default-src 'none'/);
    expect(await page.locator("script").allTextContents()).toEqual([
      expect.stringMatching(/^\nconst kept = document\.getElementById\("fragment"\)/),
    ]);
    expect((await page.context().cookies()).filter(({ name }) => name.endsWith("-fragment"))).toEqual([]);
    expect([...origins].filter((host) => ![new URL(demo.auth).host, new URL(demo.wiki).host, "data:"].includes(host))).toEqual([]);
    expect(complaints).toEqual([]);
  }));

test("the chooser can be used by keyboard and has a name for everything", () =>
  withPage({}, async (page) => {
    await page.goto(`${demo.wiki}/`);
    await page.getByLabel(/e-mail/i).waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("email");
    const seen: string[] = [];
    for (let index = 0; index < 5; index += 1) {
      await page.keyboard.press("Tab");
      seen.push(await page.evaluate<string>("document.activeElement.textContent.trim()"));
    }
    expect(seen).toEqual([
      "Continue",
      "Continue with Acme staff",
      "Continue with Partner company",
      "Continue with Campus",
      "Continue with Company directory",
    ]);
  }));

test("on a phone held sideways the button is in view, on the way in and where the answer is no", async () => {
  await withPage({ viewport: { width: 740, height: 360 } }, async (page) => {
    await page.goto(`${demo.wiki}/`);
    const inView = async (name: string | RegExp) => {
      const box = await page.getByRole("button", { name }).or(page.getByRole("link", { name })).first().boundingBox();
      expect(box, String(name)).not.toBeNull();
      expect((box?.y ?? 999) + (box?.height ?? 999), String(name)).toBeLessThanOrEqual(360);
    };
    await inView("Continue");
    await signIn(page, `${demo.wiki}/page`, "bob@acme.example");
    await page.goto(`${demo.wiki}/admin`);
    await inView(/^Go to /);
    expect(await page.title()).toContain(" · Wiki");
    await page.getByRole("link", { name: /^Go to / }).click();
    await page.waitForURL(`${demo.wiki}/`);
  });
});
