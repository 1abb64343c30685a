import { startFakeOidc } from "../support/fake-oidc.ts";
import { newVisitor } from "../support/visitor.ts";
import { byStatus, p99, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "a provider is down, also at the start",
  run: async (trial) => {
    const idp = await startFakeOidc();
    await idp.close();
    const other = await startFakeOidc();
    trial.later(() => other.close());
    const rig = await startFaultRig(trial, {
      idp,
      providers: `  beta:\n    name: Beta\n    oidc: { issuer: "${other.issuer}", clientId: ${other.clientId}, clientSecret: { env: CLIENT_SECRET } }`,
    });
    trial.hold("the gateway starts", true, "yes", "yes");
    const people = await rig.signIn(20);
    const load = startLoad(100, (count) => rig.get(people[count % 20] ?? null, { at: count % 2 }));
    const login = await timed(() =>
      newVisitor().browse(`${rig.origin.replace("wiki", "auth")}/_vestibule/login?return=${rig.origin}/&provider=acme`),
    );
    trial.hold(
      "the login page says so",
      login.value.status === 503 && /not answering/.test(login.value.body),
      login.value.status,
      "503, in words",
    );
    trial.hold("within, ms", login.ms <= 5_000 + trial.slackMs(), login.ms, "≤ 5000");
    const page = await newVisitor().browse(`${rig.origin.replace("wiki", "auth")}/_vestibule/login?return=${rig.origin}/&provider=beta`);
    trial.hold("a login at another provider", page.status === 200, page.status, "200");
    await sleep(trial.pick(600_000, 4_000));
    const all = await load.stop();
    trial.hold(
      "signed-in traffic",
      all.every(({ status }) => status === 200),
      `${byStatus(all)}; p99 ${p99(all).toFixed(1)} ms`,
      "all 200",
    );
    rig.verify();
  },
};
