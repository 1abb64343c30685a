import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Koffi, NativeFunction, Pointer } from "./gssapi.ts";

/** What of libkrb5 it takes to read an authenticator. */
interface Krb5 {
  readonly koffi: Koffi;
  readonly profileInit: NativeFunction;
  readonly releaseProfile: NativeFunction;
  readonly initContext: NativeFunction;
  readonly freeContext: NativeFunction;
  readonly resolveKeytab: NativeFunction;
  readonly closeKeytab: NativeFunction;
  readonly initAuth: NativeFunction;
  readonly setFlags: NativeFunction;
  readonly freeAuth: NativeFunction;
  readonly readRequest: NativeFunction;
  readonly authenticator: NativeFunction;
  readonly freeAuthenticator: NativeFunction;
}

/** The visitor's clock, as an AP-REQ says it, in milliseconds; null when it cannot be read. */
export type ReadClientTime = (keytabFile: string, request: Buffer) => number | null;

/**
 * Reads the time in the authenticator of a request that was refused for it.
 *
 * For the message about clocks that differ, and nothing else: libkrb5 reads the request once more, in a context of its own that
 * allows any difference. What it gives is never taken for a login.
 */
export function createReadClientTime(koffi: Koffi): ReadClientTime {
  let krb5: Krb5 | null = null;
  return (keytabFile, request) => {
    try {
      krb5 ??= bind(koffi);
      return readTime(krb5, keytabFile, request);
    } catch {
      return null;
    }
  };
}

function bind(koffi: Koffi): Krb5 {
  const native = koffi.load("libkrb5.so.3");
  koffi.struct("krb5_data", { magic: "int32_t", length: "uint32_t", data: "void *" });
  koffi.struct("krb5_authenticator_head", { magic: "int32_t", client: "void *", checksum: "void *", cusec: "int32_t", ctime: "uint32_t" });
  const call = (prototype: string) => native.func(prototype);
  return {
    koffi,
    profileInit: call("int32_t profile_init_path(const char *path, _Out_ void **profile)"),
    releaseProfile: call("void profile_release(void *profile)"),
    initContext: call("int32_t krb5_init_context_profile(void *profile, int32_t flags, _Out_ void **context)"),
    freeContext: call("void krb5_free_context(void *context)"),
    resolveKeytab: call("int32_t krb5_kt_resolve(void *context, const char *name, _Out_ void **keytab)"),
    closeKeytab: call("int32_t krb5_kt_close(void *context, void *keytab)"),
    initAuth: call("int32_t krb5_auth_con_init(void *context, _Out_ void **auth)"),
    setFlags: call("int32_t krb5_auth_con_setflags(void *context, void *auth, int32_t flags)"),
    freeAuth: call("int32_t krb5_auth_con_free(void *context, void *auth)"),
    readRequest: call(
      "int32_t krb5_rd_req(void *context, _Inout_ void **auth, krb5_data *request, void *server, void *keytab, void *options, void *ticket)",
    ),
    authenticator: call("int32_t krb5_auth_con_getauthenticator(void *context, void *auth, _Out_ void **authenticator)"),
    freeAuthenticator: call("void krb5_free_authenticator(void *context, void *authenticator)"),
  };
}

const anyDifference = "[libdefaults]\n  clockskew = 2000000000\n";

function readTime(krb5: Krb5, keytabFile: string, request: Buffer): number | null {
  const ctx = contextOf(krb5, anyDifference);
  const [keytab, auth, head]: Pointer[][] = [[null], [null], [null]];
  const bytes = krb5.koffi.alloc("uint8_t", request.length);
  try {
    krb5.koffi.encode(bytes, "uint8_t", request, request.length);
    if (krb5.resolveKeytab(ctx, `FILE:${keytabFile}`, keytab) !== 0 || krb5.initAuth(ctx, auth) !== 0) return null;
    // Without DO_TIME no replay cache is written: it would spend the ticket.
    krb5.setFlags(ctx, auth?.[0] ?? null, 0);
    const read = krb5.readRequest(ctx, auth, { magic: 0, length: request.length, data: bytes }, null, keytab?.[0] ?? null, null, null);
    if (read !== 0 || krb5.authenticator(ctx, auth?.[0] ?? null, head) !== 0) return null;
    const { ctime } = krb5.koffi.decode(head?.[0] ?? null, "krb5_authenticator_head") as { readonly ctime: number };
    return ctime * 1_000;
  } finally {
    krb5.koffi.free(bytes);
    if (head?.[0]) krb5.freeAuthenticator(ctx, head[0]);
    if (auth?.[0]) krb5.freeAuth(ctx, auth[0]);
    if (keytab?.[0]) krb5.closeKeytab(ctx, keytab[0]);
    krb5.freeContext(ctx);
  }
}

/** A context with these settings. libkrb5 takes them from files only, and reads them as late as here. */
function contextOf(krb5: Krb5, settings: string): Pointer {
  const folder = mkdtempSync(join(tmpdir(), `vestibule-${process.pid}-krb5-`));
  try {
    const file = join(folder, "krb5.conf");
    writeFileSync(file, settings);
    const [profile, context]: Pointer[][] = [[null], [null]];
    if (krb5.profileInit(file, profile) !== 0) throw new Error("the profile cannot be read");
    const failed = krb5.initContext(profile?.[0] ?? null, 0, context);
    krb5.releaseProfile(profile?.[0] ?? null);
    if (failed !== 0) throw new Error("no context could be made");
    return context?.[0] ?? null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
