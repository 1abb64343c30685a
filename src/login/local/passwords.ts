import { argon2, timingSafeEqual } from "node:crypto";

/** OWASP's least costs for argon2id (Password Storage Cheat Sheet): 19 MiB, two passes, one lane. */
const costs = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
/** What a file may ask for: a hash of gigabytes would be a way to stop the process. */
const largest = { memory: 262_144, passes: 10, parallelism: 4 } as const;
const longestPasswordBytes = 1_024;
const shortestPassword = 12;

/** A hash in the PHC string format that `verifyPassword` reads: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. */
export async function hashPassword(password: string, random: (bytes: number) => Uint8Array): Promise<string> {
  const salt = Buffer.from(random(16));
  const hash = await derive(password, salt, costs);
  return `$argon2id$v=19$m=${costs.memory},t=${costs.passes},p=${costs.parallelism}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** Why a password is too weak to be set, or null. Length is what counts (NIST SP 800-63B 5.1.1.2); no rules about signs. */
export function weakness(password: string, login: string): string | null {
  if ([...password].length < shortestPassword)
    return `a password needs ${shortestPassword} characters or more; a few words are easiest to remember`;
  if (Buffer.byteLength(password) > longestPasswordBytes) return `a password may have ${longestPasswordBytes} bytes at most`;
  if (new Set(password).size < 5) return "a password needs at least five different characters";
  return password.toLowerCase().includes(login.toLowerCase()) ? "a password may not contain the login name" : null;
}

/** Verifies passwords, a few at a time: each costs 19 MiB and tens of milliseconds of a thread. */
export interface PasswordVerifier {
  /** False also for `encoded` null, after the same work: the time does not tell whether an account exists. */
  verify(encoded: string | null, password: string): Promise<boolean>;
}

/** At most `atOnce` derivations run; the others wait in turn. */
export function createPasswordVerifier(atOnce = 2): PasswordVerifier {
  let running = 0;
  const waiting: (() => void)[] = [];
  const enter = async (): Promise<void> => {
    if (running >= atOnce) return new Promise((resolve) => void waiting.push(resolve));
    running += 1;
  };
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  };
  return {
    async verify(encoded, password) {
      const known = encoded === null ? null : parseHash(encoded);
      if (Buffer.byteLength(password) > longestPasswordBytes) return false;
      await enter();
      try {
        const { salt, hash, parameters } = known ?? absentHash;
        const derived = await derive(password, salt, parameters);
        return known !== null && derived.length === hash.length && timingSafeEqual(derived, hash);
      } finally {
        leave();
      }
    },
  };
}

interface ParsedHash {
  readonly parameters: { readonly memory: number; readonly passes: number; readonly parallelism: number; readonly tagLength: number };
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** Stands in for an account that is not there. */
const absentHash: ParsedHash = { parameters: costs, salt: Buffer.alloc(16), hash: Buffer.alloc(32) };

/** Null for what is no argon2id hash within the bounds. */
export function parseHash(encoded: string): ParsedHash | null {
  const match = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{22,88})$/.exec(encoded);
  if (match === null) return null;
  const [memory = 0, passes = 0, parallelism = 0] = match.slice(1, 4).map(Number);
  if (memory > largest.memory || passes > largest.passes || parallelism > largest.parallelism) return null;
  if (passes < 1 || parallelism < 1 || memory < 8 * parallelism) return null;
  const [salt, hash] = [Buffer.from(match[4] ?? "", "base64"), Buffer.from(match[5] ?? "", "base64")];
  return { parameters: { memory, passes, parallelism, tagLength: hash.length }, salt, hash };
}

function derive(password: string, nonce: Buffer, parameters: ParsedHash["parameters"]): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // The same password typed on two keyboards can be two code point sequences (RFC 8265 4.2.2).
    argon2("argon2id", { message: password.normalize("NFC"), nonce, ...parameters }, (error, key) => {
      if (error === null) resolve(key);
      else reject(error);
    });
  });
}

const unpadded = (bytes: Buffer) => bytes.toString("base64").replace(/=+$/, "");
