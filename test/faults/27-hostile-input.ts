import { makeSamlKey } from "../support/saml-keys.ts";
import { entityXml, startMetadataServer } from "../support/saml-metadata.ts";
import { hostileAnswers } from "./hostile-xml.ts";
import { byStatus, holdPace, startLoad } from "./load.ts";
import { type FaultRig, startFaultRig } from "./rig.ts";
import { letPass, type Scenario } from "./scenario.ts";

export const scenario: Scenario = {
  title: "hostile XML, 10,000 groups, huge tokens, evil patterns and paths",
  run: async (trial) => {
    const key = await makeSamlKey("campus");
    const metadata = await startMetadataServer();
    trial.later(() => metadata.close());
    metadata.answer = (_, response) => response.end(entityXml({ certificates: [key.certificate] }));
    const rig = await startFaultRig(trial, {
      providers: `  campus:\n    name: Campus\n    saml: { metadata: "${metadata.url}", signRequests: false }`,
      wiki: `    bearer: [acme]
    optional: ["/**/a*a*a*a*a*b", "/**/**/**/x*y*z*"]
    routes:
      - { path: /evil, access: [{ allow: { groups: ["*b", staff] } }] }`,
    });
    const people = await rig.signIn(30);
    const crowd = Array.from({ length: 10_000 }, (_, at) => `group-${at}-${"a".repeat(20)}`);
    const names = [...crowd, "staff"];
    const [many] = await rig.signIn(1, { principal: { subject: "many", groups: { kind: "known", names } } });
    if (many === undefined) throw new Error("no session");
    const load = startLoad(trial.pick(200, 100), (count) => rig.get(people[count % 30] ?? null));
    await load.answered(300);
    const warm = performance.now();
    await letPass(trial.pick(10_000, 4_000));
    const usual = await lagSince(rig);
    const hostileAt = performance.now();
    rig.idp.person = { ...rig.idp.person, groups: names };
    const login = await rig.visitor().browse(`${rig.origin}/`);
    trial.hold("a login with 10,000 groups", login.status === 200 || login.status === 403, login.status, "an answer");
    const hostile = startLoad(trial.pick(40, 20), (count) => hostileRequest(rig, many, count));
    await letPass(trial.pick(20_000, 5_000));
    const answered = await hostile.stop();
    const lag = await lagSince(rig);
    const all = await load.stop();
    const base = all.filter(({ at }) => at > warm && at < hostileAt);
    const during = all.filter(({ at }) => at > hostileAt);
    trial.say(`hostile requests: ${byStatus(answered)}`);
    trial.hold(
      "hostile requests without an answer",
      answered.every(({ status, error }) => status > 0 || error === "ECONNRESET" || error === "EPIPE"),
      byStatus(answered),
      "none",
    );
    trial.hold(
      "good requests",
      during.every(({ status }) => status === 200),
      byStatus(during),
      "all 200",
    );
    trial.hold("event loop lag, p99 in ms", lag < 100 + usual, lag, `< 100 more than B, B ${usual.toFixed(1)}`);
    holdPace(trial, "good requests", during, base, 2);
    await rig.verify();
  },
};

const token = (bytes: number) => `Bearer ${"a".repeat(bytes / 3)}.${"b".repeat(bytes / 3)}.${"c".repeat(bytes / 3)}`;
const hugeToken = token(1_000_000);
const largeToken = token(12_000);

function hostileRequest(rig: FaultRig, many: { readonly cookie: string }, count: number) {
  switch (count % 6) {
    case 0:
      return rig.get(null, { headers: { cookie: many.cookie } });
    case 1:
      return rig.get(null, { headers: { authorization: hugeToken } });
    case 2:
      return rig.get(null, { headers: { authorization: largeToken } });
    case 3:
      return rig.get(null, { path: `/${"a/".repeat(3_000)}${"a".repeat(1_000)}`, headers: { cookie: many.cookie } });
    case 4: {
      const body = hostileAnswers[Math.floor(count / 6) % hostileAnswers.length] ?? "";
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      return rig.get(null, { path: "/_vestibule/saml/campus/acs", method: "POST", host: rig.host.replace("wiki", "auth"), headers, body });
    }
    default:
      return rig.get(null, { path: `/evil/${"%61;a".repeat(1_200)}`, headers: { cookie: many.cookie } });
  }
}

/** The event loop's own measure since it was last asked, of the worker that was kept waiting most. */
async function lagSince(rig: FaultRig): Promise<number> {
  const { body } = await rig.admin("/metrics");
  const lags = [...body.matchAll(/^nodejs_eventloop_lag_p99_seconds(?:\{[^}]*\})? ([\d.e+-]+)/gm)].map(([, seconds]) => Number(seconds));
  return lags.length === 0 ? Number.NaN : Math.max(...lags) * 1_000;
}
