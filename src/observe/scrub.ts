const depthLimit = 6;
const listLimit = 100;
const redacted = "[redacted]";

/** Names whose text never belongs in a log, whoever passed it by mistake. */
const secretNames = /^(proxy-)?authorization$|^(set-)?cookies?$|(token|secret|password|passwd|private_?key|code_?verifier)$/i;
/** What a credential looks like inside other text: a scheme with its value, a JWT, a query parameter of the login flow. */
const credentials = [
  /\b(?<keep>Bearer|Basic|Negotiate|DPoP)\s+[\w.~+/=-]{8,}/gi,
  /(?<keep>\bvst_)[\w-]{20,}/g,
  /(?<keep>)\beyJ[\w-]{5,}\.[\w-]+\.?[\w-]*/g,
  /(?<keep>[?&#](?:code|access_token|id_token|id_token_hint|refresh_token|client_secret|client_assertion|logout_token|ticket|parked)=)[^&#\s"']+/gi,
];

/** Text without anything that looks like a credential. */
export function scrubText(text: string): string {
  let clean = text;
  for (const pattern of credentials) {
    clean = clean.replace(pattern, (_match, keep: string) => (/\w$/.test(keep) ? `${keep} ${redacted}` : `${keep}${redacted}`));
  }
  return clean;
}

/** A plain copy of any value, safe to write as JSON: bounded, acyclic, secrets by name and by look taken out. */
export function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return scrubText(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return typeof value === "function" ? "[function]" : value;
  if (value instanceof Error) return errorFields(value);
  if (depth >= depthLimit) return "[deeper]";
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (value instanceof Map) return scrubEntries(value, depth);
  if (Array.isArray(value) || value instanceof Set)
    return Array.from(value)
      .slice(0, listLimit)
      .map((item) => scrub(item, depth + 1));
  if ("toJSON" in value && typeof value.toJSON === "function") return scrub(value.toJSON(), depth + 1);
  return scrubEntries(Object.entries(value), depth);
}

function scrubEntries(entries: Iterable<readonly [unknown, unknown]>, depth: number): Record<string, unknown> {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of entries) {
    const name = String(key);
    copy[name] = typeof value === "string" && secretNames.test(name) ? redacted : scrub(value, depth + 1);
  }
  return copy;
}

/** An error with its code and its whole cause chain: the reason is usually the innermost one. */
export function errorFields(error: unknown, depth = 0): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: scrubText(String(error)) };
  const fields: Record<string, unknown> = { type: error.name, message: scrubText(error.message) };
  if ("code" in error && (typeof error.code === "string" || typeof error.code === "number")) fields.code = error.code;
  if (error.stack !== undefined) fields.stack = scrubText(error.stack.slice(0, 4096));
  if (depth >= depthLimit) return fields;
  if (error.cause !== undefined) fields.cause = errorFields(error.cause, depth + 1);
  if (error instanceof AggregateError) fields.errors = error.errors.slice(0, 5).map((inner) => errorFields(inner, depth + 1));
  return fields;
}
