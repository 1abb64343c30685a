import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BrowserContext, chromium } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type KerberosRig, startKerberosRig } from "../support/kerberos-rig.ts";
import { ownedFolder } from "../support/owned.ts";

let rig: KerberosRig;
let context: BrowserContext | null = null;
beforeAll(async () => {
  rig = await startKerberosRig();
}, 90_000);
afterEach(async () => {
  await context?.close();
  context = null;
});
afterAll(() => rig?.close());

/** A Chromium of the domain: the policy allows tickets for the sign-in host, as `AuthServerAllowlist` does. */
async function open(env: NodeJS.ProcessEnv): Promise<BrowserContext> {
  const profile = ownedFolder("vestibule-chromium-");
  // On Linux Chromium loads the system's GSSAPI only after it has once been asked for a ticket, from its next start on: this one was.
  await writeFile(join(profile, "Local State"), JSON.stringify({ net: { received_http_auth_negotiate_headers: true } }));
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    ignoreHTTPSErrors: true,
    env: Object.fromEntries(Object.entries({ ...process.env, ...env }).filter((pair): pair is [string, string] => pair[1] !== undefined)),
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--auth-server-allowlist=auth.localhost",
    ],
  });
  context.setDefaultTimeout(20_000);
  return context;
}

test("alice signs in by ticket without seeing a page", async () => {
  const browser = await open(await rig.kdc.signIn("alice"));
  const page = await browser.newPage();
  const seen: string[] = [];
  page.on("framenavigated", (frame) => seen.push(new URL(frame.url()).host));
  await page.goto(`${rig.wiki}/page?x=1`);
  expect(page.url()).toBe(`${rig.wiki}/page?x=1`);
  expect(seen.filter((host) => host.startsWith("auth.localhost"))).toEqual([]);
  expect(rig.upstream.requests.find(({ target }) => target === "/page?x=1")?.header("remote-email")).toBe("alice@acme.example");
  await eventually(() =>
    expect(rig.gateway.logged((line) => line.audit === "ticket").at(-1)).toMatchObject({
      result: "accepted",
      principal: "alice@ACME.EXAMPLE",
    }),
  );
});

test("bob without a ticket comes to the form by itself and signs in there, and is not asked again", async () => {
  const browser = await open({ ...rig.kdc.env, KRB5CCNAME: `FILE:${rig.folder}/nothing` });
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(error.message));
  await page.goto(`${rig.wiki}/deep`);
  await page.waitForSelector("#password");
  await page.fill("#username", "bob");
  await page.fill("#password", "bob-secret");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${rig.wiki}/deep`);
  expect(rig.upstream.requests.findLast(({ target }) => target === "/deep")?.header("remote-email")).toBe("bob@acme.example");
  expect(errors).toEqual([]);
});

test("the form is a login form to a browser: labels, order and autocomplete, without a script and in French too", async () => {
  const browser = await open({ ...rig.kdc.env, KRB5CCNAME: `FILE:${rig.folder}/nothing` });
  const page = await browser.newPage();
  await page.setExtraHTTPHeaders({ "accept-language": "fr" });
  await page.goto(`${rig.wiki}/`);
  await page.waitForSelector("#password");
  expect(await page.getByLabel("Nom d’utilisateur").getAttribute("autocomplete")).toBe("username");
  expect(await page.getByLabel("Mot de passe").getAttribute("autocomplete")).toBe("current-password");
  expect(await page.locator(":focus").getAttribute("id")).toBe("username");
  await page.fill("#username", "bob");
  await page.fill("#password", "wrong");
  await page.keyboard.press("Enter");
  await page.waitForSelector("[role=alert]");
  expect(await page.locator("[role=alert]").textContent()).toContain("n’est pas correct");
  expect(await page.inputValue("#username")).toBe("bob");
  expect(await page.locator(":focus").getAttribute("id")).toBe("password");
});
