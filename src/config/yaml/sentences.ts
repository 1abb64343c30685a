import { isRecord, readYaml } from "./document.ts";

/** The sentences of a language file by their keys, or why there are none. */
export type Sentences =
  | { readonly ok: true; readonly sentences: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly why: string };

/** Reads a language file. Keys may be nested or written out: `chooser: { title: … }` and `chooser.title: …` are the same. */
export function readSentences(text: string): Sentences {
  const yaml = readYaml(text);
  if (!yaml.ok) {
    const [fault] = yaml.faults;
    return {
      ok: false,
      why: fault === undefined ? "it is no YAML" : `line ${yaml.positions.lineColumn(fault.offset).line}: ${fault.message}`,
    };
  }
  const sentences = new Map<string, string>();
  const wrong = collect(yaml.plain, "", sentences);
  return wrong === null ? { ok: true, sentences } : { ok: false, why: `${wrong} is no text` };
}

/** The key of the first value that is neither text nor a mapping. */
function collect(part: Readonly<Record<string, unknown>>, prefix: string, into: Map<string, string>): string | null {
  for (const [name, value] of Object.entries(part)) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (typeof value === "string") into.set(key, value);
    else {
      const wrong = isRecord(value) ? collect(value, key, into) : key;
      if (wrong !== null) return wrong;
    }
  }
  return null;
}
