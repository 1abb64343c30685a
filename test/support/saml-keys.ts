import { generateKeyPair, randomBytes, sign } from "node:crypto";
import { promisify } from "node:util";
import type { TestCertificate } from "./certificates.ts";

/**
 * A key and its self-signed certificate, as SAML parties exchange them. Made by Node alone: the demo must run on a machine that has
 * nothing else. Not from an openssl command, and good for nothing but tests.
 */
export async function makeSamlKey(name: string, days = 400): Promise<TestCertificate> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const now = Date.now();
  const issuer = sequence(tlv(0x31, sequence(commonName, tlv(0x0c, Buffer.from(name, "utf8")))));
  const version = tlv(0xa0, tlv(0x02, Buffer.from([2])));
  // The first bit clear: a positive number.
  const serial = tlv(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)]));
  const validity = sequence(time(now - 60_000), time(now + days * 86_400_000));
  const body = sequence(version, serial, sha256WithRsa, issuer, validity, issuer, publicKey.export({ type: "spki", format: "der" }));
  const signature = tlv(0x03, Buffer.concat([Buffer.from([0]), sign("sha256", body, privateKey)]));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: pem(sequence(body, sha256WithRsa, signature)),
  };
}

/** DER (X.690 8.1): tag, length, value. */
function tlv(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), value]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tlv(0x30, Buffer.concat(parts));
}

/** GeneralizedTime is for years from 2050 on (RFC 5280 4.1.2.5); these certificates do not live so long. */
function time(at: number): Buffer {
  return tlv(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replaceAll(/[-:T]/g, "")}Z`, "latin1"));
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}

/** 1.2.840.113549.1.1.11 with its NULL, and 2.5.4.3. */
const sha256WithRsa = sequence(Buffer.from("06092a864886f70d01010b", "hex"), Buffer.from("0500", "hex"));
const commonName = Buffer.from("0603550403", "hex");
