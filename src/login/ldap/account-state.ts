import type { ErrorCode } from "../../core/errors.ts";
import type { LdapEntry } from "./entries.ts";

/** Why an account may not sign in now, in words that its owner can act on. */
export type AccountProblem = "disabled" | "expired" | "locked" | "password-expired" | "password-must-change" | "not-now";

/**
 * What a refused bind says about the account, null when it is only "unknown or wrong".
 *
 * Active Directory writes its reason as a hexadecimal `data` code into the message. It gives all of these but `775` for the
 * right password only; a password policy (draft-behera-ldap-password-policy) says it in a control.
 */
export function problemOfRefusedBind(message: string, policyError: number | null): AccountProblem | null {
  const data = /\bdata ([0-9a-f]+)\b/i.exec(message)?.[1]?.toLowerCase();
  const said =
    data === undefined ? (otherWords.find(([words]) => words.test(message))?.[1] ?? null) : (activeDirectoryCodes.get(data) ?? null);
  return said ?? problemOfPolicy(policyError);
}

/** 389 Directory Server and FreeIPA. */
const otherWords: readonly (readonly [RegExp, AccountProblem])[] = [
  [/account inactivated/i, "disabled"],
  [/exceed password retry limit/i, "locked"],
  [/password expired/i, "password-expired"],
];

/** 52e (wrong password), 525 (no such user) and 57 are the common answer. */
const activeDirectoryCodes: ReadonlyMap<string, AccountProblem> = new Map([
  ["530", "not-now"],
  ["531", "not-now"],
  ["532", "password-expired"],
  ["533", "disabled"],
  ["701", "expired"],
  ["773", "password-must-change"],
  ["775", "locked"],
]);

/** What the password policy control says, with a refused bind or with one that went well. */
export function problemOfPolicy(policyError: number | null): AccountProblem | null {
  if (policyError === 0) return "password-expired";
  if (policyError === 1) return "locked";
  // The bind went well, but nothing else is allowed before the password is changed.
  return policyError === 2 ? "password-must-change" : null;
}

/** The attributes that `problemOfEntry` looks at. */
export const stateAttributes: readonly string[] = [
  "userAccountControl",
  "accountExpires",
  "nsAccountLock",
  "pwdAccountLockedTime",
  "loginDisabled",
  "ds-pwp-account-disabled",
  "shadowExpire",
];

const dayMs = 86_400_000;
/** 1601-01-01 as milliseconds before 1970. */
const fileTimeEpochMs = 11_644_473_600_000n;

/**
 * What the entry itself says against its owner, at login and while a session lives.
 *
 * A lock after wrong passwords is not looked at: anyone can cause one, and it must not end the sessions of its victim. The bind says it.
 */
export function problemOfEntry({ attributes }: LdapEntry, now: number): AccountProblem | null {
  const first = (name: string) => attributes.get(name.toLowerCase())?.[0];
  const isTrue = (name: string) => first(name)?.toLowerCase() === "true";
  const control = Number(first("userAccountControl") ?? 0);
  // ACCOUNTDISABLE (MS-ADTS 2.2.16).
  if (Number.isInteger(control) && (control & 0x2) !== 0) return "disabled";
  if (isTrue("nsAccountLock") || isTrue("loginDisabled") || isTrue("ds-pwp-account-disabled")) return "disabled";
  // An administrator's lock, without an end; others bear the time of the last wrong password.
  if (first("pwdAccountLockedTime") === "000001010000Z") return "disabled";
  if (isOver(fileTimeOf(first("accountExpires")), now)) return "expired";
  const shadowDays = Number(first("shadowExpire") ?? -1);
  return Number.isInteger(shadowDays) && shadowDays > 0 && shadowDays * dayMs <= now ? "expired" : null;
}

const isOver = (at: number | null, now: number) => at !== null && at <= now;

/** Hundreds of nanoseconds since 1601; 0 and the largest number mean never. */
function fileTimeOf(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,19}$/.test(text)) return null;
  const ticks = BigInt(text);
  return ticks === 0n || ticks >= 0x7fff_ffff_ffff_ffffn ? null : Number(ticks / 10_000n - fileTimeEpochMs);
}

/** What a visitor reads about an account that may not sign in now. */
export const codeOfProblem: Readonly<Record<AccountProblem, ErrorCode>> = {
  disabled: "login.account-disabled",
  expired: "login.account-expired",
  locked: "login.account-locked",
  "not-now": "login.account-not-now",
  "password-expired": "login.password-expired",
  "password-must-change": "login.password-expired",
};
