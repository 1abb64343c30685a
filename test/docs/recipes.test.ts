import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { loadSettings } from "../../src/config/load.ts";
import { headerPresets } from "../../src/config/schema/header-presets.ts";
import { aCertificate, aPrivateKey, env } from "../config/environment.ts";
import { aFolder, problemsOf, told } from "../config/write-config.ts";

const root = new URL("../../", import.meta.url).pathname;
const pagesOf = (folder: string) =>
  readdirSync(`${root}docs/${folder}`)
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${folder}/${name}`);
const providerPages = pagesOf("providers");
const appPages = pagesOf("apps");
const read = (page: string) => readFileSync(root + page, "utf8");

/** Blocks marked `yaml` are this gateway's; files of other products are marked `yml`. */
const blocks = ["README.md", "docs/pages.md", ...providerPages, ...appPages].flatMap((page) =>
  [...read(page).matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = ""], at) => ({ page, number: at + 1, text })),
);

/** A part of a configuration, made whole by the least that loads. */
function whole(text: string): string {
  const part = parse(text) as Record<string, unknown>;
  const rest: Record<string, unknown> = {
    auth: { origin: "https://auth.acme.example" },
    providers: { acme: { oidc: { issuer: "https://id.example", clientId: "a", clientSecret: { env: "CLIENT_SECRET" } } } },
    apps: [{ host: "other.acme.example", upstream: "http://10.0.0.9:8080", access: [{ allow: { anyone: true } }] }],
  };
  for (const key of Object.keys(part)) delete rest[key];
  return `${text}\n${Object.keys(rest).length === 0 ? "" : stringify(rest)}`;
}

test.each(blocks)("$page: its YAML block $number loads without a word", ({ text }) => {
  const folder = aFolder();
  const moved = whole(text).replaceAll("/etc/vestibule/", `${folder}/`);
  for (const [, file = ""] of moved.matchAll(/file: "?([\w./-]+)/g)) {
    const path = file.startsWith("/") ? file : join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file.endsWith(".crt") ? aCertificate : aPrivateKey);
  }
  writeFileSync(join(folder, "vestibule.yaml"), moved);
  const result = loadSettings(join(folder, "vestibule.yaml"), { ...env, ACME_CLIENT_SECRET: "a" });
  expect(problemsOf(result).map(told)).toEqual([]);
  expect(result.ok && result.warnings.map(told)).toEqual([]);
});

test("the index names every page of a provider with how it was tried, and the page says the same", () => {
  const index = read("docs/providers/README.md");
  for (const page of providerPages.filter((name) => !name.endsWith("README.md"))) {
    const row = index.split("\n").find((line) => line.includes(`](${page.split("/").at(-1)})`)) ?? "";
    const tried = row.split("|").at(3)?.trim().split(",")[0]?.toLowerCase() ?? "nothing";
    expect(["run in the tests", "run once by hand", "from their documentation"], page).toContain(tried);
    expect(read(page).toLowerCase(), page).toContain(`\n*${tried}`);
    expect(read(page), page).toMatch(/## Typical errors/);
  }
});

/** What operators were told to have, each under its own name. */
const promised = [
  ...["entra-id", "adfs", "okta", "google-workspace", "keycloak", "auth0", "onelogin", "jumpcloud", "pingfederate", "authentik"],
  ...["authelia", "dex", "hydra", "lemonldap-ng", "simplesamlphp"],
];

test("each provider that was promised has its page, with what to do there, the YAML here and what goes wrong", () => {
  for (const name of promised) {
    const page = `docs/providers/${name}.md`;
    expect(providerPages).toContain(page);
    expect(read(page), page).toMatch(/^```yaml\n/m);
    expect(read(page).split("## ").length, page).toBeGreaterThan(2);
  }
});

test("keycloak's page says what costs an hour elsewhere", () => {
  const page = read("docs/providers/keycloak.md").replaceAll(/\s+/g, " ");
  for (const words of ["Add to ID token", "Full group path", "Front channel logout", "Backchannel logout URL", "Sign out all"])
    expect(page, words).toContain(words);
});

test("every preset has a page, and every page of an application names its preset and how it was tried", () => {
  const index = read("docs/apps/README.md");
  for (const preset of Object.keys(headerPresets)) expect(index, preset).toContain(`\`${preset}\``);
  for (const page of appPages.filter((name) => !name.endsWith("README.md"))) {
    const slug = page.split("/").at(-1)?.slice(0, -3) ?? "";
    expect(Object.keys(headerPresets), page).toContain(slug);
    expect(read(page), page).toContain(`headers: { preset: ${slug} }`);
    const tried =
      index
        .split("\n")
        .find((line) => line.includes(`](${slug}.md)`))
        ?.split("|")
        .at(3)
        ?.trim() ?? "nothing";
    expect(read(page).toLowerCase(), page).toContain(`*${tried}*`);
  }
});
