import { createRequire } from "node:module";
import { cruise, type ICruiseResult } from "dependency-cruiser";
import extractTsConfig from "dependency-cruiser/config-utl/extract-ts-config";
import { beforeAll, describe, expect, test } from "vitest";
import { projectRoot, sourceFiles } from "./source-files.ts";

const { forbidden, options, layers } = createRequire(import.meta.url)("./layers.cjs");

let result: ICruiseResult;
beforeAll(async () => {
  const cruised = await cruise(["src"], { ...options, baseDir: projectRoot, validate: true, ruleSet: { forbidden } }, undefined, {
    tsConfig: extractTsConfig(`${projectRoot}tsconfig.json`),
  });
  if (typeof cruised.output === "string") throw new Error("dependency-cruiser answered a text");
  result = cruised.output;
});

describe("the layers", () => {
  test("are kept by every import", () => {
    expect(result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`)).toEqual([]);
  });

  // With a compiler that dependency-cruiser does not know, it reads no module and finds no fault.
  test("were looked for in every file", () => {
    const read = new Set(result.modules.map(({ source }) => source).filter((source) => source.startsWith("src/")));
    expect(
      sourceFiles("src")
        .map(({ path }) => path)
        .filter((path) => !read.has(path)),
    ).toEqual([]);
    expect(result.summary.totalDependenciesCruised ?? 0).toBeGreaterThan(100);
  });

  test("name no folder that is gone", () => {
    const files = sourceFiles("src").map(({ path }) => path);
    expect(Object.keys(layers).filter((name) => !files.some((path) => path.startsWith(`src/${name}/`)))).toEqual([]);
  });
});
