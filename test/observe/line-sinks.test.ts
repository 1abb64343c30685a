import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, renameSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createLineWriter, fileSink } from "../../src/observe/lines.ts";
import { ownedFolder } from "../support/owned.ts";

function aWriter(path: string) {
  const dropped: number[] = [];
  const sink = fileSink({ path });
  const writer = createLineWriter({ sink, capacityBytes: 100_000, onDrop: (lines) => void dropped.push(lines) });
  const write = async (line: string) => {
    writer.write(line);
    await writer.flush(5_000);
  };
  return { sink, writer, write, dropped };
}

test("lines that cannot be written are lost and counted, and lines come again when they can", async () => {
  const folder = join(ownedFolder("vestibule-sink-"), "later");
  const path = join(folder, "audit.jsonl");
  const { writer, write, dropped } = aWriter(path);
  await write("one\n");
  await write("two\nthree\n");
  expect(dropped).toEqual([1, 2]);
  expect(writer.failure()).toContain("ENOENT");
  mkdirSync(folder);
  await write("four\n");
  expect(writer.failure()).toBeNull();
  expect(readFileSync(path, "utf8")).toBe("four\n");
});

test("a batch that breaks off in the middle of a line spoils no line after it", async () => {
  const pipe = join(ownedFolder("vestibule-sink-"), "pipe");
  expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
  // Open for both, and never waiting: a pipe takes 64 KiB and no more, as a disk does that fills up.
  const descriptor = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK);
  const sink = fileSink({ descriptor });
  const write = (text: string) => new Promise<Error | null>((resolve) => sink.write(text, (error) => resolve(error ?? null)));
  const read = () => {
    const bytes = Buffer.alloc(1 << 20);
    return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, bytes.length, null));
  };
  try {
    expect(await write(`{"n":"${"x".repeat(100_000)}"}\n`)).toMatchObject({ code: "EAGAIN" });
    expect(read().endsWith("x")).toBe(true);
    expect([await write('{"n":2}\n'), await write('{"n":3}\n')]).toEqual([null, null]);
    expect(read()).toBe('\n{"n":2}\n{"n":3}\n');
  } finally {
    closeSync(descriptor);
  }
});

test("a device without room loses every line and ends nothing", async () => {
  const { writer, write, dropped } = aWriter("/dev/full");
  await write("one\n");
  await write("two\n");
  expect(dropped).toEqual([1, 1]);
  expect(writer.failure()).toContain("ENOSPC");
});

test("after a rotation and a reopening, lines go to the new file, and none is lost on the way", async () => {
  const folder = ownedFolder("vestibule-sink-");
  const path = join(folder, "audit.jsonl");
  const { sink, write, dropped } = aWriter(path);
  await write("one\n");
  renameSync(path, `${path}.1`);
  await write("two\n");
  sink.reopen();
  await write("three\n");
  expect(readFileSync(`${path}.1`, "utf8")).toBe("one\ntwo\n");
  expect(readFileSync(path, "utf8")).toBe("three\n");
  expect(dropped).toEqual([]);
});
