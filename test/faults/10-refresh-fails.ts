import { Agent } from "node:http";
import { eventually } from "../support/eventually.ts";
import { byStatus, startLoad } from "./load.ts";
import { type SignedIn, startFaultRig } from "./rig.ts";
import { letPass, type Scenario, type Trial } from "./scenario.ts";

const people = 10;

export const scenario: Scenario = {
  title: "the provider fails at refresh",
  run: async (trial) => {
    // In full long enough for second attempts, after 30 to 75 seconds.
    const seconds = trial.pick(160, 10);
    const rig = await startFaultRig(trial, { sessions: `  idle: ${seconds + 4}s\n  lifetime: ${seconds + 4}s` });
    let mode: "broken" | "silent" | "invalid" = "broken";
    const asked = new Map<string, number[]>();
    rig.idp.script.token = (_, { form }) => {
      const token = form.get("refresh_token") ?? "";
      asked.set(token, [...(asked.get(token) ?? []), performance.now()]);
      if (mode === "silent") return { hang: true };
      return mode === "invalid" ? { status: 400, json: { error: "invalid_grant" } } : { status: 500, json: { error: "server_error" } };
    };
    const refreshing = (refreshToken: string, subject: string) => ({
      tokens: { idToken: null, accessToken: "old", refreshToken, accessTokenExpiresAt: Date.now() },
      refreshAt: Date.now() - 1_000,
      principal: { subject },
    });
    const signedIn: SignedIn[] = [];
    for (let each = 0; each < people; each += 1) signedIn.push(...(await rig.signIn(1, refreshing(`token-${each}`, `user-${each}`))));
    // One connection for each of them, and so one process: how long that rests is then to be seen at the provider.
    const agents = signedIn.map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
    trial.later(() => agents.map((agent) => agent.destroy()));
    const began = performance.now();
    const load = startLoad(200, (count) => {
      const agent = agents[count % people];
      return rig.get(signedIn[count % people] ?? null, { at: count % 2, ...(agent === undefined ? {} : { agent }) });
    });
    await letPass((seconds / 2) * 1_000);
    const attempts = [...asked.values()].map((times) => times.length);
    const few = attempts.length === people && attempts.every((count) => count >= trial.pick(2, 1) && count <= trial.pick(3, 1));
    trial.hold("refreshes tried while it answers 500, per session", few, attempts.join(", "), "one, and another after half a minute");
    if (!trial.short) holdJitter(trial, [...asked.values()]);
    mode = "silent";
    const waiting = rig.getAll(await rig.signIn(3, refreshing("late", "late")));
    await letPass((seconds / 2) * 1_000 - 500);
    const meanwhile = load.replies.filter(({ at }) => at < began + seconds * 1_000);
    trial.hold(
      "requests meanwhile",
      meanwhile.every(({ status }) => status === 200),
      byStatus(meanwhile),
      "all 200: the session lives on",
    );
    const patient = await waiting;
    trial.hold(
      "whoever waits for a provider that says nothing",
      patient.every(({ status }) => status === 200),
      byStatus(patient),
      "all 200",
    );
    // That it ends is seen at those who ask: the last of them is refused. Longer than its lifetime it may not take.
    const over = () => {
      const last = load.replies.slice(-people * 2);
      if (last.some(({ status }) => status === 200)) throw new Error(byStatus(last));
    };
    await eventually(over, { timeoutMs: began + (seconds + 5) * 1_000 + trial.slackMs() - performance.now() }).catch(() => {});
    const late = (await load.stop()).slice(-people * 2);
    trial.hold(
      "past the lifetime of the session",
      late.every(({ status }) => status === 401),
      byStatus(late),
      "all 401: no longer than its limits",
    );
    mode = "invalid";
    const others = await rig.signIn(5, refreshing("gone", "gone"));
    const refused = await Promise.all(others.map((one, at) => rig.get(one, { at: at % 2 })));
    refused.push(...(await rig.getAll(others)));
    trial.hold(
      "after invalid_grant",
      refused.every(({ status }) => status === 401),
      byStatus(refused),
      "all 401 at once",
    );
    await rig.verify();
  },
};

function holdJitter(trial: Trial, attempts: readonly (readonly number[])[]): void {
  const rests = attempts.map(([first = 0, second = 0]) => second - first).sort((one, other) => one - other);
  const [shortest = 0, longest = 0] = [rests[0], rests.at(-1)];
  const figure = `${(shortest / 1_000).toFixed(1)} to ${(longest / 1_000).toFixed(1)}`;
  trial.hold("rests before the second attempt, s", shortest >= 29_000 && longest - shortest >= 5_000, figure, "≥ 30, not in step");
}
