import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { Client, type Filter, InvalidCredentialsError, PasswordPolicyControl, ResultCodeError, type SearchOptions } from "ldapts";
import { GatewayError } from "../../core/errors.ts";
import { within as inTime } from "../../lib/timing.ts";
import { binaryNames, type LdapEntry, readEntry } from "./entries.ts";
import { soundMessages } from "./messages.ts";
import { type LdapServer, type LdapSettings, urlOf } from "./settings.ts";
import { askForTls } from "./start-tls.ts";

export interface LdapSearch {
  readonly base: string;
  readonly scope: "base" | "one" | "sub";
  readonly filter: Filter;
  readonly attributes: readonly string[];
  /** One more than this is an answer too; what was cut off shows by the count. */
  readonly most: number;
}

export type BindAnswer =
  | { readonly kind: "ok"; readonly policyError: number | null; readonly graceLogins: number | null }
  /** Result 49: unknown or wrong, with what the server says besides. */
  | { readonly kind: "refused"; readonly message: string; readonly policyError: number | null };

/** One connection to one server. What fails throws `ldap.unreachable` or `ldap.answer`, within the time that was given. */
export interface LdapConnection {
  readonly server: LdapServer;
  /** Referrals are neither followed nor returned. */
  search(search: LdapSearch, timeoutMs: number): Promise<readonly LdapEntry[]>;
  bind(dn: string, password: string, timeoutMs: number): Promise<BindAnswer>;
  isOpen(): boolean;
  close(): void;
}

/** More than any answer that a login needs: a server that sends on and on is cut off. */
const mostBytes = 8 * 1024 * 1024;

/**
 * Connected, and behind TLS where that is configured; the certificate is checked against the authorities and the name. Throws
 * `ldap.unreachable` or `ldap.tls`.
 */
export async function openConnection(
  settings: Pick<LdapSettings, "startTls" | "tls">,
  server: LdapServer,
  timeoutMs: number,
): Promise<LdapConnection> {
  const sockets: Socket[] = [];
  const connecting = connect(settings, server, sockets);
  try {
    const socket = await within(timeoutMs, connecting, () => `${urlOf(server)} does not answer within ${timeoutMs} ms`);
    return wrap(server, socket);
  } catch (error) {
    connecting.catch(() => undefined);
    for (const socket of sockets) socket.on("error", () => undefined).destroy();
    throw error instanceof GatewayError ? error : unreachable(server, error);
  }
}

async function connect(
  settings: Pick<LdapSettings, "startTls" | "tls">,
  server: LdapServer,
  sockets: Socket[],
): Promise<Socket | TLSSocket> {
  const plain = connectTcp({ host: server.host, port: server.port, noDelay: true, keepAlive: true });
  sockets.push(plain);
  await ready(plain, "connect");
  if (!server.tls && !settings.startTls) return plain;
  if (!server.tls) {
    await askForTls(plain).catch((cause: unknown) => {
      throw new GatewayError("ldap.tls", `StartTLS at ${urlOf(server)}: ${messageOf(cause)}`, { cause });
    });
  }
  const name = settings.tls.serverName ?? server.host;
  const secure = connectTls({
    socket: plain,
    minVersion: "TLSv1.2",
    ...(isIP(name) === 0 ? { servername: name } : { host: name }),
    ...(settings.tls.ca === null ? {} : { ca: settings.tls.ca }),
  });
  sockets.push(secure);
  await ready(secure, "secureConnect").catch((cause: unknown) => {
    throw new GatewayError("ldap.tls", `TLS with ${urlOf(server)}: ${messageOf(cause)}`, { cause });
  });
  return secure;
}

function ready(socket: Socket, event: "connect" | "secureConnect"): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("the server closed the connection")));
  });
}

/** ldapts on a connection of ours: it never opens one itself, so a closed one is never used again unbound. */
function wrap(server: LdapServer, socket: Socket): LdapConnection {
  let used = false;
  let bytes = 0;
  // An idle connection does not keep the process alive; the time limit of a question does.
  socket.unref();
  socket.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > mostBytes) socket.destroy(new Error(`the server sent more than ${mostBytes} bytes`));
  });
  const messages = soundMessages(socket, mostBytes);
  const client = new Client({
    // The scheme only says that ldapts adds no TLS of its own.
    url: `ldap://${server.host.includes(":") ? `[${server.host}]` : server.host}:${server.port}`,
    createConnection: (() => {
      if (used) throw new Error("the connection was closed");
      used = true;
      return messages;
    }) as typeof connectTcp,
  });
  const close = () => socket.on("error", () => undefined).destroy();
  const run = async <T>(timeoutMs: number, work: () => Promise<T>): Promise<T> => {
    bytes = 0;
    try {
      return await within(timeoutMs, work(), () => `${urlOf(server)} does not answer within ${timeoutMs} ms`);
    } catch (error) {
      if (error instanceof ResultCodeError && !isBusy(error.code)) throw error;
      // An answer that comes late would be taken for the answer to the next question.
      close();
      throw error instanceof GatewayError ? error : unreachable(server, error);
    }
  };
  return {
    server,
    isOpen: () => !socket.destroyed && socket.writable,
    close,
    search: async ({ base, scope, filter, attributes, most }, timeoutMs) => {
      try {
        const options: SearchOptions = {
          scope,
          filter,
          attributes: [...attributes],
          sizeLimit: most + 1,
          timeLimit: Math.max(1, Math.ceil(timeoutMs / 1_000)),
          explicitBufferAttributes: [...binaryNames],
        };
        const found = await run(timeoutMs, () => client.search(base, options));
        return found.searchEntries.map(readEntry);
      } catch (error) {
        if (!(error instanceof ResultCodeError)) throw error;
        if (error.code === noSuchObject) return [];
        throw new GatewayError("ldap.answer", `${urlOf(server)} refuses a search in ${base}: ${messageOf(error)}`, { cause: error });
      }
    },
    bind: async (dn, password, timeoutMs) => {
      // RFC 4513 5.1.2: a bind with an empty password is answered with success by some servers, and proves nothing.
      if (password === "") throw new GatewayError("gateway.internal", "a bind without a password was asked for");
      // ldapts takes the name of a SASL mechanism in the place of a DN: a login of EXTERNAL would be no password login at all.
      if (!/[=@\\]/.test(dn)) return { kind: "refused", message: "the name is no DN", policyError: null };
      const policy = new PasswordPolicyControl();
      const policyError = () => policy.value?.error ?? null;
      try {
        await run(timeoutMs, () => client.bind(dn, password, policy));
        return { kind: "ok", policyError: policyError(), graceLogins: policy.value?.graceAuthNsRemaining ?? null };
      } catch (error) {
        if (error instanceof InvalidCredentialsError) return { kind: "refused", message: error.message, policyError: policyError() };
        if (!(error instanceof ResultCodeError)) throw error;
        if (meansRefused.has(error.code)) return { kind: "refused", message: error.message, policyError: policyError() };
        const cure = wantsTls.has(error.code) ? ". It takes passwords over TLS only: write ldaps://, or startTls: true" : "";
        throw new GatewayError("ldap.answer", `${urlOf(server)} refuses a bind: ${messageOf(error)}${cure}`, { cause: error });
      }
    },
  };
}

const noSuchObject = 32;
/**
 * No such object, invalid name, inappropriate authentication mean "unknown or wrong" too; 389 Directory Server says "too many wrong
 * passwords" by constraint violation and "inactivated" by unwilling to perform.
 */
const meansRefused: ReadonlySet<number> = new Set([19, noSuchObject, 34, 48, 53]);
/** strongerAuthRequired, as Active Directory says it, and confidentialityRequired. */
const wantsTls: ReadonlySet<number> = new Set([8, 13]);
/** busy, unavailable: another server may do better. */
const isBusy = (code: number) => code === 51 || code === 52;

function unreachable(server: LdapServer, cause: unknown): GatewayError {
  return new GatewayError("ldap.unreachable", `${urlOf(server)}: ${messageOf(cause)}`, { cause });
}

/** The first line, since ldapts appends what it sent. */
function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
}

/** What `work` gives; throws `ldap.unreachable` when that takes longer. */
export function within<T>(timeoutMs: number, work: Promise<T>, why: () => string): Promise<T> {
  return inTime(Math.max(timeoutMs, 1), work, () => {
    throw new GatewayError("ldap.unreachable", why());
  });
}
