/** What a provider says about a person: claims, userinfo, attributes. Written by others; only own members are looked at. */
export type Claims = Readonly<Record<string, unknown>>;

/**
 * The value at a path, undefined when there is none; null is none (providers write it for what they have no value for). The whole path is tried as a key first, because `cognito:groups` or
 * `https://acme.example/roles` hold dots of their own; then every border, longest key first, so that `realm_access.roles` nests.
 */
export function claimAt(claims: Claims, path: string): unknown {
  if (Object.hasOwn(claims, path) && claims[path] !== null) return claims[path];
  for (let dot = path.lastIndexOf("."); dot > 0; dot = path.lastIndexOf(".", dot - 1)) {
    const key = path.slice(0, dot);
    const inner = Object.hasOwn(claims, key) ? claims[key] : undefined;
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) continue;
    const found = claimAt(inner as Claims, path.slice(dot + 1));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A value as texts: a text, number or boolean is one; a list of those is several. Null when it is anything else. */
export function textsOf(value: unknown): readonly string[] | null {
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((item) => typeof item === "string" || typeof item === "boolean" || Number.isFinite(item))) return null;
  return list.map(String);
}

/** The only text of a value; null for none, several, or something else. */
export function onlyText(value: unknown): string | null {
  const only = Array.isArray(value) && value.length === 1 ? value[0] : value;
  return typeof only === "string" ? only : null;
}

/**
 * The claim is said to be elsewhere: distributed or aggregated (Core 5.6.2), as Entra ID does when somebody is in too many groups.
 * Nothing is fetched from there; what it would say is unknown.
 */
export function isElsewhere(claims: Claims, path: string): boolean {
  const names = claims._claim_names;
  if (typeof names === "object" && names !== null && (Object.hasOwn(names, path) || Object.hasOwn(names, path.split(".")[0] ?? path)))
    return true;
  // Entra ID's marker in implicit-style tokens.
  return path === "groups" && claims.hasgroups !== undefined && claims.hasgroups !== false && claims.hasgroups !== "false";
}
