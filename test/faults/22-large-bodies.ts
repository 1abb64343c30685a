import { createHash } from "node:crypto";
import { request } from "node:http";
import { blockOfBytes, digestOfBytes } from "./app.ts";
import { residentMb } from "./processes.ts";
import { type FaultRig, type SignedIn, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "large downloads to slow readers, large uploads to a slow upstream",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1, workers: 2, wiki: "    proxy: { maxRequestBody: null }" });
    const [one] = await rig.signIn(1);
    if (one === undefined) throw new Error("no session");
    for (let count = 0; count < 200; count += 1) await rig.get(one);
    const pid = rig.instances[0]?.process.pid ?? 0;
    const bytes = trial.pick(1_024, 24) * 1024 * 1024;
    const before = residentMb(pid);
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, residentMb(pid));
    }, 100);
    trial.later(() => clearInterval(watch));
    const pauseMs = 2;
    const down = Array.from({ length: trial.pick(50, 20) }, () => download(rig, one, bytes, pauseMs));
    const up = Array.from({ length: trial.pick(20, 8) }, () => upload(rig, one, bytes, pauseMs));
    const good = digestOfBytes(bytes);
    const hashes = await Promise.all([...down, ...up]);
    const wrong = hashes.filter((hash) => hash !== good);
    trial.hold(
      "bodies with the right hash",
      wrong.length === 0,
      `${hashes.length - wrong.length} of ${hashes.length}, ${bytes / 1048576} MB each`,
      "all",
    );
    trial.hold("memory, MB more", most - before < 100, most - before, "< 100");
    await rig.verify();
  },
};

function download(rig: FaultRig, who: SignedIn, bytes: number, pauseMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const port = rig.instances[0]?.port ?? 0;
    const sent = request({ port, path: `/bytes?n=${bytes}`, headers: { host: rig.host, cookie: who.cookie }, agent: false }, (response) => {
      const hash = createHash("sha256");
      let sinceRest = 0;
      response.on("data", (chunk: Buffer) => {
        hash.update(chunk);
        sinceRest += chunk.length;
        if (sinceRest < 1_000_000) return;
        sinceRest = 0;
        response.pause();
        setTimeout(() => response.resume(), pauseMs * 10);
      });
      response.on("end", () => resolve(hash.digest("hex")));
      response.on("error", (error) => resolve(String(error)));
    });
    sent.on("error", reject).end();
  });
}

async function upload(rig: FaultRig, who: SignedIn, bytes: number, pauseMs: number): Promise<string> {
  const headers = { host: rig.host, cookie: who.cookie, "content-length": bytes };
  const sent = request({ port: rig.instances[0]?.port ?? 0, method: "POST", path: `/hash?pause=${pauseMs}`, headers, agent: false });
  const answer = new Promise<string>((resolve) => {
    sent.on("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    sent.on("error", (error) => resolve(String(error)));
  });
  for (let left = bytes; left > 0; left -= blockOfBytes.length) {
    const chunk = blockOfBytes.subarray(0, Math.min(left, blockOfBytes.length));
    if (!sent.write(chunk) && !sent.destroyed)
      await Promise.race([new Promise((resolve) => sent.once("drain", resolve)), answer, letPass(60_000)]);
  }
  sent.end();
  return answer;
}
