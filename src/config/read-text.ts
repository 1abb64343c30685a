import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export type ReadText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly why: string };

/** The text of a file of at most `limitBytes`, or why it cannot be had. A pipe or a device is refused: it could go on for ever. */
export function readText(path: string, limitBytes: number): ReadText {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    return { ok: false, why: reason(error) };
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
    return decode(buffer.subarray(0, length));
  } catch (error) {
    return { ok: false, why: reason(error) };
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

function reason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return reasons[code] ?? (code === "" ? "it cannot be read" : `it cannot be read (${code})`);
}
