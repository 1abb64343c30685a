import type { Page } from "playwright-core";

/** The login pages of the demo's providers: OpenID Connect, and SAML. */
const providerPage = /\/interaction\/|\/sso\?/;

/** On the chooser page: types the address and goes on to the provider that owns its domain. */
export async function chooseByEmail(page: Page, email: string): Promise<void> {
  await page.locator("#email").fill(email);
  await page.locator("form:has(#email) button").click();
  await page.waitForURL(providerPage);
}

/** On the provider's login page. */
export async function signInAtProvider(page: Page, login: string): Promise<void> {
  await page.waitForURL(providerPage);
  await page.locator("input[autocomplete=username]").fill(login);
  await page.locator("input[type=password]").fill(login.split("@")[0] ?? "");
  await page.locator("button.primary").click();
}

/** From a page that needs a login and offers a choice, to the page itself. */
export async function signIn(page: Page, url: string, email: string): Promise<void> {
  await page.goto(url);
  await chooseByEmail(page, email);
  await signInAtProvider(page, email);
  await page.waitForURL((now) => now.origin === new URL(url).origin && !now.pathname.startsWith("/_vestibule/"));
}

/** The header that reached the application, as its page shows it. */
export async function headerShown(page: Page, name: string): Promise<string> {
  return (await page.locator(`dl div:has(dt:text-is("${name}")) dd`).first().textContent()) ?? "";
}
