import { randomBytes } from "node:crypto";
import { makeSecret } from "../../src/core/secret.ts";
import { createSessionCookies } from "../../src/http/cookies.ts";
import { createRedisStore } from "../../src/sessions/redis/store.ts";
import { eventually } from "../support/eventually.ts";
import { noMetrics, recordingLog } from "../support/quiet.ts";
import type { TestRedis } from "../support/redis.ts";
import { aNewSession, redisAt, sessionSettings } from "../support/session-builders.ts";
import type { FaultRig, SignedIn } from "./rig.ts";
import type { RigOptions } from "./rig-config.ts";
import type { Trial } from "./scenario.ts";

/** Makes sessions at the store itself, past the fault proxy and past every login. */
export async function openSignIn(
  trial: Trial,
  { redis, target, secret }: Pick<RigOptions, "target"> & { readonly redis: TestRedis; readonly secret: string },
): Promise<FaultRig["signIn"]> {
  const secrets = [makeSecret(secret)];
  const at = redisAt(redis.url, target === undefined ? {} : { target });
  const settings = sessionSettings({ store: at, secrets, perUser: 10_000 });
  const store = createRedisStore({ settings, clock: Date.now, random: randomBytes, log: recordingLog(), metrics: noMetrics });
  trial.later(() => store.close());
  await eventually(() => {
    if (!store.health().reachable) throw new Error("no store");
  });
  const cookies = createSessionCookies({ baseName: "vestibule", secure: false, secrets });
  return async (wanted, change = {}) => {
    const people: SignedIn[] = [];
    for (let each = 0; each < wanted; each += 1) {
      const principal = { provider: "acme", subject: `user-${each}`, ...change.principal };
      const session = await store.sessions.create(aNewSession({ tokens: null, ...change, principal }));
      people.push({ session, cookie: cookies.issue(session.id, "wiki.localhost").split(";")[0] ?? "" });
    }
    return people;
  };
}
