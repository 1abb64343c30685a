import type { StoreHealth } from "../core/ports/session-store.ts";
import type { Address } from "../core/settings.ts";
import type { SettingsParcel } from "./settings-parcel.ts";

/** What the primary tells a worker. They talk over the pipe between them, which nobody else can open. */
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
  /** `id` is the question's; 0 for the last one, told before the end. */
  | { readonly kind: "report"; readonly id: number; readonly report: WorkerReport }
  /** Somebody asked this one worker to stop: it waits to be replaced. */
  | { readonly kind: "leaving" };

/** The state of one worker, as the admin listener shows it. */
export interface WorkerReport {
  readonly listening: boolean;
  readonly store: StoreHealth;
  readonly providers: Readonly<Record<string, { readonly ok: boolean; readonly detail: string }>>;
  /** In the text exposition format. */
  readonly metrics: string;
}
