import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "../support/eventually.ts";
import { type KerberosRig, startKerberosRig } from "../support/kerberos-rig.ts";
import { type Scenario, type Trial, timed } from "./scenario.ts";

export const scenario: Scenario = {
  title: "Kerberos: the KDC is down, a clock is off, the keytab is wrong and renewed, the directory is down",
  run: async (trial) => {
    const rig = await startKerberosRig();
    trial.later(() => rig.close());
    const alice = await rig.kdc.signIn("alice");
    const byTicket = async (what: string, env = alice) => {
      const { ms, value } = await timed(() => rig.curl({ url: `${rig.wiki}/`, env }));
      trial.hold(`a login by ticket, ${what}`, value.body === "ok", value.body === "ok" ? "signed in" : value.status, "signed in");
      trial.hold(`${what}: within, ms`, ms <= 3_000 + trial.slackMs(), ms, "≤ 3000");
    };
    const toTheForm = async (what: string, code: string, options: { readonly offset?: string } = {}) => {
      const { body } = await rig.curl({ url: `${rig.wiki}/`, env: alice, ...options });
      trial.hold(`the form, ${what}`, body.includes("current-password"), body.includes("current-password") ? "yes" : "no", "yes");
      const result = await resultOf(rig, code);
      trial.hold(`the cause, ${what}`, result === code, result, code);
    };

    await byTicket("everything up");
    await rig.kdc.kill();
    await byTicket("the KDC is down");
    await rig.kdc.restart();
    await toTheForm("the visitor's clock is 20 minutes ahead", "kerberos.clock-skew", { offset: "+20m" });

    const good = await readFile(rig.keytab);
    await writeFile(rig.keytab, "no keytab");
    await toTheForm("the keytab is none", "kerberos.keytab");
    await writeFile(rig.keytab, good);
    await byTicket("the keytab is back");
    await rig.kdc.admin("cpw -randkey HTTP/auth.localhost");
    const fresh = await rig.kdc.signIn("alice");
    const old = await rig.curl({ url: `${rig.wiki}/`, env: fresh });
    const result = await resultOf(rig, "kerberos.kvno");
    trial.hold(
      "the form, with an old keytab",
      old.body.includes("current-password") && result === "kerberos.kvno",
      result,
      "kerberos.kvno",
    );
    await rig.kdc.admin(`ktadd -k ${join(rig.folder, "new.keytab")} -norandkey HTTP/auth.localhost`);
    await writeFile(rig.keytab, await readFile(join(rig.folder, "new.keytab")));
    await byTicket("with the new keytab, at once", fresh);

    await directoryDown(trial, rig, fresh);
    await byTicket("the directory is back", fresh);
  },
};

async function directoryDown(trial: Trial, rig: KerberosRig, env: NodeJS.ProcessEnv): Promise<void> {
  await rig.slapd.kill();
  const { ms, value } = await timed(() => rig.curl({ url: `${rig.wiki}/`, env }));
  trial.hold("a login by ticket, the directory is down", value.status === 503, value.status, "503: who that is cannot be said");
  trial.hold("the directory is down: within, ms", ms <= 3_000 + trial.slackMs(), ms, "≤ 3000");
  await rig.slapd.restart();
}

/** The result of the last ticket, once the log has it. */
async function resultOf(rig: KerberosRig, expected: string): Promise<string> {
  const last = () => String(rig.gateway.logged((line) => line.audit === "ticket").at(-1)?.result ?? "none");
  await eventually(() => {
    if (last() !== expected) throw new Error(last());
  }).catch(() => undefined);
  return last();
}
