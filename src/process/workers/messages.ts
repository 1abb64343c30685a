import type { AuditEvent } from "../../core/audit-events.ts";
import type { DomainStatus } from "../../core/ports/domain-proofs.ts";
import type { ProviderHealth } from "../../core/ports/login-provider.ts";
import type { StoreHealth } from "../../core/ports/store.ts";
import { makeSecret } from "../../core/secret.ts";
import type { Address, Settings } from "../../core/settings.ts";

/** What the primary tells a worker. They talk over the pipe between them, which no other process can open. */
export type ToWorker =
  | {
      readonly kind: "start";
      /** What the primary began with: listeners and the store stay as this says. */
      readonly started: SettingsParcel;
      /** What is in force. */
      readonly settings: SettingsParcel;
      readonly version: string;
    }
  | { readonly kind: "prepare"; readonly id: number; readonly settings: SettingsParcel }
  | { readonly kind: "commit" | "discard"; readonly id: number }
  | { readonly kind: "report"; readonly id: number }
  | { readonly kind: "drain"; readonly graceMs: number };

/** What a worker tells the primary. */
export type FromWorker =
  | { readonly kind: "hello" }
  | { readonly kind: "serving"; readonly addresses: readonly Address[]; readonly report: WorkerReport }
  /** It cannot start, and ends. */
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "prepared"; readonly id: number }
  | { readonly kind: "refused"; readonly id: number; readonly message: string }
  /** `id` is the question's; 0 for the last one, sent before the end. */
  | { readonly kind: "report"; readonly id: number; readonly report: WorkerReport }
  /** What it wrote to the audit log just now. */
  | { readonly kind: "audited"; readonly event: AuditEvent }
  /** A person asked this one worker to stop: it waits to be replaced. */
  | { readonly kind: "leaving" };

/** The state of one worker, as the admin listener shows it. */
export interface WorkerReport {
  readonly listening: boolean;
  readonly store: StoreHealth;
  readonly directory?: { readonly ok: boolean; readonly detail: string };
  readonly domains?: readonly DomainStatus[];
  readonly providers: Readonly<Record<string, ProviderHealth>>;
  readonly unreachable: Readonly<Record<string, number>>;
  /** In the text exposition format. */
  readonly metrics: string;
}

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
    // A picture.
    if (value instanceof Uint8Array) return value;
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
