import { afterAll, beforeAll, expect, test } from "vitest";
import { directoryOf, ldapSettings } from "../../support/ldap-directory.ts";
import { baseEntries, person, personDn, startSlapd, suffix, type TestSlapd } from "../../support/slapd.ts";

let slapd: TestSlapd;
beforeAll(async () => {
  const policy = `dn: cn=policy,ou=services,${suffix}
objectClass: pwdPolicy
objectClass: applicationProcess
cn: policy
pwdAttribute: userPassword
pwdMaxAge: 86400
pwdGraceAuthNLimit: 0
pwdLockout: TRUE
pwdMaxFailure: 2
pwdLockoutDuration: 300
pwdMustChange: TRUE

`;
  slapd = await startSlapd({
    config: `overlay ppolicy\nppolicy_default "cn=policy,ou=services,${suffix}"\nppolicy_use_lockout`,
    ldif: baseEntries + policy + person("alice") + person("old") + person("reset") + person("clumsy"),
  });
  await slapd.modify(`dn: ${personDn("reset")}
changetype: modify
replace: userPassword
userPassword: reset-new
-
replace: pwdReset
pwdReset: TRUE
`);
}, 30_000);
afterAll(() => slapd?.stop());

test("an account in order signs in under a password policy", async () => {
  expect(await directoryOf(ldapSettings(slapd)).verify("alice", "alice-secret")).toMatchObject({ kind: "ok" });
});

test("a password that was reset must be changed first", async () => {
  const answer = await directoryOf(ldapSettings(slapd)).verify("reset", "reset-new");
  expect(answer).toMatchObject({ kind: "problem", problem: "password-must-change" });
});

test("an account locked after wrong passwords says so, and its living sessions go on", async () => {
  const directory = directoryOf(ldapSettings(slapd), { subject: "uid" });
  for (let attempt = 0; attempt < 2; attempt += 1) expect(await directory.verify("clumsy", "wrong")).toMatchObject({ kind: "refused" });
  expect(await directory.verify("clumsy", "clumsy-secret")).toMatchObject({ kind: "problem", problem: "locked" });
  expect(await directory.findSubject("clumsy")).toMatchObject({ kind: "ok" });
});
