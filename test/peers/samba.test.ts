import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { check } from "../../src/commands/check.ts";
import { ldapTest } from "../../src/commands/ldap-test.ts";
import { aConfig, runCommand } from "../commands/run-command.ts";
import { eventually } from "../support/eventually.ts";
import { type LdapRig, startLdapRig, submitPassword } from "../support/ldap-rig.ts";
import { startTlsRig, type TlsRig } from "../support/tls-rig.ts";
import { newVisitor, type Visitor } from "../support/visitor.ts";
import { adGroup, adUser, passwordLine, type SambaDomain, sambaBase, startSambaDomain, whyNoSamba } from "./support/samba.ts";

const reason = whyNoSamba();
if (reason !== null) process.stderr.write(`Active Directory is not tried: ${reason}\n`);

const [global, universal, domainLocal] = [-2147483646, -2147483640, -2147483644];
const password = (name: string) => `${name}-Secret-1`;
const person = (name: string, ...more: string[]) =>
  adUser(name, { password: password(name), more: ["userAccountControl: 512", `mail: ${name}@acme.example`, ...more] });
/** Hundreds of nanoseconds since 1601: a day in 2001. */
const longAgo = "126227808000000000";

const accounts =
  person("alice", "displayName: Alice Adams") +
  person("carol", "displayName:: Q8Ohcm9sIMOFbmdzdHLDtm0=") +
  person("leaving") +
  person("locked") +
  adUser("disabled", { password: password("disabled"), more: ["userAccountControl: 514"] }) +
  person("expired", `accountExpires: ${longAgo}`) +
  person("mustchange", "pwdLastSet: 0") +
  // 24: AES with 128 and 256 bits. Without it the domain issues tickets sealed with RC4.
  adUser("svc-vestibule", {
    password: password("svc-vestibule"),
    more: ["userAccountControl: 66048", "servicePrincipalName: HTTP/auth.localhost", "msDS-SupportedEncryptionTypes: 24"],
  }) +
  adGroup("staff", global, "alice", "leaving") +
  adGroup("everyone-here", universal, "staff") +
  adGroup("printers", domainLocal, "everyone-here") +
  adGroup("strangers", global, "carol");

const directory = (domain: SambaDomain, more = "") => `    ldap:
      urls: ["${domain.url}"]
      tls: { ca: { file: ${domain.caFile} } }
      bind: { dn: "svc-vestibule@acme.example", password: "${password("svc-vestibule")}" }
      userBase: "${sambaBase}"
      userFilter: "(&(objectCategory=person)(|(sAMAccountName={login})(userPrincipalName={login})(mail={login})))"
      nestedGroups: true
      recheck: 2s
${more}    attributes: { subject: objectGUID, extra: { sid: objectSid } }
`;

describe.skipIf(reason !== null)(`a domain of Samba's${reason === null ? "" : `, skipped: ${reason}`}`, () => {
  let domain: SambaDomain;
  let byForm: LdapRig;
  let byTicket: TlsRig;
  let sidOf: (name: string) => string;

  beforeAll(async () => {
    domain = await startSambaDomain();
    await domain.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=3");
    await domain.modify(accounts);
    const sids = new Map(
      await Promise.all(["alice", "staff", "everyone-here", "printers"].map(async (name) => [name, await readSid(name)] as const)),
    );
    sidOf = (name) => sids.get(name) ?? "";
    const keytab = await domain.keytab("http.keytab", "HTTP/auth.localhost");
    const headers = `    headers: { set: { Remote-User: "{subject}", Remote-Sid: "{extra.sid}", Remote-Name: "{name}", Remote-Groups: { value: "{groups}", separator: "," } } }\n`;
    [byForm, byTicket] = await Promise.all([
      startLdapRig({
        providers: `  corp:\n    name: Acme directory\n${directory(domain)}`,
        app: `    access: [{ allow: { groups: [printers] } }]\n${headers}`,
      }),
      startTlsRig({
        hosts: ["wiki.localhost", "pac.localhost"],
        env: domain.env,
        providers: `  corp:
    name: Acme directory
${directory(domain)}  windows:
    name: Windows sign-on
    kerberos: { keytab: { file: ${keytab} }, realms: [${domain.realm}], networks: [127.0.0.0/8], lookup: corp, fallback: corp }
  pac:
    name: Windows sign-on without a directory
    kerberos: { keytab: { file: ${keytab} }, realms: [${domain.realm}], networks: [127.0.0.0/8] }
    attributes: { extra: { sid: sid } }
    groupNames: { ${sidOf("staff")}: staff, ${sidOf("everyone-here")}: everyone-here, ${sidOf("printers")}: printers }
`,
        apps: `  - { host: wiki.localhost, upstream: "{upstream}", providers: [windows], access: [{ allow: { groups: [printers] } }] }
  - host: pac.localhost
    upstream: "{upstream}"
    providers: [pac]
    access: [{ allow: { groups: [printers] } }]
${headers}`,
      }),
    ]);
  }, 120_000);
  afterAll(async () => {
    await byForm?.close();
    await byTicket?.close();
    await domain?.stop();
  });

  const readSid = async (name: string) => {
    const kind = ["staff", "everyone-here", "printers"].includes(name) ? "group" : "user";
    return /objectSid: (\S+)/.exec(await domain.tool(kind, "show", name, "--attributes=objectSid"))?.[1] ?? "";
  };
  const login = async (visitor: Visitor, name: string, word = password(name)) =>
    submitPassword(visitor, await visitor.browse(`${byForm.wiki}/`), name, word);

  test.each(["alice", "ALICE", "alice@acme.example"])(
    "%s signs in with a password; nested groups, SID and GUID are as Windows shows them",
    async (name) => {
      expect((await login(newVisitor(), name, password("alice"))).body).toBe("ok");
      const seen = byForm.upstream.requests.at(-1);
      expect(seen?.header("remote-groups")?.split(",").sort()).toEqual(["everyone-here", "printers", "staff"]);
      expect([seen?.header("remote-sid"), seen?.header("remote-name")]).toEqual([sidOf("alice"), "Alice Adams"]);
      expect(await domain.tool("user", "show", "alice", "--attributes=objectGUID")).toContain(`objectGUID: ${seen?.header("remote-user")}`);
    },
  );

  test.each([
    { name: "disabled", says: "is disabled" },
    { name: "expired", says: "has expired" },
    { name: "mustchange", says: "must be changed" },
  ])("an account that is $name is told so, and only with its right password", async ({ name, says }) => {
    const right = await login(newVisitor(), name);
    expect(right.status).toBe(403);
    expect(right.body).toContain(says);
    const wrong = await login(newVisitor(), name, "Wrong-Secret-1");
    expect(wrong.body).toContain("not right");
    expect(wrong.body).not.toContain(says);
  });

  test("an account is locked after three wrong passwords, and its owner is told so", async () => {
    for (let at = 0; at < 3; at += 1) expect((await login(newVisitor(), "locked", "Wrong-Secret-1")).body).toContain("not right");
    expect((await login(newVisitor(), "locked")).body).toContain("locked");
  });

  test("somebody outside the groups is signed in and refused", async () => {
    const page = await login(newVisitor(), "carol");
    expect(page.status).toBe(403);
    expect(page.body).toContain("carol@acme.example");
  });

  test("the commands find the domain, and show a name in another script with its groups", async () => {
    const file = aConfig(byForm.yaml);
    expect((await runCommand(check, ["--online", "--config", file])).out).toContain("the service account is bound, Active Directory");
    const { code, out } = await runCommand(ldapTest, ["carol", "--config", file]);
    expect(code).toBe(0);
    expect(out).toContain("Cárol Ångström");
    expect(out).toContain("strangers");
  });

  test("who leaves a group that is nested, and who is disabled, is out within the recheck", async () => {
    const visitor = newVisitor();
    expect((await login(visitor, "leaving")).body).toBe("ok");
    await domain.modify(
      `dn: CN=staff,CN=Users,${sambaBase}\nchangetype: modify\ndelete: member\nmember: CN=leaving,CN=Users,${sambaBase}\n`,
    );
    await eventually(async () => expect((await visitor.visit(`${byForm.wiki}/`)).status).toBe(403), { timeoutMs: 15_000, everyMs: 200 });
    await domain.modify(`dn: CN=leaving,CN=Users,${sambaBase}\nchangetype: modify\nreplace: userAccountControl\nuserAccountControl: 514\n`);
    await eventually(async () => expect((await visitor.visit(`${byForm.wiki}/`)).status).toBe(302), { timeoutMs: 15_000, everyMs: 200 });
  });

  test("alice signs in by ticket, and her groups come from the directory", async () => {
    const { body } = await byTicket.curl({
      url: `${byTicket.urlOf("wiki.localhost")}/`,
      env: await domain.signIn("alice", password("alice")),
    });
    expect(body).toBe("ok");
    const ticket = byTicket.gateway.logged((line) => line.audit === "ticket").at(-1);
    expect(ticket).toMatchObject({ principal: "alice@ACME.EXAMPLE", enctype: "aes256-cts-hmac-sha1-96", result: "accepted" });
    expect(byTicket.upstream.requests.at(-1)?.header("remote-groups")?.split(",").sort()).toEqual(["everyone-here", "printers", "staff"]);
  });

  test("alice signs in by ticket, and without a directory her groups come from what the domain controller signed", async () => {
    const { body } = await byTicket.curl({
      url: `${byTicket.urlOf("pac.localhost")}/`,
      env: await domain.signIn("alice", password("alice")),
    });
    expect(body).toBe("ok");
    const seen = byTicket.upstream.requests.at(-1);
    expect([seen?.header("remote-user"), seen?.header("remote-sid"), seen?.header("remote-name")]).toEqual([
      "alice@ACME.EXAMPLE",
      sidOf("alice"),
      "Alice Adams",
    ]);
    expect(seen?.header("remote-groups")?.split(",")).toEqual(expect.arrayContaining(["staff", "everyone-here", "printers"]));
    const stranger = await byTicket.curl({
      url: `${byTicket.urlOf("pac.localhost")}/`,
      env: await domain.signIn("carol", password("carol")),
    });
    expect(stranger.status).toBe(403);
  });

  test("a password of the service account that was changed makes an old keytab useless, and a new one counts at once", async () => {
    const url = `${byTicket.urlOf("pac.localhost")}/`;
    await domain.modify(
      `dn: CN=svc-vestibule,CN=Users,${sambaBase}\nchangetype: modify\nreplace: unicodePwd\n${passwordLine("Another-Secret-2")}\n`,
    );
    const alice = await domain.signIn("alice", password("alice"));
    expect((await byTicket.curl({ url, env: alice })).status).toBe(403);
    await eventually(() =>
      expect(byTicket.gateway.logged((line) => line.audit === "ticket").at(-1)).toMatchObject({ result: "kerberos.kvno" }),
    );
    await domain.keytab("http.keytab", "HTTP/auth.localhost");
    expect((await byTicket.curl({ url, env: alice })).body).toBe("ok");
  });

  test("a domain controller refuses passwords in the clear, and the message says what to write", async () => {
    const file = aConfig(byForm.yaml.replace(domain.url, domain.plainUrl));
    const { code, out } = await runCommand(ldapTest, ["carol", "--config", file]);
    expect(code).toBe(1);
    expect(out).toContain("write ldaps://, or startTls: true");
    const upgraded = aConfig(byForm.yaml.replace(domain.url, domain.plainUrl).replace("    ldap:\n", "    ldap:\n      startTls: true\n"));
    expect((await runCommand(ldapTest, ["carol", "--config", upgraded])).code).toBe(0);
  });

  test("the name to bind with may be the login at the domain, without a service account", async () => {
    const direct = byForm.yaml.replace(/^ {6}bind: .*$/m, '      userDn: "{login}@acme.example"').replace(/^ {6}recheck: .*$/m, "");
    await byForm.gateway.rewriteConfig(direct);
    byForm.gateway.signal("SIGHUP");
    const applied = () => byForm.gateway.logged((line) => line.audit === "reload" && line.outcome === "applied").length;
    await eventually(() => expect(applied()).toBe(1), { timeoutMs: 10_000 });
    expect((await login(newVisitor(), "alice")).body).toBe("ok");
    expect(byForm.upstream.requests.at(-1)?.header("remote-groups")?.split(",").sort()).toEqual(["everyone-here", "printers", "staff"]);
    for (const name of ["alice)(objectClass=*", "ACME\\alice", "alice@acme.example"]) {
      expect((await login(newVisitor(), name, password("alice"))).body).toContain("not right");
    }
  });
});
