import { fakeKey, signToken } from "../support/fake-keys.ts";
import { byStatus, p99, percentile, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { type Scenario, sleep } from "./scenario.ts";

export const scenario: Scenario = {
  title: "the key set cannot be had, 1,000 tokens with unknown keys",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { instances: 1, wiki: "    bearer: [acme]" });
    const bearer = async (token: string) => rig.get(null, { headers: { authorization: `Bearer ${token}` } });
    const good = await rig.idp.bearerToken();
    const first = await bearer(good);
    trial.hold("a token before", first.status === 200, first.status, "200");
    rig.idp.script.jwks = () => ({ status: 500, raw: "down" });
    const fetched = rig.idp.count("/jwks");
    const stranger = await fakeKey("unknown", "RS256");
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: rig.idp.issuer, aud: rig.idp.clientId, sub: "mallory", iat: now, exp: now + 3_600, groups: ["staff"] };
    const forged = await Promise.all(
      Array.from({ length: 1_000 }, (_, at) => signToken(claims, { ...stranger, kid: `kid-${at}` }, { typ: "at+jwt" })),
    );
    let next = 0;
    const load = startLoad(200, () => {
      next += 1;
      return bearer(next % 10 === 0 ? good : (forged[next % 1_000] ?? ""));
    });
    await sleep(trial.pick(3_600_000, 6_000));
    const all = await load.stop();
    const refused = all.filter(({ status }) => status === 401);
    const minutes = trial.pick(60, 1);
    trial.hold(
      "answers",
      refused.length >= all.length * 0.89 && all.every(({ status }) => status === 401 || status === 200),
      byStatus(all),
      "known keys 200, others 401",
    );
    trial.hold(
      "known keys let in",
      all.some(({ status }) => status === 200),
      all.filter(({ status }) => status === 200).length,
      "every tenth",
    );
    trial.hold(
      "fetches of the key set",
      rig.idp.count("/jwks") - fetched <= minutes,
      rig.idp.count("/jwks") - fetched,
      `≤ ${minutes}: one a minute`,
    );
    trial.hold(
      "refusals, median and p99 in ms",
      percentile(refused, 0.5) <= 50,
      `${percentile(refused, 0.5).toFixed(1)}, ${p99(refused).toFixed(1)}`,
      "≤ 50",
    );
    rig.verify();
  },
};
