import type { ControlParts } from "../parts.ts";
import { isText, openJson, sealJson } from "../sealed-json.ts";

/** What the signed-out page is told by way of the provider. */
export interface Farewell {
  /** Where to sign in again. */
  readonly host: string | null;
  /** Whether every provider so far was left, too. */
  readonly complete: boolean;
  /** Names those that are still to be left, for the browser that holds the same in a cookie; see `rest-to-leave.ts`. */
  readonly rest: string | null;
}

const purpose = "signed-out";

export function sealFarewell(parts: Pick<ControlParts, "sealer">, farewell: Farewell): string {
  return sealJson(parts.sealer, purpose, packFarewell(farewell));
}

/** Null when it is not ours. */
export function openFarewell(parts: Pick<ControlParts, "sealer">, sealed: string | null): Farewell | null {
  const value = openJson(parts.sealer, purpose, sealed);
  return Array.isArray(value) ? unpackFarewell(value) : null;
}

export function packFarewell({ host, complete, rest }: Farewell): readonly unknown[] {
  return [host, complete, rest];
}

export function unpackFarewell([host, complete, rest]: readonly unknown[]): Farewell {
  return { host: isText(host) ? host : null, complete: complete === true, rest: isText(rest) ? rest : null };
}
