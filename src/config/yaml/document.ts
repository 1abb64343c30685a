import { type Document, Lexer, parseAllDocuments, visit, type YAMLError } from "yaml";
import { createPositions, type Positions } from "./positions.ts";
import { toPlain, type YamlFault } from "./tree.ts";

/** The file as plain data with positions, or what keeps it from being read at all. */
export type YamlReading =
  | { readonly ok: true; readonly plain: Readonly<Record<string, unknown>>; readonly positions: Positions }
  | { readonly ok: false; readonly faults: readonly YamlFault[]; readonly positions: Positions };

/** Lexing is cheap, composing is not: a megabyte of brackets must cost milliseconds, not seconds. */
const maxTokens = 150_000;
const maxFaults = 20;

/** Reads one YAML 1.2 document (core schema: `yes` and `on` are text, not booleans). */
export function readYaml(text: string): YamlReading {
  const positions = createPositions(text);
  const refuse = (faults: readonly YamlFault[]): YamlReading => ({ ok: false, faults: faults.slice(0, maxFaults), positions });
  const refuseAt = (offset: number, message: string) => refuse([{ offset, path: [], message }]);
  const excess = excessOffset(text);
  if (excess !== null) return refuseAt(0, `the file has too many parts (it is refused at character ${excess})`);
  const documents = parseAllDocuments(text, {
    lineCounter: positions.lines,
    prettyErrors: false,
    // The library's own check compares each key with each other: 100,000 keys would take minutes. The walk has its own.
    uniqueKeys: false,
    version: "1.2",
    schema: "core",
    merge: false,
    logLevel: "silent",
  });
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (document === undefined) return refuseAt(0, "the file is empty: write at least auth, providers and apps");
  const syntax = firstPerLine(syntaxFaults(document, text), positions);
  if (syntax.length > 0) return refuse(syntax);
  if (second !== undefined) return refuseAt(second.range?.[0] ?? 0, "a second document begins here: one file holds one configuration");
  const { plain, faults } = toPlain(document.contents, positions);
  if (faults.length > 0) return refuse(faults);
  if (plain === null) return refuseAt(0, "the file is empty: write at least auth, providers and apps");
  if (!isRecord(plain)) return refuseAt(document.range?.[0] ?? 0, "the file must be a mapping (key: value)");
  return { ok: true, plain, positions };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function excessOffset(text: string): number | null {
  let tokens = 0;
  let offset = 0;
  for (const token of new Lexer().lex(text)) {
    tokens += 1;
    offset += token.length;
    if (tokens > maxTokens) return offset;
  }
  return null;
}

/** A parser that has lost its way complains more than once about one place. */
function firstPerLine(faults: readonly YamlFault[], positions: Positions): readonly YamlFault[] {
  const seen = new Set<number>();
  return faults.filter(({ offset }) => {
    const { line } = positions.lineColumn(offset);
    return seen.has(line) ? false : seen.add(line);
  });
}

function syntaxFaults(document: Document.Parsed, text: string): readonly YamlFault[] {
  const faults = document.errors.slice(0, maxFaults).map((error) => toFault(error, document, text));
  // Behind one of these nothing is what it looks like.
  const first = faults.find(({ message }) => misleading.includes(message));
  if (first !== undefined) return [first];
  if (document.directives.yaml.explicit === true && document.directives.yaml.version !== "1.2") {
    faults.push({ offset: 0, path: [], message: "only YAML 1.2 is read: leave the %YAML line out" });
  }
  // A tag that is not understood would otherwise only be a warning, and its value read as something else.
  return faults.length > 0 ? faults : document.warnings.slice(0, maxFaults).map((warning) => toFault(warning, document, text));
}

const wordings: Partial<Record<YAMLError["code"], string>> = {
  // The library's words repeat the text, which may be a secret.
  UNEXPECTED_TOKEN: "this does not belong here: check the commas, quotes, brackets and indentation before it",
  TAB_AS_INDENT: "a tab stands where only spaces may: indent with spaces",
  RESOURCE_EXHAUSTION: "this is nested too deeply",
  BLOCK_AS_IMPLICIT_KEY: "a key: value cannot stand here: check the indentation, or put text that holds ': ' in quotes",
  BAD_INDENT: "the indentation does not fit what stands above",
  MULTILINE_IMPLICIT_KEY: "a key must stand on one line: check for a missing ': ' (colon and space) or a wrong indentation",
  BLOCK_IN_FLOW: "this cannot stand in brackets: check for a missing comma, ] or } before it",
  BAD_DQ_ESCAPE: "a backslash in double quotes begins an escape: write it twice, or use single quotes",
};

/** One code of the library's for several things that are missing. */
function missing(text: string): string | null {
  if (text.startsWith("Implicit map keys need")) return "this is no key: value: check for a missing ': ' (colon and space)";
  return text.startsWith("Missing , ") ? "a comma is missing before this" : null;
}

const openQuote = "this quote is never closed: add the closing quote";
const variableInBraces = "variables are not expanded in this file: write the value, or { env: NAME } where a secret belongs";
const noBreakSpace = "a no-break space stands where only spaces may: indent with spaces";
const misleading: readonly string[] = [openQuote, variableInBraces, noBreakSpace];

function toFault(error: YAMLError, document: Document.Parsed, text: string): YamlFault {
  const offset = error.pos[0];
  const at = (message: string): YamlFault => ({ offset, path: [], message });
  if (error.code === "UNEXPECTED_TOKEN" && text.slice(offset - 1, offset + 1) === "${") return at(variableInBraces);
  const bracket = /must (?:be sufficiently indented and )?end with a ([\]}])$/.exec(error.message)?.[1];
  if (bracket !== undefined) return at(`a ${bracket === "}" ? "{" : "["} before this is not closed: write ${bracket} here`);
  const mark =
    error.code === "BAD_ALIAS" ? (/^Anchor/.test(error.message) ? "&" : "*") : /(?:character|indicator) (\S)$/.exec(error.message)?.[1];
  if (mark !== undefined) return at(`text that begins with ${mark} needs quotes: write "${mark}…"`);
  // Text that is copied from a page or a chat has them, and they look like spaces.
  const indentation = /^\s*/.exec(text.slice(text.lastIndexOf("\n", offset - 1) + 1))?.[0] ?? "";
  if (indentation.includes("\u00a0")) return at(noBreakSpace);
  if (error.code === "TAG_RESOLVE_FAILED") return { offset, path: [], message: "custom tags mean nothing here: leave them out" };
  if (error.code === "MISSING_CHAR" && error.message.endsWith("quote")) {
    return { offset: openingQuote(document, offset), path: [], message: openQuote };
  }
  return { offset, path: [], message: missing(error.message) ?? wordings[error.code] ?? lowerFirst(error.message) };
}

/** The parser notices at the end of the text; an operator who mends it needs the beginning. */
function openingQuote(document: Document.Parsed, end: number): number {
  let start = end;
  visit(document, {
    Scalar: (_, node) => {
      if (node.range && /^QUOTE/.test(node.type ?? "") && node.range[0] < end && node.range[1] >= end) start = node.range[0];
    },
  });
  return start;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
