import { stringify } from "yaml";
import { configurationSchema } from "../config/json-schema.ts";
import { explainFile } from "../config/load.ts";

type Node = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];

/** The file as it was written, the schema with its defaults, and on which line a key stands. */
export interface EffectiveInput {
  readonly schema: object;
  readonly plain: Node;
  lineOf(path: Path): number;
}

/** One line of the effective configuration, and where it comes from: `line 12`, `default`, or empty above a section. */
export interface EffectiveLine {
  readonly text: string;
  readonly from: string;
}

/** The lines of `effectiveYaml` for the text of a good file. */
export function effectiveLines(text: string): readonly EffectiveLine[] {
  return linesOf({ schema: configurationSchema(), ...explainFile(text) });
}

/**
 * The effective configuration as YAML. Each value has a comment: the line that says it, the app that a route has it from, or `default`.
 * References stay references, and a literal secret is masked: the output may be shown to others.
 */
export function effectiveYaml(file: string): string {
  return effectiveLines(file)
    .map(({ text, from }) => `${from === "" ? text : `${text.padEnd(52)} # ${from}`}\n`)
    .join("");
}

function linesOf({ schema, plain, lineOf }: EffectiveInput): readonly EffectiveLine[] {
  const root = schema as Node;
  const lines: EffectiveLine[] = [];
  const definitions = (root.$defs ?? {}) as Node;

  const emit = (indent: number, text: string, from: string) => {
    lines.push({ text: `${"  ".repeat(indent)}${text}`, from });
  };
  const writeMap = (node: Node, value: Node, path: Path, indent: number, first: string, inherited: Node) => {
    let lead = first;
    const properties = (node.properties ?? {}) as Node;
    const names = [...new Set([...Object.keys(value), ...Object.keys(properties)])];
    for (const name of names) {
      const inner = resolve((properties[name] ?? node.additionalProperties) as Node | undefined, definitions, value[name]);
      const written = Object.hasOwn(value, name);
      const fromApp = !written && Object.hasOwn(inherited, name);
      const shown = written ? value[name] : fromApp ? inherited[name] : inner.default;
      if (shown === undefined) continue;
      const from = written ? `line ${lineOf([...path, name])}` : fromApp ? `from ${String(inherited[appPath])}.${name}` : "default";
      // A default of a whole section is shown key by key, as the schema inside says.
      const open = isMap(shown) && (written || inner.properties !== undefined);
      if (open && Object.keys(shown).length + Object.keys((inner.properties ?? {}) as Node).length > 0 && !isReference(shown)) {
        emit(indent, `${lead}${keyText(name)}:`, "");
        writeMap(inner, shown, [...path, name], indent + 1, "", {});
      } else if (written && Array.isArray(shown) && shown.some(isMap) && !shown.every(isReference)) {
        emit(indent, `${lead}${keyText(name)}:`, "");
        for (const [at, item] of shown.entries())
          writeItem(inner, item, [...path, name, at], indent + 1, name === "routes" ? value : {}, path);
      } else emit(indent, `${lead}${keyText(name)}: ${flow(shown, name)}`, from);
      lead = "  ".repeat(0) + (first === "" ? "" : "  ");
    }
  };
  const writeItem = (list: Node, item: unknown, path: Path, indent: number, app: Node, appAt: Path) => {
    if (!isMap(item)) return emit(indent, `- ${flow(item, "")}`, `line ${lineOf(path)}`);
    const inherits = Object.fromEntries(inheritable.filter((key) => Object.hasOwn(app, key)).map((key) => [key, app[key]]));
    const inherited = Object.keys(inherits).length === 0 ? {} : { ...inherits, [appPath]: formatPath(appAt) };
    const node = resolve(list.items as Node | undefined, definitions, item);
    writeMap(node, item, path, indent, "- ", inherited);
  };
  writeMap(root, plain, [], 0, "", {});
  return lines;
}

/** Under a key that no file can hold. */
const appPath = "\u0000app";
const inheritable = ["upstream", "access", "public", "optional", "bearer", "headers", "enforce", "proxy", "stripPath"];

/** The schema behind references and alternatives; of several forms the one that fits what is written. */
function resolve(node: Node | undefined, definitions: Node, value: unknown): Node {
  if (node === undefined) return {};
  const name = typeof node.$ref === "string" ? node.$ref.split("/").at(-1) : undefined;
  const target = name === undefined ? node : { ...(definitions[name] as Node), ...node };
  const forms = (target.anyOf ?? target.oneOf) as readonly Node[] | undefined;
  const form = forms
    ?.map((one) => resolve(one, definitions, value))
    .find((one) => (isMap(value) ? fits(one, value) : one.items !== undefined && Array.isArray(value)));
  return form === undefined ? target : { ...form, ...target };
}

function fits(form: Node, value: Node): boolean {
  const properties = form.properties as Node | undefined;
  return properties !== undefined && Object.keys(value).every((key) => Object.hasOwn(properties, key));
}

function isMap(value: unknown): value is Node {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isReference(value: unknown): boolean {
  return isMap(value) && Object.keys(value).length > 0 && Object.keys(value).every((key) => key === "env" || key === "file");
}

const secretKeys = /secret|passw|^key$|^hash$/i;

function flow(value: unknown, key: string): string {
  if (typeof value === "string" && secretKeys.test(key)) return '"[secret]"';
  const masked = Array.isArray(value) && secretKeys.test(key) ? value.map((one) => (typeof one === "string" ? "[secret]" : one)) : value;
  return stringify(masked, { collectionStyle: "flow", lineWidth: 0 }).trimEnd();
}

function keyText(name: string): string {
  return stringify(name).trimEnd();
}

function formatPath(path: Path): string {
  return path.reduce<string>((text, step) => (typeof step === "number" ? `${text}[${step}]` : text === "" ? step : `${text}.${step}`), "");
}
