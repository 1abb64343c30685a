import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Good for two days, from now or from `madeDaysAgo`. Writes a self-signed certificate for `names` (the first is its common name) as `<label>.crt` and `<label>.key` into `folder`. */
export async function writeCertificate(
  folder: string,
  label: string,
  names: readonly string[],
  { madeDaysAgo = 0 }: { readonly madeDaysAgo?: number } = {},
): Promise<{ certificateFile: string; keyFile: string }> {
  const certificateFile = join(folder, `${label}.crt`);
  const keyFile = join(folder, `${label}.key`);
  const alternatives = names.map((name) => `DNS:${name}`).join(",");
  const [program = "", ...before] = madeDaysAgo === 0 ? ["openssl"] : ["faketime", "-f", `-${madeDaysAgo}d`, "openssl"];
  await run(program, [
    ...before,
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", `/CN=${names[0] ?? label}`, "-addext", `subjectAltName=${alternatives}`, "-keyout", keyFile, "-out", certificateFile],
  ]);
  return { certificateFile, keyFile };
}
