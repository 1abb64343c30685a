import { createReadClientTime, type ReadClientTime } from "./client-time.ts";
import { type GssFailure, isClockSkew } from "./diagnosis.ts";
import { type Gssapi, type GssBuffer, loadGssapi, loadKoffi, type Pointer } from "./gssapi.ts";
import { readNegotiateToken } from "./negotiate-token.ts";

/** One ticket to accept. */
export interface AcceptTask {
  readonly keytabFile: string;
  readonly token: Uint8Array;
  /** Channel bindings, null for none. */
  readonly bindings: Uint8Array | null;
}

/** What GSSAPI makes of a token. */
export type AcceptOutcome =
  | {
      readonly kind: "done";
      readonly client: string;
      readonly service: string;
      readonly answer: Uint8Array | null;
      /** KERB_VALIDATION_INFO of the ticket's PAC; null when there is none, or its signature is not one by the service's key. */
      readonly logonInfo: Uint8Array | null;
    }
  | { readonly kind: "continue" }
  | { readonly kind: "failed"; readonly failure: GssFailure; readonly clientTime: number | null };

/** Accepts tickets with the keys of their keytabs. */
export interface Establish {
  /** Throws `kerberos.library` when the library is not there. */
  load(): void;
  accept(task: AcceptTask): AcceptOutcome;
}

/** For one thread: the library is loaded with the first call. */
export function createEstablish(): Establish {
  let libraries: { readonly gss: Gssapi; readonly readClientTime: ReadClientTime } | null = null;
  const load = () => {
    if (libraries !== null) return libraries;
    const koffi = loadKoffi();
    libraries = { gss: loadGssapi(koffi), readClientTime: createReadClientTime(koffi) };
    return libraries;
  };
  return {
    load: () => void load(),
    accept: (task) => {
      const { gss, readClientTime } = load();
      const outcome = withMemory(gss, (memory) => acceptToken(gss, memory, task));
      if (outcome.kind !== "failed" || !isClockSkew(outcome.failure)) return outcome;
      const read = readNegotiateToken(Buffer.from(task.token));
      const request = read.kind === "kerberos" ? (read.ticket?.request ?? null) : null;
      return { ...outcome, clientTime: request === null ? null : readClientTime(task.keytabFile, request) };
    },
  };
}

/** What one call took from the heap and from GSSAPI, given back when it ends. */
interface Memory {
  text(value: string): Pointer;
  bytes(value: Uint8Array): GssBuffer;
  /** Gives `give` back to GSSAPI in the end. */
  later(give: () => unknown): void;
}

function withMemory<T>(gss: Gssapi, work: (memory: Memory) => T): T {
  const taken: Pointer[] = [];
  const later: (() => unknown)[] = [];
  const keep = (pointer: Pointer) => {
    taken.push(pointer);
    return pointer;
  };
  try {
    return work({
      text: (value) => keep(gss.text(value)),
      bytes: (value) => ({ length: value.length, value: keep(gss.copyIn(Buffer.from(value))) }),
      later: (give) => later.push(give),
    });
  } finally {
    for (const give of later.reverse()) give();
    for (const pointer of taken) gss.free(pointer);
  }
}

const acceptOnly = 2;
const indefinite = 0xffff_ffff;
const continueNeeded = 1;
/** Calling and routine errors; the low half are only hints. */
const isError = (major: number) => (major & 0xffff_0000) !== 0;

function acceptToken(gss: Gssapi, memory: Memory, { keytabFile, token, bindings }: AcceptTask): AcceptOutcome {
  const minor = [0];
  const cred: Pointer[] = [null];
  const elements = [
    { key: memory.text("keytab"), value: memory.text(`FILE:${keytabFile}`) },
    // Replays are found by the session store, which all processes of all machines share; a file is one machine's.
    { key: memory.text("rcache"), value: memory.text("none:") },
  ];
  const store = { count: elements.length, elements };
  const acquired = gss.acquireCred(minor, null, indefinite, gss.mechanisms, acceptOnly, store, cred, null, null);
  if (isError(acquired)) return failed(gss, acquired, minor);
  memory.later(() => gss.releaseCred([0], cred));

  const context: Pointer[] = [null];
  const source: Pointer[] = [null];
  const answer: GssBuffer = { length: 0, value: null };
  const nothing: GssBuffer = { length: 0, value: null };
  const bound =
    bindings === null
      ? null
      : {
          initiator_addrtype: 0,
          initiator_address: nothing,
          acceptor_addrtype: 0,
          acceptor_address: nothing,
          application_data: memory.bytes(bindings),
        };
  const major = gss.acceptContext(minor, context, cred[0], memory.bytes(token), bound, source, null, answer, [0], [0], null);
  memory.later(() => gss.deleteContext([0], context, null));
  memory.later(() => gss.releaseName([0], source));
  memory.later(() => gss.releaseBuffer([0], answer));
  if (isError(major)) return failed(gss, major, minor);
  if ((major & continueNeeded) !== 0) return { kind: "continue" };

  const target: Pointer[] = [null];
  const inquired = gss.inquireContext(minor, context[0], null, target, null, null, null, null, null);
  if (isError(inquired)) return failed(gss, inquired, minor);
  memory.later(() => gss.releaseName([0], target));
  const [client, service] = [nameOf(gss, source[0] ?? null), nameOf(gss, target[0] ?? null)];
  const bytes = gss.copyOut(answer);
  const logonInfo = logonInfoOf(gss, memory, source[0] ?? null);
  return { kind: "done", client, service, answer: bytes.length === 0 ? null : bytes, logonInfo };
}

/**
 * What the domain controller says of the visitor. libkrb5 checks the PAC against the ticket's owner and the key of the service, and marks it
 * authenticated then; a PAC that a visitor wrote or altered is none.
 */
function logonInfoOf(gss: Gssapi, memory: Memory, name: Pointer): Buffer | null {
  const [authenticated, complete, more] = [[0], [0], [-1]];
  const value: GssBuffer = { length: 0, value: null };
  const display: GssBuffer = { length: 0, value: null };
  const asked = memory.bytes(Buffer.from("urn:mspac:logon-info"));
  const major = gss.nameAttribute([0], name, asked, authenticated, complete, value, display, more);
  memory.later(() => gss.releaseBuffer([0], value));
  memory.later(() => gss.releaseBuffer([0], display));
  const isVerified = !isError(major) && authenticated[0] === 1 && complete[0] === 1 && more[0] === 0;
  return isVerified ? gss.copyOut(value) : null;
}

function nameOf(gss: Gssapi, name: Pointer): string {
  const text: GssBuffer = { length: 0, value: null };
  const major = gss.displayName([0], name, text, null);
  const shown = isError(major) ? "" : gss.copyOut(text).toString("utf8");
  gss.releaseBuffer([0], text);
  return shown;
}

const failed = (gss: Gssapi, major: number, [minor = 0]: readonly number[]): AcceptOutcome => ({
  kind: "failed",
  failure: failureOf(gss, major, minor),
  clientTime: null,
});

/** The library's words for both halves of a failure. */
function failureOf(gss: Gssapi, major: number, minor: number): GssFailure {
  const words: string[] = [];
  for (const [status, type] of [
    [major, 1],
    [minor, 2],
  ] as const) {
    if (status === 0) continue;
    const text: GssBuffer = { length: 0, value: null };
    const shown = gss.displayStatus([0], status, type, null, [0], text);
    if (!isError(shown)) words.push(gss.copyOut(text).toString("utf8"));
    gss.releaseBuffer([0], text);
  }
  return { major: major >>> 0, text: words.join(": ") };
}
