import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSecret } from "../../src/core/secret.ts";
import { freePort } from "../support/free-port.ts";
import { directoryOf, ldapSettings } from "../support/ldap-directory.ts";
import { startDemoDirectory } from "./directory.ts";
import { corpEntries } from "./users.ts";

let server: Awaited<ReturnType<typeof startDemoDirectory>>;
let port: number;
beforeAll(async () => {
  port = await freePort();
  server = await startDemoDirectory(port, corpEntries);
});
afterAll(() => server.close());

const directory = () =>
  directoryOf(
    ldapSettings(
      { url: `ldap://127.0.0.1:${port}` },
      {
        bind: { dn: "cn=vestibule,dc=corp,dc=example", password: makeSecret("demo-secret-of-the-directory") },
        userBase: "ou=people,dc=corp,dc=example",
        userFilter: "(|(uid={login})(mail={login}))",
      },
    ),
  );

test("the demo's directory answers as a real one: grace is let in, others are told apart", async () => {
  expect(await directory().verify("grace@corp.example", "grace")).toMatchObject({ kind: "ok", person: { groups: { names: ["staff"] } } });
  expect(await directory().verify("grace", "wrong")).toMatchObject({ kind: "refused" });
  expect(await directory().verify("nobody", "x")).toMatchObject({ kind: "refused" });
  expect(await directory().verify("heidi", "heidi")).toMatchObject({ kind: "problem", problem: "disabled" });
  expect(await directory().verify("heidi", "wrong")).toMatchObject({ kind: "refused" });
});

test("it can be inspected, and knows what it has not", async () => {
  const one = directory();
  expect(await one.inspect({ host: "127.0.0.1", port, tls: false })).toMatchObject({ ok: true });
  expect(await one.findSubject("demo-grace")).toMatchObject({ kind: "ok" });
  expect(await one.findSubject("demo-nobody")).toMatchObject({ kind: "none" });
});
