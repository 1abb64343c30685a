import type { Clock } from "../../core/clock.ts";
import { GatewayError } from "../../core/errors.ts";
import type { Facts } from "../../core/ports/facts.ts";
import { hashRecoveryCode, looksLikeRecoveryCode, verifyTotp } from "./one-time-codes.ts";
import type { PasswordVerifier } from "./passwords.ts";
import { isLogin, type LocalUser, type UsersFile } from "./users-file.ts";

const minute = 60_000;
/** Attempts from one address, whatever the account: a list of passwords is tried slowly or not at all. */
const perAddress = { most: 20, windowMs: 10 * minute };
/** Attempts at one account from one address: a person mistypes a few times. */
const perPair = { most: 6, windowMs: 5 * minute };
/** Attempts at one account from addresses where it has not signed in lately: many addresses together are a botnet. */
const perAccount = { most: 30, windowMs: 15 * minute };
/** Beyond that one attempt in this time: the account is slow to try, and never closed to its owner for good. */
const trickleMs = 20_000;
/** For so long an address where an account signed in is known to be its owner's. */
const knownAddressMs = 60 * 24 * 60 * minute;
/** Codes of the last, present and next half minute are good. */
const codeLifeMs = 3 * minute;
const recoveryLifeMs = 400 * 24 * 60 * minute;

/** Which second factors an account has. */
export interface Factors {
  readonly totp: boolean;
  readonly recovery: boolean;
  readonly passkeys: number;
}

/** The first factor was right. */
export interface PasswordAccepted {
  readonly login: string;
  readonly user: LocalUser;
  readonly factors: Factors;
}

/** Emergency accounts: who may try, and what proves an account. Unknown, disabled and wrong look alike. */
export interface Accounts {
  /** @throws GatewayError `local.refused` for any wrong account or password, `login.too-many`, `local.users-file`, `store.unavailable` */
  checkPassword(login: string, password: string, address: string): Promise<PasswordAccepted>;
  /**
   * A one-time code of an authenticator app, or a recovery code, each good once in every process.
   * @throws GatewayError `local.refused`, `login.too-many`
   */
  checkCode(login: string, code: string, address: string): Promise<{ readonly user: LocalUser; readonly by: "totp" | "recovery" }>;
  /** Remembers that the account signed in from there: its owner's address is not slowed down by others. */
  welcome(login: string, address: string): Promise<void>;
}

export interface AccountsDeps {
  /** The provider's id: counts of two providers do not mix. */
  readonly provider: string;
  readonly file: UsersFile;
  readonly passwords: PasswordVerifier;
  readonly facts: Pick<Facts, "count" | "once" | "isUsed">;
  readonly clock: Clock;
}

export function createAccounts({ provider, file, passwords, facts, clock }: AccountsDeps): Accounts {
  const find = async (login: string): Promise<LocalUser | null> => {
    if (!isLogin(login)) return null;
    const users = await file.read();
    const user = Object.hasOwn(users, login) ? users[login] : undefined;
    return user === undefined || user.disabled ? null : user;
  };
  /** Counted before anything is verified: attempts made at the same time count, too. */
  const admit = async (login: string, address: string) => {
    const from = networkOf(address);
    const pair = `${provider} ${login} ${from}`;
    if ((await facts.count("local-address", `${provider} ${from}`, perAddress.windowMs)) > perAddress.most) throw tooMany("this address");
    if ((await facts.count("local-pair", pair, perPair.windowMs)) > perPair.most) throw tooMany("this account from this address");
    if (await facts.isUsed("local-known", pair)) return;
    const attempts = await facts.count("local-account", `${provider} ${login}`, perAccount.windowMs);
    if (attempts <= perAccount.most) return;
    if (!(await facts.once("local-trickle", `${provider} ${login}`, trickleMs))) throw tooMany("this account from unknown addresses");
  };
  return {
    async checkPassword(login, password, address) {
      await admit(login, address);
      const user = await find(login);
      // An empty password is no password, whatever a hash says.
      const isRight = await passwords.verify(user?.password ?? null, password);
      if (user === null || !isRight || password === "") throw refused("the account or the password is wrong");
      return { login, user, factors: factorsOf(user) };
    },
    async checkCode(login, code, address) {
      await admit(login, address);
      const user = await find(login);
      if (user === null) throw refused("the account is not there any more");
      if (looksLikeRecoveryCode(code)) {
        await spendRecoveryCode(login, user, code);
        return { user, by: "recovery" };
      }
      const step = user.totp === null ? null : verifyTotp(user.totp, code, clock());
      if (step === null) throw refused("the one-time code is wrong");
      if (!(await facts.once("local-totp", `${provider} ${login} ${step}`, codeLifeMs))) throw refused("the one-time code was used before");
      return { user, by: "totp" };
    },
    async welcome(login, address) {
      await facts.once("local-known", `${provider} ${login} ${networkOf(address)}`, knownAddressMs);
    },
  };

  /** Spent in the store first, so that of two processes one wins; then taken out of the file, so that it stays spent without the store. */
  async function spendRecoveryCode(login: string, user: LocalUser, code: string): Promise<void> {
    const hash = hashRecoveryCode(code);
    if (!user.recovery.includes(hash)) throw refused("the recovery code is wrong");
    if (!(await facts.once("local-recovery", `${provider} ${login} ${hash}`, recoveryLifeMs)))
      throw refused("the recovery code was used before");
    await file.update((users) => {
      const present = users[login];
      return present === undefined ? null : { ...users, [login]: { ...present, recovery: present.recovery.filter((one) => one !== hash) } };
    });
  }
}

const factorsOf = (user: LocalUser): Factors => ({
  totp: user.totp !== null,
  recovery: user.recovery.length > 0,
  passkeys: user.passkeys.length,
});

const refused = (detail: string) => new GatewayError("local.refused", detail);
const tooMany = (what: string) => new GatewayError("login.too-many", `too many attempts at ${what}`);

/** An IPv6 customer has a whole /64: its addresses count as one. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::");
  const left = head.split(":").filter((word) => word !== "");
  if (tail === undefined) return left.slice(0, 4).join(":");
  const right = tail.split(":").filter((word) => word !== "");
  const zeros: string[] = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => "0");
  return [...left, ...zeros, ...right].slice(0, 4).join(":");
}
