/** For whom an answer was made: for everybody, for this caller, or for whoever asks where being known makes a difference. */
export type Audience = "everyone" | "optional" | "identity";

/** What concerns caches in the head of one answer. */
export type CachingKind = "cache-control" | "shared-cache" | "vary";

/** Null for fields that are none of theirs. `name` is in lower case. */
export function cachingKind(name: string): CachingKind | null {
  if (name === "cache-control" || name === "vary") return name;
  // These speak to shared caches alone and count for more there than Cache-Control (RFC 9213; nginx, Varnish, Akamai, Fastly).
  const isShared =
    name.endsWith("cdn-cache-control") || name === "surrogate-control" || name === "x-accel-expires" || name === "edge-control";
  return isShared ? "shared-cache" : null;
}

/**
 * Keeps an answer that was made for one caller out of shared caches (RFC 9111 3.5, 5.2.2.7).
 *
 * A cache in front sees one address and many visitors: what it keeps of one it serves to all. So `private` is said where the application
 * says nothing or `public`, what tells caches to look away from Cache-Control ends here, and where anonymous visitors get another answer
 * under the same address, `Vary: Cookie` says so. `said` are the Cache-Control values, `varies` the Vary values that the answer has.
 */
export function privateFields(audience: Audience, said: readonly string[], varies: readonly string[]): string[] {
  const fields = ["Cache-Control", said.length === 0 ? "private" : privately(said.flatMap(splitDirectives))];
  const isVaried = varies.some((value) => /(?:^|,)\s*(?:\*|cookie)\s*(?:,|$)/i.test(value));
  if (audience === "optional" && !isVaried) fields.push("Vary", "Cookie");
  return fields;
}

function privately(directives: readonly string[]): string {
  const own = directives.filter((directive) => !/^(?:public|s-maxage\s*=.*|private\s*=.*|)$/i.test(directive));
  const isPrivate = own.some((directive) => /^(?:private|no-store)$/i.test(directive));
  return (isPrivate ? own : ["private", ...own]).join(", ");
}

/** At commas, but not at those in a quoted list of field names. */
function splitDirectives(value: string): readonly string[] {
  return (value.match(/(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g) ?? []).map((directive) => directive.trim());
}

/**
 * What is left of a Clear-Site-Data value: the application may clear its own caches and storage. `"cookies"` (and `"*"`, which includes
 * them) reaches every host of the domain, and would sign the visitor out of all of them and of the place where people sign in. Null when
 * nothing is left.
 */
export function withoutCookies(clearSiteData: string): string | null {
  const types = clearSiteData.split(",").map((type) => type.trim());
  const kept = types.filter((type) => type !== "" && !/cookies|\*/i.test(type));
  return kept.length === 0 ? null : kept.join(", ");
}
