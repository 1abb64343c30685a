import { expect, test } from "vitest";
import { GatewayError } from "../../src/core/errors.ts";
import type { DirectoryStep } from "../../src/core/ports/directory.ts";
import type { Principal } from "../../src/core/session.ts";
import { admitAgain } from "../../src/identity/renewals.ts";
import { createDirectoryRig } from "../support/directory-rig.ts";
import { recordingLog } from "../support/quiet.ts";

const roles = { boss: { groups: ["chiefs"], managers: false, keep: false } };
const away: DirectoryStep = {
  logins: {
    admit: () => Promise.reject(new GatewayError("directory.unavailable", "away")),
    recall: () => Promise.reject(new GatewayError("directory.unavailable", "away")),
  },
  effects: { settle: async (session) => session },
};
const now = 1_800_000_000_000;

async function refreshed(names: readonly string[] | null, step: DirectoryStep | null = away) {
  const rig = createDirectoryRig({ roles, defaultGroups: ["everybody"] });
  const said = { provider: "okta", subject: "1", name: "Zoë" } as const;
  const session = await rig.signIn({ ...said, groups: { kind: "known", names: ["chiefs", "staff"] } });
  const groups: Principal["groups"] = names === null ? { kind: "unknown", why: "overage" } : { kind: "known", names };
  const { person: _, ...bare } = session.principal;
  const principal = { ...bare, name: "Another Name", groups };
  const renewed = { kind: "renewed", principal, tokens: null, refreshAt: now + 3_600_000 } as const;
  const outcome = await admitAgain({ directory: step ?? rig, log: recordingLog(), clock: () => now }, session, renewed);
  if (outcome.kind !== "renewed") throw new Error(outcome.kind);
  return outcome;
}

test("while the directory is away, a refresh that says the same keeps what the directory said, and asks again soon", async () => {
  const { principal, refreshAt } = await refreshed(["chiefs", "staff"]);
  expect(principal.groups).toEqual({ kind: "known", names: ["chiefs", "staff", "everybody"] });
  expect(principal.person?.roles).toEqual(["boss"]);
  expect(principal.name).toBe("Zoë");
  expect(refreshAt).toBe(now + 60_000);
});

test("what the provider takes away meanwhile makes groups, roles and teams unknown: nothing is let in by them, nothing by their absence", async () => {
  const { principal, refreshAt } = await refreshed(["staff"]);
  expect(principal.groups).toMatchObject({ kind: "unknown" });
  expect(principal.person?.id).toBeDefined();
  expect(refreshAt).toBe(now + 60_000);
});

test("groups that are new at the provider give no role until the directory can be asked", async () => {
  const { principal } = await refreshed(["chiefs", "staff", "admins"]);
  expect(principal.groups).toEqual({ kind: "known", names: ["chiefs", "staff", "admins", "everybody"] });
  expect(principal.person?.roles).toEqual(["boss"]);
});

test("groups that the provider does not say stay unknown", async () => {
  expect((await refreshed(null)).principal.groups.kind).toBe("unknown");
});

test("while the directory answers, roles follow the provider at once", async () => {
  const { principal, refreshAt } = await refreshed(["staff"], null);
  expect(principal.person?.roles).toEqual([]);
  expect(refreshAt).toBe(now + 3_600_000);
});
