import { writeFileSync } from "node:fs";
import { type CommandContext, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";
import { makeSelfSigned } from "./self-signed.ts";

const options = { out: { type: "string" }, name: { type: "string" }, days: { type: "string" } } as const;
const mostDays = 3650;

/**
 * `vestibule saml-keys`: a key and its certificate for `saml.keys`, as two files, and the lines for the configuration. What is there
 * already is never overwritten: a lost SAML key keeps people out.
 */
export async function samlKeys({ args, terminal }: CommandContext): Promise<ExitCode> {
  const parsed = parseCommand(args, options, 0);
  if (parsed.kind === "usage") return wrongUsage(terminal, "saml-keys", parsed.message);
  const base = textOption(parsed.options, "out") ?? "saml";
  const name = textOption(parsed.options, "name") ?? "vestibule";
  const days = Number(textOption(parsed.options, "days") ?? "1100");
  if (!Number.isInteger(days) || days < 1 || days > mostDays) return wrongUsage(terminal, "saml-keys", `--days is 1 to ${mostDays}`);
  if (name.trim() === "" || Buffer.byteLength(name) > 64) return wrongUsage(terminal, "saml-keys", "--name is 1 to 64 bytes of text");
  const { certificate, key } = makeSelfSigned({ name, from: new Date(), days });
  for (const [file, text, mode] of [
    [`${base}.key`, key, 0o600],
    [`${base}.crt`, certificate, 0o644],
  ] as const) {
    try {
      writeFileSync(file, text, { flag: "wx", mode });
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
      terminal.err(
        `vestibule saml-keys: ${file} ${code === "EEXIST" ? "is there already: write another --out" : `cannot be written: ${code}`}\n`,
      );
      return 1;
    }
  }
  terminal.out(`wrote ${base}.crt and ${base}.key, good for ${days} days. Under saml: write\n\n`);
  terminal.out(`      keys: [{ certificate: { file: ${base}.crt }, key: { file: ${base}.key } }]\n\n`);
  terminal.out(
    "To replace an older pair put this one in front of it with `signing: <day>`: it is published now, and signs from that day on.\n",
  );
  return 0;
}
