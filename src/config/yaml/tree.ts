import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap, type YAMLSeq } from "yaml";
import type { KeyPath } from "../problems/report.ts";
import type { Positions } from "./positions.ts";

/** Something in the file that plain YAML data cannot hold; `offset` is where it stands. */
export interface YamlFault {
  readonly offset: number;
  readonly path: KeyPath;
  readonly message: string;
}

/** Deeper than any configuration, shallow enough for every recursive reader that follows. */
const maxDepth = 64;
/** Aliases are handy for a shared list; beyond this they are a way to blow a small file up ("billion laughs"). */
const maxAliases = 50;
const maxNodes = 100_000;

const standardTags = new Set(["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`));

/** Keys whose values are never shown in a message's source line. */
export function isSensitiveKey(key: string): boolean {
  return /secret|passw|token|credential|authorization|^cookie$|^key$|privatekey/i.test(key);
}
const credentialsInUrl = /:\/\/[^/\s]*@/;

/** `clientSecret:abc` without a space is one long key, to YAML. */
const swallowedValue = /^[A-Za-z]\w*:\S/;

interface Walk {
  readonly positions: Positions;
  readonly faults: YamlFault[];
  /** In document order, the way YAML wants it: an alias means the latest anchor of that name before it. */
  readonly anchors: Map<string, Node>;
  readonly open: Set<Node>;
  aliases: number;
  nodes: number;
}

/**
 * The parsed document as plain data (maps without a prototype), every key and value placed.
 * Duplicate keys, merge keys, odd keys, custom tags and too many aliases come back as faults.
 */
export function toPlain(root: Node | null, positions: Positions): { readonly plain: unknown; readonly faults: readonly YamlFault[] } {
  const walk: Walk = { positions, faults: [], anchors: new Map(), open: new Set(), aliases: 0, nodes: 0 };
  positions.place([], { key: null, value: startOf(root) });
  const plain = toValue(root, [], false, walk);
  return { plain, faults: walk.faults };
}

function toValue(node: Node | null, path: KeyPath, secret: boolean, walk: Walk): unknown {
  if (node === null) return null;
  walk.nodes += 1;
  if (walk.nodes > maxNodes) return fault(walk, node, path, "the file has too many parts");
  if (path.length > maxDepth) return fault(walk, node, path, "this is nested too deeply");
  if (isAlias(node)) return followAlias(node, path, secret, walk);
  if ("anchor" in node && typeof node.anchor === "string") walk.anchors.set(node.anchor, node);
  if (node.tag !== undefined && !standardTags.has(node.tag)) {
    return fault(walk, node, path, `the tag ${JSON.stringify(node.tag)} means nothing here: leave it out`);
  }
  walk.open.add(node);
  const value = toContent(node, path, secret, walk);
  walk.open.delete(node);
  return value;
}

function toContent(node: Node, path: KeyPath, secret: boolean, walk: Walk): unknown {
  if (isMap(node)) return toRecord(node, path, secret, walk);
  if (isSeq(node)) return toList(node, path, secret, walk);
  if (!isScalar(node)) return fault(walk, node, path, "this cannot be read");
  const value = node.value;
  const hides = typeof value === "string" ? secret || credentialsInUrl.test(value) : secret && typeof value === "number";
  if (hides && node.range) walk.positions.hide(node.range[0], node.range[1]);
  return value === undefined ? null : value;
}

function followAlias(alias: Alias, path: KeyPath, secret: boolean, walk: Walk): unknown {
  walk.aliases += 1;
  if (walk.aliases > maxAliases) return fault(walk, alias, path, `more than ${maxAliases} aliases: write the values out`);
  const target = walk.anchors.get(alias.source);
  if (target === undefined) return fault(walk, alias, path, unknownAnchor(alias.source, secret));
  if (walk.open.has(target)) return fault(walk, alias, path, `the alias *${alias.source} stands inside its own anchor`);
  return toValue(target, path, secret, walk);
}

/** Nearly always text that was meant as such: a wildcard host, or a password, which is not repeated. */
function unknownAnchor(name: string, secret: boolean): string {
  if (secret) return "there is no such anchor before this alias: text that begins with * needs quotes";
  return `there is no anchor &${name} before this alias: text that begins with * needs quotes, ${JSON.stringify(`*${name}`)}`;
}

function toList(node: YAMLSeq, path: KeyPath, secret: boolean, walk: Walk): readonly unknown[] {
  return node.items.map((item, at) => {
    const child = item as Node | null;
    const here = [...path, at];
    walk.positions.place(here, { key: null, value: startOf(child) || startOf(node) });
    return toValue(child, here, secret, walk);
  });
}

function toRecord(node: YAMLMap, path: KeyPath, secret: boolean, walk: Walk): Record<string, unknown> {
  const record: Record<string, unknown> = Object.create(null);
  const seen = new Set<string>();
  for (const pair of node.items as Pair<Node | null, Node | null>[]) {
    const key = toKey(pair.key, node, path, walk);
    if (key === null) continue;
    if (pair.value === null && swallowedValue.test(key)) {
      // What stands behind the colon may be a secret: it is in no message.
      walk.faults.push({ offset: startOf(pair.key), path, message: "a space is missing behind the colon of a key: write key: value" });
      continue;
    }
    const here = [...path, key];
    const offset = startOf(pair.key) || startOf(node);
    if (seen.has(key)) walk.faults.push({ offset, path: here, message: "this key stands here twice: remove one" });
    seen.add(key);
    walk.positions.place(here, { key: offset, value: pair.value === null ? offset : startOf(pair.value) });
    const reference = key === "env" || key === "file";
    record[key] = toValue(pair.value, here, !reference && (secret || isSensitiveKey(key)), walk);
  }
  return record;
}

/** The key as text: `404:` and `"404":` are the same key. */
function toKey(node: Node | null, map: YAMLMap, path: KeyPath, walk: Walk): string | null {
  const refuse = (message: string) => {
    walk.faults.push({ offset: startOf(node) || startOf(map), path, message });
    return null;
  };
  if (!isScalar(node) || node.value === null) return refuse("a key must be plain text");
  walk.nodes += 1;
  if (node.tag !== undefined) return refuse("a key takes no tag");
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  const key = typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
  if (key === "<<") return refuse("merge keys (<<) are not supported: write the keys out");
  // On a plain object this assignment would change the prototype, and the key would be silently lost.
  if (key === "__proto__") return refuse("__proto__ cannot be used as a key");
  return key;
}

function fault(walk: Walk, node: Node, path: KeyPath, message: string): null {
  // One is enough for limits: what follows would repeat it thousands of times.
  if (!walk.faults.some((other) => other.message === message)) walk.faults.push({ offset: startOf(node), path, message });
  return null;
}

function startOf(node: Node | null): number {
  return node?.range?.[0] ?? 0;
}
