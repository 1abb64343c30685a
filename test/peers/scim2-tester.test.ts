import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Rig, startRig } from "../support/rig.ts";

/*
 * The public compliance test scim2-tester (PyPI) against a running gateway: discovery, each attribute written and read again, PUT, PATCH of
 * each path, searches, DELETE. `npm run test:peers` installs it where PyPI can be reached; without it this test is skipped.
 */
const program = new URL("../../node_modules/.python/bin/scim", import.meta.url).pathname;
const token = "scim-token-of-the-rig-0123456789";

/** Where we differ on purpose, in the tool's words. */
const onPurpose = [
  // It puts members that do not exist into groups. A group that names nobody would grant its roles to whoever gets that id.
  /members: there is no User or Group/,
  // Taking `active` away says nothing of it: somebody who is deactivated stays so.
  /PATCH modify\(\) did not remove attribute 'active'/,
];

describe.skipIf(!existsSync(program))("scim2-tester, a public SCIM test tool", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = await startRig({
      oidc: "    scim: { tokens: [{ env: SCIM_TOKEN }] }\n",
      top: "directory: { store: memory, provisioning: scim }\n",
      env: { SCIM_TOKEN: token },
    });
  });
  afterAll(() => rig.close());

  test("finds nothing that differs from RFC 7643 and RFC 7644 but what differs on purpose", { timeout: 300_000 }, async () => {
    const headers = ["--header", `Authorization: Bearer ${token}`, "--header", `Host: auth.localhost:${rig.port}`];
    const args = [...headers, "--url", `http://127.0.0.1:${rig.port}/_vestibule/scim/acme/v2`, "test"];
    // It ends with 1 where it has found something.
    const ran = promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, COLUMNS: "1000" } });
    const { stdout } = await ran.catch((error: { stdout: string }) => error);
    const lines = stdout.split("\n");
    const failures = lines.flatMap((line, at) => (/^(?:ERROR|FAILED|CRITICAL)/.test(line) ? `${line}: ${lines[at + 1]?.trim()}` : []));
    expect(failures.filter((failure) => !onPurpose.some((pattern) => pattern.test(failure)))).toEqual([]);
    expect(lines.filter((line) => line.startsWith("SUCCESS")).length).toBeGreaterThan(100);
  });
});
