import type { BrowserContext, Page } from "playwright-core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { useDemo } from "./demo-page.ts";
import { chooseByEmail, headerShown, signIn, signInAtProvider } from "./steps.ts";

const { demo, browser } = useDemo();
let context: BrowserContext;
let page: Page;
let pageErrors: string[];

beforeEach(async () => {
  context = await browser().newContext({ locale: "en-GB" });
  context.setDefaultTimeout(15_000);
  page = await context.newPage();
  pageErrors = [];
  page.on("pageerror", (error) => pageErrors.push(error.message));
});
afterEach(async () => {
  await context.close();
  expect(pageErrors).toEqual([]);
});

test("a deep link survives the login, query and all, and the application learns who came", async () => {
  await signIn(page, `${demo.wiki}/page?with=a&query=k%C3%A4se`, "bob@acme.example");
  expect(page.url()).toBe(`${demo.wiki}/page?with=a&query=k%C3%A4se`);
  expect(await headerShown(page, "Remote-User")).toBe("bob@acme.example");
  expect(await headerShown(page, "Remote-Groups")).toBe("staff");
});

test("the address that was typed leads to its own provider, which finds it filled in", async () => {
  await page.goto(`${demo.wiki}/`);
  expect(await page.getByRole("link", { name: /Acme staff|Partner company/ }).count()).toBe(2);
  await chooseByEmail(page, "dave@partner.example");
  expect(await page.title()).toBe("Partner company");
  expect(await page.locator("input[autocomplete=username]").inputValue()).toBe("dave@partner.example");
  await signInAtProvider(page, "dave@partner.example");
  await page.waitForURL(`${demo.wiki}/`);
  expect(await headerShown(page, "Remote-Name")).toBe("Dave Dupré");
});

test("a login by SAML comes back by a cross-site form, without a cookie, and still to the page that was wanted", async () => {
  await signIn(page, `${demo.wiki}/admin?x=1`, "erin@saml.example");
  expect(page.url()).toBe(`${demo.wiki}/admin?x=1`);
  expect(await headerShown(page, "Remote-Groups")).toBe("staff,admins");
  const cookies = await context.cookies([demo.auth, demo.wiki]);
  expect(cookies.map(({ sameSite }) => sameSite).filter((sameSite) => sameSite !== "Lax")).toEqual([]);
  // The provider is left as well, and says so by a signed message.
  await page.getByRole("link", { name: "Sign out" }).click();
  await page.waitForURL(`${demo.auth}/_vestibule/signed-out**`);
  expect(await page.locator("main").textContent()).toContain("You can close this window now.");
  await page.goto(`${demo.wiki}/`);
  await chooseByEmail(page, "erin@saml.example");
  expect(await page.title()).toBe("Campus");
});

test("a login at a directory asks for the password here, with the address filled in; a disabled account is told so", async () => {
  await page.goto(`${demo.wiki}/page?id=7`);
  await page.locator("#email").fill("heidi@corp.example");
  await page.keyboard.press("Enter");
  await page.locator("#password").waitFor();
  expect(await page.inputValue("#username")).toBe("heidi@corp.example");
  await page.fill("#password", "heidi");
  await page.keyboard.press("Enter");
  await page.getByText("This account is disabled.").waitFor();
  await page.goto(`${demo.wiki}/page?id=7`);
  await page.locator("#email").fill("grace@corp.example");
  await page.keyboard.press("Enter");
  await page.locator("#password").waitFor();
  await page.fill("#password", "grace");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${demo.wiki}/page?id=7`);
  expect(await headerShown(page, "Remote-Name")).toBe("Grace Gómez");
  expect(await headerShown(page, "Remote-Groups")).toBe("staff");
});

test("an address that nobody owns is explained on the same page", async () => {
  await page.goto(`${demo.wiki}/`);
  await page.locator("#email").fill("eve@elsewhere.example");
  await page.keyboard.press("Enter");
  await page.locator("#email[aria-invalid=true]").waitFor();
  expect(await page.locator("#email").inputValue()).toBe("eve@elsewhere.example");
});

test("one login opens the other root domain, and logging out of one is seen by the other", async () => {
  await signIn(page, `${demo.wiki}/`, "bob@acme.example");
  const reports = await context.newPage();
  await reports.goto(`${demo.reports}/2026/q3?currency=EUR`);
  expect(reports.url()).toBe(`${demo.reports}/2026/q3?currency=EUR`);
  expect(await headerShown(reports, "Remote-User")).toBe("bob");

  await page.getByRole("link", { name: "Sign out" }).click();
  await page.waitForURL(/\/session\/end/);
  // Were the provider not left as well, it would sign bob in again without a word.
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${demo.auth}/_vestibule/signed-out**`);
  await reports.reload();
  expect(new URL(reports.url()).pathname).toMatch(/^\/interaction\//);
});

test("leaving the provider too ends on the gateway's signed-out page", async () => {
  await signIn(page, `${demo.wiki}/`, "bob@acme.example");
  await page.getByRole("link", { name: "Sign out" }).click();
  await page.waitForURL(/\/session\/end/);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(`${demo.auth}/_vestibule/signed-out**`);
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toMatch(/signed out/i);
});

test("a logout cuts the WebSocket and the event stream of another tab", async () => {
  await signIn(page, `${demo.wiki}/`, "alice@acme.example");
  const other = await context.newPage();
  await other.goto(`${demo.wiki}/`);
  for (const id of ["socket", "events"]) await other.locator(`#${id}[data-state=open]`).waitFor();
  await other.locator("#socket input").fill("hello");
  await other.locator("#socket button").click();
  await other.getByText("echo: hello").waitFor();

  await page.getByRole("link", { name: "Sign out" }).click();
  for (const id of ["socket", "events"]) await other.locator(`#${id}[data-state=closed]`).waitFor({ timeout: 5_000 });
});

test("a refusal says who one is and why, and another account leads further", async () => {
  await signIn(page, `${demo.wiki}/`, "bob@acme.example");
  const answer = await page.goto(`${demo.wiki}/admin`);
  expect(answer?.status()).toBe(403);
  const text = await page.locator("main").innerText();
  expect(text).toContain("Bob Baker");
  expect(text).toContain("Wiki");
  expect(text).toContain((await answer?.headerValue("x-request-id")) ?? "no request id");

  await page.getByRole("link", { name: "Use another account" }).click();
  if (!/\/interaction\//.test(page.url())) await chooseByEmail(page, "alice@acme.example");
  await signInAtProvider(page, "alice@acme.example");
  await page.waitForURL(`${demo.wiki}/admin`);
  expect(await headerShown(page, "Remote-User")).toBe("alice@acme.example");
});

test("somebody in no group is signed in, and refused", async () => {
  await page.goto(`${demo.wiki}/`);
  await chooseByEmail(page, "carol@acme.example");
  await signInAtProvider(page, "carol@acme.example");
  await page.waitForURL(`${demo.wiki}/`);
  expect(await page.locator("main").innerText()).toContain("Carol Cook");
  expect(await page.locator("#who").count()).toBe(0);
});

test("two tabs that log in at the same time both arrive where they wanted to go", async () => {
  const other = await context.newPage();
  await page.goto(`${demo.wiki}/one`);
  await other.goto(`${demo.wiki}/two`);
  await chooseByEmail(page, "bob@acme.example");
  await chooseByEmail(other, "bob@acme.example");
  await signInAtProvider(page, "bob@acme.example");
  await page.waitForURL(`${demo.wiki}/one`);
  await signInAtProvider(other, "bob@acme.example");
  await other.waitForURL(`${demo.wiki}/two`);
});

test("the back button, a reloaded answer and a bookmark of the login: each leads to the page that was wanted", async () => {
  const seen: string[] = [];
  page.on("request", (request) => seen.push(request.url()));
  await signIn(page, `${demo.wiki}/deep?q=1`, "bob@acme.example");
  const callback = seen.find((url) => url.includes("/callback?")) ?? "";
  const chooser = seen.find((url) => url.includes("/_vestibule/login?")) ?? "";
  // Back over the provider's form to the page with the choice: there is a session by now, so nothing is asked and the page opens.
  await page.goBack();
  await page.goBack();
  await page.waitForURL(`${demo.wiki}/deep?q=1`);
  expect(await headerShown(page, "Remote-User")).toBe("bob@acme.example");
  await page.goto(callback);
  expect(await page.locator("main").innerText()).toContain("Please start again");
  await page.getByRole("link", { name: "Start again" }).click();
  await page.waitForURL(`${demo.wiki}/deep?q=1`);
  const stranger = await browser().newContext({ locale: "en-GB" });
  const bookmark = await stranger.newPage();
  await bookmark.goto(chooser);
  await chooseByEmail(bookmark, "bob@acme.example");
  await signInAtProvider(bookmark, "bob@acme.example");
  await bookmark.waitForURL(`${demo.wiki}/deep?q=1`);
  await stranger.close();
});

test("a stronger login is asked for where a rule wants one, not refused", async () => {
  await signIn(page, `${demo.wiki}/`, "bob@acme.example");
  await page.goto(`${demo.wiki}/vault`);
  if (!/\/interaction\//.test(page.url())) await chooseByEmail(page, "bob@acme.example");
  await signInAtProvider(page, "bob@acme.example");
  await page.waitForURL(`${demo.wiki}/vault`);
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("The vault");
});

test("the application's own logout ends the session as well", async () => {
  await signIn(page, `${demo.wiki}/`, "bob@acme.example");
  await page.goto(`${demo.wiki}/logout`);
  expect(await page.getByRole("heading", { level: 1 }).textContent()).toBe("Signed out");
  await eventually(async () => expect((await page.goto(`${demo.wiki}/_vestibule/session`))?.status()).toBe(401));
});

test("a public page needs no login and carries no identity, even when one is signed in", async () => {
  expect((await page.goto(`${demo.wiki}/public`))?.status()).toBe(200);
  await signIn(page, `${demo.wiki}/`, "bob@acme.example");
  await page.goto(`${demo.wiki}/public`);
  await page.getByText("No identity header arrived").waitFor();
});

test("the back button after a logout shows nothing that needs a login", async () => {
  await signIn(page, `${demo.wiki}/`, "bob@acme.example");
  await page.getByRole("link", { name: "Sign out" }).click();
  await page.waitForURL(/\/session\/end|signed-out/);
  await page.goBack();
  await eventually(async () => expect(await page.content()).not.toContain("bob@acme.example"));
});
