import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { check } from "../../src/commands/check.ts";
import { metadata } from "../../src/commands/metadata.ts";
import { parseXml } from "../../src/login/saml/xml/parse.ts";
import { attributeOf, childrenOf, namespaces } from "../../src/login/saml/xml/tree.ts";
import type { TestCertificate } from "../support/certificates.ts";
import { ownedFolder } from "../support/owned.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { entityXml, type MetadataServer, startMetadataServer } from "../support/saml-metadata.ts";

const folder = ownedFolder("vestibule-metadata-command-");
const env = { VESTIBULE_SECRET: "0123456789abcdef0123456789abcdef", CLIENT_SECRET: "s", PATH: process.env.PATH ?? "" };
let own: TestCertificate;
let server: MetadataServer;
let upstream: { readonly url: string; close(): void };

beforeAll(async () => {
  own = await makeSamlKey("ours");
  server = await startMetadataServer();
  const listening = createServer((_, response) => response.end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => listening.once("listening", resolve));
  upstream = { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, close: () => listening.close() };
  writeFileSync(join(folder, "own.crt"), own.certificate);
  writeFileSync(join(folder, "own.key"), own.key);
});
afterAll(async () => {
  upstream.close();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const ownKeys = "{ certificate: { file: own.crt }, key: { file: own.key } }";
const signing = (what: string) => ownKeys.replace(" }", ` }, signing: ${what}`);

function configured(keys = ownKeys): string {
  const file = join(folder, "vestibule.yaml");
  writeFileSync(
    file,
    `version: 1
insecure: { httpProviders: true }
auth: { origin: https://auth.acme.example }
sessions: { secret: [{ env: VESTIBULE_SECRET }] }
providers:
  adfs:
    saml:
      metadata: ${server.url}
      entityId: urn:acme:eu:vestibule
      keys: [${keys}]
  acme: { oidc: { issuer: "https://idp.acme.example", clientId: gw, clientSecret: { env: CLIENT_SECRET } } }
apps:
  - { host: wiki.acme.example, upstream: "${upstream.url}", providers: [adfs], access: [{ allow: { anyone: true } }] }
`,
  );
  return file;
}

async function run(command: typeof metadata, ...args: string[]) {
  return runOn(configured(), command, ...args);
}

async function runOn(file: string, command: typeof metadata, ...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const terminal = {
    out: (text: string) => void out.push(text),
    err: (text: string) => void err.push(text),
    colour: { out: false, err: false },
  };
  const status = await command({ args: [...args, "--config", file], env, terminal, version: "0" } as Parameters<typeof metadata>[0]);
  return { status, out: out.join(""), err: err.join("") };
}

test("vestibule metadata prints what the provider must be given, and reaches out to nobody", async () => {
  const { status, out, err } = await run(metadata, "adfs");
  expect([status, err]).toEqual([0, ""]);
  const document = parseXml(out);
  expect(attributeOf(document, "entityID")).toBe("urn:acme:eu:vestibule");
  expect(childrenOf(document, namespaces.signature, "Signature")).toHaveLength(1);
  expect(out).toContain('Location="https://auth.acme.example/_vestibule/saml/adfs/acs"');
  expect(server.asked).toEqual([]);
});

test.each([
  { when: "the provider is missing", args: [], status: 2, says: "the provider is missing" },
  { when: "there is one too many", args: ["adfs", "acme"], status: 2, says: "unexpected argument 'acme'" },
  {
    when: "the configuration stands without its option",
    args: ["adfs", "a.yaml"],
    status: 2,
    says: "unexpected argument 'a.yaml': write --config a.yaml",
  },
  { when: "nobody knows the provider", args: ["adsf"], status: 1, says: "there is no provider 'adsf'; SAML providers are adfs" },
  { when: "the provider has none", args: ["acme"], status: 1, says: "speaks OpenID Connect" },
])("vestibule metadata exits with $status when $when", async ({ args, status, says }) => {
  const ran = await run(metadata, ...args);
  expect(ran.status).toBe(status);
  expect(ran.out).toBe("");
  expect(ran.err).toContain(says);
});

test("the command is there by its name", () => {
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const { status, stdout } = spawnSync(process.execPath, [main, "metadata", "--help"], { env, encoding: "utf8" });
  expect([status, stdout]).toEqual([0, expect.stringContaining("Usage: vestibule metadata")]);
});

test("check --online fetches the provider's metadata and reports entity, addresses and certificates, a line each", async () => {
  const theirs = await makeSamlKey("theirs", 20);
  server.answer = (_, response) => response.end(entityXml({ certificates: [theirs.certificate] }));
  const { out } = await run(check, "--online");
  expect(out).toMatch(
    /^ok {5}provider adfs: entity id https:\/\/idp\.acme\.example\n {7}login by redirect https:\/\/idp\.acme\.example\/sso\n {7}certificate [0-9a-f]{64}, (19|20) days left/m,
  );
  server.answer = (_, response) => response.writeHead(404).end();
  const failed = await run(check, "--online");
  expect(failed.status).toBe(1);
  expect(failed.out).toMatch(/^failed provider adfs: .*answered 404/m);
});

test("check says which of several keys signs today, and warns where a key signs that the provider may not have read", async () => {
  const planned = await runOn(configured(`${signing('"2999-01-01"')}, ${ownKeys}`), check);
  expect(planned.out).toContain("note: providers.adfs.saml.keys: keys[1] signs today; keys[0] may sign from 2999-01-01T00:00:00.000Z on");
  expect(planned.err).not.toContain("signs at once");
  const silent = await runOn(configured(`${ownKeys}, ${ownKeys}`), check);
  expect(silent.out).toContain("keys[0] signs today");
  expect(silent.err).toContain("Write `signing: true` at the older key");
  expect((await runOn(configured(ownKeys), check)).out).not.toContain("signs today");
});
