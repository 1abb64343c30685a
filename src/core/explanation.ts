import type { RuleTrace } from "./decision.ts";

/** A request that was not made, put to the configuration. */
export interface Question {
  readonly url: string;
  readonly method: string;
  /** Null: a visitor who has not signed in. */
  readonly as: AsWhom | null;
  /** Null: 127.0.0.1. */
  readonly address: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly websocket: boolean;
}

/** What the gateway would do, as plain data: this is also the JSON form. */
export type Explanation = NoExplanation | DecidedExplanation;
/** The request reaches no app: it is not understood, names no host of ours, or belongs to the gateway itself. */
export interface NoExplanation {
  readonly outcome: "malformed" | "unknown-host" | "control" | "unknown-provider";
  readonly asked: string;
  readonly why: string;
}
export interface DecidedExplanation {
  readonly outcome: "allow" | "pass" | "login" | "refuse";
  readonly asked: string;
  readonly who: string;
  readonly address: string;
  readonly at: string;
  readonly app: { readonly name: string; readonly host: string; readonly origin: string };
  readonly route: { readonly id: string; readonly path: string; readonly upstreams: readonly string[] };
  /** One normally; the plain reading first. The strictest decides. */
  readonly readings: readonly ReadingExplanation[];
  readonly decision: string;
  readonly why: string;
  /** What `enforce: false` would have refused. */
  readonly shadow: string | null;
  /** Identity headers that the upstream would get; null when the request does not reach it. */
  readonly headers: readonly (readonly [name: string, value: string])[] | null;
  readonly notes: readonly string[];
}
export interface ReadingExplanation {
  readonly path: string;
  readonly route: string;
  readonly access: "public" | "optional" | "rules";
  /** Empty where no rule is asked. */
  readonly rules: readonly RuleTrace[];
  readonly decision: string;
}

/** The visitor of a question; what is left out is what their provider did not send. */
export interface AsWhom {
  /** Default: the address, else `test`. One that is an address stands for the address, too. */
  readonly subject: string | null;
  readonly email: string | null;
  readonly name?: string | null;
  readonly groups: readonly string[];
  /** Default: the owner of the address's domain, else the app's first. */
  readonly provider: string | null;
  readonly acr: string | null;
  readonly claims: Readonly<Record<string, readonly string[]>>;
}
