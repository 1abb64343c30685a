import { closeSync, openSync, writeSync } from "node:fs";
import { Writable } from "node:stream";
import { expect, onTestFinished, test } from "vitest";
import { createLineWriter, streamSink } from "../../src/observe/lines.ts";
import { eventually } from "../support/eventually.ts";
import { spawnOwned } from "../support/owned.ts";

const source = new URL("../../src/observe/lines.ts", import.meta.url).href;
const sinks = new URL("../../src/observe/lines.ts", import.meta.url).href;

/** A process whose stdout is a pipe that we read or leave alone; it reports on stderr. */
function writerProcess(script: string) {
  const program = `import { streamSink } from ${JSON.stringify(sinks)};
    import { createLineWriter } from ${JSON.stringify(source)};
    let dropped = 0;
    const writer = createLineWriter({ sink: streamSink(process.stdout), capacityBytes: 1_000_000, onDrop: (lines) => { dropped += lines; } });
    const report = (what) => process.stderr.write(JSON.stringify(what) + "\\n");
    ${script}`;
  const child = spawnOwned(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let report = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    report += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return {
    child,
    exited,
    reports: () =>
      report
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Record<string, number>),
  };
}

test("a reader that stops neither stops the event loop nor the exit, and what it missed is counted", async () => {
  const { exited, reports } = writerProcess(`
    let ticks = 0, written = 0;
    const ticking = setInterval(() => {
      ticks++;
      for (let i = 0; i < 500; i++) { writer.write("x".repeat(199) + "\\n"); written++; }
      if (written < 20_000) return;
      clearInterval(ticking);
      writer.flush(100).then(() => { report({ ticks, dropped, written }); process.exit(0); });
    }, 5);`);
  expect(await exited).toBe(0);
  const [{ ticks, dropped, written } = { ticks: 0, dropped: 0, written: 0 }] = reports();
  // The timer went on firing while the reader stood still.
  expect(ticks).toBe(40);
  expect(dropped).toBeGreaterThan(10_000);
  expect(dropped).toBeLessThan(Number(written));
});

test("lines arrive whole and in order once the reader goes on", async () => {
  const { child, exited, reports } = writerProcess(`
    for (let i = 0; i < 20_000; i++) writer.write(String(i).padStart(99, "0") + "\\n");
    setTimeout(() => report({ full: dropped }), 50);
    const waiting = setInterval(() => {}, 1_000);
    process.once("SIGUSR2", () => {
      writer.write("the end\\n");
      writer.flush(5_000).then(() => clearInterval(waiting));
    });`);
  const { full } = await eventually(() => reports()[0] ?? Promise.reject(new Error("no report yet")));
  expect(full).toBe(10_000);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await eventually(() => expect(text.split("\n").length).toBe(10_001));
  child.kill("SIGUSR2");
  expect(await exited).toBe(0);
  const lines = text.trim().split("\n");
  expect(lines.at(-1)).toBe("the end");
  expect(lines.slice(0, -1).every((line, index) => line === String(index).padStart(99, "0"))).toBe(true);
});

test("a reader that goes away costs lines, never the process", async () => {
  const { child, exited, reports } = writerProcess(`
    process.once("SIGUSR2", () => {
      writer.write("lost\\n");
      writer.flush(1_000).then(() => { report({ dropped }); process.exit(0); });
    });
    setInterval(() => {}, 1_000);
    writer.write("first\\n");`);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  child.stdout.destroy();
  child.kill("SIGUSR2");
  expect(await exited).toBe(0);
  expect(reports()).toEqual([{ dropped: 1 }]);
});

test("a full disk costs lines, never the process", async () => {
  let dropped = 0;
  const countDropped = (lines: number) => {
    dropped += lines;
  };
  const fd = openSync("/dev/full", "w");
  const stream = new Writable({
    write(chunk: Buffer) {
      writeSync(fd, chunk); // as process.stdout does when it is a file
    },
  });
  const writer = createLineWriter({ sink: streamSink(stream), capacityBytes: 1_000, onDrop: countDropped });
  writer.write("one\n");
  writer.write("two\n");
  await writer.flush(50);
  closeSync(fd);
  expect(dropped).toBe(2);
});

test("what is written last reaches a pipe when the process ends at once", async () => {
  const { child, exited } = writerProcess(`writer.write("last words\\n"); writer.flushNow(); process.exit(0);`);
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await exited;
  await eventually(() => expect(text).toBe("last words\n"));
});
