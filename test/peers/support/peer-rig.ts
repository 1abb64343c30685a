import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import { freePorts } from "../../support/free-port.ts";
import { type GatewayProcess, startGatewayProcess } from "../../support/gateway-process.ts";
import { ownedFolder } from "../../support/owned.ts";
import { type RecordingUpstream, startRecordingUpstream } from "../../support/recording-upstream.ts";
import { clientSecret, rigSecret } from "../../support/rig.ts";
import { type RigUrls, rigConfig, rigUrls } from "../../support/rig-apps.ts";
import { makeSamlKey } from "../../support/saml-keys.ts";
import { newVisitor, type Visitor } from "../../support/visitor.ts";

/** The product in a process of its own, with one identity provider called `peer` and two apps. */
export interface PeerRig {
  readonly gateway: GatewayProcess;
  readonly wiki: RecordingUpstream;
  /** Both apps are in front of `wiki`. */
  readonly urls: RigUrls;
  readonly adminPort: number;
  /** Runs `vestibule COMMAND …` on the same configuration. */
  command(...args: string[]): Promise<{ readonly code: number; readonly stdout: string }>;
  /** Ours, as the identity provider would fetch it. */
  metadata(): Promise<string>;
  close(): Promise<void>;
}

/** `provider` is the YAML under `peer:`, indented by four; `{keys}` in it stands for a key pair of ours. */
export async function startPeerRig(provider: string, top = ""): Promise<PeerRig> {
  const [port = 0, adminPort = 0] = await freePorts(2);
  const folder = ownedFolder("vestibule-peers-");
  const pair = await makeSamlKey("vestibule");
  await writeFile(join(folder, "own.crt"), pair.certificate);
  await writeFile(join(folder, "own.key"), pair.key, { mode: 0o600 });
  const keys = `[{ certificate: { file: ${folder}/own.crt }, key: { file: ${folder}/own.key } }]`;
  const wiki = await startRecordingUpstream();
  const urls = rigUrls(port);
  const providers = `  peer:\n    name: Peer\n${provider.replaceAll("{keys}", keys)}`;
  const env = { VESTIBULE_SECRET: rigSecret, CLIENT_SECRET: clientSecret };
  const gateway = await startGatewayProcess({
    yaml: rigConfig({ port, adminPort, providers, upstreams: { wiki: wiki.url, reports: wiki.url } }, { top }),
    adminPort,
    env,
  });
  return {
    gateway,
    wiki,
    urls,
    adminPort,
    command: (...args) => runCommand([...args, "--config", gateway.configFile], env),
    metadata: async () => {
      const answer = await newVisitor().visit(`${urls.auth}/_vestibule/saml/peer/metadata`);
      if (answer.status !== 200) throw new Error(`no metadata: ${answer.status} ${answer.body}`);
      return answer.body;
    },
    close: async () => {
      await gateway.stop();
      await wiki.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Until the gateway sends visitors to the provider: it may have looked for it before it was there. */
export async function untilProviderIsKnown(rig: PeerRig, visitor: Visitor, origin: string): Promise<void> {
  await eventually(
    async () => {
      const page = await visitor.browse(`${rig.urls.reports}/`);
      if (page.url.origin !== origin)
        throw new Error(`${page.url.href} answers ${page.status}:\n${rig.gateway.lines.slice(-5).join("\n")}`);
    },
    { timeoutMs: 20_000, everyMs: 500 },
  );
}

function runCommand(args: readonly string[], env: Record<string, string>): Promise<{ code: number; stdout: string }> {
  const main = new URL("../../../src/main.ts", import.meta.url).pathname;
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], { env: { PATH: process.env.PATH ?? "", ...env }, timeout: 20_000 }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout }),
    );
  });
}
