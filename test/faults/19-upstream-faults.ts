import { createServer, type Socket } from "node:net";
import type { Reply } from "./ask.ts";
import { byStatus, holdPace, percentile, slowest, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

type Misbehaviour = (socket: Socket) => void;

const faults: Readonly<Record<string, { readonly act: Misbehaviour; readonly status: readonly number[] }>> = {
  hangs: { act: () => undefined, status: [504] },
  "trickles its head": { act: (socket) => drip(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), status: [504, 502] },
  "breaks off in the body": {
    act: (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf", () => socket.destroy()),
    status: [0],
  },
  "stands still in the body": { act: (socket) => void socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"), status: [0] },
  "breaks off a chunked body": {
    act: (socket) => void socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", () => socket.destroy()),
    status: [0],
  },
  "resets a body without a length": {
    act: (socket) => resetWithin(socket, `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${"x".repeat(1_000)}`),
    status: [0],
  },
  "resets a body without a length, in HTTP/1.0": {
    act: (socket) => resetWithin(socket, `HTTP/1.0 200 OK\r\n\r\n${"x".repeat(1_000)}`),
    status: [0],
  },
  resets: { act: (socket) => void socket.resetAndDestroy(), status: [502] },
  "talks nonsense": { act: (socket) => void socket.end("nonsense\r\n\r\n"), status: [502] },
};

/** Not at once: a reset takes along what the other side has not read yet. */
function resetWithin(socket: Socket, text: string): void {
  socket.write(text);
  setTimeout(() => socket.resetAndDestroy(), 100);
}

function drip(socket: Socket, text: string): void {
  let at = 0;
  const timer = setInterval(() => {
    if (socket.destroyed || at >= text.length) return clearInterval(timer);
    socket.write(text[at] ?? "");
    at += 1;
  }, 1_000);
}

export const scenario: Scenario = {
  title: "an upstream refuses, hangs, trickles, resets, speaks no TLS",
  run: async (trial) => {
    let act: Misbehaviour = () => undefined;
    const broken = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () => act(socket));
    });
    await new Promise<void>((resolve) => broken.listen(0, "127.0.0.1", resolve));
    trial.later(() => void broken.close());
    const address = broken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const proxy = "    proxy: { connectTimeout: 1s, headersTimeout: 2s, idleTimeout: 2s }";
    const app = (name: string, url: string) =>
      `  - name: ${name}\n    host: ${name}.localhost\n    upstream: ${url}\n    access: [{ allow: { groups: [staff] } }]\n    public: ["/**"]\n${proxy}`;
    const rig = await startFaultRig(trial, {
      apps: [
        app("broken", `http://127.0.0.1:${port}`),
        app("refusing", "http://127.0.0.1:9"),
        app("tls", `https://127.0.0.1:${port}`),
      ].join("\n"),
    });
    const people = await rig.signIn(20);
    const load = startLoad(100, (count) => rig.get(people[count % 20] ?? null, { at: count % 2 }));
    await load.answered(200);
    const warm = performance.now();
    await letPass(trial.pick(10_000, 3_000));
    const startedAt = performance.now();
    const usual = percentile(
      load.replies.filter(({ at }) => at > warm),
      0.99,
    );
    const hostOf = (name: string) => rig.host.replace("wiki", name);
    const ask = (name: string) => Promise.all(Array.from({ length: 20 }, (_, at) => rig.get(null, { at: at % 2, host: hostOf(name) })));
    const seen = new Map<string, Reply[]>();
    const see = async (what: string, name: string) => seen.set(what, [...(seen.get(what) ?? []), ...(await ask(name))]);
    // In the full form again and again: the first of each kind finds code that never ran before.
    for (let round = 0; round < trial.pick(5, 1); round += 1) {
      for (const [name, fault] of Object.entries(faults)) {
        act = fault.act;
        await see(name, "broken");
      }
      await see("refuses", "refusing");
      act = (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      await see("speaks no TLS", "tls");
    }
    for (const [name, replies] of seen) {
      const expected = faults[name]?.status ?? [502];
      trial.hold(
        `an upstream that ${name}`,
        replies.every(({ status }) => expected.includes(status)),
        byStatus(replies),
        expected[0] === 0 ? "the connection breaks: never complete" : expected.join(" or "),
      );
      // One silence of 2 s, before the head or in the body, seen within half a second.
      trial.hold(
        `slowest, ${name}, ms`,
        slowest(replies) <= 2_500 + usual + trial.slackMs(),
        slowest(replies),
        `≤ 2000, seen within 500; B ${usual.toFixed(0)}`,
      );
    }
    const all = await load.stop();
    const base = all.filter(({ at }) => at > warm && at < startedAt);
    const others = all.filter(({ at }) => at > startedAt);
    trial.hold(
      "other hosts",
      others.every(({ status }) => status === 200),
      byStatus(others),
      "all 200",
    );
    holdPace(trial, "other hosts", others, base, 1.5);
    await rig.verify();
  },
};
