import { X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { loadSettings } from "../../src/config/load.ts";
import { makeAuthority, type TestCertificate } from "../support/certificates.ts";
import { anotherPrivateKey, env } from "./environment.ts";
import { aFolder } from "./write-config.ts";

let acme: TestCertificate;
let star: TestCertificate;
beforeAll(async () => {
  const authority = await makeAuthority();
  [acme, star] = await Promise.all([
    authority.issue("DNS:auth.acme.example", "DNS:wiki.acme.example"),
    authority.issue("DNS:*.acme.example", "IP:127.0.0.1"),
  ]);
});

const day = 86_400_000;

interface Told {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

function load(text: string, files: Readonly<Record<string, string>>, now = Date.now()): Told {
  const folder = aFolder();
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  writeFileSync(join(folder, "vestibule.yaml"), text);
  const result = loadSettings(join(folder, "vestibule.yaml"), env, now);
  const words = (list: readonly { key: string; message: string }[]) => list.map(({ key, message }) => `${key}: ${message}`);
  return { problems: result.ok ? [] : words(result.problems), warnings: result.ok ? words(result.warnings) : [] };
}

/** A listener with one certificate, and an app on each of these hosts. */
const listening = (hosts: readonly string[], pair: TestCertificate, options: { readonly now?: number; readonly key?: string } = {}) =>
  load(
    `listen: [{ address: "0.0.0.0:443", tls: { certificates: [{ certificate: { file: a.crt }, key: { file: a.key } }] } }]
auth: { origin: https://auth.acme.example }
providers: { one: { oidc: { issuer: https://one.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } } }
apps: [{ hosts: [${hosts.map((host) => JSON.stringify(host)).join(", ")}], upstream: "http://10.0.0.5:8080", access: [{ allow: { anyone: true } }] }]
`,
    { "a.crt": pair.certificate, "a.key": options.key ?? pair.key },
    options.now,
  );

test("a certificate for every host, in date, with its key, is told nothing", () => {
  expect(listening(["wiki.acme.example"], acme)).toEqual({ problems: [], warnings: [] });
  expect(listening(["wiki.acme.example", "*.acme.example"], star)).toEqual({ problems: [], warnings: [] });
});

test("a key that is another certificate's stops the start, and the cure is named", () => {
  const { problems } = listening(["wiki.acme.example"], acme, { key: anotherPrivateKey });
  expect(problems).toEqual([
    expect.stringMatching(/^listen\[0\]\.tls\.certificates\[0\]\.key: this key is not the certificate's: name the key/),
  ]);
});

test("a certificate that has expired, is not good yet, or soon expires, is told with its day", () => {
  const at = (offset: number) => listening(["wiki.acme.example"], acme, { now: Date.now() + offset * day }).warnings;
  expect(at(400)).toEqual([expect.stringMatching(/certificate: this certificate has expired on 20\d\d-\d\d-\d\d: renew it/)]);
  const end = Math.round((Date.parse(new X509Certificate(acme.certificate).validTo) - Date.now()) / day);
  expect(at(end - 10)).toEqual([expect.stringMatching(/certificate: this certificate expires on 20\d\d-\d\d-\d\d: renew it/)]);
  expect(at(end - 20)).toEqual([]);
  expect(at(-10)).toEqual([expect.stringMatching(/is good from 20\d\d-\d\d-\d\d on only: is this machine's clock right\?/)]);
});

test("hosts without a certificate are named, and so are the names that are there", () => {
  const { warnings } = listening(["wiki.acme.example", "files.acme.example", "*.acme.example"], acme);
  expect(warnings).toEqual([
    "listen[0].tls.certificates: no certificate here is for files.acme.example, *.acme.example, so browsers will refuse: they are for auth.acme.example, wiki.acme.example",
  ]);
});

test("a wildcard covers one label, as in browsers", () => {
  expect(listening(["a.b.acme.example"], star).warnings).toEqual([expect.stringContaining("no certificate here is for a.b.acme.example,")]);
});

test("an upstream's client certificate and key must fit, too", () => {
  const files = { "c.crt": acme.certificate, "c.key": anotherPrivateKey };
  const { problems } = load(
    `auth: { origin: https://auth.acme.example }
providers: { one: { oidc: { issuer: https://one.example, clientId: a, clientSecret: { env: CLIENT_SECRET } } } }
apps:
  - host: wiki.acme.example
    upstream: https://10.0.0.5:8443
    access: [{ allow: { anyone: true } }]
    proxy: { tls: { certificate: { file: c.crt }, key: { file: c.key } } }
`,
    files,
  );
  expect(problems).toEqual([expect.stringMatching(/^apps\[0\]\.proxy\.tls\.key: this key is not the certificate's/)]);
});

test.each([
  { alg: "RS256", told: ["providers.one.oidc.privateKey.alg: RS256 does not fit this key: write ES256"] },
  { alg: "ES256", told: [] },
])("an algorithm must fit the client's key: $alg", ({ alg, told }) => {
  const { problems } = load(
    `auth: { origin: https://auth.acme.example }
providers:
  one:
    oidc: { issuer: https://one.example, clientId: a, clientAuth: private_key_jwt, privateKey: { key: { file: k.key }, alg: ${alg} } }
apps: [{ host: wiki.acme.example, upstream: "http://10.0.0.5:8080", access: [{ allow: { anyone: true } }] }]
`,
    { "k.key": anotherPrivateKey },
  );
  expect(problems).toEqual(told);
});
