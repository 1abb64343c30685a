import type { AsWhom } from "./explanation.ts";

/** Hours of a week in one time zone. `from` > `to` spans midnight and belongs to the day it starts on. */
export interface HoursSpec {
  readonly days: readonly Weekday[];
  /** Minutes since midnight, 0 to 1440. */
  readonly fromMinute: number;
  readonly toMinute: number;
  /** IANA name, for example Europe/Paris; validated at load. */
  readonly zone: string;
}
export type Weekday = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** One condition as written: every key present must hold, a list holds when one of its entries does. Never empty. */
export interface ConditionSpec {
  readonly users?: readonly string[];
  readonly groups?: readonly string[];
  /** Of the gateway's own directory. */
  readonly roles?: readonly string[];
  readonly teams?: readonly string[];
  readonly emailDomains?: readonly string[];
  readonly providers?: readonly string[];
  readonly claims?: Readonly<Record<string, readonly string[]>>;
  readonly methods?: readonly string[];
  readonly paths?: readonly string[];
  readonly networks?: readonly string[];
  readonly hours?: HoursSpec;
  readonly acr?: readonly string[];
  /** Any signed-in visitor. */
  readonly anyone?: true;
  readonly any?: readonly ConditionSpec[];
  readonly all?: readonly ConditionSpec[];
  readonly not?: ConditionSpec;
}

/** One entry of an access list, in file order. */
export interface RuleSpec {
  readonly effect: "allow" | "deny";
  readonly when: ConditionSpec;
  /** Where it stands, for people: `policies.staff-only[0] (line 88)`. */
  readonly origin: string;
}

/** One entry of `public` or `optional`: a glob on the canonical path, for one method or for all. */
export interface PathSpec {
  readonly method: string | null;
  readonly glob: string;
}

/** One entry of `tests:`. */
export interface PolicyTest {
  readonly as: AsWhom | null;
  readonly method: string;
  readonly url: string;
  readonly address: string | null;
  /** ISO 8601; null = now. */
  readonly at: string | null;
  readonly expect: "allow" | "refuse" | "login" | "pass";
  /** Where it stands, for people. */
  readonly origin: string;
}
