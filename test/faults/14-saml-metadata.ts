import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { entityXml, startMetadataServer } from "../support/saml-metadata.ts";
import { residentMb } from "./processes.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import { type Scenario, sleep } from "./scenario.ts";

const hourMs = 3_600_000;

export const scenario: Scenario = {
  title: "SAML metadata cannot be had, is empty, broken, endless, expired",
  run: async (trial) => {
    const folder = await mkdtemp(join(tmpdir(), "vestibule-clock-"));
    trial.later(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "offset");
    await writeFile(file, "0");
    const key = await makeSamlKey("campus");
    const server = await startMetadataServer();
    trial.later(() => server.close());
    const validUntil = new Date(Date.now() + 10 * 24 * hourMs).toISOString();
    const good = entityXml({ certificates: [key.certificate], attributes: `validUntil="${validUntil}"` });
    server.answer = (_, response) => response.end(good);
    const rig = await startFaultRig(trial, {
      instances: 1,
      workers: 2,
      providers: `  campus:\n    name: Campus\n    saml: { metadata: "${server.url}", signRequests: false }`,
      env: { NODE_OPTIONS: `--import=${new URL("shifted-clock.mjs", import.meta.url).href}`, CLOCK_OFFSET_FILE: file },
    });
    const gateway = rig.instances[0]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const atProvider = await begin(rig);
    trial.hold("a login before", atProvider === "302", atProvider, "goes to the provider");
    const before = residentMb(gateway.pid);
    let offset = 0;
    let asked = 0;
    const serve = (act: (response: ServerResponse) => unknown) => {
      server.answer = (_, response) => {
        asked += 1;
        act(response);
      };
    };
    const faults: Readonly<Record<string, (response: ServerResponse) => unknown>> = {
      "cannot be had": (response) => response.writeHead(500).end(),
      "is empty": (response) => response.end(""),
      "is no metadata": (response) => response.end("<html/>"),
      "has expired already": (response) => response.end(good.replace(validUntil, new Date(Date.now() - hourMs).toISOString())),
      "has 50 MB": (response) => {
        const block = Buffer.alloc(1024 * 1024, "<!-- -->");
        let left = 50;
        const more = () => {
          for (; left > 0; left -= 1) if (!response.write(block)) return void response.once("drain", more);
          response.end();
        };
        more();
      },
    };
    let most = before;
    for (const [name, act] of Object.entries(faults)) {
      asked = 0;
      serve(act);
      const warned = () => gateway.logged((line) => line.level === "warn" && /metadata|document/.test(JSON.stringify(line))).length;
      const told = warned();
      offset += 13 * hourMs;
      await writeFile(file, String(offset));
      await sleep(200);
      await eventually(
        async () => {
          await begin(rig);
          most = Math.max(most, residentMb(gateway.pid));
          if (asked === 0 || warned() === told) throw new Error(`asked ${asked} times, warned ${warned() - told} times`);
        },
        { timeoutMs: 15_000, everyMs: 100 },
      );
      const status = await begin(rig);
      trial.hold(`a login while it ${name}`, status === "302", `${status}, logged`, "goes to the provider");
    }
    trial.hold("memory, MB more", most - before < 20 + 20, most - before, "< 20, and the garbage of a young process");
    await writeFile(file, String(11 * 24 * hourMs));
    await sleep(200);
    const late = await begin(rig);
    trial.hold("a login past its validity", late === "503", late, "503: never verified with nothing");
    rig.verify();
  },
};

/** What beginning a login at the SAML provider is answered with. */
async function begin(rig: FaultRig): Promise<string> {
  const visitor = rig.visitor();
  let answer = await visitor.visit(
    `${rig.origin.replace("wiki", "auth")}/_vestibule/login?return=${encodeURIComponent(`${rig.origin}/`)}&provider=campus`,
  );
  for (let hop = 0; hop < 5 && answer.location !== null; hop += 1) {
    const next = new URL(answer.location, answer.url);
    if (!next.hostname.endsWith(".localhost")) return "302";
    answer = await visitor.visit(next.href);
  }
  return answer.body.includes("SAMLRequest") ? "302" : String(answer.status);
}
