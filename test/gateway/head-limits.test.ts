import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { loadText, minimal, settingsOf } from "../config/write-config.ts";
import { type InProcessGateway, startGatewayInProcess } from "../support/gateway-in-process.ts";
import { someSettings } from "../support/policy-builders.ts";
import { exchange } from "../support/raw-client.ts";

const all = [{ method: null, glob: "/**" }];
const roomy = { fields: 300, fieldBytes: 64 * 1024, targetBytes: 20 * 1024 };
let wide: InProcessGateway;
let narrow: InProcessGateway;
beforeAll(async () => {
  const listen = { maxHeadBytes: 128 * 1024 };
  wide = await startGatewayInProcess({ app: { head: roomy }, routes: [{ path: "/", public: all }], listen });
  const { limits } = someSettings([]);
  narrow = await startGatewayInProcess({
    app: { head: { fields: 20, fieldBytes: 2_000, targetBytes: 500 } },
    routes: [{ path: "/", public: all }],
    settings: { limits: { ...limits, head: roomy } },
    listen,
  });
});
afterAll(() => Promise.all([wide.close(), narrow.close()]));
beforeEach(() => {
  wide.upstream.forget();
  narrow.upstream.forget();
});

async function status(gateway: InProcessGateway, target: string, fields: readonly string[] = []) {
  const head = [`GET ${target} HTTP/1.1`, "Host: wiki.acme.example", ...fields, "Connection: close"];
  return (await exchange(gateway, `${head.join("\r\n")}\r\n\r\n`)).statuses[0];
}
const fields = (count: number) => Array.from({ length: count }, (_, at) => `X-${at}: y`);

test("an app may take more than the usual 100 fields, 16 KiB and 8 KiB, up to what it says", async () => {
  expect(await status(wide, "/x", fields(250))).toBe(200);
  expect(await status(wide, "/x", fields(299))).toBe(431);
  expect(await status(wide, "/x", [`Cookie: a=${"x".repeat(40_000)}`])).toBe(200);
  expect(await status(wide, "/x", [`Cookie: a=${"x".repeat(66_000)}`])).toBe(431);
  expect(await status(wide, `/${"x".repeat(15_000)}`)).toBe(200);
  expect(await status(wide, `/${"x".repeat(21_000)}`)).toBe(414);
});

test("an app may take less than all others", async () => {
  expect(await status(narrow, "/x", fields(10))).toBe(200);
  expect(await status(narrow, "/x", fields(30))).toBe(431);
  expect(await status(narrow, "/x", [`Cookie: a=${"x".repeat(3_000)}`])).toBe(431);
  expect(await status(narrow, `/${"x".repeat(600)}`)).toBe(414);
});

test("the parser leaves room for the largest limit in the file, and what is not said is as ever", () => {
  const usual = settingsOf(loadText(minimal));
  expect([usual.limits.head, usual.apps[0]?.head, usual.listen[0]?.maxHeadBytes]).toEqual([
    { fields: 100, fieldBytes: 16_384, targetBytes: 8_192 },
    { fields: 100, fieldBytes: 16_384, targetBytes: 8_192 },
    32 * 1024,
  ]);
  const raised = settingsOf(loadText(`${minimal}    limits: { headerBytes: 64KiB }\n`));
  expect([raised.apps[0]?.head.fieldBytes, raised.listen[0]?.maxHeadBytes]).toEqual([65_536, 80 * 1024]);
});
