import { z } from "zod";
import { parseNetwork } from "../../lib/networks.ts";
import { bad, durationWithoutUnit, good, type Parsed, parseDuration, parseSize, sizeWithoutUnit } from "./amounts.ts";
import { parseHostPort, parseOrigin, parseProviderUrl } from "./hosts.ts";

/** Text that `parse` gives a meaning. `onNumber` words the commonest slip: a number without its unit. */
export function parsed<T>(parse: (text: string) => Parsed<T>, onNumber?: (number: number) => string) {
  const text = z.string({
    error: (issue) => (onNumber !== undefined && typeof issue.input === "number" ? onNumber(issue.input) : undefined),
  });
  return text.transform((value, context) => {
    const result = parse(value);
    if (result.ok) return result.value;
    context.issues.push({ code: "custom", message: result.why, input: value });
    return z.NEVER;
  });
}

/** Documents a key, with the default that applies when it is not written. Shown in the JSON Schema. */
export function key<T extends z.ZodType>(schema: T, description: string, shownDefault?: unknown): T {
  const meta = shownDefault === undefined ? { description } : { description, "x-default": shownDefault };
  return schema.meta(meta) as T;
}

type Filled<S extends z.core.$ZodShape> = { readonly [K in keyof S]: Exclude<z.output<S[K]>, undefined> };

/**
 * `said` with the shown default of each key of `object` that it leaves out, read as if it stood in the file. So keys that are inherited
 * first, and cannot have a default of zod's, have theirs in one place all the same. Throws for a key without one: `said` must have it.
 */
export function filled<S extends z.core.$ZodShape>(object: z.ZodObject<S>, said: Partial<z.output<z.ZodObject<S>>>): Filled<S> {
  const defaults = knownDefaults.get(object) ?? readDefaults(object);
  const known: Readonly<Record<string, unknown>> = said;
  const names = Object.keys(object.shape);
  const all = Object.fromEntries(names.map((name) => [name, known[name] === undefined ? defaults[name] : known[name]] as const));
  const missing = names.find((name) => all[name] === undefined);
  if (missing !== undefined) throw new TypeError(`${missing} has no default`);
  return all as Filled<S>;
}

const knownDefaults = new WeakMap<z.ZodObject, Readonly<Record<string, unknown>>>();

function readDefaults(object: z.ZodObject): Readonly<Record<string, unknown>> {
  const fields = Object.entries(object.shape).map(
    ([name, field]) => [name, field instanceof z.ZodOptional ? field.unwrap() : field] as const,
  );
  const defaults = fields.flatMap(([name, field]) => {
    const shown = (field as z.ZodType).meta()?.["x-default"];
    return shown === undefined ? [] : [[name, (field as z.ZodType).parse(shown)] as const];
  });
  const made = Object.fromEntries(defaults);
  knownDefaults.set(object, made);
  return made;
}

/** Text with something in it, on one line. */
export const text = () =>
  z
    .string()
    .regex(/\S/, { error: "this is empty: write something or leave the key out", abort: true })
    .refine((value) => !/\p{Cc}/u.test(value), { error: "control characters and line breaks cannot stand here" });

/** Text without spaces or controls: one that is joined with others by spaces, or sent as one word. */
export const word = (what: string) =>
  text().regex(/^[!-~]+$/, { error: `${what} has no spaces, quotes around it aside, and only ASCII characters` });

/** A list where an empty one would be a rule that says nothing. */
export function someOf<T extends z.ZodType>(item: T, what: string) {
  return z.array(item).min(1, { error: `an empty list says nothing: write at least one ${what} or leave the key out` });
}

interface Bounds {
  readonly min?: string;
  readonly max?: string;
}

/** A duration in milliseconds within its bounds. */
export function duration(bounds: Bounds = {}) {
  const min = boundOf(bounds.min ?? "1ms");
  const max = boundOf(bounds.max ?? "3650d");
  return parsed((value) => {
    const result = parseDuration(value);
    if (!result.ok) return result;
    if (result.value < min) return bad(`${value} is too short: write ${bounds.min ?? "more than 0s"} or more`);
    if (result.value > max) return bad(`${value} is too long: write at most ${bounds.max ?? "3650d"}`);
    return result;
  }, durationWithoutUnit);
}

function boundOf(text: string): number {
  const result = parseDuration(text);
  return result.ok ? result.value : Number.NaN;
}

/** A day (its first instant in UTC), or an instant with its zone; milliseconds since the epoch. */
export const instant = (or = "") =>
  z
    .string()
    .refine((value) => /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/.test(value) && !Number.isNaN(Date.parse(value)), {
      error: `write ${or}a day such as 2027-06-30, or an instant such as 2027-06-30T06:00:00Z`,
    })
    .transform((value) => Date.parse(value));

/** A size in bytes. */
export const size = () => parsed((value) => parseSize(value), sizeWithoutUnit);

export const origin = () => parsed(parseOrigin);
export const providerUrl = () => parsed(parseProviderUrl);
export const hostPort = () => parsed(parseHostPort, (port) => `write host:port, such as 0.0.0.0:${port}`);
export const network = () =>
  parsed((value) => {
    if (parseNetwork(value) !== null) return good(value);
    return bad(`${JSON.stringify(value)} is not a network: write an address or a network such as 203.0.113.0/24 or fd00::/8`);
  });

const file = () => key(text(), "Path of a file; relative to the configuration file's folder.");
const env = () => key(text(), "Name of an environment variable.");

/** Marks what the schema made of a reference: no value that an operator writes can pass for one. */
export const referenceMark = Symbol("reference");

/** Where a secret is to be found. Read by `readReferences` after the shape is known to be good. */
export interface SecretRef {
  readonly mark: typeof referenceMark;
  readonly kind: "secret";
  readonly env: string | null;
  readonly file: string | null;
  readonly literal: string | null;
}
/** Where a PEM text is to be found; no secret. */
export interface PemRef {
  readonly mark: typeof referenceMark;
  readonly kind: "pem";
  readonly env: string | null;
  readonly file: string | null;
  readonly literal: string | null;
}
/** A file whose path is kept, because it is read again when it changes; one for a page is read with the configuration. */
export interface FileRef {
  readonly mark: typeof referenceMark;
  readonly kind: "file";
  readonly holds: "pem" | "xml" | "page" | "keytab";
  readonly file: string;
}

const where = "write { env: NAME } or { file: PATH }";
const reference = () =>
  z
    .strictObject({ env: env().optional(), file: file().optional() }, { error: expected("a reference", where) })
    .refine((value) => (value.env === undefined) !== (value.file === undefined), {
      error: `exactly one of env and file is needed: ${where}`,
    });

/** Never repeats what stands there: it may be the secret itself. */
function expected(what: string, write: string) {
  return (issue: { readonly code?: string | undefined; readonly input?: unknown }): string | undefined => {
    if (issue.code !== "invalid_type" && issue.code !== "invalid_union") return undefined;
    return issue.input === undefined ? `this key is missing: ${write}` : `${what} is expected here: ${write}`;
  };
}

/** `{ env }` or `{ file }`; a literal passes here and is judged with `insecure.literalSecrets`. */
export const secret = () =>
  z.union([z.string(), reference()], { error: expected("a secret", where) }).transform((value): SecretRef => {
    if (typeof value === "string") return { mark: referenceMark, kind: "secret", env: null, file: null, literal: value };
    return { mark: referenceMark, kind: "secret", env: value.env ?? null, file: value.file ?? null, literal: null };
  });

/** `{ env }` or `{ file }` where a plain text beside it is no secret. */
export const secretReference = () =>
  reference().transform(
    (value): SecretRef => ({ mark: referenceMark, kind: "secret", env: value.env ?? null, file: value.file ?? null, literal: null }),
  );

/** A certificate (or several) as PEM: `{ file }`, `{ env }` or the text itself. */
export const pem = () =>
  z.union([z.string(), reference()], { error: expected("a certificate", "write { file: PATH }") }).transform((value): PemRef => {
    if (typeof value === "string") return { mark: referenceMark, kind: "pem", env: null, file: null, literal: value };
    return { mark: referenceMark, kind: "pem", env: value.env ?? null, file: value.file ?? null, literal: null };
  });

export const fileRef = (holds: FileRef["holds"] = "pem") =>
  z
    .strictObject({ file: file() }, { error: expected("a file", "write { file: PATH }") })
    .transform((value): FileRef => ({ mark: referenceMark, kind: "file", holds, file: value.file }));
