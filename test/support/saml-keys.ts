import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestCertificate } from "./certificates.ts";

const run = promisify(execFile);

/** A key and its self-signed certificate, made by openssl, as SAML parties exchange them. */
export async function makeSamlKey(name: string, days = 400): Promise<TestCertificate> {
  const folder = await mkdtemp(join(tmpdir(), "vestibule-saml-"));
  const [key, certificate] = [join(folder, "key"), join(folder, "certificate")];
  try {
    const subject = ["-subj", `/CN=${name}`, "-days", String(days), "-sha256", "-nodes"];
    await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...subject, "-keyout", key, "-out", certificate]);
    return { key: await readFile(key, "utf8"), certificate: await readFile(certificate, "utf8") };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
