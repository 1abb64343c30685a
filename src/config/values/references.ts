import { closeSync, constants, fstatSync, openSync, readSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { makeSecret, type Secret } from "../../core/secret.ts";
import type { KeyPath, Report } from "../problems/report.ts";
import { nearest } from "../problems/suggest.ts";
import { type FileRef, type PemRef, referenceMark, type SecretRef } from "./schema-values.ts";

/** What the file's `{ env }` and `{ file }` point at, read once. */
export interface References {
  secret(reference: SecretRef): Secret;
  pem(reference: PemRef): string;
  /** The absolute path: what the file names, seen from the configuration file's folder. */
  path(reference: FileRef): string;
  /** What a page shows of a file; empty where it could not be read, and that has been said. */
  bytes(reference: FileRef): Uint8Array;
  text(reference: FileRef): string;
  absolute(file: string): string;
  /** Files of the apps (certificates of upstreams, secrets in headers) that were read once: when one changes, all is to be read again. */
  readonly appFiles: readonly string[];
}

export interface ReferenceSources {
  readonly configFile: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly literalSecrets: boolean;
}

const maxReferencedBytes = 256 * 1024;

/** Reads every reference under `roots`, and reports each that is missing, unreadable or empty. Values never appear in a message. */
export function readReferences(roots: Readonly<Record<string, unknown>>, sources: ReferenceSources, report: Report): References {
  const folder = dirname(resolve(sources.configFile));
  const absolute = (file: string) => resolve(folder, file);
  const secrets = new Map<SecretRef, Secret>();
  const pems = new Map<PemRef, string>();
  const files = new Map<FileRef, Uint8Array>();
  const appFiles = new Set<string>();
  visit(roots, [], (reference, path) => {
    if (reference.kind === "file") {
      if (reference.holds === "xml" || reference.holds === "keytab")
        return mustBeThere(absolute(reference.file), [...path, "file"], report);
      if (reference.holds === "page") {
        const read = readBytes(absolute(reference.file), maxReferencedBytes);
        if (read.ok) files.set(reference, read.bytes);
        else report.problem([...path, "file"], `${absolute(reference.file)} cannot be read: ${read.why}`);
        return;
      }
      const text = readReferenced(absolute(reference.file), [...path, "file"], report);
      if (text !== null && !looksLikePem(text)) report.problem([...path, "file"], "this file holds no PEM text (-----BEGIN …)");
      return;
    }
    if (path[0] === "apps" && reference.file !== null) appFiles.add(absolute(reference.file));
    const text = readReference(reference, path, { ...sources, absolute }, report);
    if (reference.kind === "secret") {
      secrets.set(reference, makeSecret(text ?? ""));
      if (reference.literal === null) warnOfWrapping(text ?? "", path, report);
    } else {
      pems.set(reference, text ?? "");
      if (text !== null && !looksLikePem(text)) report.problem(path, "this is no PEM text (-----BEGIN …): write { file: PATH }");
    }
  });
  return {
    secret: (reference) => secrets.get(reference) ?? makeSecret(""),
    pem: (reference) => pems.get(reference) ?? "",
    path: (reference) => absolute(reference.file),
    bytes: (reference) => files.get(reference) ?? new Uint8Array(),
    text: (reference) => Buffer.from(files.get(reference) ?? []).toString("utf8"),
    absolute,
    appFiles: [...appFiles],
  };
}

type Reference = SecretRef | PemRef | FileRef;

function visit(value: unknown, path: KeyPath, onReference: (reference: Reference, path: KeyPath) => void): void {
  if (typeof value !== "object" || value === null) return;
  if (isReference(value)) {
    onReference(value, path);
    return;
  }
  const entries = value instanceof Map || Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [key, item] of entries) visit(item, [...path, key], onReference);
}

function isReference(value: object): value is Reference {
  return "mark" in value && value.mark === referenceMark;
}

function readReference(
  reference: SecretRef | PemRef,
  path: KeyPath,
  sources: ReferenceSources & { readonly absolute: (file: string) => string },
  report: Report,
): string | null {
  if (reference.file !== null) return readReferenced(sources.absolute(reference.file), [...path, "file"], report);
  if (reference.env !== null) return readVariable(reference.env, [...path, "env"], sources.env, report);
  if (reference.kind === "secret" && !sources.literalSecrets && !isOpenAddress(reference.literal, path)) {
    report.problem(path, "a secret does not stand in the file: write { env: NAME } or { file: PATH } (or set insecure.literalSecrets)");
    return null;
  }
  if (reference.literal === "") report.problem(path, "this secret is empty");
  return reference.literal === "" ? null : reference.literal;
}

/** A Redis URL without credentials gives nothing away. */
function isOpenAddress(literal: string | null, path: KeyPath): boolean {
  return literal !== null && path.at(-1) === "url" && /^rediss?:\/\/[^@]*$/.test(literal);
}

function readVariable(name: string, path: KeyPath, env: ReferenceSources["env"], report: Report): string | null {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  // A line break at the end is no part of a secret, wherever it comes from: `export X="$(cat file; echo)"`, a Kubernetes Secret made by echo.
  const text = value?.replace(/\r?\n$/, "");
  if (text !== undefined && text !== "") return text;
  const fits = Object.keys(env).filter((other) => env[other]);
  const guess = value === undefined ? nearest(name, fits) : null;
  const what = value === undefined ? "is not set" : "is empty";
  report.problem(path, `the environment variable ${name} ${what}`, guess === null ? null : `did you mean '${guess}'?`);
  return null;
}

/** Docker's `--env-file` and Kubernetes keep what a shell takes away, and no provider says what is wrong with the secret that results. */
function warnOfWrapping(text: string, path: KeyPath, report: Report): void {
  if (/^(["']).*\1$/s.test(text))
    report.warning(path, "what this holds stands in quotes, and they count as part of it: Docker's env files keep them, write it without");
  else if (text !== text.trim() && !looksLikePem(text))
    report.warning(path, "what this holds begins or ends with blanks or line breaks, and they count as part of it: write it without");
}

function readReferenced(file: string, path: KeyPath, report: Report): string | null {
  const read = readText(file, maxReferencedBytes);
  if (!read.ok) {
    report.problem(path, `${file} cannot be read: ${read.why}`);
    return null;
  }
  // Editors and `openssl rand` end the file with a line break that is no part of the secret.
  const text = read.text.replace(/\r?\n$/, "");
  if (text === "") report.problem(path, `${file} is empty`);
  return text === "" ? null : text;
}

/** Read when it is needed and again when it changes, however large: here it is only made sure that the path is right. */
function mustBeThere(file: string, path: KeyPath, report: Report): void {
  try {
    if (!statSync(file).isFile()) report.problem(path, `${file} is not a file`);
  } catch (error) {
    report.problem(path, `${file} cannot be read: ${fileErrorReason(error)}`);
  }
}

function looksLikePem(text: string): boolean {
  return /-----BEGIN [A-Z0-9 ]+-----/.test(text);
}

export type ReadText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** The text of a file of at most `limitBytes`, or why it cannot be had. */
export function readText(path: string, limitBytes: number): ReadText {
  const read = readBytes(path, limitBytes);
  return read.ok ? decode(read.bytes) : read;
}

type ReadBytes = { readonly ok: true; readonly bytes: Uint8Array } | { readonly ok: false; readonly why: string };

/** A pipe or a device is refused: it could go on without end. */
function readBytes(path: string, limitBytes: number): ReadBytes {
  let descriptor: number;
  try {
    // A pipe without a writer would keep the whole process waiting for its other end.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { ok: false, why: fileErrorReason(error) };
  }
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { ok: false, why: "it is not a regular file" };
    if (stat.size > limitBytes) return { ok: false, why: `it is larger than ${limitBytes / 1024} KiB` };
    // The file may be growing meanwhile: never read more than the limit, whatever its size was.
    const buffer = new Uint8Array(limitBytes + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    if (length > limitBytes) return { ok: false, why: `it is larger than ${limitBytes / 1024} KiB` };
    return { ok: true, bytes: buffer.slice(0, length) };
  } catch (error) {
    return { ok: false, why: fileErrorReason(error) };
  } finally {
    closeSync(descriptor);
  }
}

function decode(bytes: Uint8Array): ReadText {
  try {
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { ok: false, why: "it is not UTF-8 text" };
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EISDIR: "it is a folder",
  ENOTDIR: "a part of its path is not a folder",
  ELOOP: "its symbolic links go in circles",
};

/** Why a file cannot be read or written, in words. */
export function fileErrorReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return reasons[code] ?? (code === "" ? "the reason is unknown" : code);
}
