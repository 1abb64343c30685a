import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { type KerberosRig, startKerberosRig } from "../support/kerberos-rig.ts";
import { startRedis, type TestRedis } from "../support/redis.ts";

let redis: TestRedis;
let rig: KerberosRig;
let alice: NodeJS.ProcessEnv;
beforeAll(async () => {
  redis = await startRedis();
  rig = await startKerberosRig({ store: `{ redis: { url: "${redis.url}" } }`, top: "workers: 2", instances: 2 });
  alice = await rig.kdc.signIn("alice");
}, 90_000);
afterAll(async () => {
  await rig?.close();
  await redis?.stop();
});

const loginUrl = () => `${rig.auth}/_vestibule/login?return=${encodeURIComponent(`${rig.wiki}/`)}`;
const ticketResults = () =>
  rig.gateways.flatMap((gateway) => gateway.logged((line) => line.audit === "ticket")).map(({ result }) => String(result));
const challenged = (heads: readonly string[]) => heads.filter((head) => /^www-authenticate: negotiate$/im.test(head)).length;

test("of one ticket presented to two instances with two workers each at the same time, one is accepted", async () => {
  const browsers = await Promise.all(
    Array.from({ length: 6 }, async (_, at) => {
      const jar = join(rig.folder, `replay-${at}`);
      const { url } = await rig.curl({ url: loginUrl(), jar, instance: at % 2 });
      return { jar, url, instance: at % 2 };
    }),
  );
  const args = ["-H", `Authorization: Negotiate ${await rig.kdc.token(alice, "auth.localhost")}`];
  const answers = await Promise.all(browsers.map((browser) => rig.curl({ ...browser, args, follow: false })));
  expect(answers.map(({ heads }) => heads[0]?.split(" ")[1]).sort()).toEqual(["200", "200", "200", "200", "200", "303"]);
  await eventually(() => expect(ticketResults().sort()).toEqual(["accepted", ...Array<string>(5).fill("kerberos.replayed")]));
});

test("a browser without a ticket that one instance has challenged is not challenged by the other", async () => {
  const jar = join(rig.folder, "bob");
  expect(challenged((await rig.curl({ url: `${rig.wiki}/`, jar })).heads)).toBe(1);
  const again = await rig.curl({ url: `${rig.wiki}/`, jar, instance: 1 });
  expect(challenged(again.heads)).toBe(0);
  expect(again.body).toContain('autocomplete="current-password"');
});

test("a new keytab counts in every process at once, without a reload", async () => {
  await rig.kdc.admin("cpw -randkey HTTP/auth.localhost");
  const fresh = await rig.kdc.signIn("alice");
  const bodies = async () => {
    const answers = [0, 1, 0, 1, 0, 1].map((instance) => rig.curl({ url: `${rig.wiki}/`, env: fresh, instance }));
    return (await Promise.all(answers)).map(({ body }) => (body === "ok" ? body : /current-password/.exec(body)?.[0]));
  };
  expect(new Set(await bodies())).toEqual(new Set(["current-password"]));
  await rig.kdc.admin(`ktadd -k ${join(rig.folder, "new.keytab")} -norandkey HTTP/auth.localhost`);
  await writeFile(rig.keytab, await readFile(join(rig.folder, "new.keytab")));
  expect(new Set(await bodies())).toEqual(new Set(["ok"]));
});

test("ten passwords a minute for one account are ten over both instances: the directory is asked no more", async () => {
  const before = (await rig.slapd.settledLog()).length;
  const jars = await Promise.all(
    Array.from({ length: 14 }, async (_, at) => {
      const jar = join(rig.folder, `guess-${at}`);
      const form = await rig.curl({ url: `${rig.wiki}/`, jar, instance: at % 2, args: ["-H", "X-Forwarded-For: 203.0.113.9"] });
      return { jar, instance: at % 2, state: /name="state" value="([^"]+)"/.exec(form.body)?.[1] ?? "" };
    }),
  );
  const answers = await Promise.all(
    jars.map(({ jar, instance, state }, at) => {
      const fields = [
        "--data-urlencode",
        `state=${state}`,
        "--data-urlencode",
        "username=carol",
        "--data-urlencode",
        `password=guess-${at}`,
      ];
      return rig.curl({
        url: `${rig.auth}/_vestibule/ldap/corp/form`,
        jar,
        instance,
        args: [...fields, "-H", "X-Forwarded-For: 203.0.113.9"],
      });
    }),
  );
  expect(answers.filter(({ status }) => status === 429)).toHaveLength(4);
  const binds = (await rig.slapd.settledLog()).slice(before).match(/BIND dn="uid=carol/g) ?? [];
  expect(binds).toHaveLength(10);
});
