import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { renderUnicodeCompact } from "uqr";
import { loadSettings } from "../config/load.ts";
import { formatProblems } from "../config/problems/report.ts";
import { asGatewayError } from "../core/errors.ts";
import { formatOrigin } from "../core/origin.ts";
import type { Settings } from "../core/settings.ts";
import { hashRecoveryCode, newRecoveryCodes, newTotpSecret, totpUri } from "../login/local/one-time-codes.ts";
import { hashEnrolment } from "../login/local/passkeys.ts";
import { hashPassword, weakness } from "../login/local/passwords.ts";
import { localOf } from "../login/local/schema.ts";
import { createUsersFile, isLogin, type LocalUser, type UsersFile } from "../login/local/users-file.ts";
import { type CommandContext, configFile, type ExitCode, type ParsedOptions, parseCommand, textOption, wrongUsage } from "./command.ts";

const options = {
  config: { type: "string", short: "c" },
  provider: { type: "string" },
  file: { type: "string" },
  name: { type: "string" },
  email: { type: "string" },
  groups: { type: "string" },
  "no-totp": { type: "boolean" },
} as const;

const enrolmentLifeMs = 24 * 60 * 60_000;

/** What an action works with: the file, who is meant, and where the accounts are used. */
interface Place {
  readonly file: UsersFile;
  /** What authenticator apps show beside the login. */
  readonly issuer: string;
  /** `https://auth…/_vestibule/local/<provider>`; null when only the file was named. */
  readonly address: string | null;
}
type Action = (context: CommandContext, place: Place, login: string, parsed: ParsedOptions) => Promise<ExitCode>;

const actions: Readonly<Record<string, Action>> = {
  add,
  passwd,
  totp,
  passkey,
  disable: setDisabled(true),
  enable: setDisabled(false),
  remove,
};

/** `vestibule user …`: makes and changes emergency accounts in the file of a provider of kind `local`. */
export async function user(context: CommandContext): Promise<ExitCode> {
  const { args, env, terminal } = context;
  const parsed = parseCommand(args, options, 2);
  if (parsed.kind === "usage") return wrongUsage(terminal, "user", parsed.message);
  const [action = "", login] = parsed.positionals;
  const run = Object.hasOwn(actions, action) ? actions[action] : undefined;
  if (run === undefined && action !== "list")
    return wrongUsage(terminal, "user", action === "" ? "what to do is missing" : `there is no action '${action}'`);
  if (action !== "list" && login === undefined) return wrongUsage(terminal, "user", "the login is missing");
  if (login !== undefined && !isLogin(login))
    return wrongUsage(terminal, "user", `'${login}' is no login: 1 to 64 letters, digits, dots, dashes, underscores or an @`);
  const place = findPlace(parsed.options, env);
  if (typeof place === "string") {
    terminal.err(place);
    return 1;
  }
  try {
    return await (run === undefined ? list(context, place) : run(context, place, login ?? "", parsed.options));
  } catch (error) {
    terminal.err(`vestibule user: ${asGatewayError(error).message}\n`);
    return 1;
  }
}

/** The file that is meant, or what to say instead. */
function findPlace(parsed: ParsedOptions, env: CommandContext["env"]): Place | string {
  const file = textOption(parsed, "file");
  if (file !== null) return { file: createUsersFile(file, { mayBeAbsent: true }), issuer: "Vestibule", address: null };
  const loaded = loadSettings(configFile(textOption(parsed, "config"), env), env);
  if (!loaded.ok) return `${formatProblems(loaded.problems, { colour: false })}(or name the file of accounts: --file FILE)\n`;
  return placeOf(loaded.settings, textOption(parsed, "provider"));
}

function placeOf({ providers, auth }: Settings, wanted: string | null): Place | string {
  const local = providers.flatMap((provider) => {
    const settings = localOf(provider.protocol);
    return settings === null ? [] : [{ provider, settings }];
  });
  const [found, ...others] = wanted === null ? local : local.filter(({ provider }) => provider.id === wanted);
  const names = local.map(({ provider }) => provider.id).join(", ");
  if (found === undefined)
    return `vestibule user: ${names === "" ? "no provider has `local:`" : `providers with \`local:\` are ${names}`}; name the file of accounts: --file FILE\n`;
  if (others.length > 0) return `vestibule user: which provider: ${names}? Write --provider NAME\n`;
  const address = `${formatOrigin(auth.origin)}/_vestibule/local/${encodeURIComponent(found.provider.id)}`;
  return { file: createUsersFile(found.settings.file, { mayBeAbsent: true }), issuer: found.provider.name, address };
}

async function add(context: CommandContext, place: Place, login: string, parsed: ParsedOptions): Promise<ExitCode> {
  if (Object.hasOwn(await place.file.read(), login)) return refuse(context, `there is an account '${login}' already`);
  const password = await askPassword(context, login);
  if (password === null) return 1;
  const account: LocalUser = {
    password: await hashPassword(password, randomBytes),
    name: textOption(parsed, "name"),
    email: textOption(parsed, "email"),
    groups: (textOption(parsed, "groups") ?? "")
      .split(",")
      .map((group) => group.trim())
      .filter((group) => group !== ""),
    totp: null,
    recovery: [],
    passkeys: [],
    enrolment: null,
    disabled: false,
  };
  const made = await place.file.update((users) => (Object.hasOwn(users, login) ? null : { ...users, [login]: account }));
  if (!made) return refuse(context, `there is an account '${login}' already`);
  context.terminal.out(`Account ${login} is in ${place.file.path}.\n`);
  return parsed["no-totp"] === true ? 0 : totp(context, place, login);
}

async function passwd(context: CommandContext, place: Place, login: string): Promise<ExitCode> {
  if (!Object.hasOwn(await place.file.read(), login)) return refuse(context, `there is no account '${login}'`);
  const password = await askPassword(context, login);
  if (password === null) return 1;
  const hash = await hashPassword(password, randomBytes);
  return change(context, place, login, (account) => ({ ...account, password: hash }), "has a new password");
}

async function totp(context: CommandContext, place: Place, login: string): Promise<ExitCode> {
  const [secret, codes] = [newTotpSecret(randomBytes), newRecoveryCodes(randomBytes)];
  const uri = totpUri(secret, login, place.issuer);
  const outcome = await change(
    context,
    place,
    login,
    (account) => ({ ...account, totp: secret, recovery: codes.map(hashRecoveryCode) }),
    "has a new second factor",
  );
  if (outcome !== 0) return outcome;
  context.terminal.out(`\nScan this with an authenticator app, or type the secret ${secret}:\n\n${renderUnicodeCompact(uri)}\n\n${uri}\n`);
  context.terminal.out(
    `\nRecovery codes, each good once. Print them; they are not shown again:\n\n${codes.map((code) => `  ${code}\n`).join("")}`,
  );
  return 0;
}

/** The address is good once, for a day: opening it in a browser adds a passkey to the account. */
async function passkey(context: CommandContext, place: Place, login: string): Promise<ExitCode> {
  if (place.address === null)
    return refuse(context, "the address of the gateway is needed: leave --file out, so that the configuration is read");
  const secret = randomBytes(32).toString("base64url");
  const until = Date.now() + enrolmentLifeMs;
  const outcome = await change(
    context,
    place,
    login,
    (account) => ({ ...account, enrolment: { hash: hashEnrolment(secret), until } }),
    "may add a passkey",
  );
  if (outcome !== 0) return outcome;
  context.terminal.out(
    `Open this address once, within a day, with the passkey at hand:\n\n${place.address}/passkey?login=${encodeURIComponent(login)}&secret=${secret}\n`,
  );
  return 0;
}

function setDisabled(disabled: boolean): Action {
  return (context, place, login) =>
    change(context, place, login, (account) => ({ ...account, disabled }), disabled ? "cannot sign in any more" : "can sign in again");
}

async function remove(context: CommandContext, place: Place, login: string): Promise<ExitCode> {
  const removed = await place.file.update((users) => {
    if (!Object.hasOwn(users, login)) return null;
    const { [login]: _gone, ...others } = users;
    return others;
  });
  if (!removed) return refuse(context, `there is no account '${login}'`);
  context.terminal.out(`Account ${login} is gone. Its sessions end when the gateway asks for it again, within a minute.\n`);
  return 0;
}

async function list({ terminal }: CommandContext, { file }: Place): Promise<ExitCode> {
  const users = Object.entries(await file.read());
  if (users.length === 0) terminal.out(`${file.path} holds no accounts\n`);
  for (const [login, account] of users) {
    const factors = [
      account.totp === null ? "" : "TOTP",
      account.passkeys.length === 0 ? "" : `${account.passkeys.length} passkeys`,
      account.recovery.length === 0 ? "" : `${account.recovery.length} recovery codes`,
    ];
    const second = factors.filter((factor) => factor !== "").join(", ") || "no second factor";
    terminal.out(`${login}  ${account.disabled ? "disabled, " : ""}${second}; groups: ${account.groups.join(", ") || "none"}\n`);
  }
  return 0;
}

async function change(
  context: CommandContext,
  { file }: Place,
  login: string,
  edit: (account: LocalUser) => LocalUser,
  what: string,
): Promise<ExitCode> {
  const found = await file.update((users) => {
    const account = Object.hasOwn(users, login) ? users[login] : undefined;
    return account === undefined ? null : { ...users, [login]: edit(account) };
  });
  if (!found) return refuse(context, `there is no account '${login}'`);
  context.terminal.out(`Account ${login} ${what}.\n`);
  return 0;
}

function refuse({ terminal }: CommandContext, why: string): ExitCode {
  terminal.err(`vestibule user: ${why}\n`);
  return 1;
}

/** Asked twice without an echo on a terminal; else the first line of standard input. Never an argument: those are seen by every process. */
async function askPassword(context: CommandContext, login: string): Promise<string | null> {
  const { stdin, stderr } = process;
  const lines = createInterface({
    input: stdin,
    output: stdin.isTTY ? new Writable({ write: (_chunk, _encoding, done) => done() }) : undefined,
    terminal: stdin.isTTY === true,
  });
  try {
    const ask = async (question: string) => {
      if (stdin.isTTY) stderr.write(question);
      const answer = await lines.question("");
      if (stdin.isTTY) stderr.write("\n");
      return answer;
    };
    const password = await ask(`Password for ${login}: `);
    const weak = weakness(password, login);
    if (weak !== null) {
      refuse(context, weak);
      return null;
    }
    if (!stdin.isTTY || (await ask("Once more: ")) === password) return password;
    refuse(context, "the two passwords differ");
    return null;
  } finally {
    lines.close();
  }
}
