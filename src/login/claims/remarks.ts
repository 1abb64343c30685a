import { type Claims, claimAt, isElsewhere, onlyText } from "./claim-paths.ts";
import type { ClaimMapping } from "./map-claims.ts";

/** What operators want to know about a login whose claims do not fit their configuration. Names only, never values. */
export interface Remarks {
  /** Configured, and not sent. */
  readonly missing: readonly string[];
  /** Sent in a shape that says nothing: the claim and what is wrong with it. */
  readonly unusable: readonly string[];
  /** What came instead. */
  readonly received: string;
}

/** Looks for the claims of the configuration, `name` aside, which is content with any of several. */
export function remarksOn(claims: Claims, { attributes }: Pick<ClaimMapping, "attributes">): Remarks {
  const single = [attributes.subject, attributes.email];
  const wanted = new Set([...single, ...(attributes.groups === null ? [] : [attributes.groups]), ...Object.values(attributes.extra)]);
  const isThere = (path: string) => claimAt(claims, path) !== undefined || isElsewhere(claims, path);
  return {
    missing: [...wanted].filter((path) => !isThere(path)),
    unusable: [...wanted].flatMap((path) => fault(claimAt(claims, path), path, single.includes(path)) ?? []),
    received: Object.keys(claims).slice(0, 60).join(", ").slice(0, 2_000),
  };
}

function fault(value: unknown, path: string, isSingle: boolean): string | null {
  if (value === undefined) return null;
  if (isSingle && Array.isArray(value) && value.length > 1) return `${path} holds ${value.length} values, one is meant`;
  if (isSingle && onlyText(value) === null) return `${path} is not a text`;
  if ([value].flat().some((one) => typeof one === "object" && one !== null)) return `${path} holds objects, texts are meant`;
  return null;
}
