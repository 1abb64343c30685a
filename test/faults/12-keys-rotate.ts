import { fakeKey } from "../support/fake-keys.ts";
import { newVisitor } from "../support/visitor.ts";
import { startFaultRig } from "./rig.ts";
import type { Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the provider's signing keys rotate",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1 });
    const before = await newVisitor().browse(`${rig.origin}/`);
    trial.hold("a login before", before.status === 200, before.status, "200");
    const fetched = rig.idp.count("/jwks");
    rig.idp.keys = [await fakeKey("second", "RS256")];
    const first = await newVisitor().browse(`${rig.origin}/`);
    trial.hold("the first login with the new key", first.status === 200, first.status, "200");
    for (let count = 0; count < 5; count += 1) await newVisitor().browse(`${rig.origin}/`);
    trial.hold("fetches of the key set", rig.idp.count("/jwks") - fetched === 1, rig.idp.count("/jwks") - fetched, "1");
    rig.verify();
  },
};
