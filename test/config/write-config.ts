import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { type LoadResult, loadSettings } from "../../src/config/load.ts";
import type { Problem } from "../../src/config/problems/report.ts";
import type { Settings } from "../../src/core/settings.ts";
import { ownedFolder } from "../support/owned.ts";
import { aCertificate, aPrivateKey, env } from "./environment.ts";

/** A folder of this test's own. */
export function aFolder(): string {
  const folder = ownedFolder("vestibule-config-");
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Loads `text` as the file `vestibule.yaml` of a folder of its own. */
export function loadText(text: string, more: Record<string, string> = {}): LoadResult {
  const file = join(aFolder(), "vestibule.yaml");
  writeFileSync(file, text);
  return loadSettings(file, { ...env, ...more });
}

/** Loads a file that names its certificates and secrets under /etc/vestibule, from a folder where these exist. */
export function loadWithFiles(path: string): LoadResult {
  const folder = aFolder();
  const text = readFileSync(path, "utf8")
    .replaceAll("/etc/vestibule/", `${folder}/`)
    // What stands beside the file, too.
    .replaceAll(/\{ file: ([\w-]+\.\w+) \}/g, `{ file: ${folder}/$1 }`);
  for (const [file = ""] of text.matchAll(new RegExp(`${folder}/[\\w./-]+`, "g"))) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(
      file,
      file.endsWith(".crt") ? aCertificate : file.endsWith(".key") ? aPrivateKey : "a previous secret of 32 bytes or more\n",
    );
  }
  return loadText(text);
}

export function settingsOf(result: LoadResult): Settings {
  if (!result.ok) throw new Error(result.problems.map(told).join("\n"));
  return result.settings;
}

export function problemsOf(result: LoadResult): readonly Problem[] {
  return result.ok ? [] : result.problems;
}

export function told({ line, column, key, message }: Problem): string {
  return `${line}:${column} ${key}: ${message}`;
}

/** The least that loads, with `more` behind it: keys of the only app first, or further sections. */
export const minimal = `auth: { origin: https://auth.acme.example }
providers:
  google: { oidc: { issuer: https://id.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } }
apps:
  - host: wiki.acme.example
    upstream: http://10.0.0.5:8080
    access: [{ allow: { anyone: true } }]
`;
