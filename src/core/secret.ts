/**
 * A value that must not leak by accident: it prints, serialises and inspects as `[secret]`, and only
 * `reveal()` gives the text. Reload compares by `equals`.
 */
export interface Secret {
  reveal(): string;
  equals(other: Secret): boolean;
  toString(): "[secret]";
  toJSON(): "[secret]";
}

/** Wraps `text`; the text lives in the closure, out of reach of JSON, string conversion and util.inspect. */
export function makeSecret(text: string): Secret {
  const secret = {
    reveal: () => text,
    equals: (other: Secret) => other.reveal() === text,
    toString: () => "[secret]" as const,
    toJSON: () => "[secret]" as const,
  };
  // util.inspect looks this symbol up; core imports nothing, so it is reached through the global registry.
  Object.defineProperty(secret, Symbol.for("nodejs.util.inspect.custom"), { value: () => "[secret]" });
  return Object.freeze(secret);
}
