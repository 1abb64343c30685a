import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { configurationSchema } from "../../src/config/json-schema.ts";

type Node = Readonly<Record<string, unknown>>;
const schema = configurationSchema() as Node;

test("the schema in config/ is the one that the program would print", () => {
  const committed = readFileSync(new URL("../../config/vestibule.schema.json", import.meta.url), "utf8");
  expect(JSON.parse(committed), "run: npm run --silent schema").toEqual(JSON.parse(JSON.stringify(schema)));
});

test("the schema names its draft, itself and its title", () => {
  expect(schema).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: expect.any(String),
    title: expect.any(String),
  });
});

test("every key is described", () => {
  const undescribed: string[] = [];
  visitProperties(schema, "", (path, node) => {
    if (typeof node.description !== "string" && typeof node.$ref !== "string") undescribed.push(path);
  });
  expect(undescribed).toEqual([]);
});

test("every mapping is strict: it knows its keys, or what stands behind each key that the operator names", () => {
  const loose: string[] = [];
  let strict = 0;
  visitMappings(schema, "", (path, { properties, additionalProperties }) => {
    if (properties === undefined ? typeof additionalProperties === "object" : additionalProperties === false) strict += 1;
    else loose.push(path);
  });
  expect(loose).toEqual([]);
  expect(strict).toBeGreaterThan(30);
});

test("every key of the contract is known to the schema", () => {
  const known = new Set<string>();
  visitProperties(schema, "", (path) => known.add(path.split(".").at(-1) ?? ""));
  const contract: unknown = parse(readFileSync(new URL("contract.yaml", import.meta.url), "utf8"));
  const named = new Set(["entra", "adfs", "staff-only", "5f4c0c0e-1d0f-4d7e-9b0c-0f1f7c1d2e3f", "department", "picture"]);
  const unknown: string[] = [];
  visitKeys(contract, (key) => {
    if (!known.has(key) && !named.has(key) && !/^(Remote|X)-/.test(key)) unknown.push(key);
  });
  expect(unknown).toEqual([]);
});

function visitProperties(node: unknown, path: string, visit: (path: string, node: Node) => void): void {
  if (typeof node !== "object" || node === null) return;
  for (const [key, value] of Object.entries(node)) {
    if (key === "properties") {
      for (const [name, property] of Object.entries(value as Node)) {
        visit(`${path}.${name}`, property as Node);
        visitProperties(property, `${path}.${name}`, visit);
      }
    } else visitProperties(value, path, visit);
  }
}

function visitMappings(node: unknown, path: string, visit: (path: string, node: Node) => void): void {
  if (typeof node !== "object" || node === null) return;
  if ("type" in node && node.type === "object") visit(path, node as Node);
  for (const [key, value] of Object.entries(node)) visitMappings(value, `${path}.${key}`, visit);
}

function visitKeys(value: unknown, visit: (key: string) => void): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (!Array.isArray(value)) visit(key);
    visitKeys(item, visit);
  }
}
