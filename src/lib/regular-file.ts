import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/**
 * The bytes of a regular file of at most `limitBytes`. Throws an Error that says why not.
 *
 * It looks before it reads: a pipe without a writer, or a device without an end, where a file was meant would hold up the whole
 * process, and with it all visitors. O_NONBLOCK, because opening such a pipe waits already.
 */
export function readRegularFile(path: string, limitBytes: number): Buffer {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error(`${path} is not a regular file`);
    if (stat.size > limitBytes) throw new Error(`${path} is larger than ${limitBytes / 1024} KiB`);
    // It may grow meanwhile: never more than the limit, whatever its size was.
    const buffer = Buffer.alloc(Math.min(stat.size, limitBytes) + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < buffer.length; length += count) {
      count = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    if (length === buffer.length) throw new Error(`${path} grew while it was read`);
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
