import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { loadWithFiles, problemsOf, settingsOf, told } from "./write-config.ts";

const shipped = new URL("../../config/", import.meta.url).pathname;
const files = readdirSync(shipped).filter((name) => name.endsWith(".yaml"));

test.each(files.map((name) => ({ name })))("config/$name, as shipped, has no problem", ({ name }) => {
  expect(problemsOf(loadWithFiles(shipped + name)).map(told)).toEqual([]);
});

test("the small and the full file are shipped", () => {
  expect(files).toEqual(expect.arrayContaining(["small.yaml", "full.yaml"]));
});

test("the full file gives no warning, so that copying from it opens no hole", () => {
  const result = loadWithFiles(`${shipped}full.yaml`);
  expect(result.ok && result.warnings.map(told)).toEqual([]);
});

test("the small file means what an operator expects of it", () => {
  const settings = settingsOf(loadWithFiles(`${shipped}small.yaml`));
  expect(settings.listen).toMatchObject([{ host: "0.0.0.0", port: 8443, tls: null }]);
  expect(settings.apps.map((app) => [app.hosts, app.routes.map((route) => route.path)])).toEqual([[["wiki.acme.example"], ["/"]]]);
});

test("the whole contract loads", () => {
  const problems = problemsOf(loadWithFiles(new URL("contract.yaml", import.meta.url).pathname));
  expect(problems.map(({ key, message }) => `${key}: ${message}`)).toEqual([]);
});
