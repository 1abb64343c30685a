import { readFileSync, writeFileSync } from "node:fs";
import { get, type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ownedFolder } from "../support/owned.ts";
import { type Rig, signIn, startRig } from "../support/rig.ts";
import { newVisitor } from "../support/visitor.ts";

const picture = new URL("../../docs/chooser.png", import.meta.url).pathname;
let rig: Rig;
beforeAll(async () => {
  const folder = ownedFolder("vestibule-pages-");
  writeFileSync(join(folder, "logo.svg"), '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
  writeFileSync(join(folder, "logo.png"), readFileSync(picture).subarray(0, 60_000));
  rig = await startRig({
    top: `branding: { name: Acme, logo: { light: { file: ${folder}/logo.svg }, dark: { file: ${folder}/logo.png } } }\n`,
  });
});
afterAll(() => rig?.close());

test("signed-out tells the truth: still signed in, signed out, and the way back in", async () => {
  const alice = newVisitor();
  await signIn(alice, `${rig.urls.wiki}/`, "alice");
  const still = await alice.browse(`${rig.urls.auth}/_vestibule/signed-out`);
  expect(still.body).toContain("You are still signed in");
  const stranger = await newVisitor().browse(`${rig.urls.auth}/_vestibule/signed-out`);
  expect(stranger.body).toContain("You are signed out");
  expect(stranger.body).toContain(`href="${rig.urls.auth}/"`);
});

test("the logo is served on each host, byte for byte, as what it is, and a script in it runs nowhere", async () => {
  for (const origin of [rig.urls.auth, rig.urls.wiki]) {
    const light = await getBytes(`${origin}/_vestibule/branding/logo-light?v=1`);
    expect([light.status, light.headers["content-type"], light.headers["x-content-type-options"]]).toEqual([
      200,
      "image/svg+xml",
      "nosniff",
    ]);
    expect(light.headers["content-security-policy"]).toContain("sandbox");
    const dark = await getBytes(`${origin}/_vestibule/branding/logo-dark`);
    expect(Buffer.compare(dark.body, readFileSync(picture).subarray(0, 60_000))).toBe(0);
  }
  const page = await newVisitor().browse(`${rig.urls.auth}/_vestibule/signed-out`);
  const url = /src="(\/_vestibule\/branding\/logo-light\?v=[\w-]+)"/.exec(page.body)?.[1] ?? "";
  expect((await getBytes(rig.urls.auth + url)).status).toBe(200);
});

/** One GET as it comes, from loopback whatever the name: only browsers know that *.localhost is this machine. */
function getBytes(address: string): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
  const { host, port, pathname, search } = new URL(address);
  return new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: pathname + search, headers: { host } }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => void parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }));
    }).on("error", reject);
  });
}
