import { badRequest, type ScimType } from "./scim-error.ts";

export type Comparator = "eq" | "ne" | "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le";
export type FilterValue = string | number | boolean | null;

/** A filter of RFC 7644 3.4.2.2 as a tree; attribute paths are still text. */
export type Filter =
  | { readonly kind: "and" | "or"; readonly parts: readonly Filter[] }
  | { readonly kind: "not"; readonly inner: Filter }
  | { readonly kind: "compare"; readonly path: string; readonly comparator: Comparator; readonly value: FilterValue }
  | { readonly kind: "present"; readonly path: string }
  /** `emails[type eq "work"]`: one and the same element must fit. */
  | { readonly kind: "element"; readonly path: string; readonly inner: Filter };

/** A PATCH path: `name.familyName`, `emails[type eq "work"].value`. */
export interface PatchPath {
  readonly path: string;
  readonly filter: Filter | null;
  readonly sub: string | null;
}

type Token =
  | { readonly kind: "sign"; readonly text: "(" | ")" | "[" | "]" }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "word"; readonly text: string };

const longestFilter = 8 * 1024;
const deepestFilter = 40;

/** Parses a filter; throws `invalidFilter` that says where. */
export function parseFilter(text: string): Filter {
  const parser = createParser(tokenize(text, "invalidFilter"), { scimType: "invalidFilter", bareWords: false });
  const filter = parser.or(0);
  parser.end();
  return filter;
}

/**
 * Parses the path of a PATCH operation; throws `invalidPath`. Providers leave out the quotes of values in it (`emails[type eq work]`):
 * a bare word there is a text.
 */
export function parsePatchPath(text: string): PatchPath {
  const parser = createParser(tokenize(text, "invalidPath"), { scimType: "invalidPath", bareWords: true });
  const path = parser.word("an attribute");
  const filter = parser.bracketed(0);
  const sub = filter === null ? null : parser.subAttribute();
  parser.end();
  return { path, filter, sub };
}

function tokenize(text: string, scimType: ScimType): readonly Token[] {
  if (text.length > longestFilter) throw badRequest(scimType, `longer than ${longestFilter} characters`);
  const tokens: Token[] = [];
  const pattern = /\s+|([()[\]])|("(?:[^"\\]|\\.)*")|([^\s()[\]"]+)|(")/gsy;
  for (const [, sign, quoted, word, open] of text.matchAll(pattern)) {
    if (open !== undefined) throw badRequest(scimType, "a quotation mark is not closed");
    if (sign !== undefined) tokens.push({ kind: "sign", text: sign as "(" });
    else if (quoted !== undefined) tokens.push({ kind: "text", text: unquote(quoted, scimType) });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
  }
  return tokens;
}

function unquote(quoted: string, scimType: ScimType): string {
  try {
    return String(JSON.parse(quoted));
  } catch {
    throw badRequest(scimType, `${quoted} is no text in JSON's form`);
  }
}

const comparators: ReadonlySet<string> = new Set(["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
const attributePath = /^(?:urn:[A-Za-z0-9:._-]+:)?[A-Za-z$][A-Za-z0-9_$-]*(?:\.[A-Za-z$][A-Za-z0-9_$-]*)?$/i;

/** Recursive descent: `or` binds loosest, then `and`, then `not`. The depth is bounded, so that no filter fills the stack. */
function createParser(tokens: readonly Token[], { scimType, bareWords }: { readonly scimType: ScimType; readonly bareWords: boolean }) {
  let at = 0;
  const bad = (what: string) =>
    badRequest(scimType, `${what}, ${at < tokens.length ? `not ${JSON.stringify(tokens[at]?.text)}` : "not its end"}`);
  const isWord = (word: string) => tokens[at]?.kind === "word" && tokens[at]?.text.toLowerCase() === word;
  const takeSign = (sign: string) => {
    if (tokens[at]?.kind !== "sign" || tokens[at]?.text !== sign) return false;
    at += 1;
    return true;
  };
  const expectSign = (sign: string) => {
    if (!takeSign(sign)) throw bad(`${sign} was expected`);
  };
  const word = (what: string): string => {
    const token = tokens[at];
    if (token?.kind !== "word" || !attributePath.test(token.text)) throw bad(`${what} was expected`);
    at += 1;
    return token.text;
  };

  const list = (kind: "and" | "or", next: (depth: number) => Filter, depth: number): Filter => {
    const parts = [next(depth)];
    while (isWord(kind)) {
      at += 1;
      parts.push(next(depth));
    }
    const [only] = parts;
    return parts.length === 1 && only !== undefined ? only : { kind, parts };
  };
  const or = (depth: number): Filter => list("or", and, depth);
  const and = (depth: number): Filter => list("and", unary, depth);
  const grouped = (depth: number): Filter => {
    if (depth >= deepestFilter) throw badRequest(scimType, `nested deeper than ${deepestFilter}`);
    const inner = or(depth + 1);
    expectSign(")");
    return inner;
  };
  const unary = (depth: number): Filter => {
    if (isWord("not") && tokens[at + 1]?.text === "(" && tokens[at + 1]?.kind === "sign") {
      at += 2;
      return { kind: "not", inner: grouped(depth) };
    }
    return takeSign("(") ? grouped(depth) : expression(depth);
  };
  const bracketed = (depth: number): Filter | null => {
    if (!takeSign("[")) return null;
    if (depth >= deepestFilter) throw badRequest(scimType, `nested deeper than ${deepestFilter}`);
    const inner = or(depth + 1);
    expectSign("]");
    return inner;
  };
  const subAttribute = (): string | null => {
    const token = tokens[at];
    if (token?.kind !== "word" || !/^\.[A-Za-z$][A-Za-z0-9_$-]*$/.test(token.text)) return null;
    at += 1;
    return token.text.slice(1);
  };
  const expression = (depth: number): Filter => {
    const path = word("an attribute");
    const inner = bracketed(depth);
    if (inner === null) return comparison(path);
    // Not in the grammar, and sent by Entra: `emails[type eq "work"].value eq "x"` asks both of one element.
    const sub = subAttribute();
    return { kind: "element", path, inner: sub === null ? inner : { kind: "and", parts: [inner, comparison(sub)] } };
  };
  const comparison = (path: string): Filter => {
    const token = tokens[at];
    const operator = token?.kind === "word" ? token.text.toLowerCase() : "";
    if (operator !== "pr" && !comparators.has(operator)) throw bad("an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr) was expected");
    at += 1;
    return operator === "pr" ? { kind: "present", path } : { kind: "compare", path, comparator: operator as Comparator, value: value() };
  };
  const value = (): FilterValue => {
    const token = tokens[at];
    if (token === undefined || token.kind === "sign") throw bad("a value was expected");
    at += 1;
    if (token.kind === "text") return token.text;
    const lower = token.text.toLowerCase();
    if (lower === "true" || lower === "false") return lower === "true";
    if (lower === "null") return null;
    if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(token.text)) return Number(token.text);
    if (bareWords) return token.text;
    at -= 1;
    throw bad("a value in quotation marks was expected");
  };
  return {
    or,
    word,
    bracketed,
    subAttribute,
    end: () => {
      if (at < tokens.length) throw bad("nothing more was expected");
    },
  };
}
