import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { completion, optionsOf } from "../../src/commands/completion.ts";
import { configCommand } from "../../src/commands/config-command.ts";
import { explainCommand } from "../../src/commands/explain-command.ts";
import { commandHelp } from "../../src/commands/help.ts";
import { samlKeys } from "../../src/commands/saml-keys.ts";
import { secret } from "../../src/commands/secret.ts";
import { hashOfToken, token } from "../../src/commands/token.ts";
import { urls } from "../../src/commands/urls.ts";
import { aPrivateKey } from "../config/environment.ts";
import { aFolder, loadText, minimal, problemsOf } from "../config/write-config.ts";
import { aConfig, runCommand } from "./run-command.ts";

test("secret prints a value that sessions.secret takes, another each time", async () => {
  const [one, other] = [await runCommand(secret, []), await runCommand(secret, [])];
  expect(one.out).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  expect(one.out).not.toBe(other.out);
  expect(problemsOf(loadText(minimal, { VESTIBULE_SECRET: one.out }))).toEqual([]);
});

test("saml-keys makes a pair that the configuration takes, readable by its owner alone, and overwrites nothing", async () => {
  const base = join(aFolder(), "sp");
  const { code, out } = await runCommand(samlKeys, ["--out", base, "--name", "Ächme", "--days", "400"]);
  expect([code, out]).toEqual([0, expect.stringContaining(`keys: [{ certificate: { file: ${base}.crt }, key: { file: ${base}.key } }]`)]);
  const certificate = new X509Certificate(readFileSync(`${base}.crt`));
  expect([certificate.subject, certificate.issuer]).toEqual(["CN=Ächme", "CN=Ächme"]);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(Math.round((certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / 86_400_000)).toBe(400);
  expect(statSync(`${base}.key`).mode & 0o777).toBe(0o600);
  const saml = `saml: { idp: { entityId: x, ssoUrl: https://idp.example/sso, certificates: [{ file: ${base}.crt }] }, keys: [{ certificate: { file: ${base}.crt }, key: { file: ${base}.key } }] }`;
  expect(problemsOf(loadText(minimal.replace(/oidc: \{.*\}(?= \})/, saml)))).toEqual([]);
  const again = await runCommand(samlKeys, ["--out", base]);
  expect([again.code, again.err]).toEqual([1, expect.stringContaining("is there already: write another --out")]);
  const nowhere = await runCommand(samlKeys, ["--out", join(base, "..", "no-folder", "sp")]);
  expect([nowhere.code, nowhere.err]).toEqual([1, expect.stringContaining("cannot be written: its folder does not exist")]);
});

test("openssl reads the certificate as it was meant", async () => {
  const base = join(aFolder(), "sp");
  await runCommand(samlKeys, ["--out", base]);
  const text = execFileSync("openssl", ["x509", "-in", `${base}.crt`, "-noout", "-text"], { encoding: "utf8" });
  expect(text).toContain("Signature Algorithm: sha256WithRSAEncryption");
  expect(text).toContain("Public-Key: (3072 bit)");
  expect(text).toContain("CA:FALSE");
});

test("token add prints the token alone, and the lines that keep its hash", async () => {
  const { code, out, err } = await runCommand(token, [
    "add",
    "backup",
    "--groups",
    "robots",
    "--networks",
    "10.0.0.0/8",
    "--expires",
    "2027-06-30",
  ]);
  expect([code, out]).toEqual([0, expect.stringMatching(/^vst_backup_[A-Za-z0-9_-]{43}\n$/)]);
  expect(err).toContain(
    `  backup: { hash: "${hashOfToken(out.trim())}", groups: ["robots"], networks: ["10.0.0.0/8"], expires: 2027-06-30 }`,
  );
  expect(err).not.toContain(out.trim());
  expect((await runCommand(token, ["add", "Bad Name"])).code).toBe(2);
  expect((await runCommand(token, ["add", "x", "--networks", "ten"])).err).toContain("'ten' is not a network");
});

test("urls prints what to register, ready to paste, and refuses a provider that is not there", async () => {
  const file = aConfig(minimal);
  const { out } = await runCommand(urls, ["-c", file]);
  expect(out).toContain("redirect URI");
  expect(out).toMatch(/^ {2}redirect URI +https:\/\/auth\.acme\.example\/_vestibule\/oidc\/google\/callback$/m);
  const json = JSON.parse((await runCommand(urls, ["-c", file, "--json", "google"])).out) as readonly { what: string }[];
  expect(json.map(({ what }) => what)).toContain("back-channel logout URL");
  expect(out).not.toContain("jwks.json");
  // Where keys of ours count, the provider fetches them.
  const withKey = minimal.replace(
    "clientSecret: { env: CLIENT_SECRET }",
    "clientAuth: private_key_jwt, privateKey: { key: { file: client.pem } }",
  );
  const keyed = await runCommand(urls, ["-c", aConfig(withKey, { "client.pem": aPrivateKey })]);
  expect(keyed.out).toMatch(/JWKS URL \(our public keys\) +https:\/\/auth\.acme\.example\/_vestibule\/oidc\/google\/jwks\.json$/m);
  expect((await runCommand(urls, ["-c", file, "gogle"])).err).toContain("there is no provider 'gogle'; known here: google");
});

test("config shows what the file says with its line, defaults, and what a route has from its app; never a secret", async () => {
  const file = aConfig(
    `${minimal.replace("    access:", "    enforce: false\n    routes: [{ path: /admin, access: [{ allow: { groups: [ops] } }] }]\n    access:").replace("{ env: CLIENT_SECRET }", "very-secret-value")}insecure: { literalSecrets: true }\n`,
  );
  const { code, out, err } = await runCommand(configCommand, ["-c", file]);
  expect([code, err]).toEqual([0, ""]);
  const line = (start: string) => out.split("\n").find((text) => text.trim().startsWith(start)) ?? "";
  expect(line("origin: https://auth.acme.example")).toMatch(/# line 1$/);
  expect(line("idle: 30m")).toMatch(/# default$/);
  expect(line("clientSecret:")).toMatch(/"\[secret\]" +# line 3$/);
  expect(out).toMatch(/- path: \/admin +# line \d+\n(.*\n)*? +enforce: false +# from apps\[0\]\.enforce/);
  expect(out).not.toContain("very-secret-value");
});

test("explain takes an address as people type it, and corrects a mistyped option", async () => {
  const file = aConfig(minimal);
  const typed = await runCommand(explainCommand, ["-c", file, "--email", "a@b.example", "wiki.acme.example/page?x=1"]);
  expect([typed.code, typed.out]).toEqual([0, expect.stringContaining("GET https://wiki.acme.example/page?x=1")]);
  const mistyped = await runCommand(explainCommand, ["-c", file, "--emial", "a@b.example", "wiki.acme.example"]);
  expect([mistyped.code, mistyped.err]).toEqual([2, expect.stringContaining("did you mean '--email'?")]);
});

test("completion offers every command and every option of it, in a real bash", async () => {
  const { out } = await runCommand(completion, ["bash"]);
  const complete = (...words: readonly string[]) => {
    const list = words.map((word) => `'${word}'`).join(" ");
    const script = `${out}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _vestibule; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim().split("\n");
  };
  expect(complete("vestibule", "")).toEqual([...Object.keys(commandHelp), "--help", "--version"]);
  expect(complete("vestibule", "sa")).toEqual(["saml-keys"]);
  for (const [name, help] of Object.entries(commandHelp))
    expect(complete("vestibule", name, "--"), name).toEqual([...optionsOf(help), "--help"]);
  expect(optionsOf(commandHelp.check)).toEqual(["--config", "--online", "--json"]);
  expect((await runCommand(completion, ["zsh"])).out).toContain("compdef _vestibule vestibule");
  expect((await runCommand(completion, ["fish"])).code).toBe(2);
});
