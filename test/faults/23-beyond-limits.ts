import { rawConnect } from "../support/raw-client.ts";
import { percentile } from "./load.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "one more than each limit",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { wiki: "    proxy: { maxRequestBody: 64KiB }" });
    const [one] = await rig.signIn(1);
    if (one === undefined) throw new Error("no session");
    for (let count = 0; count < 100; count += 1) await rig.get(one);
    const own = `Host: ${rig.host}\r\nCookie: ${one.cookie}\r\n`;
    const fields = (count: number) => Array.from({ length: count }, (_, at) => `X-F${at}: v\r\n`).join("");
    // Each field counts with its colon, its space and its end of line, as it is written.
    const filler = 16 * 1024 + 1 - own.length - "X-Long: \r\n".length;
    const cases = [
      { what: "headers, 101", head: `GET / HTTP/1.1\r\n${own}${fields(99)}\r\n`, status: 431 },
      { what: "header bytes, 16 KiB and one", head: `GET / HTTP/1.1\r\n${own}X-Long: ${"v".repeat(filler)}\r\n\r\n`, status: 431 },
      { what: "URL, 8 KiB and one", head: `GET /${"p".repeat(8 * 1024)} HTTP/1.1\r\n${own}\r\n`, status: 414 },
      {
        what: "body, 64 KiB and one",
        head: `POST /hash HTTP/1.1\r\n${own}Content-Length: 65537\r\n\r\n${"b".repeat(65_537)}`,
        status: 413,
      },
    ];
    const within = [
      `GET / HTTP/1.1\r\n${own}${fields(98)}\r\n`,
      `GET / HTTP/1.1\r\n${own}X-Long: ${"v".repeat(filler - 1)}\r\n\r\n`,
      `GET /${"p".repeat(8 * 1024 - 1)} HTTP/1.1\r\n${own}\r\n`,
      `POST /hash HTTP/1.1\r\n${own}Content-Length: 65536\r\n\r\n${"b".repeat(65_536)}`,
    ];
    const admitted = await Promise.all(within.map(async (head) => (await once(rig, head)).status));
    trial.hold("exactly at each limit", admitted.join() === "200,200,200,200", admitted.join(", "), "200 each");
    for (const { what, head, status } of cases) {
      const before = rig.app.requests;
      const times: { ms: number }[] = [];
      const statuses = new Set<number>();
      let nameless = 0;
      for (let count = 0; count < trial.pick(100, 20); count += 1) {
        const { ms, status: given, id } = await once(rig, head);
        statuses.add(given);
        times.push({ ms });
        if (id === null) nameless += 1;
      }
      trial.hold(`${what}: answers without a request id`, nameless === 0, nameless, "none");
      trial.hold(`${what}: answer`, statuses.size === 1 && statuses.has(status), [...statuses].join(", "), String(status));
      const share = trial.short ? 0.9 : 0.99;
      trial.hold(`${what}: p${share * 100}, ms`, percentile(times, share) <= 50, percentile(times, share), "≤ 50");
      trial.hold(`${what}: sent upstream`, rig.app.requests === before, rig.app.requests - before, "nothing");
    }
    await rig.verify();
  },
};

async function once(rig: FaultRig, head: string): Promise<{ readonly ms: number; readonly status: number; readonly id: string | null }> {
  const client = await rawConnect({ port: rig.instances[0]?.port ?? 0 });
  const began = performance.now();
  client.send(head);
  const answer = await client.answer();
  client.destroy();
  return { ms: performance.now() - began, status: answer.status, id: answer.header("x-request-id") };
}
