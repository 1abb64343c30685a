import { afterEach, expect, test } from "vitest";
import { type FaultRig, type SignedIn, startFaultRig } from "../faults/rig.ts";
import { eventually } from "../support/eventually.ts";

const cleaning: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleaning.splice(0)) await clean();
});

/** Two instances on one Redis, and a provider with tokens that can be refreshed. */
async function open(): Promise<FaultRig> {
  return startFaultRig({
    short: true,
    pick: (_, quick) => quick,
    hold: (what, ok) => expect({ what, ok }).toEqual({ what, ok: true }),
    later: (clean) => void cleaning.unshift(clean),
    slackMs: () => 0,
    say: () => undefined,
  });
}

async function dueForRefresh(rig: FaultRig): Promise<SignedIn> {
  const tokens = { idToken: null, accessToken: "old", refreshToken: "token-0", accessTokenExpiresAt: Date.now() - 1_000 };
  // Due a little later, so that connections can be opened before.
  const [one] = await rig.signIn(1, { tokens, refreshAt: Date.now() + 1_500, principal: { subject: "alice" } });
  if (one === undefined) throw new Error("no session");
  return one;
}

test("what a refresh at one instance takes away is refused at the other, and what is open there is cut", async () => {
  const rig = await open();
  rig.idp.person = { ...rig.idp.person, sub: "alice", groups: ["guests"] };
  rig.idp.script.token = async (good) => ({ json: { ...good, id_token: await rig.idp.idToken(), refresh_token: "token-1" } });
  const alice = await dueForRefresh(rig);
  const socket = await rig.socket(alice, 1);
  const cut = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  await eventually(async () => expect((await rig.get(alice, { at: 0 })).status).toBe(403));
  const refusedAt = Date.now();
  await cut;
  expect(Date.now() - refusedAt).toBeLessThan(5_000);
  expect((await rig.get(alice, { at: 1 })).status).toBe(403);
  expect(rig.idp.count("/token")).toBe(1);
  rig.verify();
});
