import { createSign, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileErrorReason } from "../config/values/references.ts";
import { type CommandContext, type ExitCode, parseCommand, textOption, wrongUsage } from "./command.ts";

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
      const code = error instanceof Error && "code" in error ? error.code : null;
      const why = code === "ENOENT" ? "its folder does not exist" : fileErrorReason(error);
      const said = code === "EEXIST" ? "is there already: write another --out" : `cannot be written: ${why}`;
      terminal.err(`vestibule saml-keys: ${file} ${said}\n`);
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

/** PEM texts. */
interface SelfSigned {
  readonly certificate: string;
  readonly key: string;
}

/**
 * A fresh RSA key and a certificate that says nothing but its name: all that SAML needs of one. Node has no call for it and the image has
 * no openssl, so the few structures of RFC 5280 4.1 are written here; what comes out is read back before it is given away.
 */
function makeSelfSigned(options: { readonly name: string; readonly from: Date; readonly days: number }): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
  const der = certificateOf(options, publicKey, privateKey);
  const body = der.toString("base64").replace(/.{64}(?=.)/g, "$&\n");
  const certificate = `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
  if (!new X509Certificate(certificate).checkPrivateKey(privateKey)) throw new Error("the certificate does not fit its key");
  return { certificate, key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

const sha256WithRsa = sequence(oid([0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]), Buffer.from([0x05, 0x00]));
const commonName = [0x55, 0x04, 0x03];
const basicConstraints = [0x55, 0x1d, 0x13];

function certificateOf({ name, from, days }: Parameters<typeof makeSelfSigned>[0], publicKey: KeyObject, privateKey: KeyObject): Buffer {
  const until = new Date(from.getTime() + days * 86_400_000);
  const who = sequence(tagged(0x31, sequence(oid(commonName), tagged(0x0c, Buffer.from(name, "utf8")))));
  // Positive and never zero (RFC 5280 4.1.2.2).
  const serial = tagged(0x02, Buffer.concat([Buffer.from([0x40]), randomBytes(15)]));
  const noAuthority = tagged(0xa3, sequence(sequence(oid(basicConstraints), Buffer.from([0x01, 0x01, 0xff]), tagged(0x04, sequence()))));
  const version3 = tagged(0xa0, Buffer.from([0x02, 0x01, 0x02]));
  const spki = publicKey.export({ type: "spki", format: "der" });
  const signed = sequence(version3, serial, sha256WithRsa, who, sequence(time(from), time(until)), who, spki, noAuthority);
  const signature = createSign("sha256").update(signed).sign(privateKey);
  return sequence(signed, sha256WithRsa, tagged(0x03, Buffer.concat([Buffer.from([0x00]), signature])));
}

/** UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5). */
function time(date: Date): Buffer {
  const text = `${date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, "")}Z`;
  return date.getUTCFullYear() < 2050 ? tagged(0x17, Buffer.from(text.slice(2))) : tagged(0x18, Buffer.from(text));
}

function oid(bytes: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

/** Tag, length in its shortest form, content (X.690 8.1.3). */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}
