import { fakeKey } from "../support/fake-keys.ts";
import { byStatus } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the provider's signing keys rotate",
  run: async (trial) => {
    const rig = await startFaultRig(trial);
    const login = async () => (await rig.visitor().browse(`${rig.origin}/`)).status;
    const logins = async (count: number) => {
      const statuses: number[] = [];
      for (let each = 0; each < count; each += 1) statuses.push(await login());
      return statuses;
    };
    const hold = (what: string, statuses: readonly number[]) => {
      const all = byStatus(statuses.map((status) => ({ status, error: null })));
      trial.hold(
        what,
        statuses.every((status) => status === 200),
        all,
        "all 200",
      );
    };
    // Until every process that takes part knows the old key: what is fetched from now on is fetched for the new one.
    hold("logins before", await logins(12));
    const fetched = rig.idp.count("/jwks");
    rig.idp.keys = [await fakeKey("second", "RS256")];
    hold("the first login with the new key", await logins(1));
    const once = rig.idp.count("/jwks") - fetched;
    trial.hold("fetches of the key set for it", once === 1, once, "1");
    hold("logins later", await logins(12));
    const all = rig.idp.count("/jwks") - fetched;
    trial.hold("fetches of the key set in all", all === 1, all, "1: one process tells the others");
    await rig.verify();
  },
};
