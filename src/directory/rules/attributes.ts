import type { AttributePolicy } from "../../core/directory-settings.ts";
import type { KeptAttribute } from "../../core/person.ts";
import { cleanDisplayName, cleanPictureUrl } from "./clean.ts";

export interface SaidAttributes {
  readonly provider: string;
  readonly by: KeptAttribute["by"];
  /** This account says something for the first time. */
  readonly first: boolean;
  readonly values: Readonly<Record<string, readonly string[]>>;
}

/**
 * The attributes to keep after a provider has spoken. An attribute without a policy is taken each time.
 *
 * `every-login` also takes away what this provider itself had said and says no more; what another provider or an operator said
 * stays. Names and pictures are cleaned before they are kept.
 */
export function keepAttributes(
  kept: Readonly<Record<string, KeptAttribute>>,
  said: SaidAttributes,
  policies: Readonly<Record<string, AttributePolicy>>,
): Readonly<Record<string, KeptAttribute>> {
  const result = new Map(Object.entries(kept));
  for (const name of new Set([...Object.keys(said.values), ...Object.keys(kept)])) {
    const values = Object.hasOwn(said.values, name) ? cleaned(name, said.values[name] ?? []) : [];
    const before = result.get(name);
    const policy = (Object.hasOwn(policies, name) ? policies[name] : undefined) ?? "every-login";
    if (values.length > 0) {
      if (mayReplace(policy, before, said.first)) result.set(name, { values, from: said.provider, by: said.by });
    } else if (policy === "every-login" && before?.from === said.provider && before.by === said.by) result.delete(name);
  }
  return Object.fromEntries(result);
}

function mayReplace(policy: AttributePolicy, before: KeptAttribute | undefined, first: boolean): boolean {
  const isEmpty = before === undefined || before.values.every((value) => value.trim() === "");
  switch (policy) {
    case "every-login":
      return true;
    case "first-login":
      return first || before === undefined;
    case "if-empty":
      return isEmpty;
  }
}

function cleaned(name: string, values: readonly string[]): readonly string[] {
  const clean = name === "name" ? cleanDisplayName : name === "picture" ? cleanPictureUrl : (text: string) => text.trim() || null;
  return values.flatMap((value) => clean(value) ?? []);
}
