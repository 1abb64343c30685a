import { createRequire } from "node:module";
import { GatewayError } from "../../core/errors.ts";

export type Pointer = bigint | null;
/** What this file uses of koffi. It is an optional package: its types are not there when it is not. */
export interface Koffi {
  load(file: string): NativeLibrary;
  struct(name: string, members: Readonly<Record<string, string>>): unknown;
  alloc(type: string, length: number): Pointer;
  free(pointer: Pointer): void;
  encode(pointer: Pointer, type: string, value: unknown, length?: number): void;
  decode(pointer: Pointer, type: string, length?: number): unknown;
}
export interface NativeLibrary {
  func(prototype: string): NativeFunction;
}
/** A function of the library. It holds up its thread: that is the acceptor's own, never the event loop's. */
export type NativeFunction = (...args: readonly unknown[]) => number;

/** The functions of the system's libgssapi_krb5 that an acceptor needs, and memory to speak with them. */
export interface Gssapi {
  readonly acquireCred: NativeFunction;
  readonly acceptContext: NativeFunction;
  readonly inquireContext: NativeFunction;
  readonly displayName: NativeFunction;
  readonly displayStatus: NativeFunction;
  readonly importName: NativeFunction;
  readonly releaseBuffer: NativeFunction;
  readonly releaseName: NativeFunction;
  readonly releaseCred: NativeFunction;
  readonly deleteContext: NativeFunction;
  readonly nameAttribute: NativeFunction;
  /** Memory that stays where it is while another thread reads it; given back by `free`. */
  copyIn(bytes: Buffer): Pointer;
  text(value: string): Pointer;
  free(pointer: Pointer): void;
  copyOut(buffer: GssBuffer): Buffer;
  /** Kerberos and SPNEGO, as a set of object identifiers; IAKERB and whatever a plug-in brings are left out. */
  readonly mechanisms: Pointer;
}
export interface GssBuffer {
  length: number | bigint;
  value: Pointer;
}

const library = "libgssapi_krb5.so.2";

/** The library. koffi names types for the whole process, so it is loaded once in a thread. Throws `kerberos.library` with what to install. */
export function loadGssapi(koffi: Koffi): Gssapi {
  return bind(koffi);
}

/** koffi, when it is installed; throws `kerberos.library` otherwise. */
export function loadKoffi(): Koffi {
  try {
    return createRequire(import.meta.url)("koffi") as Koffi;
  } catch (cause) {
    throw new GatewayError(
      "kerberos.library",
      "Kerberos needs the optional package koffi, which is not installed: npm install --include=optional",
      {
        cause,
      },
    );
  }
}

function bind(koffi: Koffi): Gssapi {
  const native = open(koffi);
  koffi.struct("gss_buffer_desc", { length: "size_t", value: "void *" });
  koffi.struct("gss_OID_desc", { length: "uint32_t", elements: "void *" });
  koffi.struct("gss_OID_set_desc", { count: "size_t", elements: "void *" });
  koffi.struct("gss_key_value_element", { key: "void *", value: "void *" });
  koffi.struct("gss_key_value_set", { count: "uint32_t", elements: "gss_key_value_element *" });
  koffi.struct("gss_channel_bindings", {
    initiator_addrtype: "uint32_t",
    initiator_address: "gss_buffer_desc",
    acceptor_addrtype: "uint32_t",
    acceptor_address: "gss_buffer_desc",
    application_data: "gss_buffer_desc",
  });
  const call = (prototype: string) => native.func(prototype);
  const copyIn = (bytes: Buffer) => {
    const pointer = koffi.alloc("uint8_t", Math.max(bytes.length, 1));
    koffi.encode(pointer, "uint8_t", bytes, bytes.length);
    return pointer;
  };
  return {
    acquireCred: call(
      "uint32_t gss_acquire_cred_from(_Out_ uint32_t *minor, void *name, uint32_t time, void *mechs, int usage, gss_key_value_set *store, _Out_ void **cred, void *actual, void *time_rec)",
    ),
    acceptContext: call(
      "uint32_t gss_accept_sec_context(_Out_ uint32_t *minor, _Inout_ void **context, void *cred, gss_buffer_desc *token, gss_channel_bindings *bindings, _Out_ void **name, void *mech, _Out_ gss_buffer_desc *answer, _Out_ uint32_t *flags, _Out_ uint32_t *time, void *delegated)",
    ),
    inquireContext: call(
      "uint32_t gss_inquire_context(_Out_ uint32_t *minor, void *context, void *source, _Out_ void **target, void *lifetime, void *mech, void *flags, void *local, void *open)",
    ),
    displayName: call("uint32_t gss_display_name(_Out_ uint32_t *minor, void *name, _Out_ gss_buffer_desc *text, void *type)"),
    displayStatus: call(
      "uint32_t gss_display_status(_Out_ uint32_t *minor, uint32_t status, int type, void *mech, _Inout_ uint32_t *more, _Out_ gss_buffer_desc *text)",
    ),
    importName: call("uint32_t gss_import_name(_Out_ uint32_t *minor, gss_buffer_desc *text, void *type, _Out_ void **name)"),
    releaseBuffer: call("uint32_t gss_release_buffer(_Out_ uint32_t *minor, _Inout_ gss_buffer_desc *buffer)"),
    releaseName: call("uint32_t gss_release_name(_Out_ uint32_t *minor, _Inout_ void **name)"),
    releaseCred: call("uint32_t gss_release_cred(_Out_ uint32_t *minor, _Inout_ void **cred)"),
    deleteContext: call("uint32_t gss_delete_sec_context(_Out_ uint32_t *minor, _Inout_ void **context, void *token)"),
    nameAttribute: call(
      "uint32_t gss_get_name_attribute(_Out_ uint32_t *minor, void *name, gss_buffer_desc *attribute, _Out_ int *authenticated, _Out_ int *complete, _Out_ gss_buffer_desc *value, _Out_ gss_buffer_desc *display, _Inout_ int *more)",
    ),
    copyIn,
    mechanisms: mechanismSet(koffi, copyIn),
    text: (value) => copyIn(Buffer.from(`${value}\0`)),
    free: (pointer) => koffi.free(pointer),
    copyOut: ({ length, value }) => {
      const count = Number(length);
      return value === null || count === 0 ? Buffer.alloc(0) : Buffer.from(koffi.decode(value, "uint8_t", count) as Uint8Array);
    },
  };
}

/** Kept for the life of the process. */
function mechanismSet(koffi: Koffi, copyIn: (bytes: Buffer) => Pointer): Pointer {
  const identifiers = ["2a864886f712010202", "2b0601050502"].map((hex) => {
    const bytes = Buffer.from(hex, "hex");
    return { length: bytes.length, elements: copyIn(bytes) };
  });
  const elements = koffi.alloc("gss_OID_desc", identifiers.length);
  koffi.encode(elements, "gss_OID_desc", identifiers, identifiers.length);
  const set = koffi.alloc("gss_OID_set_desc", 1);
  koffi.encode(set, "gss_OID_set_desc", { count: identifiers.length, elements });
  return set;
}

function open(koffi: Koffi): NativeLibrary {
  try {
    return koffi.load(library);
  } catch (cause) {
    throw new GatewayError(
      "kerberos.library",
      `Kerberos needs MIT's GSSAPI library ${library}, which cannot be loaded: apt-get install libgssapi-krb5-2 (Debian), dnf install krb5-libs (Fedora, RHEL)`,
      { cause },
    );
  }
}
