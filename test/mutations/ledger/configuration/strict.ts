import type { SecurityPromise } from "../../mutation.ts";

const refused = "test/config/refused.test.ts";
const hostile = "test/config/hostile-yaml.test.ts";
const schema = "test/config/json-schema.test.ts";
const tree = "src/config/yaml-tree.ts";
const rules = "src/config/schema-rules.ts";
const documents = "src/config/yaml-document.ts";
const only = "is refused for what it says, and for nothing";

/** What a file may say at all. */
export const configurationStrict: readonly SecurityPromise[] = [
  {
    promise: "Unknown keys are refused, at every level.",
    mutations: [
      {
        file: "src/config/schema.ts",
        find: "z.strictObject(sections)",
        replace: "z.object(sections)",
        test: refused,
        named: `unknown-top-key.yaml ${only}`,
      },
      {
        file: rules,
        find: "const conditionShape = z.strictObject({",
        replace: "const conditionShape = z.object({",
        test: refused,
        named: `unknown-rule-key.yaml ${only}`,
      },
      {
        file: "src/config/schema-apps.ts",
        find: "const upstreamTls = z.strictObject({",
        replace: "const upstreamTls = z.object({",
        test: schema,
        named: "every mapping is strict",
      },
    ],
  },
  {
    promise: "Duplicate keys are refused, and whatever else could be read in two ways: merge keys, custom tags, a second document.",
    mutations: [
      {
        file: tree,
        find: "if (seen.has(key)) walk",
        replace: "if (key === null) walk",
        test: refused,
        named: `yaml-duplicate-key-deep.yaml ${only}`,
      },
      {
        file: tree,
        find: "if (node.tag !== undefined && !standardTags.has(node.tag)) {",
        replace: "if (node.tag === null) {",
        test: refused,
        named: `yaml-binary-tag.yaml ${only}`,
      },
      {
        file: documents,
        find: "if (second !== undefined) return",
        replace: "if (second === null) return",
        test: refused,
        named: `yaml-two-documents.yaml ${only}`,
      },
    ],
  },
  {
    promise: "A hostile file costs seconds at most: aliases, depth and parts are counted.",
    mutations: [
      {
        file: tree,
        find: "if (walk.aliases > maxAliases) return",
        replace: "if (walk.aliases < 0) return",
        test: hostile,
        named: "one anchor used a thousand times: refused, and fast",
      },
      {
        file: documents,
        find: "if (tokens > maxTokens) return offset;",
        replace: "if (tokens < 0) return offset;",
        test: hostile,
        named: "documents without end: refused, and fast",
      },
    ],
  },
  {
    promise: "Empty rule lists, `groups: []` and empty conditions are refused: they say nothing, and could be read as everybody.",
    mutations: [
      {
        file: "src/config/schema-values.ts",
        find: "return z.array(item).min(1,",
        replace: "return z.array(item).min(0,",
        test: refused,
        named: `rule-empty-groups.yaml ${only}`,
      },
      {
        file: "src/config/schema-values.ts",
        find: "return z.array(item).min(1,",
        replace: "return z.array(item).min(0,",
        test: refused,
        named: `rule-none.yaml ${only}`,
      },
      {
        file: rules,
        find: 'export const ruleList = () => someOf(rule, "rule");',
        replace: "export const ruleList = () => z.array(rule);",
        test: refused,
        named: `policy-empty.yaml ${only}`,
      },
      {
        file: rules,
        find: ".refine((value) => Object.keys(value).length > 0, { error: emptyCondition })",
        replace: "",
        test: refused,
        named: `rule-empty-inside-not.yaml ${only}`,
      },
      {
        file: rules,
        find: "value.claims === undefined || Object.keys(value.claims).length > 0",
        replace: "value !== null",
        test: refused,
        named: `rule-empty-claims.yaml ${only}`,
      },
    ],
  },
  {
    promise: "A rule is one of allow and deny, and `*` alone is nobody's name.",
    mutations: [
      {
        file: rules,
        find: "(value.allow === undefined) !== (value.deny === undefined)",
        replace: "value !== null",
        test: refused,
        named: `rule-allow-and-deny.yaml ${only}`,
      },
      {
        file: rules,
        find: 'if (name === "*") return',
        replace: 'if (name === "") return',
        test: refused,
        named: `rule-star-alone.yaml ${only}`,
      },
    ],
  },
  {
    promise: "A name that nothing has (policy, provider, placeholder) is refused, and so is a test about a host that is not served.",
    mutations: [
      {
        file: "src/config/rules-access.ts",
        find: "if (draft.policies.has(access)) return;",
        replace: "if (draft.policies.size > 0) return;",
        test: refused,
        named: `policy-unknown.yaml ${only}`,
      },
      {
        file: "src/config/rules-access.ts",
        find: "if (known.includes(name)) return;",
        replace: "if (known.length > 0) return;",
        test: refused,
        named: `rule-provider-unknown.yaml ${only}`,
      },
    ],
  },
];
