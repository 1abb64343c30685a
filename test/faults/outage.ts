import { eventually } from "../support/eventually.ts";
import type { Reply } from "./ask.ts";
import { byStatus, type Load, startLoad } from "./load.ts";
import type { FaultRig, SignedIn } from "./rig.ts";
import { letPass, type Trial, timed } from "./scenario.ts";

const recoveryMs = 2_000;
/** What a browser says when somebody follows a link: whoever has no session is sent to log in. */
const navigation = { accept: "text/html", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document" };

/** Signed-in people at both instances: every other request is a script's, the others open a page. */
export function startVisits(rig: FaultRig, people: readonly SignedIn[], rps: number): Load {
  return startLoad(rps, (count) => {
    const turn = Math.floor(count / people.length);
    const headers = (turn + count) % 2 === 0 ? {} : navigation;
    return rig.get(people[count % people.length] ?? null, { at: turn % rig.instances.length, headers });
  });
}

/** What holds whenever the store cannot be asked: nobody is sent away, and nobody loses a cookie. */
export function holdPatience(trial: Trial, during: readonly Reply[]): void {
  const others = during.filter(({ status }) => status !== 200 && status !== 503);
  trial.hold("neither 200 nor 503 (logins, failures)", others.length === 0 && during.length > 0, byStatus(others), "none");
  const silent = during.filter(({ status, headers }) => status === 503 && headers["retry-after"] === undefined);
  trial.hold("503 without Retry-After", silent.length === 0, silent.length, "0");
  const touched = during.filter(({ headers }) => headers["set-cookie"] !== undefined);
  trial.hold("answers that touch a cookie", touched.length === 0, touched.length, "0");
}

/** The store is as it was: everybody is let in again with the same cookies, by every process. `load` goes on meanwhile. */
export async function holdRecovery(trial: Trial, rig: FaultRig, people: readonly SignedIn[], load: Load): Promise<void> {
  const backAt = performance.now();
  const recovery = await timed(() =>
    eventually(async () => {
      const answers = await rig.getAll(people);
      if (answers.some(({ status }) => status !== 200)) throw new Error(byStatus(answers));
    }),
  );
  // Time itself is what is tried: what comes after the limit is to be seen, and that nothing fails in it shows in nothing else.
  await letPass(Math.max(0, backAt + recoveryMs + 500 - performance.now()));
  const limit = recoveryMs + trial.slackMs();
  const late = load.replies.filter(({ at, status }) => at > backAt + limit && status !== 200);
  trial.hold("recovery with the same cookies, ms", recovery.ms <= limit && late.length === 0, recovery.ms, "≤ 2000, in every process");
}
