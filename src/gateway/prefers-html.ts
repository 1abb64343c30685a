/** A person will look at the answer: the client says that it takes HTML. Asked for answers only, never for decisions. */
export function prefersHtml(rawHeaders: readonly string[]): boolean {
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    if (rawHeaders[at]?.toLowerCase() === "accept" && /\btext\/html\b/i.test(rawHeaders[at + 1] ?? "")) return true;
  }
  return false;
}
