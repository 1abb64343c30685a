import { makeSecret } from "../core/secret.ts";
import type { Settings } from "../core/settings.ts";

/** Settings on their way from the primary to a worker. Secrets, which hide from every serialisation, travel beside the rest. */
export interface SettingsParcel {
  readonly plain: unknown;
  readonly secrets: readonly { readonly at: readonly (string | number)[]; readonly text: string }[];
}

/** Only for the pipe between primary and worker: the parcel holds secrets in the clear. */
export function packSettings(settings: Settings): SettingsParcel {
  const secrets: { at: readonly (string | number)[]; text: string }[] = [];
  const strip = (value: unknown, at: readonly (string | number)[]): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if ("reveal" in value && typeof value.reveal === "function") {
      secrets.push({ at, text: String(value.reveal()) });
      return null;
    }
    if (Array.isArray(value)) return value.map((member, index) => strip(member, [...at, index]));
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, strip(member, [...at, key])]));
  };
  return { plain: strip(settings, []), secrets };
}

/** The settings as they were packed. */
export function unpackSettings({ plain, secrets }: SettingsParcel): Settings {
  for (const { at, text } of secrets) {
    const last = at.at(-1);
    const owner = at.slice(0, -1).reduce<unknown>((value, key) => memberOf(value, key), plain);
    if (last === undefined || typeof owner !== "object" || owner === null) throw new Error(`no place for the secret at ${at.join(".")}`);
    Object.assign(owner, { [last]: makeSecret(text) });
  }
  return plain as Settings;
}

function memberOf(value: unknown, key: string | number): unknown {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string | number, unknown>>)[key] : undefined;
}
