import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { startFakeOidc } from "../support/fake-oidc.ts";
import { byStatus, p99, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario, type Trial, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a provider is down, also at the start; another one hangs",
  run: async (trial) => {
    const idp = await startFakeOidc();
    await idp.close();
    const other = await startFakeOidc();
    trial.later(() => other.close());
    const provider = (name: string, issuer: string) =>
      `  ${name}:\n    name: ${name}\n    oidc: { issuer: "${issuer}", clientId: ${other.clientId}, clientSecret: { env: CLIENT_SECRET } }`;
    const rig = await startFaultRig(trial, {
      idp,
      providers: [provider("beta", other.issuer), provider("mute", await startMute(trial))].join("\n"),
    });
    trial.hold("the gateway starts", true, "yes", "yes");
    const people = await rig.signIn(20);
    const load = startLoad(100, (count) => rig.get(people[count % 20] ?? null, { at: count % 2 }));
    const login = (at: string) =>
      rig.visitor().browse(`${rig.origin.replace("wiki", "auth")}/_vestibule/login?return=${rig.origin}/&provider=${at}`);
    const until = performance.now() + trial.pick(600_000, 4_000);
    do {
      for (const [at, what] of [
        ["acme", "down"],
        ["mute", "mute"],
      ] as const) {
        const { ms, value } = await timed(() => login(at));
        const says = value.status === 503 && /not answering/.test(value.body);
        trial.hold(`a login at the one that is ${what}`, says, value.status, "503, in words");
        trial.hold(`${what}: within, ms`, ms <= 5_000 + trial.slackMs(), ms, "≤ 5000");
      }
      const page = await login("beta");
      trial.hold("a login at another provider", page.status === 200, page.status, "200");
      await letPass(trial.pick(60_000, 4_000));
    } while (performance.now() < until);
    const all = await load.stop();
    trial.hold(
      "signed-in traffic",
      all.every(({ status }) => status === 200),
      `${byStatus(all)}; p99 ${p99(all).toFixed(1)} ms`,
      "all 200",
    );
    await rig.verify();
  },
};

/** Accepts, and never says a word. */
async function startMute(trial: Trial): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    trial.later(() => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  trial.later(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
