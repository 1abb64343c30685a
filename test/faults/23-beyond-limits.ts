import { rawConnect } from "../support/raw-client.ts";
import { percentile } from "./load.ts";
import { startFaultRig } from "./rig.ts";
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
    const cases = [
      { what: "headers, 101", head: `GET / HTTP/1.1\r\n${own}${fields(99)}\r\n`, status: 431 },
      { what: "header bytes, 16 KiB and more", head: `GET / HTTP/1.1\r\n${own}X-Long: ${"v".repeat(17_000)}\r\n\r\n`, status: 431 },
      { what: "URL, 8 KiB and more", head: `GET /${"p".repeat(8_300)} HTTP/1.1\r\n${own}\r\n`, status: 414 },
      {
        what: "body, 64 KiB and one",
        head: `POST /hash HTTP/1.1\r\n${own}Content-Length: 65537\r\n\r\n${"b".repeat(65_537)}`,
        status: 413,
      },
    ];
    for (const { what, head, status } of cases) {
      const before = rig.app.requests;
      const times: { ms: number }[] = [];
      const statuses = new Set<number>();
      for (let count = 0; count < 20; count += 1) {
        const client = await rawConnect({ port: rig.instances[0]?.port ?? 0 });
        const began = performance.now();
        client.send(head);
        statuses.add((await client.answer()).status);
        times.push({ ms: performance.now() - began });
        client.destroy();
      }
      trial.hold(`${what}: answer`, statuses.size === 1 && statuses.has(status), [...statuses].join(", "), String(status));
      trial.hold(`${what}: median, ms`, percentile(times, 0.5) <= 50, percentile(times, 0.5), "≤ 50");
      trial.hold(`${what}: sent upstream`, rig.app.requests === before, rig.app.requests - before, "nothing");
    }
    rig.verify();
  },
};
