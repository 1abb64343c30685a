import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { makeSamlKey } from "../support/saml-keys.ts";
import { entityXml, signRoot, startMetadataServer } from "../support/saml-metadata.ts";
import { residentMb } from "./processes.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

const hourMs = 3_600_000;

export const scenario: Scenario = {
  title: "SAML metadata cannot be had, is empty, broken, endless, expired",
  run: async (trial) => {
    const folder = await mkdtemp(join(tmpdir(), "vestibule-clock-"));
    trial.later(() => rm(folder, { recursive: true, force: true }));
    const file = join(folder, "offset");
    await writeFile(file, "0");
    const [key, signer, stranger] = [await makeSamlKey("campus"), await makeSamlKey("signer"), await makeSamlKey("stranger")];
    const signerFile = join(folder, "signer.pem");
    await writeFile(signerFile, signer.certificate);
    const server = await startMetadataServer();
    trial.later(() => server.close());
    const validUntil = new Date(Date.now() + 10 * 24 * hourMs).toISOString();
    const entity = (until: string) => entityXml({ certificates: [key.certificate], attributes: `validUntil="${until}"` });
    const good = signRoot(entity(validUntil), signer);
    server.answer = (_, response) => response.end(good);
    const rig = await startFaultRig(trial, {
      instances: 1,
      providers: `  campus:\n    name: Campus\n    saml: { metadata: "${server.url}", metadataSigner: { file: "${signerFile}" }, signRequests: false }`,
      env: { NODE_OPTIONS: `--import=${new URL("shifted-clock.mjs", import.meta.url).href}`, CLOCK_OFFSET_FILE: file },
    });
    const gateway = rig.instances[0]?.process;
    if (gateway === undefined) throw new Error("no instance");
    const atProvider = await begin(rig);
    trial.hold("a login before", atProvider === "302", atProvider, "goes to the provider");
    // What a young process takes for itself is not the document's: only what comes after it has served a while counts.
    const people = await rig.signIn(5);
    for (let count = 0; count < 2_000; count += 20) await Promise.all(Array.from({ length: 20 }, () => rig.get(people[0] ?? null)));
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
      "is signed by another": (response) => response.end(signRoot(entity(validUntil), stranger)),
      "is changed after it was signed": (response) => response.end(good.replace("/sso", "/evil")),
      "has expired already": (response) => response.end(signRoot(entity(new Date(Date.now() - hourMs).toISOString()), signer)),
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
    const counted = await failedFetches(rig);
    trial.hold("failures counted", counted >= Object.keys(faults).length, counted, `≥ ${Object.keys(faults).length}`);
    trial.hold("memory, MB more", most - before < 20, most - before, "< 20");
    await writeFile(file, String(11 * 24 * hourMs));
    const late = await eventually(async () => {
      const answer = await begin(rig);
      if (answer !== "503") throw new Error(answer);
      return answer;
    }).catch(() => begin(rig));
    trial.hold("a login past its validity", late === "503", late, "503: never verified with nothing");
    await rig.verify();
  },
};

async function failedFetches(rig: FaultRig): Promise<number> {
  const { body } = await rig.admin("/metrics");
  return Number(/^vestibule_provider_fetches_total\{.*document="metadata".*outcome="failed".*\} (\d+)/m.exec(body)?.[1] ?? 0);
}

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
