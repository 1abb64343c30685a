import { fakeKey, signToken } from "../support/fake-keys.ts";
import type { Reply } from "./ask.ts";
import { byStatus, p99, percentile, startLoad } from "./load.ts";
import { startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

const tokens = 1_000;

export const scenario: Scenario = {
  title: "the key set cannot be had, 1,000 tokens with unknown keys",
  run: async (trial) => {
    const rig = await startFaultRig(trial, { wiki: "    bearer: [acme]" });
    const bearer = (token: string, at: number, agent?: false): Promise<Reply> =>
      rig.get(null, { at, headers: { authorization: `Bearer ${token}` }, ...(agent === undefined ? {} : { agent }) });
    let good = await rig.idp.bearerToken();
    const first: Reply[] = [];
    while (first.length < 4) first.push(await bearer(good, first.length % 2, false));
    trial.hold(
      "a token before",
      first.every(({ status }) => status === 200),
      `${byStatus(first)}; ${rig.idp.count("/jwks")} fetches`,
      "200",
    );
    rig.idp.script.jwks = () => ({ status: 500, raw: "down" });
    const fetched = rig.idp.count("/jwks");
    let forged = await forgeTokens(rig.idp.issuer, rig.idp.clientId);
    const known: Reply[] = [];
    const unknown: Reply[] = [];
    const load = startLoad(200, async (count) => {
      const isKnown = count % 10 === 0;
      const reply = await bearer(isKnown ? good : (forged[count % tokens] ?? ""), Math.floor(count / 10) % 2);
      (isKnown ? known : unknown).push(reply);
      return reply;
    });
    const minutes = trial.pick(60, 0.1);
    for (let minute = 0; minute < minutes; minute += 1) {
      await letPass(Math.min(1, minutes) * 60_000);
      // Its own time is short; a forged one must be refused for its key, not for its age.
      good = await rig.idp.bearerToken();
      if (minute % 30 === 29) forged = await forgeTokens(rig.idp.issuer, rig.idp.clientId);
    }
    await load.stop();
    const share = trial.short ? 0.9 : 0.99;
    trial.hold(
      "known keys",
      known.every(({ status }) => status === 200),
      byStatus(known),
      "all 200",
    );
    trial.hold(
      "unknown keys",
      unknown.every(({ status }) => status === 401),
      byStatus(unknown),
      "all 401",
    );
    const asked = rig.idp.count("/jwks") - fetched;
    const most = Math.ceil(minutes);
    trial.hold("fetches of the key set", asked <= most, asked, `≤ ${most}: one a minute in all processes together`);
    trial.hold(
      `refusals, median, p${share * 100} and p99 in ms`,
      percentile(unknown, share) <= 50,
      `${percentile(unknown, 0.5).toFixed(1)}, ${percentile(unknown, share).toFixed(1)}, ${p99(unknown).toFixed(1)}`,
      `≤ 50 at p${share * 100}`,
    );
    await rig.verify();
  },
};

async function forgeTokens(iss: string, aud: string): Promise<readonly string[]> {
  const stranger = await fakeKey("unknown", "RS256");
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss, aud, sub: "mallory", iat: now, exp: now + 3_600, groups: ["staff"] };
  return Promise.all(Array.from({ length: tokens }, (_, at) => signToken(claims, { ...stranger, kid: `kid-${at}` }, { typ: "at+jwt" })));
}
