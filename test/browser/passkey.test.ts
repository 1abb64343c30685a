import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePorts } from "../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { ownedFolder } from "../support/owned.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../support/recording-upstream.ts";
import { rigConfig, rigUrls } from "../support/rig-apps.ts";
import { launchChromium } from "./chromium.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const password = "correct horse battery";
const folder = ownedFolder("vestibule-passkey-");
const configuration = join(folder, "vestibule.yaml");
const env = { VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef-keys" };
let [port, adminPort, deadPort] = [0, 0, 0];
let upstream: RecordingUpstream;
let gateway: GatewayProcess;
let browser: Browser;

function user(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "user", ...args, "--config", configuration], {
    input: `${password}\n`,
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

beforeAll(async () => {
  [port = 0, adminPort = 0, deadPort = 0] = await freePorts(3);
  upstream = await startRecordingUpstream();
  const providers = `  entra:
    oidc: { issuer: "http://127.0.0.1:${deadPort}", clientId: vestibule, clientAuth: none }
  emergency:
    name: Emergency access
    local: { file: ${join(folder, "users.yaml")} }`;
  const headers = `    headers: { set: { Remote-User: "{provider}/{subject}" } }`;
  const upstreams = { wiki: upstream.url, reports: upstream.url };
  const yaml = rigConfig({ port, adminPort, providers, upstreams }, { wiki: headers, reports: headers });
  writeFileSync(configuration, yaml);
  user("add", "ann", "--groups", "staff", "--no-totp");
  gateway = await startGatewayProcess({ yaml, adminPort, env });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await gateway?.stop();
  await upstream?.close();
});

/** A page whose browser has an authenticator that answers by itself. */
async function pageWithAuthenticator(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  const session = await page.context().newCDPSession(page);
  await session.send("WebAuthn.enable");
  const options = {
    protocol: "ctap2",
    transport: "internal",
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
  } as const;
  await session.send("WebAuthn.addVirtualAuthenticator", { options: { ...options, automaticPresenceSimulation: true } });
  return page;
}

test("a passkey is added at an address that is good once, and is the second factor from then on", async () => {
  const page = await pageWithAuthenticator();
  const address = /http:\S+/.exec(user("passkey", "ann"))?.[0] ?? "";
  await page.goto(address);
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("heading", { name: "The passkey was added" }).waitFor();
  expect(readFileSync(join(folder, "users.yaml"), "utf8")).toContain("publicKey");
  await page.goto(address);
  expect(await page.locator("#passkey").count()).toBe(0);

  await page.goto(`${rigUrls(port).wiki}/page`);
  const named = new URL(page.url());
  named.searchParams.set("provider", "emergency");
  await page.goto(named.href);
  await page.getByLabel("User name").fill("ann");
  await page.getByLabel("Password").fill(password);
  await page.locator("button.primary").click();
  if (process.env.SCREENSHOTS !== undefined) await page.screenshot({ path: join(process.env.SCREENSHOTS, "second-factor.png") });
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.waitForURL(`${rigUrls(port).wiki}/page`);
  expect(upstream.requests.at(-1)?.header("remote-user")).toBe("emergency/ann");
});

test("another authenticator's passkey is not the account's", async () => {
  const page = await pageWithAuthenticator();
  await page.goto(`${rigUrls(port).wiki}/page`);
  const named = new URL(page.url());
  named.searchParams.set("provider", "emergency");
  await page.goto(named.href);
  await page.getByLabel("User name").fill("ann");
  await page.getByLabel("Password").fill(password);
  await page.locator("button.primary").click();
  await page.getByRole("button", { name: "Use a passkey" }).click();
  await page.locator("#passkey-failed").waitFor({ state: "visible" });
  expect(page.url()).toContain("/_vestibule/local/emergency/");
});
