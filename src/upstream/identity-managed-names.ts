import { foldHeaderName } from "../core/header-name.ts";
import type { Settings } from "../core/settings.ts";
import { rememberPerName } from "./header-names.ts";

/** The header names that only the gateway may fill, on every route, public ones too. */
export interface ManagedNames {
  /** Asked for every header of every request, with the name as received. */
  isManaged(name: string): boolean;
}

/** What applications behind other gateways are known to trust, whether this configuration uses them or not. Folded. */
const wellKnown =
  /^(?:(?:x-)?remote|x-auth-request|x-webauth)-|^x-forwarded-(?:user|email|groups?|preferred-username|access-token|name|roles)$/;

/** Longer names are judged each time: a caller may invent as many as they like, and each one kept costs its length. */
const rememberedLength = 64;

/**
 * Every identity and assertion header named anywhere in the configuration, and the well-known ones, in every spelling.
 *
 * `Authorization` is the one exception: a rule may fill it on its own route (see `compileIdentityHeaders`), but other
 * applications keep their own use of it.
 */
export function managedNames(settings: Settings): ManagedNames {
  const names = new Set<string>();
  for (const app of settings.apps) {
    for (const { headers } of app.routes) {
      for (const rule of headers.set) names.add(foldHeaderName(rule.name));
      if (headers.assertion !== null) names.add(foldHeaderName(headers.assertion.header));
    }
  }
  names.delete("authorization");
  const judge = (name: string) => {
    const folded = foldHeaderName(name);
    return names.has(folded) || wellKnown.test(folded);
  };
  const judgeOnce = rememberPerName(judge);
  return { isManaged: (name) => (name.length > rememberedLength ? judge(name) : judgeOnce(name)) };
}
