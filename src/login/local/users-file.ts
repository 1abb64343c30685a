import { open, rename, rm, stat } from "node:fs/promises";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { GatewayError } from "../../core/errors.ts";
import { readRegularFile } from "../../lib/regular-file.ts";
import { pause } from "../../lib/timing.ts";
import { fromBase32 } from "./one-time-codes.ts";
import { parseHash } from "./passwords.ts";

/** What a lock that its owner left behind may hold up: writing the file takes milliseconds. */
const staleLockMs = 10_000;
const largestBytes = 1_048_576;

const passkeySchema = z.strictObject({
  /** Credential id, base64url. */
  id: z.string().regex(/^[A-Za-z0-9_-]{16,1400}$/),
  /** COSE public key, base64url. */
  publicKey: z.string().regex(/^[A-Za-z0-9_-]{32,2800}$/),
  counter: z.int().min(0),
  transports: z.array(z.string().max(32)).max(8).default([]),
  name: z.string().max(100),
});
const userSchema = z.strictObject({
  password: z.string().refine((text) => parseHash(text) !== null, "no argon2id hash; make one with `vestibule user passwd`"),
  name: z.string().max(200).nullable().default(null),
  email: z.email().nullable().default(null),
  groups: z.array(z.string().min(1).max(200)).max(1_000).default([]),
  totp: z
    .string()
    .refine((text) => fromBase32(text) !== null, "no base 32 secret; make one with `vestibule user totp`")
    .nullable()
    .default(null),
  /** Hashes of unused recovery codes. */
  recovery: z.array(z.string()).max(50).default([]),
  passkeys: z.array(passkeySchema).max(20).default([]),
  /** The hash of a one-time address at which a passkey can be added, and until when. */
  enrolment: z.strictObject({ hash: z.string(), until: z.int() }).nullable().default(null),
  disabled: z.boolean().default(false),
});
const fileSchema = z.strictObject({
  version: z.literal(1),
  users: z.record(z.string().regex(loginShape(), "a login has 1 to 64 letters, digits, dots, dashes, underscores or an @"), userSchema),
});

function loginShape(): RegExp {
  return /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;
}

/** Whether a text can be a login name: nothing else is looked up. */
export const isLogin = (text: string) => loginShape().test(text);

/** A passkey that may be used as second factor (WebAuthn Level 2, 4). */
export type Passkey = z.infer<typeof passkeySchema>;
/** One emergency account. */
export type LocalUser = z.infer<typeof userSchema>;
export type LocalUsers = Readonly<Record<string, LocalUser>>;

/** The users of a file's text. @throws GatewayError `local.users-file` with every mistake, by key */
export function parseUsers(text: string, path: string): LocalUsers {
  const value = parseYaml(text, path);
  if (value === null) return {};
  const result = fileSchema.safeParse(value);
  if (!result.success) {
    const problems = result.error.issues.map(
      (issue) =>
        `${issue.path.join(".") || "the file"}: ${issue.code === "invalid_key" ? (issue.issues[0]?.message ?? issue.message) : issue.message}`,
    );
    throw new GatewayError("local.users-file", `${path}: ${problems.join("; ")}`);
  }
  return result.data.users;
}

/** The text that `parseUsers` reads. */
export function writeUsers(users: LocalUsers): string {
  const head = "# Emergency accounts of Vestibule. Holds secrets: keep it readable for the gateway alone. Changed by `vestibule user`.\n";
  return head + stringify({ version: 1, users }, { lineWidth: 0 });
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text, { strict: true, uniqueKeys: true, maxAliasCount: 0 });
  } catch (cause) {
    throw new GatewayError("local.users-file", `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** The file of emergency accounts. It is read again for each login, so a change needs no reload. */
export interface UsersFile {
  readonly path: string;
  /** @throws GatewayError `local.users-file` when it cannot be read or is malformed: then no account of it can sign in */
  read(): Promise<LocalUsers>;
  /** Changes the file in one step, under a lock; answers false, and writes nothing, when `change` answers null. */
  update(change: (users: LocalUsers) => LocalUsers | null): Promise<boolean>;
}

/** `mayBeAbsent`: a missing file holds no accounts, for the command that makes the first one. */
export function createUsersFile(path: string, { mayBeAbsent = false } = {}): UsersFile {
  const read = async () => {
    const text = readBounded(path, mayBeAbsent);
    return text === null ? {} : parseUsers(text, path);
  };
  return {
    path,
    read,
    update: (change) =>
      withLock(path, async () => {
        const changed = change(await read());
        if (changed === null) return false;
        const beside = `${path}.new`;
        // A pipe or a link under that name is not followed: the name must be free.
        await rm(beside, { force: true });
        const file = await open(beside, "wx", 0o600);
        try {
          await file.writeFile(writeUsers(changed));
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(beside, path);
        return true;
      }),
  };
}

function readBounded(path: string, mayBeAbsent: boolean): string | null {
  try {
    return readRegularFile(path, largestBytes).toString("utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (mayBeAbsent && code === "ENOENT") return null;
    throw new GatewayError("local.users-file", code === undefined ? message : `${path} cannot be read: ${message}`, { cause });
  }
}

async function withLock<T>(path: string, run: () => Promise<T>): Promise<T> {
  const lock = `${path}.lock`;
  for (;;) {
    try {
      const held = await open(lock, "wx", 0o600);
      await held.close();
      break;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST")
        throw new GatewayError("local.users-file", `${path} cannot be written: ${(cause as Error).message}`, { cause });
      const age = await stat(lock).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > staleLockMs) await rm(lock, { force: true });
      else await pause(20);
    }
  }
  try {
    return await run();
  } finally {
    await rm(lock, { force: true });
  }
}
