import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ownedFolder } from "./owned.ts";

const run = promisify(execFile);

export interface TestCertificate {
  /** PEM texts. */
  readonly certificate: string;
  readonly key: string;
}
export interface TestAuthority extends TestCertificate {
  /** A certificate for these names (`DNS:…`, `IP:…`), good for servers and clients. */
  issue(...names: readonly string[]): Promise<TestCertificate>;
}

/** A certificate authority of its own, made by openssl. */
export async function makeAuthority(name = "Test CA"): Promise<TestAuthority> {
  const root = await inFolder(async (folder) => {
    await run("openssl", [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "30",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      join(folder, "key"),
      "-out",
      join(folder, "cert"),
    ]);
    return read(folder);
  });
  return {
    ...root,
    issue: (...names) =>
      inFolder(async (folder) => {
        const file = (base: string) => join(folder, base);
        await writeFile(file("ca"), root.certificate);
        await writeFile(file("cakey"), root.key);
        await writeFile(file("ext"), `subjectAltName=${names.join(",")}\nextendedKeyUsage=serverAuth,clientAuth\n`);
        await run("openssl", [
          "req",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-subj",
          "/CN=leaf",
          "-keyout",
          file("key"),
          "-out",
          file("csr"),
        ]);
        await run("openssl", [
          "x509",
          "-req",
          "-in",
          file("csr"),
          "-CA",
          file("ca"),
          "-CAkey",
          file("cakey"),
          "-CAcreateserial",
          "-days",
          "30",
          "-extfile",
          file("ext"),
          "-out",
          file("cert"),
        ]);
        return read(folder);
      }),
  };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = ownedFolder("vestibule-cert-");
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function read(folder: string): Promise<TestCertificate> {
  return { certificate: await readFile(join(folder, "cert"), "utf8"), key: await readFile(join(folder, "key"), "utf8") };
}
